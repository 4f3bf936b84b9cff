#!/usr/bin/env python3
"""Drives the server with 1Password's own Connect SDK, and with requests for what that cannot be made to send."""

import requests
from onepasswordconnectsdk import load_dict
from onepasswordconnectsdk.client import new_client
from onepasswordconnectsdk.errors import FailedToRetrieveItemException, FailedToRetrieveVaultException

from driving import check, end, refusal, serving

TOKEN = "connect-token"
SERVED = ("secret-stores-server", "connect", "--token", TOKEN, "--field", "ci/npm//token=npm_x", "--field", "ci/npm/admin/password=p",
          "--field", "ci/npm//empty=", "--hidden-vault", "root")


def refused(what, words, kind, call):
    error = refusal(what, kind, call)
    check(what, words in " ".join(str(error).split()), error)


def drive(base):
    client = new_client(base, TOKEN)
    vaults = client.get_vaults()
    check("the vaults that the token may see", [vault.name for vault in vaults] == ["ci"])
    vault = client.get_vault_by_title("ci")
    check("a vault by name", vault.id == vaults[0].id and len(vault.id) == 26, vault.id)
    check("a vault by id", client.get_vault(vault.id).name == "ci")
    summaries = client.get_items(vault.id)
    check("the items of a vault", [(item.title, item.category) for item in summaries] == [("npm", "LOGIN")])
    item = client.get_item("npm", "ci")
    fields = {field.label: field for field in item.fields}
    check("an item by names", fields["token"].value == "npm_x" and fields["token"].section is None)
    section = fields["password"].section
    check("a field in a section", [s.label for s in item.sections if s.id == section.id] == ["admin"])
    check("an empty field has no value", fields["empty"].value is None)
    check("an item by ids", client.get_item(item.id, vault.id).title == "npm")
    loaded = load_dict(client, {"token": {"opitem": "npm", "opfield": ".token", "opvault": vault.id}})
    check("load_dict", loaded == {"token": "npm_x"}, loaded)

    refused("an unknown item", "Found 0 items", FailedToRetrieveItemException, lambda: client.get_item("none", vault.id))
    wrong = new_client(base, "wrong")
    refused("a wrong token", "Received 401", FailedToRetrieveVaultException, wrong.get_vaults)
    hidden = vault.id[:-1] + "1"
    refused("a vault that the token may not see", "does not have access to vault", FailedToRetrieveItemException,
            lambda: client.get_items(hidden))
    auth = {"Authorization": f"Bearer {TOKEN}"}
    for what, path, status in [("an unknown vault", f"/v1/vaults/{'a' * 26}", 404), ("an id that is none", "/v1/vaults/ci", 400),
                               ("an unknown item id", f"/v1/vaults/{vault.id}/items/{'a' * 26}", 404), ("a filter that is none", "/v1/vaults?filter=name%20x", 400)]:
        answer = requests.get(base + path, headers=auth, timeout=10)
        check(what, answer.status_code == status and answer.json()["status"] == status and answer.json()["message"], answer.text)


def main():
    with serving(*SERVED) as base:
        drive(base)
    end()


main()
