#!/usr/bin/env python3
"""Drives the server with python-gitlab, requests and git, none of which is this project's.

Starts the binary itself, once for each form of token, and ends with a line for each check.
"""

import datetime
import os
import pathlib
import subprocess
import tempfile

import gitlab
import requests

from driving import check, end, refusal, say_versions, serving

TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def day(days):
    return (TODAY + datetime.timedelta(days=days)).isoformat()


def refused(what, status, message, call):
    error = refusal(what, gitlab.GitlabError, call)
    found = (error.response_code, str(error.error_message))
    check(what, found[0] == status and message in found[1] + str(error.response_body), found)


def served(directory, *more):
    command = ["gitlab-server", "--user", "ada", "--user", "eve", "--admin", "root", "--group", "5=acme,ada:50", "--group", "6=acme/sub"]
    command += ["--project", "58=acme/web,eve:30", "--project", "59=elsewhere"]
    for name, token in (("ada", "ada,api"), ("eve", "eve,api"), ("root", "root,api"), ("spare", "eve,api"), ("reader", f"ada,read_api,{day(1)}"),
                        ("rotator", f"ada,self_rotate+read_repository,{day(3)}")):
        command += ["--token", f"{directory}/{name}={token}"]
    return serving(*command, *more)


def client(url, token, **more):
    return gitlab.Gitlab(url, private_token=token, retry_transient_errors=False, **more)


def drive_self(url, tokens):
    reader = client(url, tokens["reader"])
    shown = reader.personal_access_tokens.get("self")
    check("a token's own description", (shown.active, shown.revoked, shown.scopes, shown.expires_at) == (True, False, ["read_api"], day(1)))
    bearer = gitlab.Gitlab(url, oauth_token=tokens["reader"])
    check("the same as Bearer", bearer.personal_access_tokens.get("self").id == shown.id)
    refused("rotation without the scope", 403, "insufficient_scope", lambda: reader.personal_access_tokens.rotate("self"))
    reader.auth()
    check("who it is", reader.user.username == "ada" and not reader.user.bot)
    refused("an unknown token", 401, "401 Unauthorized", lambda: client(url, "glpat-nonsense").personal_access_tokens.get("self"))
    refused("no token", 401, "401 Unauthorized", lambda: gitlab.Gitlab(url).personal_access_tokens.get("self"))

    first = tokens["rotator"]
    refused("a rotation too far ahead", 400, "Expiration date must be before", lambda: client(url, first).personal_access_tokens.rotate("self", day(366)))
    refused("a rotation to no date", 400, "expires_at is invalid", lambda: client(url, first).personal_access_tokens.rotate("self", "soon"))
    second = client(url, first).personal_access_tokens.rotate("self")
    check("a rotation without a date", second["expires_at"] == day(7), f"{second['token'][:10]}… until {second['expires_at']}")
    refused("the old token is dead at once", 401, "Token was revoked", lambda: client(url, first).personal_access_tokens.get("self"))
    third = client(url, second["token"]).personal_access_tokens.rotate("self", day(30))
    check("a rotation with a date", third["expires_at"] == day(30))
    for dead in (first, second["token"]):
        refused("looking at an old one", 401, "Token was revoked", lambda: client(url, dead).personal_access_tokens.get("self"))
    check("… harms nobody", client(url, third["token"]).personal_access_tokens.get("self").active)
    refused("rotating an old one", 401, "Token was revoked", lambda: client(url, first).personal_access_tokens.rotate("self"))
    refused("… kills the whole family", 401, "Token was revoked", lambda: client(url, third["token"]).personal_access_tokens.get("self"))


def drive_others(url, tokens):
    ada, root = (client(url, tokens[name]) for name in ("ada", "root"))
    mine = [token.id for token in ada.personal_access_tokens.list(iterator=True)]
    check("a person's list", len(mine) >= 2 and ada.user is None, mine)
    check("the active ones", all(token.active for token in ada.personal_access_tokens.list(state="active", get_all=True)))
    check("page by page", [token.id for token in ada.personal_access_tokens.list(per_page=1, iterator=True)] == mine)
    theirs = client(url, tokens["spare"]).personal_access_tokens.get("self").id
    refused("another's token", 401, "Unauthorized", lambda: ada.personal_access_tokens.get(theirs))
    refused("another's rotation", 401, "Unauthorized", lambda: ada.personal_access_tokens.rotate(theirs))
    refused("an administrator is told", 404, "Not Found", lambda: root.personal_access_tokens.get(9999))
    check("an administrator rotates it", root.personal_access_tokens.rotate(theirs)["user_id"] == root.personal_access_tokens.get(theirs).user_id)
    refused("rotating it again by its number", 400, "Token already revoked", lambda: root.personal_access_tokens.rotate(theirs))


