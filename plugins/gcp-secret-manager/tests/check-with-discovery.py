#!/usr/bin/env python3
"""Holds recorded requests to the discovery document of Secret Manager, which google-api-python-client carries.

Reads JSON from standard input: a list of requests, each with method, path and query. Ends with a line that counts them.
"""

import json
import pathlib
import re
import sys
import urllib.parse

import googleapiclient.discovery_cache

DOCUMENT = json.loads((pathlib.Path(googleapiclient.discovery_cache.__file__).parent / "documents" / "secretmanager.v1.json").read_text())


def methods(resource):
    yield from resource.get("methods", {}).values()
    for one in resource.get("resources", {}).values():
        yield from methods(one)


def pattern(method):
    """The flat path, in which each parameter is one segment."""
    parts = re.split(r"\{[^}]+\}", method["flatPath"])
    return re.compile("/" + "[^/]+".join(re.escape(part) for part in parts))


KNOWN = [(method["httpMethod"], pattern(method), method) for method in methods(DOCUMENT)]


def main():
    requests = json.load(sys.stdin)
    for request in requests:
        line = f"{request['method']} {request['path']}"
        # `…/versions/latest:access` also fits the path of a version with an odd name; the longest pattern is meant.
        fitting = [(len(path.pattern), method) for verb, path, method in KNOWN if verb == request["method"] and path.fullmatch(request["path"])]
        if not fitting:
            sys.exit(f"expected a documented method, found {line}")
        method = max(fitting, key=lambda one: one[0])[1]
        if ":" in request["path"] and ":" not in method["flatPath"]:
            sys.exit(f"expected a documented verb, found {line}")
        known = set(method["parameters"]) | set(DOCUMENT["parameters"])
        for name in urllib.parse.parse_qs(request["query"], strict_parsing=bool(request["query"])):
            if name not in known:
                sys.exit(f"expected a parameter of {method['id']}, found {name}")
    print(f"discovery document {DOCUMENT['revision']}: {len(requests)} requests agree")


main()
