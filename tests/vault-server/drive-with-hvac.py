"""Drives vault-server with hvac, a client for Vault that knows nothing of this project. See the README beside it."""

import contextlib
import json
import pathlib
import subprocess
import tempfile
import time

import hvac
import jwt
import requests
from hvac import exceptions

from driving import check, end, refusal, running, say_versions

KEYS = pathlib.Path(__file__).resolve().parent / "keys"
PUBLIC = (KEYS / "issuer.public.pem").read_text()
KEY = (KEYS / "issuer.private-key.pem").read_text()
OTHER_KEY = (KEYS / "other.private-key.pem").read_text()

APP = {
    "secret/data/app/*": ["read"],
    "secret/metadata/app/*": ["list", "read"],
    "kv/app/*": ["read", "list"],
    "database/creds/app": ["read"],
    "database/static-creds/app": ["read"],
    "github/token": ["read"],
    "sys/leases/revoke": ["update"],
}
TOKEN = {"policies": ["app"], "ttl": "1h", "max_ttl": "4h"}
WORLD = {
    "namespaces": {
        "": {
            "policies": {"app": APP, "team": {"team/secret/data/*": ["read"]}},
            "tokens": {
                "root": {"policies": ["root"]},
                "hvs.app": TOKEN,
                "hvs.team": {"policies": ["team"], "ttl": "24h"},
                "hvb.batch": {"policies": ["app"], "ttl": "20m", "batch": True},
                "hvs.twice": {"policies": ["app"], "ttl": "24h", "num_uses": 2},
            },
            "mounts": {
                "secret": {"kv2": {"app/db": {"password": "first"}, "other": {"password": "no"}}},
                "kv": {"kv1": {"app/db": {"password": "plain"}, "app/hint": {"ttl": "5m", "x": "y"}}},
                "database": {"database": {
                    "roles": {"app": {"default_ttl": "10m", "max_ttl": "25m"}},
                    "static_roles": {"app": {"username": "fixed", "rotation_seconds": 3600}},
                }},
                "github": {"github": {}},
            },
            "auth": {
                "approle": {"approle": {
                    "app": {"role_id": "role-1", "secret_id_num_uses": 1, "secret_id_ttl": "10m", "token": TOKEN},
                    "batch": {"role_id": "role-2", "secret_ids": ["s-2"], "token": {"policies": ["app"], "ttl": "5m", "batch": True}},
                }},
                "kubernetes": {"kubernetes": {"public_key": PUBLIC, "roles": {"app": {
                    "bound_service_account_names": ["provisioner"], "bound_service_account_namespaces": ["platform"],
                    "audience": "vault", "token": TOKEN}}}},
                "jwt": {"jwt": {"public_key": PUBLIC, "bound_issuer": "https://issuer.example", "roles": {"app": {
                    "bound_audiences": ["vault"], "bound_subject": "platform", "token": TOKEN}}}},
            },
        },
        "team": {
            "policies": {"own": {"secret/data/*": ["read"], "database/creds/app": ["read"]}},
            "mounts": {"secret": {"kv2": {"db": {"password": "team"}}},
                       "database": {"database": {"roles": {"app": {"default_ttl": "1h"}}}}},
            "auth": {"approle": {"approle": {"app": {"role_id": "role-3", "secret_ids": ["s-3"], "token": {"policies": ["own"], "ttl": "1h"}}}}},
        },
    },
}


def refused(what, kind, message, call):
    error = refusal(what, kind, call)
    check(what, message in str(error.errors or error), error.errors)


class Server:
    """The binary, with its orders on standard input."""

    def __init__(self, process, url):
        self.process, self.url = process, url

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer == "ok", answer

    def client(self, token=None, namespace=None):
        return hvac.Client(url=self.url, token=token, namespace=namespace)


@contextlib.contextmanager
def served(world):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(world, file)
        file.flush()
        with running("vault-server", "--world", file.name, stdin=subprocess.PIPE) as (process, url):
            yield Server(process, url)
    check("the server ended by itself", process.returncode == 0)


