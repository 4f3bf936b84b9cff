"""The description of the API is OpenAPI 3.1 also for openapi-spec-validator, and a running platform gives it as it is checked in."""

import json
import subprocess

from openapi_spec_validator import OpenAPIV31SpecValidator

from driving import check, end, say_versions
from platform_under_test import CHECKED_IN, binary, platform

say_versions("openapi-spec-validator")
document = json.loads(CHECKED_IN.read_text())
errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
check("it is OpenAPI 3.1", errors == [], "\n".join(errors))
without_answers = json.loads(CHECKED_IN.read_text())
del without_answers["paths"]["/workspaces"]["get"]["responses"]["200"]["description"]
check("one that is not is told apart", list(OpenAPIV31SpecValidator(without_answers).iter_errors()) != [])

printed = subprocess.run([binary(), "openapi"], capture_output=True, check=True, text=True).stdout
check("the binary prints it as it is checked in", printed == CHECKED_IN.read_text())
with platform() as asked:
    check("a running platform gives the same", asked.ask("GET", "/openapi.json") == document)
end()
