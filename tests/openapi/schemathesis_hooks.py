"""What keeps the requests that schemathesis makes harmless, and within what the platform under test has; and a check of its own."""

import itertools
import json
import re
import shutil

import jsonschema
import schemathesis

# The workspace whose token is asked with. Nothing else may be done to it, and its output never ends.
OWN = "own"
# Programs that do nothing, and where they are: workspaces find none by its name.
SLEEP, TRUE = shutil.which("sleep"), shutil.which("true")
# What of a container the `local` runtime refuses.
OF_CONTAINERS = {"image", "user", "network", "mounts", "max_restarts"}

turns = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    tags = case.operation.definition.raw["tags"]
    if case.operation.label == "POST /workspaces":
        case.body = harmless(case.body)
        # Now and then it is to meet a workspace that is there, or a key that is known. Else there would be hardly anything new.
        if turn := next(turns) % 4:
            another(case, f"{turn}-{next(turns)}")
    for name, separator in (("permissions", ":"), ("label", "=")):
        each_once(case.query or {}, name, separator)
    if "tokens" not in tags and (case.path_parameters or {}).get("id") == OWN:
        case.path_parameters["id"] = "another"


def each_once(query, name, separator):
    """What no schema can say: of several `name:value`, each name is there once."""
    found = query.get(name)
    items = found.split(",") if isinstance(found, str) else found
    if isinstance(items, list) and all(isinstance(item, str) and separator in item for item in items):
        once = list({item.partition(separator)[0]: item for item in items}.values())
        query[name] = ",".join(once) if isinstance(found, str) else once


def harmless(body):
    """The same, with a command that does nothing, if it is one that could be run, and with nothing of a container that this runtime has not."""
    if isinstance(body, (bytes, str)):
        try:
            return json.dumps(harmless(json.loads(body))).encode()
        except ValueError:
            return body
    if not isinstance(body, dict):
        return body
    body = dict(body)
    command, container = body.get("command"), body.get("container")
    if isinstance(command, list) and command and isinstance(command[0], str) and command[0] and "\0" not in command[0]:
        body["command"] = [SLEEP, "1"] if len(command) == 1 else [TRUE, *command[1:]]
    if isinstance(container, dict):
        body["container"] = {name: value for name, value in container.items() if name not in OF_CONTAINERS}
    return body


def another(case, number):
    """Another id and another key, where they are good ones."""
    body, headers = case.body, case.headers or {}
    if isinstance(body, dict) and isinstance(body.get("id"), str) and re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", body["id"]):
        body["id"] = f"{body['id'][:40]}-{number}"
    key = headers.get("Idempotency-Key", "")
    if re.fullmatch(r"[!#-\[\]-~]{1,240}", str(key)):
        headers["Idempotency-Key"] = f"{key}-{number}"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A header that nobody knows is nobody's business: HTTP has them ignored."""
    return "in header - object with unexpected properties" not in str(failure)


@schemathesis.check
def events_are_events(context, response, case):
    """Every `data` of a stream is an event by its own schema."""
    if not response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        return
    components = case.operation.schema.raw_schema["components"]
    schema = {"$ref": "#/components/schemas/Event", "components": components}
    for line in response.text.splitlines():
        if line.startswith("data: "):
            jsonschema.validate(json.loads(line.removeprefix("data: ")), schema, jsonschema.Draft202012Validator)