def drive_tokens(server):
    app = server.client("hvs.app")
    check("a good token", app.is_authenticated())
    check("a bad token", not server.client("hvs.nobody").is_authenticated())
    data = app.auth.token.lookup_self()["data"]
    check("what it is", (data["ttl"], data["policies"], data["type"], data["renewable"]) == (3600, ["app", "default"], "service", True), data["ttl"])
    renewed = app.auth.token.renew_self(increment="30m")["auth"]
    check("renewed by less", renewed["lease_duration"] == 1800 and renewed["client_token"] == "hvs.app")
    renewed = app.auth.token.renew_self(increment="10h")
    check("renewed by too much", renewed["auth"]["lease_duration"] in (14399, 14400) and "max_ttl" in renewed["warnings"][0], renewed["warnings"])
    app.auth.token.renew_self()
    child = server.client("root").auth.token.create(policies=["app"], ttl="20m", wrap_ttl="60s")["wrap_info"]
    check("a wrapped token", child["creation_path"] == "auth/token/create" and child["wrapped_accessor"], child["ttl"])
    token = server.client(child["token"]).sys.unwrap()["auth"]["client_token"]
    check("unwrapped", server.client(token).is_authenticated())
    server.client(token).auth.token.revoke_self()
    check("revoked", not server.client(token).is_authenticated())
    twice = server.client("hvs.twice")
    twice.auth.token.lookup_self()
    twice.auth.token.lookup_self()
    refused("a third use of two", exceptions.Forbidden, "permission denied", twice.auth.token.lookup_self)
    batch = server.client("hvb.batch")
    check("a batch token", batch.auth.token.lookup_self()["data"]["type"] == "batch")
    refused("renewing it", exceptions.InvalidRequest, "batch tokens cannot be renewed", batch.auth.token.renew_self)
    refused("revoking it", exceptions.InvalidRequest, "batch tokens cannot be revoked", batch.auth.token.revoke_self)


def drive_approle(server):
    root, nobody = server.client("root"), server.client()
    check("the role's id", root.auth.approle.read_role_id("app")["data"]["role_id"] == "role-1")
    wrapped = root.auth.approle.generate_secret_id("app", wrap_ttl="2m")["wrap_info"]
    look = nobody.adapter.post("/v1/sys/wrapping/lookup", json={"token": wrapped["token"]})
    look = look if isinstance(look, dict) else look.json()
    check("what is wrapped", look["data"]["creation_path"] == "auth/approle/role/app/secret-id", look["data"])
    secret = server.client(wrapped["token"]).sys.unwrap()["data"]
    check("a secret id", secret["secret_id_num_uses"] == 1 and secret["secret_id_ttl"] == 600)
    refused("unwrapping it again", exceptions.InvalidRequest, "wrapping token is not valid or does not exist",
            server.client(wrapped["token"]).sys.unwrap)
    auth = nobody.auth.approle.login("role-1", secret["secret_id"])["auth"]
    check("a login", auth["token_type"] == "service" and auth["lease_duration"] == 3600 and auth["renewable"], auth["metadata"])
    refused("its second use", exceptions.InvalidRequest, "invalid role or secret ID",
            lambda: server.client().auth.approle.login("role-1", secret["secret_id"]))
    refused("an unknown role", exceptions.InvalidRequest, "invalid role or secret ID", lambda: server.client().auth.approle.login("role-9", "x"))
    refused("no secret id", exceptions.InvalidRequest, "missing secret_id", lambda: server.client().auth.approle.login("role-1", None))
    refused("an unknown login", exceptions.Forbidden, "permission denied",
            lambda: server.client().auth.approle.login("role-1", "x", mount_point="approle-2"))
    old = root.auth.approle.generate_secret_id("app", wrap_ttl="2m")["wrap_info"]["token"]
    server.order("advance 3m")
    refused("unwrapping too late", exceptions.InvalidRequest, "wrapping token is not valid", server.client(old).sys.unwrap)
    auth = server.client().auth.approle.login("role-2", "s-2")["auth"]
    check("a login for a batch token", auth["token_type"] == "batch" and not auth["renewable"] and auth["client_token"].startswith("hvb."))
    return server.client(auth["client_token"])