def drive_place(url, tokens, place, word):
    new = {"name": "for a test", "scopes": ["read_repository"], "expires_at": day(2), "access_level": 30}
    token = place.access_tokens.create(new)
    check(f"a {word}'s token", (token.access_level, token.expires_at, token.active) == (30, day(2), True), token.token[:10] + "…")
    bot = client(url, token.token)
    check("… whose scope is only git", bot.personal_access_tokens.get("self").id == token.id)
    refused("… so it does not rotate itself", 403, "insufficient_scope", lambda: bot.http_post(f"{place.manager.path}/{place.encoded_id}/access_tokens/self/rotate"))
    for left_out, message in (("name", "name is missing"), ("scopes", "scopes is missing"), ("expires_at", "expires_at is missing")):
        body = {key: value for key, value in new.items() if key != left_out}
        refused(f"… without {left_out}", 400, message, lambda: place.manager.gitlab.http_post(f"{place.manager.path}/{place.encoded_id}/access_tokens", post_data=body))
    refused("… with an unknown scope", 400, "scopes does not have a valid value", lambda: place.access_tokens.create(new | {"scopes": ["all"]}))
    refused("… with an unknown role", 400, "access_level does not have a valid value", lambda: place.access_tokens.create(new | {"access_level": 35}))
    refused("… for more than a year", 400, "Expiration date must be before", lambda: place.access_tokens.create(new | {"expires_at": day(400)}))
    strong = place.access_tokens.create(new | {"scopes": ["api"], "access_level": 40 if word == "project" else 50})
    robot = client(url, strong.token)
    path = f"{place.manager.path}/{place.encoded_id}/access_tokens"
    refused("a bot makes no tokens", 400, f"does not have permission to create {word} access token", lambda: robot.http_post(path, post_data=new))
    refused("a bot rotates no other", 401, "Unauthorized", lambda: robot.http_post(f"{path}/{token.id}/rotate"))
    rotated = robot.http_post(f"{path}/self/rotate", post_data={"expires_at": day(5)})
    check("a bot rotates itself", (rotated["expires_at"], rotated["user_id"]) == (day(5), strong.user_id))
    again = place.access_tokens.get(token.id).rotate(expires_at=day(9))
    check("its owner rotates it", again["expires_at"] == day(9) and again["user_id"] == token.user_id)
    place.access_tokens.delete(again["id"])
    refused("deleted", 404, "Not Found", lambda: place.access_tokens.get(again["id"]))
    refused("… and dead", 401, "Token was revoked", lambda: client(url, again["token"]).personal_access_tokens.get("self"))
    refused("a personal token at the wrong door", 405, "405", lambda: place.manager.gitlab.http_post(f"{path}/self/rotate"))


def drive_places(url, tokens):
    ada, eve = client(url, tokens["ada"]), client(url, tokens["eve"])
    drive_place(url, tokens, ada.projects.get("acme/web", lazy=True), "project")
    drive_place(url, tokens, ada.projects.get(58, lazy=True), "project")
    drive_place(url, tokens, ada.groups.get(5, lazy=True), "group")
    new = {"name": "no", "scopes": ["api"], "expires_at": day(2)}
    refused("a developer makes no tokens", 400, "does not have permission", lambda: eve.projects.get(58, lazy=True).access_tokens.create(new))
    refused("a stranger sees nothing", 404, "Project Not Found", lambda: ada.projects.get(59, lazy=True).access_tokens.create(new))


