"""The API as its description has it: schemathesis makes requests from the description, good ones and bad ones, and holds the answers against it.

The real binary with real plugins answers. `SEED` and `EXAMPLES` in the environment make another run of it, or a longer one.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from driving import check, end, say_versions
from platform_under_test import ADMIN, CHECKED_IN, platform
from schemathesis_hooks import OWN, SLEEP

HOOKS = pathlib.Path(__file__).with_name("schemathesis_hooks.py")
SEED = os.environ.get("SEED", "1")
EXAMPLES = os.environ.get("EXAMPLES", "12")
PHASES = ("examples", "coverage", "fuzzing", "stateful")

CONFIG = """
seed = {seed}
continue-on-failure = true
request-timeout = 15
hooks = "{hooks}"

[auth.openapi.adminToken]
bearer = "{admin}"
[auth.openapi.workspaceToken]
bearer = "{own}"

[generation]
max-examples = {examples}
database = "none"

# Good requests that meet a state in which they cannot be served.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "413", "415", "422"]

# Only the workspace that the token is of can use it.
[[operations]]
include-tag = "tokens"
parameters = {{ "path.id" = "{id}", "path.provider" = "fixture-tokens" }}

# They go on until the client leaves.
[[operations]]
include-operation-id = ["events", "workspaceEvents"]
request-timeout = 0.5
"""


def run(asked, directory):
    """The exit status of a run against this platform, and its report."""
    own = asked.ask("POST", "/workspaces", {"command": [SLEEP, "3600"], "ttl_seconds": 3600, "id": OWN})
    config, report = directory / "schemathesis.toml", directory / "report.json"
    values = {"seed": SEED, "examples": EXAMPLES, "hooks": HOOKS, "admin": ADMIN, "own": own["token"], "id": OWN}
    config.write_text(CONFIG.format(**values))
    command = [sys.executable, "-B", "-m", "schemathesis.cli", "--config-file", config, "run", CHECKED_IN, "--url", asked.url]
    ended = subprocess.run([*command, "--report-json-path", report], cwd=directory)
    return ended.returncode, json.loads(report.read_text())


say_versions("schemathesis")
operations = sum(len(methods) for methods in json.loads(CHECKED_IN.read_text())["paths"].values())
with platform() as asked, tempfile.TemporaryDirectory() as directory:
    status, report = run(asked, pathlib.Path(directory))
if "REPORT" in os.environ:
    pathlib.Path(os.environ["REPORT"]).write_text(json.dumps(report, indent=1))
check("every operation was asked for", report["operations"]["tested"] == operations, operations)
for phase in PHASES:
    check(f"the phase {phase} was gone through", report["phases"][phase]["status"] == "success", report["phases"][phase])
made = sum(rates["accepted"] for rates in report["valid_rates"]["POST /workspaces"].values())
check("workspaces were created", made > 20, made)
check("schemathesis found nothing", status == 0 and report["failures"] == report["errors"] == [], report["test_cases"])
end()