def drive_signed_logins(server):
    now = int(time.time()) + 180
    account = {"namespace": "platform", "serviceaccount": {"name": "provisioner", "uid": "7"}}
    good = {"iss": "https://kubernetes.default.svc", "aud": ["vault"], "exp": now + 600, "kubernetes.io": account}

    def kubernetes(role="app", key=KEY, **changes):
        token = jwt.encode({**good, **changes}, key, algorithm="RS256")
        return server.client().auth.kubernetes.login(role=role, jwt=token)["auth"]

    check("a service account", kubernetes()["metadata"]["service_account_name"] == "provisioner")
    refused("another cluster's", exceptions.Forbidden, "permission denied", lambda: kubernetes(key=OTHER_KEY))
    refused("an expired one", exceptions.Forbidden, "permission denied", lambda: kubernetes(exp=now - 1))
    refused("another account", exceptions.Forbidden, "service account name not authorized",
            lambda: kubernetes(**{"kubernetes.io": {"namespace": "platform", "serviceaccount": {"name": "web", "uid": "8"}}}))
    refused("another audience", exceptions.Forbidden, "audience", lambda: kubernetes(aud=["api"]))
    refused("an unknown role", exceptions.InvalidRequest, "invalid role name", lambda: kubernetes("web"))
    good_jwt = {"iss": "https://issuer.example", "sub": "platform", "aud": "vault", "exp": now + 600}

    def with_jwt(role="app", key=KEY, **changes):
        token = jwt.encode({**good_jwt, **changes}, key, algorithm="RS256")
        return server.client().auth.jwt.jwt_login(role=role, jwt=token)["auth"]

    check("a JWT", with_jwt()["policies"] == ["app", "default"])
    refused("another issuer's key", exceptions.InvalidRequest, "error verifying token signature", lambda: with_jwt(key=OTHER_KEY))
    refused("another issuer", exceptions.InvalidRequest, "invalid issuer", lambda: with_jwt(iss="https://evil.example"))
    refused("another subject", exceptions.InvalidRequest, "invalid subject", lambda: with_jwt(sub="web"))
    refused("another audience", exceptions.InvalidRequest, "audience", lambda: with_jwt(aud="api"))
    refused("an expired one", exceptions.InvalidRequest, "expired", lambda: with_jwt(exp=now - 120))
    refused("an unknown role", exceptions.InvalidRequest, "could not be found", lambda: with_jwt("web"))


def drive_kv(server):
    root, app = server.client("root"), server.client("hvs.app")
    kv2, read = root.secrets.kv.v2, app.secrets.kv.v2.read_secret_version
    secret = read("app/db", raise_on_deleted_version=True)["data"]
    check("version 2", secret["data"] == {"password": "first"} and secret["metadata"]["version"] == 1)
    check("a new version", kv2.create_or_update_secret("app/db", {"password": "second"}, cas=1)["data"]["version"] == 2)
    refused("a version that somebody else wrote", exceptions.InvalidRequest, "check-and-set", lambda: kv2.create_or_update_secret("app/db", {"x": "y"}, cas=1))
    check("the newest", read("app/db", raise_on_deleted_version=True)["data"]["data"]["password"] == "second")
    check("an older one", read("app/db", version=1, raise_on_deleted_version=True)["data"]["data"]["password"] == "first")
    refused("one that is not there", exceptions.InvalidPath, "", lambda: read("app/db", version=7, raise_on_deleted_version=True))
    kv2.delete_latest_version_of_secret("app/db")
    deleted = read("app/db", raise_on_deleted_version=False)["data"]
    check("deleted: a body", deleted["data"] is None and deleted["metadata"]["deletion_time"] and not deleted["metadata"]["destroyed"])
    refused("deleted: a 404", exceptions.InvalidPath, "", lambda: read("app/db", raise_on_deleted_version=True))
    kv2.undelete_secret_versions("app/db", [2])
    check("restored", read("app/db", raise_on_deleted_version=True)["data"]["data"]["password"] == "second")
    kv2.destroy_secret_versions("app/db", [2])
    refused("destroyed", exceptions.InvalidPath, "", lambda: read("app/db", raise_on_deleted_version=False))
    answer = requests.get(f"{server.url}/v1/secret/data/app/db", headers={"X-Vault-Token": "hvs.app"}, timeout=10)
    body = answer.json()
    check("destroyed: a body", answer.status_code == 404 and body["data"]["metadata"]["destroyed"] and "errors" not in body)
    check("its metadata", app.secrets.kv.v2.read_secret_metadata("app/db")["data"]["current_version"] == 2)
    check("the list", app.secrets.kv.v2.list_secrets("app")["data"]["keys"] == ["db"])
    refused("without a policy", exceptions.Forbidden, "permission denied", lambda: read("other", raise_on_deleted_version=True))
    refused("nothing there", exceptions.InvalidPath, "", lambda: read("app/none", raise_on_deleted_version=True))
    plain = app.secrets.kv.v1.read_secret("app/db", mount_point="kv")
    check("version 1", plain["data"] == {"password": "plain"} and plain["lease_id"] == "" and plain["lease_duration"] == 2764800)
    check("its hint", app.secrets.kv.v1.read_secret("app/hint", mount_point="kv")["lease_duration"] == 300)
    answer = requests.get(f"{server.url}/v1/secret/app/db", headers={"X-Vault-Token": "root"}, timeout=10)
    check("version 2 taken for version 1", answer.status_code == 404 and "Invalid path for a versioned" in answer.json()["warnings"][0])
    for path, version in (("secret/app/db", "2"), ("kv/app/db", "1")):
        mount = requests.get(f"{server.url}/v1/sys/internal/ui/mounts/{path}", headers={"X-Vault-Token": "hvs.app"}, timeout=10).json()["data"]
        check(f"the engine behind {path}", mount["type"] == "kv" and mount["options"]["version"] == version, mount["path"])
    answer = requests.get(f"{server.url}/v1/sys/internal/ui/mounts/pki/x", headers={"X-Vault-Token": "hvs.app"}, timeout=10)
    check("no engine", answer.status_code == 403 and "preflight capability check" in answer.json()["errors"][0])


