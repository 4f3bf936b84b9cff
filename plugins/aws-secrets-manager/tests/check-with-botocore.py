#!/usr/bin/env python3
"""Holds recorded requests to botocore: its signer, and its models of the services.

Reads JSON from standard input: a list of requests, each with method, url, headers (a list of pairs), body, service, region and
the keys that signed it. Signs each anew with botocore at the time that it bears, over the headers that it says it signed, and
checks the body of a request to Secrets Manager against botocore's model. Ends with a line that counts what it checked.
"""

import datetime
import json
import sys

import botocore
import botocore.auth
import botocore.session
import botocore.validate
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def fail(number, what, expected, found):
    sys.exit(f"request {number}: expected {what} {expected}, found {found}")


def authorization(request):
    """What botocore would have sent in its place."""
    headers = dict(request["headers"])
    stamp = headers["x-amz-date"]
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    if "host" not in signed or "x-amz-date" not in signed:
        sys.exit(f"expected host and x-amz-date to be signed, found {signed}")
    kept = {name: value for name, value in request["headers"] if name in signed}
    # botocore puts these there itself.
    for name in ("x-amz-date", "x-amz-security-token"):
        kept.pop(name, None)
    ours = AWSRequest(method=request["method"], url=request["url"], headers=kept, data=request["body"].encode())
    keys = Credentials(request["access_key_id"], request["secret_access_key"], request.get("session_token"))
    signer = botocore.auth.SigV4Auth(keys, request["service"], request["region"])
    when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: when.replace(tzinfo=None) if remove_tzinfo else when
    signer.add_auth(ours)
    if ours.headers["X-Amz-Date"] != stamp:
        sys.exit("botocore's clock could not be set")
    return ours.headers["Authorization"]


def main():
    requests = json.load(sys.stdin)
    model = botocore.session.get_session().get_service_model("secretsmanager")
    bodies = 0
    for number, request in enumerate(requests):
        headers = dict(request["headers"])
        expected = authorization(request)
        if headers["authorization"] != expected:
            fail(number, "the signature", expected, headers["authorization"])
        target = headers.get("x-amz-target")
        if request["service"] != "secretsmanager":
            continue
        prefix, _, operation = target.partition(".")
        if prefix != model.metadata["targetPrefix"]:
            fail(number, "the target", model.metadata["targetPrefix"], prefix)
        version = model.metadata["jsonVersion"]
        if headers["content-type"] != f"application/x-amz-json-{version}":
            fail(number, "the content type of JSON", version, headers["content-type"])
        shape = model.operation_model(operation).input_shape
        body = json.loads(request["body"])
        unknown = set(body) - set(shape.members)
        if unknown:
            fail(number, "members of", operation, sorted(unknown))
        report = botocore.validate.ParamValidator().validate(body, shape)
        if report.has_errors():
            fail(number, "a body of", operation, report.generate_report())
        bodies += 1
    print(f"botocore {botocore.__version__}: {len(requests)} signatures and {bodies} bodies agree")


main()