def drive_service_accounts(url, tokens):
    ada, eve = client(url, tokens["ada"]), client(url, tokens["eve"])
    group = ada.groups.get(5, lazy=True)
    account = group.service_accounts.create({"name": "workspaces"})
    check("a service account", account.username.startswith("service_account_group_5_"), account.id)
    check("… in the list", [one.id for one in group.service_accounts.list(get_all=True)] == [account.id])
    token = account.access_tokens.create({"name": "one", "scopes": ["api", "read_repository"], "expires_at": day(1)})
    check("its token", (token.user_id, token.expires_at) == (account.id, day(1)))
    endless = account.access_tokens.create({"name": "two", "scopes": ["api"]})
    check("… without a date", endless.expires_at == day(365))
    robot = client(url, token.token)
    robot.auth()
    check("… stands for it", robot.user.id == account.id and robot.user.bot)
    check("a search by name", [one.id for one in account.access_tokens.list(search="one", state="active", get_all=True)] == [token.id])
    rotated = account.access_tokens.rotate(endless.id, expires_at=day(20))
    check("rotated by the owner", rotated["expires_at"] == day(20))
    account.access_tokens.delete(rotated["id"])
    refused("… and revoked", 401, "Token was revoked", lambda: client(url, rotated["token"]).personal_access_tokens.get("self"))
    refused("one that is not there", 404, "Personal Access Token Not Found", lambda: account.access_tokens.delete(9999))
    refused("not for others", 404, "Group Not Found", lambda: eve.groups.get(5, lazy=True).service_accounts.list(get_all=True))
    refused("not below the top", 403, "403 Forbidden", lambda: ada.groups.get("acme/sub", lazy=True).service_accounts.list(get_all=True))
    account.access_tokens.delete(token.id)


def drive_git(url, tokens):
    at = url.replace("http://", "http://oauth2:{}@")
    git = lambda token, path: subprocess.run(["git", "-c", "credential.helper=", "ls-remote", at.format(token) + path], capture_output=True, text=True,
                                              env=os.environ | {"GIT_TERMINAL_PROMPT": "0"}, timeout=30)
    ran = git(tokens["ada"], "/acme/web.git")
    check("git with a good token", ran.returncode == 0, ran.stderr)
    for what, token, path in (("a wrong token", "glpat-nonsense", "/acme/web.git"), ("a token without the scope", tokens["reader"], "/acme/web.git"),
                              ("another's project", tokens["ada"], "/elsewhere.git")):
        ran = git(token, path)
        check(f"git with {what}", ran.returncode != 0 and "Authentication failed" in ran.stderr)


def drive_revocation(url, tokens):
    client(url, tokens["ada"]).personal_access_tokens.delete("self")
    refused("a token that revoked itself", 401, "Token was revoked", lambda: client(url, tokens["ada"]).personal_access_tokens.get("self"))


def drive_limits(directory):
    with served(directory, "--rate-limit", "3", "--ban-after", "5") as url:
        headers = {"PRIVATE-TOKEN": (pathlib.Path(directory) / "ada").read_text()}
        address = f"{url}/api/v4/personal_access_tokens/self"
        # The minute may end in between; then the count starts again.
        answers = [requests.get(address, headers=headers, timeout=10) for _ in range(8)]
        check("the limit is told", all("RateLimit-Remaining" in answer.headers for answer in answers), answers[0].headers["RateLimit-Name"])
        limited = [answer for answer in answers if answer.status_code == 429]
        check("and enforced", limited and limited[0].text == "Retry later\n" and limited[0].headers["Content-Type"].startswith("text/plain"))
        check("with a wait", 1 <= int(limited[0].headers["Retry-After"]) <= 60 and "GMT" in limited[0].headers["RateLimit-ResetTime"])
        for _ in range(5):
            requests.get(address, headers={"PRIVATE-TOKEN": "glpat-wrong"}, timeout=10)
        banned = requests.get(address, headers=headers, timeout=10)
        check("five failures ban the address", (banned.status_code, banned.text) == (403, "Forbidden\n"))


def drive_midnight(directory):
    for ahead, status in (("0s", 200), ("72h", 401)):
        with served(directory, "--clock-ahead", ahead) as url:
            token = (pathlib.Path(directory) / "reader").read_text()
            answer = requests.get(f"{url}/api/v4/personal_access_tokens/self", headers={"PRIVATE-TOKEN": token}, timeout=10)
            check(f"a token until tomorrow, {ahead} on", answer.status_code == status, answer.text[:70] if status == 401 else "")


def main():
    say_versions("python-gitlab", "requests")
    for more in ((), ("--routable-tokens",)):
        with tempfile.TemporaryDirectory() as directory:
            print(f"-- {' '.join(more) or 'classic tokens'}")
            with served(directory, *more) as url:
                tokens = {path.name: path.read_text() for path in pathlib.Path(directory).iterdir()}
                check("the form of the token", ("." in tokens["ada"]) == bool(more))
                for drive in (drive_git, drive_self, drive_others, drive_places, drive_service_accounts, drive_revocation):
                    drive(url, tokens)
    with tempfile.TemporaryDirectory() as directory:
        drive_limits(directory)
        drive_midnight(directory)
    end()


main()
