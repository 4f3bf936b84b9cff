#!/usr/bin/env python3
"""Drives the server with Google's own clients: google-cloud-secret-manager (REST), google-auth, google-crc32c.

All answers are held to the discovery document of the API, which google-api-python-client carries. Starts the binary itself, and
ends with a line for each check. How to run it: see README.md.
"""

import json
import os
import pathlib
import tempfile
import time

import google.auth.exceptions
import google.auth.jwt
import google_crc32c
import googleapiclient.discovery_cache
import requests
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth import compute_engine, crypt, identity_pool, impersonated_credentials
from google.auth.transport.requests import Request
from google.cloud import secretmanager_v1
from google.oauth2 import credentials as oauth2_credentials
from google.oauth2 import service_account

from driving import check, end, refusal, say_versions, serving

HERE = pathlib.Path(__file__).resolve().parent
ACCOUNT, TARGET, MACHINE = "platform@p.iam.gserviceaccount.com", "target@p.iam.gserviceaccount.com", "machine@p.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
KEY = (HERE / "keys/account.pkcs8.pem").read_text()
OTHER_KEY = (HERE / "keys/other.pkcs8.pem").read_text()
DOCUMENTS = pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents"
SCHEMAS = json.loads((DOCUMENTS / "secretmanager.v1.json").read_text())["schemas"]
SERVED = ("gcp-server", "--account", f"{ACCOUNT}={HERE / 'keys/account.public.pem'}", "--refresh", "1//refresh=client:secret",
          "--pool", f"{POOL}=the.subject.token", "--machine", MACHINE,
          "--impersonate", f"{POOL}={TARGET}", "--impersonate", f"{ACCOUNT}={TARGET}")


def refused(what, kind, words, call):
    error = refusal(what, kind, call)
    check(what, words in str(error), str(error).splitlines()[0][:110])


def account(address, key=KEY, email=ACCOUNT):
    info = {"type": "service_account", "client_email": email, "private_key": key, "token_uri": f"{address}/token", "project_id": "p"}
    return service_account.Credentials.from_service_account_info(info, scopes=[CLOUD])


def client(address, credentials):
    options = ClientOptions(api_endpoint=address)
    return secretmanager_v1.SecretManagerServiceClient(credentials=credentials, transport="rest", client_options=options)


def token_ways(address):
    """Each way to an access token, by google-auth; each must open Secret Manager."""
    directory = pathlib.Path(tempfile.mkdtemp())
    (directory / "subject").write_text("the.subject.token")
    ours = account(address)
    ours.refresh(Request())
    check("a service account's token", ours.valid and ours.token.startswith("ya29."), f"{len(ours.token)} characters")
    refused("another key", google.auth.exceptions.RefreshError, "Invalid JWT Signature", lambda: account(address, OTHER_KEY).refresh(Request()))
    refused("another account", google.auth.exceptions.RefreshError, "account not found", lambda: account(address, email="x@y").refresh(Request()))
    person = oauth2_credentials.Credentials(None, refresh_token="1//refresh", client_id="client", client_secret="secret", token_uri=f"{address}/token")
    person.refresh(Request())
    check("a person's token", person.valid)
    stranger = oauth2_credentials.Credentials(None, refresh_token="1//gone", client_id="client", client_secret="secret", token_uri=f"{address}/token")
    refused("a refresh token that is gone", google.auth.exceptions.RefreshError, "expired or revoked", lambda: stranger.refresh(Request()))
    pool = {
        "type": "external_account", "audience": POOL, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{address}/v1/token", "credential_source": {"file": str(directory / "subject")},
    }
    foreign = identity_pool.Credentials.from_info(pool, scopes=[CLOUD])
    foreign.refresh(Request())
    check("an exchanged token", foreign.valid)
    pool["audience"] = POOL + "x"
    refused("another pool", google.auth.exceptions.OAuthError, "invalid_target", lambda: identity_pool.Credentials.from_info(pool, scopes=[CLOUD]).refresh(Request()))
    acting = impersonated_credentials.Credentials(source_credentials=ours, target_principal=TARGET, target_scopes=[CLOUD], lifetime=600)
    acting._iam_endpoint_override = f"{address}/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"
    acting.refresh(Request())
    check("a token for another account", acting.valid)
    acting = impersonated_credentials.Credentials(source_credentials=ours, target_principal=MACHINE, target_scopes=[CLOUD])
    acting._iam_endpoint_override = f"{address}/v1/projects/-/serviceAccounts/{MACHINE}:generateAccessToken"
    refused("one that may not be had", google.auth.exceptions.RefreshError, "Unable to acquire impersonated", lambda: acting.refresh(Request()))
    machine = compute_engine.Credentials()
    machine.refresh(Request())
    check("a machine's token", machine.valid and machine.service_account_email == MACHINE, machine.service_account_email)
    return [("service account", ours), ("person", person), ("pool", foreign), ("machine", machine)]


