#!/usr/bin/env python3
"""Drives the server with requests and with curl, as a client would that was written from the contract alone."""

import subprocess

import requests

from driving import check, end, serving

TOKEN = "store-token"
SERVED = ("pat-server", "--token", TOKEN, "--secret", "npm/publish=npm_x", "--secret", "gitlab-bot=glpat,oauth2,gitlab.com",
          "--secret", "root=x", "--deny", "root", "--deny-tenant", "evil")


def get(base, params, token=TOKEN, **headers):
    auth = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{base}/v1/secrets", params=params, headers=auth | headers, timeout=10)


def refused(what, answer, status, code):
    error = answer.json()["error"]
    check(what, (answer.status_code, error["code"]) == (status, code) and isinstance(error["message"], str), error)


def drive(base):
    answer = get(base, {"tenant": "acme & co", "workspace": "ws-1", "names": "npm/publish,gitlab-bot,root,none"})
    body = answer.json()
    check("200", answer.status_code == 200 and answer.headers["content-type"] == "application/json")
    check("a secret", body["secrets"]["npm/publish"]["value"] == "npm_x" and isinstance(body["secrets"]["npm/publish"]["version"], str))
    check("what is not known is left out", set(body["secrets"]["npm/publish"]) == {"value", "version"})
    bot = body["secrets"]["gitlab-bot"]
    check("a user name and a host", (bot["username"], bot["host"]) == ("oauth2", "gitlab.com"))
    check("partial errors", body["errors"] == {"root": "denied", "none": "not_found"}, body["errors"])
    etag = answer.headers["etag"]
    check("a strong entity tag", etag.startswith('"') and etag.endswith('"'), etag)
    again = get(base, {"tenant": "acme & co", "workspace": "ws-1", "names": "npm/publish,gitlab-bot,root,none"}, **{"If-None-Match": etag})
    check("304 without a body", (again.status_code, again.content) == (304, b""))
    other = get(base, {"names": "gitlab-bot"}, **{"If-None-Match": etag})
    check("another question has another tag", other.status_code == 200 and other.headers["etag"] != etag)
    nothing = get(base, {"names": ""})
    check("no names: the credentials are good", nothing.json() == {"secrets": {}, "errors": {}})

    refused("no token", get(base, {"names": "a"}, token=None), 401, "unauthorized")
    unauthorized = get(base, {"names": "a"}, token="other")
    refused("another token", unauthorized, 401, "unauthorized")
    check("WWW-Authenticate", unauthorized.headers["www-authenticate"] == "Bearer")
    refused("a tenant that is not served", get(base, {"tenant": "evil", "names": "a"}), 403, "denied")
    for what, params in [("no names at all", {}), ("names twice", [("names", "a"), ("names", "b")]), ("a name twice", {"names": "a,a"}),
                         ("an unknown parameter", {"names": "a", "name": "b"}), ("an empty tenant", {"names": "a", "tenant": ""}),
                         ("a name that is none", {"names": "../etc"}), ("an empty name", {"names": "a,,b"}),
                         ("too many names", {"names": ",".join(f"n{n}" for n in range(101))})]:
        refused(what, get(base, params), 400, "invalid_request")
    auth = {"Authorization": f"Bearer {TOKEN}"}
    refused("another path", requests.get(f"{base}/v2/secrets", headers=auth, timeout=10), 404, "not_found")
    refused("another method", requests.post(f"{base}/v1/secrets", headers=auth, timeout=10), 405, "method_not_allowed")

    curl = ["curl", "-sS", "-G", "--fail-with-body", "-H", f"Authorization: Bearer {TOKEN}", "--data-urlencode", "tenant=acme & co",
            "--data-urlencode", "names=gitlab-bot", f"{base}/v1/secrets"]
    ran = subprocess.run(curl, capture_output=True, text=True, timeout=20, check=False)
    check("curl", ran.returncode == 0 and '"glpat"' in ran.stdout, ran.stderr)


def main():
    with serving(*SERVED) as base:
        drive(base)
    end()


main()