def drive_leases(server, batch):
    app = server.client("hvs.app")
    creds = app.secrets.database.generate_credentials("app")
    lease = creds["lease_id"]
    check("a user", creds["lease_duration"] == 600 and creds["renewable"] and creds["data"]["username"].startswith("v-"), lease)
    check("its lease", app.sys.read_lease(lease)["data"]["ttl"] in (599, 600))
    server.order("advance 9m")
    check("renewed", app.sys.renew_lease(lease)["lease_duration"] == 600)
    server.order("advance 9m")
    shorter = app.sys.renew_lease(lease)
    check("renewed near its end: shorter", 415 <= shorter["lease_duration"] <= 420 and "max_ttl" in shorter["warnings"][0], shorter["lease_duration"])
    server.order("advance 8m")
    refused("renewed too late", exceptions.InvalidRequest, "lease not found", lambda: app.sys.renew_lease(lease))
    app.auth.token.renew_self()
    second = app.secrets.database.generate_credentials("app")["lease_id"]
    app.sys.revoke_lease(second)
    refused("revoked", exceptions.InvalidRequest, "lease not found", lambda: app.sys.renew_lease(second))
    app.sys.revoke_lease(second)
    check("revoked once more", True)
    root = server.client("root")
    token = server.client(root.auth.token.create(policies=["app"], ttl="5m")["auth"]["client_token"])
    orphan = token.secrets.database.generate_credentials("app")["lease_id"]
    check("a lease that its token does not outlive", root.sys.read_lease(orphan)["data"]["ttl"] in (599, 600))
    server.order("advance 6m")
    refused("gone with its token", exceptions.InvalidRequest, "invalid lease", lambda: root.sys.read_lease(orphan))
    token = app.secrets.database.generate_credentials("app")["lease_id"]
    check("another", app.sys.read_lease(token)["data"]["renewable"])
    refused("an unknown role", exceptions.Forbidden, "permission denied", lambda: app.secrets.database.generate_credentials("web"))
    refused("an unknown role, for root", exceptions.InvalidRequest, "unknown role", lambda: root.secrets.database.generate_credentials("web"))
    check("a batch token has ended by now", not batch.is_authenticated())
    static = app.secrets.database.get_static_credentials("app")["data"]
    check("a fixed user", static["username"] == "fixed" and 0 < static["ttl"] <= 3600, static["ttl"])
    again = app.secrets.database.get_static_credentials("app")["data"]
    server.order(f"advance {static['ttl'] + 1}s")
    rotated = root.secrets.database.get_static_credentials("app")["data"]
    check("its password changes when it is time", static["password"] == again["password"] != rotated["password"])
    github = root.read("github/token")
    check("a GitHub token", github["data"]["token"].startswith("ghs_") and github["lease_duration"] == 3600 and not github["renewable"])
    refused("renewing it", exceptions.InvalidRequest, "lease is not renewable", lambda: root.sys.renew_lease(github["lease_id"]))


