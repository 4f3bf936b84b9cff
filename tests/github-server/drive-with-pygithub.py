#!/usr/bin/env python3
"""Drives the server with PyGithub, PyJWT and cryptography, none of which is this project's.

Starts the binary itself, once for each form of token, and ends with a line for each check.
"""

import datetime
import pathlib
import time

import jwt
import requests
from github import Auth, Github, GithubException, GithubIntegration

from driving import check, end, refusal, running, say_versions, serving

HERE = pathlib.Path(__file__).resolve().parent
KEY = (HERE / "keys/app.private-key.pem").read_text()
PKCS8 = (HERE / "keys/app.pkcs8.pem").read_text()
OTHER_KEY = (HERE / "keys/other.private-key.pem").read_text()
APP_ID, CLIENT_ID, INSTALLATION = 123456, "Iv23liExampleClient1", 42
SERVED = ("github-server", "--app-id", str(APP_ID), "--client-id", CLIENT_ID, "--public-key", str(HERE / "keys/app.public.pem"),
          "--installation", f"{INSTALLATION}=acme,web,api", "--installation", "43=umbrella")


def refused(what, status, message, call):
    error = refusal(what, GithubException, call)
    found = (error.status, (error.data or {}).get("message"))
    check(what, found[0] == status and message in (found[1] or ""), found)


def integration(base_url, issuer=APP_ID, key=KEY, **jwt_options):
    auth = Auth.AppAuth(issuer, key, **jwt_options)
    return GithubIntegration(auth=auth, base_url=base_url, retry=None, seconds_between_requests=None, seconds_between_writes=None)


def drive_app(base_url):
    for issuer, key in ((APP_ID, KEY), (str(APP_ID), PKCS8), (CLIENT_ID, KEY)):
        check(f"GET /app as {issuer!r}", integration(base_url, issuer, key).get_app().id == APP_ID)
    app = integration(base_url)
    check("the list of installations", sorted(one.id for one in app.get_installations()) == [42, 43])
    check("an installation by repository", app.get_repo_installation("acme", "web").id == 42)
    check("an installation by organization", app.get_org_installation("umbrella").id == 43)
    check("an installation by user", app.get_user_installation("acme").id == 42)
    refused("a repository without the App", 404, "Not Found", lambda: app.get_repo_installation("acme", "secret"))
    refused("an unknown installation", 404, "Not Found", lambda: app.get_access_token(7))
    refused("a permission that was not granted", 422, "permissions requested are not granted",
            lambda: app.get_access_token(INSTALLATION, permissions={"actions": "read"}))
    refused("another key", 401, "A JSON web token could not be decoded", lambda: integration(base_url, key=OTHER_KEY).get_app())
    refused("another app", 404, "Integration not found", lambda: integration(base_url, 999).get_app())
    check("the longest expiry that PyGithub allows", integration(base_url, jwt_expiry=600).get_app().id == APP_ID)
    refused("an issue in the future", 401, "'Issued at' claim ('iat')",
            lambda: integration(base_url, jwt_issued_at=120).get_app())


def drive_token(base_url):
    app = integration(base_url)
    token = app.get_access_token(INSTALLATION, permissions={"contents": "read"})
    check("a token", token.token.startswith("ghs_"), f"{token.token[:12]}… of {len(token.token)} characters")
    check("its permissions", token.permissions == {"contents": "read", "metadata": "read"}, token.permissions)
    left = token.expires_at - datetime.datetime.now(datetime.timezone.utc)
    check("its hour", abs(left.total_seconds() - 3600) < 60, left)
    requester = Github(auth=Auth.Token(token.token), base_url=base_url, retry=None).requester
    _, data = requester.requestJsonAndCheck("GET", "/installation/repositories")
    check("what it reaches", [one["full_name"] for one in data["repositories"]] == ["acme/web", "acme/api"])
    names = [repository.full_name for repository in app.get_app_installation(INSTALLATION).get_repos()]
    check("the same by PyGithub's own installation login", names == ["acme/web", "acme/api"], names)
    acme = Github(auth=Auth.Token(token.token), base_url=base_url, retry=None)
    check("a repository that it reaches", acme.get_repo("acme/web").full_name == "acme/web")
    refused("a repository that it does not reach", 404, "Not Found", lambda: acme.get_repo("acme/secret"))
    umbrella = Github(auth=Auth.Token(app.get_access_token(43).token), base_url=base_url, retry=None)
    check("another installation's token", umbrella.get_repo("umbrella/site").full_name == "umbrella/site")
    refused("the one's repository with the other's token", 404, "Not Found", lambda: umbrella.get_repo("acme/web"))
    requester.requestJsonAndCheck("DELETE", "/installation/token")
    refused("the token once it is revoked", 401, "Bad credentials", lambda: requester.requestJsonAndCheck("GET", "/installation/repositories"))
    refused("revoking it once more", 401, "Bad credentials", lambda: requester.requestJsonAndCheck("DELETE", "/installation/token"))
    return token.token


