#!/usr/bin/env python3
"""Drives the server with atlassian-python-api, requests-oauthlib, requests and git, none of which is this project's.

Starts the binary itself, and ends with a line for each check.
"""

import os
import pathlib
import subprocess
import tempfile

# The server speaks plain HTTP on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from atlassian.bitbucket import Cloud
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

from driving import check, end, refusal, say_versions, serving

EMAIL, USERNAME, KEY, SECRET = "ada@example.com", "ada", "consumer-key", "consumer-secret"


def refused(what, status, message, call):
    error = refusal(what, requests.HTTPError, call)
    found = (error.response.status_code, str(error) + error.response.text)
    check(what, found[0] == status and message in found[1], (status, str(error).splitlines()[0]))


def served(directory, *more):
    command = ["bitbucket-server", "--user", f"{EMAIL}={USERNAME}", "--repository", "acme/web=WEB", "--repository", "acme/api=API", "--repository", "other/x=X"]
    command += ["--consumer", f"acme={KEY}:{SECRET}", "--public-consumer", "acme=public-key:public-secret"]
    for name, what in (("api", f"{EMAIL},read:repository:bitbucket,read:user:bitbucket,read:workspace:bitbucket"), ("poor", f"{EMAIL},read:user:bitbucket")):
        command += ["--api-token", f"{directory}/{name}={what}"]
    for name, what in (("repository", "acme/web,repository"), ("project", "acme:API,repository:write"), ("workspace", "acme,repository"), ("blind", "acme,webhook")):
        command += ["--access-token", f"{directory}/{name}={what}"]
    return serving(*command, *more)


def names(cloud, workspace="acme"):
    return [repository.slug for repository in cloud.workspaces.get(workspace).repositories.each()]


def drive_api_token(url, tokens):
    cloud = Cloud(url, username=EMAIL, password=tokens["api"])
    check("the form of an API token", tokens["api"].startswith("ATATT"), f"{len(tokens['api'])} characters")
    check("an API token with the e-mail address", names(cloud) == ["web", "api"])
    check("its repository", cloud.repositories.get("acme", "web").slug == "web")
    check("its user", requests.get(f"{url}/2.0/user", auth=(EMAIL, tokens["api"]), timeout=10).json()["username"] == USERNAME)
    for what, user in (("the user name", USERNAME), ("git's user name", "x-bitbucket-api-token-auth"), ("another's address", "eve@example.com")):
        answer = requests.get(f"{url}/2.0/user", auth=(user, tokens["api"]), timeout=10)
        check(f"an API token with {what}", (answer.status_code, answer.text) == (401, ""), answer.headers["WWW-Authenticate"])
    refused("an API token as Bearer", 401, "not supported for this endpoint", lambda: names(Cloud(url, token=tokens["api"])))
    poor = Cloud(url, username=EMAIL, password=tokens["poor"])
    refused("an API token without the scope", 403, "read:repository:bitbucket", lambda: poor.repositories.get("acme", "web"))
    answer = requests.get(f"{url}/2.0/user", auth=(USERNAME, "ATBBxxxxxxxxxxxxxxxx"), timeout=10)
    check("an app password", (answer.status_code, answer.text) == (401, ""))


def drive_access_tokens(url, tokens):
    reaches = {"repository": ["web"], "project": ["api"], "workspace": ["web", "api"]}
    for name, seen in reaches.items():
        cloud = Cloud(url, token=tokens[name])
        check(f"an access token of a {name}", tokens[name].startswith("ATCTT") and names(cloud) == seen, seen)
        refused(f"… in another workspace", 404, "No workspace with identifier", lambda: names(cloud, "other"))
        answer = requests.get(f"{url}/2.0/repositories/acme", auth=(EMAIL, tokens[name]), timeout=10)
        check("… with an e-mail address", (answer.status_code, answer.text) == (401, ""))
    refused("… beyond its repository", 404, "may not have access", lambda: Cloud(url, token=tokens["repository"]).repositories.get("acme", "api"))
    refused("… without the scope", 403, "privilege scopes", lambda: names(Cloud(url, token=tokens["blind"])))
    refused("an unknown token", 401, "Token is invalid", lambda: names(Cloud(url, token="ATCTT3xnonsense")))
    refused("no API", 404, "There is no API hosted at this URL", lambda: Cloud(url, token=tokens["workspace"]).get("nothing"))