def secrets(address, ways, parent):
    sm = client(address, ways[0][1])
    sm.create_secret(request={"parent": parent, "secret_id": "db", "secret": {"replication": {"automatic": {}}}})
    refused("a secret that is there", exceptions.Conflict, "already exists", lambda: sm.create_secret(
        request={"parent": parent, "secret_id": "db", "secret": {"replication": {"automatic": {}}}}))
    name = f"{parent}/secrets/db"
    refused("a secret without versions", exceptions.NotFound, "has no versions", lambda: sm.access_secret_version(name=f"{name}/versions/latest"))
    for data in (b"one", b"\xff\x00two", "dr\u00fc".encode()):
        sm.add_secret_version(request={"parent": name, "payload": {"data": data, "data_crc32c": google_crc32c.value(data)}})
    refused("a damaged payload", exceptions.BadRequest, "data_crc32c", lambda: sm.add_secret_version(
        request={"parent": name, "payload": {"data": b"x", "data_crc32c": 1}}))
    for how, credentials in ways:
        answer = client(address, credentials).access_secret_version(name=f"{name}/versions/2")
        good = answer.payload.data == b"\xff\x00two" and answer.payload.data_crc32c == google_crc32c.value(answer.payload.data)
        check(f"a payload and its checksum, by a {how}", good, answer.name)
    check("the latest", sm.access_secret_version(name=f"{name}/versions/latest").name.endswith("/versions/3"))
    sm.disable_secret_version(name=f"{name}/versions/3")
    refused("the latest, disabled", exceptions.BadRequest, "is in DISABLED state", lambda: sm.access_secret_version(name=f"{name}/versions/latest"))
    listed = sm.list_secret_versions(request={"parent": name, "filter": "state:ENABLED", "page_size": 1})
    check("the enabled ones, newest first, page by page", [one.name[-1] for one in listed] == ["2", "1"])
    sm.destroy_secret_version(name=f"{name}/versions/1")
    refused("a destroyed one", exceptions.BadRequest, "is in DESTROYED state", lambda: sm.access_secret_version(name=f"{name}/versions/1"))
    refused("a version that is not there", exceptions.NotFound, "not found", lambda: sm.access_secret_version(name=f"{name}/versions/9"))
    sm.enable_secret_version(name=f"{name}/versions/3")
    return name


def fits(schema, value):
    """Whether all of a value is in the discovery document."""
    for key, one in value.items():
        known = SCHEMAS[schema]["properties"].get(key)
        if known is None:
            return f"{schema}.{key} is not documented"
        if "enum" in known and one not in known["enum"]:
            return f"{schema}.{key} cannot be {one}"
        kind = {"string": str, "integer": int, "boolean": bool, "array": list}.get(known.get("type"), dict)
        if not isinstance(one, kind):
            return f"{schema}.{key} is no {kind.__name__}"
        reference = known.get("$ref") or known.get("items", {}).get("$ref")
        for part in one if isinstance(one, list) else [one]:
            problem = fits(reference, part) if reference else None
            if problem:
                return problem
    return None


def by_hand(address, name, token):
    """What Google's clients hide."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{address}/v1/{name}/versions/2:access", headers=headers, timeout=10)
    check("an access fits its schema", fits("AccessSecretVersionResponse", answer.json()) is None, fits("AccessSecretVersionResponse", answer.json()) or "")
    listed = requests.get(f"{address}/v1/{name}/versions", headers=headers, timeout=10).json()
    check("a list fits its schema", fits("ListSecretVersionsResponse", listed) is None, fits("ListSecretVersionsResponse", listed) or "")
    answer = requests.get(f"{address}/v1/{name}/versions/2:access", headers={"Authorization": "Bearer ya29.x"}, timeout=10)
    check("an unknown token", answer.status_code == 401 and answer.json()["error"]["status"] == "UNAUTHENTICATED")
    answer = requests.get(f"{address}/computeMetadata/v1/instance/service-accounts/default/token", timeout=10)
    check("metadata without the header", answer.status_code == 403, answer.text.strip())
    now = int(time.time())
    own = google.auth.jwt.encode(crypt.RSASigner.from_string(KEY), {"iss": ACCOUNT, "sub": ACCOUNT, "aud": "https://secretmanager.googleapis.com/", "iat": now, "exp": now + 3600})
    answer = requests.get(f"{address}/v1/{name}/versions/2:access", headers={"Authorization": f"Bearer {own.decode()}"}, timeout=10)
    check("an assertion in the place of a token", answer.status_code == 200)
    late = google.auth.jwt.encode(crypt.RSASigner.from_string(KEY), {"iss": ACCOUNT, "aud": f"{address}/token", "scope": CLOUD, "iat": now + 300, "exp": now + 3900})
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": late.decode()}
    answer = requests.post(f"{address}/token", data=form, timeout=10)
    check("an assertion of another time", answer.status_code == 400 and "reasonable timeframe" in answer.json()["error_description"])


def main():
    say_versions("google-cloud-secret-manager", "google-auth", "google-crc32c", "google-api-python-client")
    for more, parent, other in (((), "projects/p", "projects/p/locations/europe-west3"), (("--location", "europe-west3"), "projects/p/locations/europe-west3", "projects/p")):
        with serving(*SERVED, *more) as address:
            os.environ["GCE_METADATA_HOST"] = os.environ["GCE_METADATA_IP"] = address.removeprefix("http://")
            print(f"-- {' '.join(more) or 'global'} at {address}")
            # google-auth reads the address when it is loaded.
            for module in (google.auth.compute_engine._metadata,):
                module._GCE_METADATA_HOST = module._GCE_DEFAULT_HOST = address.removeprefix("http://")
            ways = token_ways(address)
            name = secrets(address, ways, parent)
            by_hand(address, name, ways[0][1].token)
            refused("a secret that another endpoint serves", exceptions.BadRequest, "not served by this endpoint",
                    lambda: client(address, ways[0][1]).access_secret_version(name=f"{other}/secrets/db/versions/1"))
    end()


main()