def drive_namespaces(server):
    team = server.client(namespace="team")
    team.auth.approle.login("role-3", "s-3")
    check("in a namespace", team.secrets.kv.v2.read_secret_version("db", raise_on_deleted_version=True)["data"]["data"]["password"] == "team")
    lease = team.secrets.database.generate_credentials("app")["lease_id"]
    check("a lease has the namespace's id", "." in lease, lease)
    check("renewed there", team.sys.renew_lease(lease)["lease_duration"] == 3600)
    refused("its token elsewhere", exceptions.Forbidden, "permission denied", server.client(team.token).auth.token.lookup_self)
    parent = server.client("hvs.team", namespace="team")
    check("a token from above", parent.secrets.kv.v2.read_secret_version("db", raise_on_deleted_version=True)["data"]["data"]["password"] == "team")
    by_path = requests.get(f"{server.url}/v1/team/secret/data/db", headers={"X-Vault-Token": "hvs.team"}, timeout=10)
    check("the namespace in the path", by_path.json()["data"]["data"]["password"] == "team")
    refused("the parent's login in the child", exceptions.InvalidRequest, "invalid role or secret ID",
            lambda: server.client(namespace="team").auth.approle.login("role-2", "s-2"))
    refused("a namespace that is none", exceptions.InvalidPath, "no handler for route", lambda: server.client(namespace="web").auth.approle.login("x", "y"))


def drive_states(server):
    health = server.client()
    for mode, status in (("active", 200), ("standby", 429), ("disaster-recovery", 472), ("performance-standby", 473), ("uninitialized", 501), ("sealed", 503)):
        server.order(f"mode {mode}")
        answer = health.sys.read_health_status(method="GET")
        found = answer.status_code if hasattr(answer, "status_code") else 200
        check(f"health of {mode}", found == status, found)
    check("sealed", health.sys.is_sealed())
    app = server.client("root")
    refused("a request to a sealed Vault", exceptions.VaultDown, "Vault is sealed", app.auth.token.lookup_self)
    server.order("mode leaderless")
    refused("a standby without a leader", exceptions.InternalServerError, "active cluster node not found", app.auth.token.lookup_self)
    server.order("mode standby")
    check("a standby that forwards", app.is_authenticated())
    server.order("mode active")
    server.order("fail 502")
    refused("a third party that fails", exceptions.BadGateway, "internal error", app.auth.token.lookup_self)
    answer = requests.get(f"{server.url}/v1/auth/token/lookup-self", headers={"Authorization": "Bearer root"}, timeout=10)
    check("a bearer token", answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store")
    answer = requests.post(f"{server.url}/v1/auth/approle/login", data="{", timeout=10)
    check("no JSON", answer.status_code == 400 and "failed to parse JSON input" in answer.json()["errors"][0])
    answer = requests.delete(f"{server.url}/v1/auth/token/lookup-self", headers={"X-Vault-Token": "root"}, timeout=10)
    check("another method", answer.status_code == 405, answer.json()["errors"])


def drive_limits():
    world = {"require_request_header": True, "quota": {"requests": 3, "seconds": 60}, "namespaces": {"": {"tokens": {"root": {"policies": ["root"]}}}}}
    with served(world) as server:
        url, token = f"{server.url}/v1/auth/token/lookup-self", {"X-Vault-Token": "root"}
        answer = requests.get(url, headers=token, timeout=10)
        check("no X-Vault-Request", answer.status_code == 412, answer.json()["errors"])
        root = server.client("root")
        check("hvac sends it", root.is_authenticated())
        root.auth.token.lookup_self()
        root.auth.token.lookup_self()
        refused("a rate limit quota", exceptions.RateLimitExceeded, "rate limit quota exceeded", root.auth.token.lookup_self)
        answer = requests.get(url, headers={**token, "X-Vault-Request": "true"}, timeout=10)
        check("when to come back", answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 60, answer.headers["Retry-After"])
        server.order("advance 60s")
        check("after that", root.is_authenticated())


def main():
    say_versions("hvac", "PyJWT", "cryptography", "requests")
    with served(WORLD) as server:
        drive_tokens(server)
        batch = drive_approle(server)
        drive_signed_logins(server)
        drive_kv(server)
        drive_leases(server, batch)
        drive_namespaces(server)
        drive_states(server)
    drive_limits()
    end()


main()
