#!/usr/bin/env python3
"""Drives the server with Infisical's own SDK (which speaks version 3 of the API), and version 4 with requests."""

import requests
from infisical_sdk import InfisicalSDKClient
from infisical_sdk.infisical_requests import APIError

from driving import check, end, refusal, serving

SECRET = "client-secret"
CLIENT_ID = "b1a2c3d4-0000-4000-8000-00000000abcd"
PROJECT = "6f1c4a2e-5a0b-4f4e-9b77-0d6a5e1f2c3d"
SERVED = ("secret-stores-server", "infisical", "--client-secret", SECRET, "--secret", "/:NPM_TOKEN=npm_x", "--secret", "/shared:BASE=b",
          "--import", "/shared")


def refused(what, status, call):
    error = refusal(what, APIError, call)
    check(what, error.status_code == status, error)


def drive(base):
    client = InfisicalSDKClient(host=base)
    refused("a wrong client secret", 401, lambda: client.auth.universal_auth.login(CLIENT_ID, "wrong"))
    refused("no login", 401, lambda: client.secrets.list_secrets(project_id=PROJECT, environment_slug="prod", secret_path="/"))
    login = client.auth.universal_auth.login(CLIENT_ID, SECRET)
    check("a login", login.tokenType == "Bearer" and login.expiresIn > 0 and login.accessTokenMaxTTL > 0)
    listed = client.secrets.list_secrets(project_id=PROJECT, environment_slug="prod", secret_path="/")
    check("the path's secrets", [(s.secretKey, s.secretValue, s.secretValueHidden) for s in listed.secrets] == [("NPM_TOKEN", "npm_x", False)])
    check("imported ones", [(i.secretPath, i.secrets[0]["secretKey"]) for i in listed.imports] == [("/shared", "BASE")])
    hidden = client.secrets.list_secrets(project_id=PROJECT, environment_slug="prod", secret_path="/", view_secret_value=False)
    check("values hidden on request", hidden.secrets[0].secretValueHidden and hidden.secrets[0].secretValue != "npm_x")
    refused("an unknown project", 404, lambda: client.secrets.list_secrets(project_id="none", environment_slug="prod", secret_path="/"))
    refused("an unknown environment", 404, lambda: client.secrets.list_secrets(project_id=PROJECT, environment_slug="dev", secret_path="/"))

    auth = {"Authorization": f"Bearer {login.accessToken}"}
    params = {"projectId": PROJECT, "environment": "prod", "secretPath": "/", "viewSecretValue": "true", "includeImports": "true"}
    answer = requests.get(f"{base}/api/v4/secrets", params=params, headers=auth, timeout=10)
    body = answer.json()
    check("version 4", (body["secrets"][0]["secretValue"], body["imports"][0]["secrets"][0]["secretValue"]) == ("npm_x", "b"))
    answer = requests.get(f"{base}/api/v4/secrets", params={"workspaceId": PROJECT}, headers=auth, timeout=10)
    check("version 4 knows no names of version 3", (answer.status_code, answer.json()["statusCode"]) == (422, 422), answer.text)
    answer = requests.get(f"{base}/api/v4/secrets", params=params, headers={"Authorization": "Bearer x"}, timeout=10)
    check("an unknown token", answer.status_code == 401 and answer.json()["message"], answer.text)


def main():
    with serving(*SERVED) as base:
        drive(base)
    end()


main()