def drive_lag(base_url):
    """Two seconds in which a new token is not known yet."""
    token = integration(base_url).get_access_token(INSTALLATION)
    acme = Github(auth=Auth.Token(token.token), base_url=base_url, retry=None)
    refused("a token that is not known yet", 401, "Bad credentials", lambda: acme.get_repo("acme/web"))
    time.sleep(2.1)
    check("the same token two seconds later", acme.get_repo("acme/web").full_name == "acme/web")


def drive_suspended(base_url):
    app = integration(base_url)
    refused("a token of a suspended installation", 403, "This installation has been suspended", lambda: app.get_access_token(43))
    shown = app.get_app_installation(43)
    check("by whom it was suspended", shown.suspended_by.login == "umbrella" and shown.suspended_at is not None, shown.suspended_at)


def drive_with_requests(base_url):
    """What PyGithub cannot be made to send."""
    now = int(time.time())
    far = jwt.encode({"iat": now - 60, "exp": now + 700, "iss": CLIENT_ID}, KEY, algorithm="RS256")
    answer = requests.get(f"{base_url}/app", headers={"Authorization": f"Bearer {far}"}, timeout=10)
    check("an expiry too far ahead", answer.status_code == 401, answer.json()["message"])
    token = jwt.encode({"iat": now - 60, "exp": now + 540, "iss": CLIENT_ID}, KEY, algorithm="RS256")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2026-03-10"}
    url = f"{base_url}/app/installations/{INSTALLATION}/access_tokens"
    answer = requests.post(url, headers=headers, json={"repositories": ["web"]}, timeout=10)
    body = answer.json()
    check("a token for one repository", (answer.status_code, body["repository_selection"], len(body["repositories"])) == (201, "selected", 1))
    answer = requests.post(url, headers=headers, json={"repositories": ["secret"]}, timeout=10)
    check("a repository that is not covered", answer.status_code == 422, answer.json()["message"])
    answer = requests.get(f"{base_url}/app", headers=headers | {"X-GitHub-Api-Version": "2021-01-01"}, timeout=10)
    check("an API version that is no more", answer.status_code == 410, answer.json()["message"])
    answer = requests.get(f"{base_url}/app", headers=headers | {"User-Agent": ""}, timeout=10)
    check("no user agent", answer.status_code == 403, answer.text[:46])


def main():
    say_versions("PyGithub", "PyJWT", "cryptography", "requests")
    for more, prefix, long in (((), "", False), (("--stateless-tokens",), "", True), (("--stateless-tokens",), "/api/v3", False)):
        with serving(*SERVED, *more) as address:
            print(f"-- {' '.join(more) or 'classic tokens'} at {prefix or '/'}")
            drive_app(address + prefix)
            check("the form of the token", ("." in drive_token(address + prefix)) == long)
            if not prefix:
                drive_with_requests(address)
    for more, drive in ((("--replication-lag", "2s"), drive_lag), (("--suspended", "43"), drive_suspended)):
        with running(*SERVED, *more) as (_, address):
            print(f"-- {' '.join(more)}")
            drive(address)
    end()


main()