def drive_oauth(url):
    at = f"{url}/site/oauth2/access_token"
    session = OAuth2Session(client=BackendApplicationClient(client_id=KEY))
    token = session.fetch_token(token_url=at, client_id=KEY, client_secret=SECRET)
    check("a consumer's token", (token["token_type"], token["expires_in"], token["scopes"]) == ("bearer", 7200, "repository"))
    cloud = Cloud(url, oauth2={"client_id": KEY, "token": token})
    check("… reaches its workspace", names(cloud) == ["web", "api"])
    for what, key, secret, message in (("a wrong secret", KEY, "wrong", "Invalid OAuth client credentials"),
                                       ("a public consumer", "public-key", "public-secret", 'marked as "public"')):
        try:
            OAuth2Session(client=BackendApplicationClient(client_id=key)).fetch_token(token_url=at, client_id=key, client_secret=secret)
            check(what, False)
        except OAuth2Error as error:
            check(what, message in str(error), str(error)[:70])
    answer = requests.post(at, auth=(KEY, SECRET), data={"grant_type": "password"}, timeout=10)
    check("another grant", (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type"))
    answer = requests.post(at, auth=(KEY, SECRET), json={"grant_type": "client_credentials"}, timeout=10)
    check("a grant that is no form", answer.status_code == 400)
    answer = requests.post(at, data={"grant_type": "client_credentials"}, timeout=10)
    check("no credentials", answer.json()["error"] == "unauthorized_client", answer.json()["error_description"])
    return token["access_token"]


def drive_git(url, tokens, oauth):
    def git(user, token, path="/acme/web.git"):
        at = url.replace("http://", f"http://{user.replace('@', '%40')}:{token.replace('=', '%3D')}@")
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(["git", "-c", "credential.helper=", "ls-remote", at + path], capture_output=True, text=True, env=environment, timeout=30)

    good = [(USERNAME, tokens["api"]), ("x-bitbucket-api-token-auth", tokens["api"]), ("x-token-auth", tokens["repository"]),
            ("x-token-auth", tokens["workspace"]), ("x-token-auth", oauth)]
    for user, token in good:
        ran = git(user, token)
        check(f"git as {user} with {token[:5]}…", ran.returncode == 0, ran.stderr)
    bad = [(EMAIL, tokens["api"]), ("x-token-auth", tokens["api"]), (USERNAME, tokens["repository"]), ("x-bitbucket-api-token-auth", tokens["workspace"]),
           (KEY, oauth), ("x-token-auth", "nonsense")]
    for user, token in bad:
        ran = git(user, token)
        check(f"git as {user} with {token[:5]}…", ran.returncode != 0 and "Authentication failed" in ran.stderr)
    ran = git("x-token-auth", tokens["repository"], "/acme/api.git")
    check("git beyond the token's repository", ran.returncode != 0 and "403" in ran.stderr)


def drive_limit(directory):
    with served(directory, "--rate-limit", "2", "--oauth-lifetime", "0s") as url:
        token = (pathlib.Path(directory) / "workspace").read_text()
        answers = [requests.get(f"{url}/2.0/repositories/acme", headers={"Authorization": f"Bearer {token}"}, timeout=10) for _ in range(3)]
        check("the limit", [answer.status_code for answer in answers] == [200, 200, 429], answers[2].text)
        check("… in plain text, without a wait", answers[2].headers["Content-Type"].startswith("text/plain") and "Retry-After" not in answers[2].headers)
        token = requests.post(f"{url}/site/oauth2/access_token", auth=(KEY, SECRET), data={"grant_type": "client_credentials"}, timeout=10).json()
        answer = requests.get(f"{url}/2.0/workspaces/acme", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=10)
        check("an OAuth token at its end", answer.status_code == 401, answer.json()["error"]["message"])


def main():
    say_versions("atlassian-python-api", "requests-oauthlib", "oauthlib", "requests")
    with tempfile.TemporaryDirectory() as directory:
        with served(directory) as url:
            tokens = {path.name: path.read_text() for path in pathlib.Path(directory).iterdir()}
            drive_api_token(url, tokens)
            drive_access_tokens(url, tokens)
            drive_git(url, tokens, drive_oauth(url))
        drive_limit(directory)
    end()


main()
