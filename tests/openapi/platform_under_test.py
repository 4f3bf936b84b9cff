"""A platform to ask: the real binary with real plugins, over a directory of its own, on a free port of loopback.

Whatever a workspace is told to run, it finds no program by its name alone.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

CHECKED_IN = pathlib.Path(__file__).parents[2] / "docs/openapi.json"
ADMIN = "an-admin-token-that-nobody-will-guess-0123456789"
CONFIG = """
listen = "127.0.0.1:0"
state_dir = "{home}/state"
admin_token = "{admin}"
[plugins]
directory = "{home}/plugins"
[workspace]
env = {{ PATH = "{home}/empty" }}
stop_grace = "1s"
default_ttl = "30s"
[server]
invalid_tokens_per_minute = 1000000
"""


def binary():
    return pathlib.Path(os.environ["PROVISIONHOOK"])


class Platform:
    def __init__(self, home):
        self.home, self.log, self.url, self.process = home, home / "log", None, None

    def prepare(self):
        for folder in ("plugins", "state", "empty"):
            (self.home / folder).mkdir()
        for file, library in (("10-greeter.so", "greeter"), ("20-tokens.so", "tokens")):
            shutil.copy(binary().with_name(f"libfixture_{library}.so"), self.home / "plugins" / file)
            (self.home / "plugins" / file).chmod(0o755)
        # For the boot report.
        (self.home / "plugins" / "90-broken.so").write_bytes(b"\x7fELF")
        (self.home / "plugins" / "90-broken.so").chmod(0o755)
        config = self.home / "provisionhook.toml"
        config.write_text(CONFIG.format(home=self.home, admin=ADMIN))
        config.chmod(0o600)

    def start(self):
        command = [binary(), "--config", self.home / "provisionhook.toml", "serve"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env={"PATH": str(self.home / "empty")})
        for _ in range(600):
            found = re.search(r"127\.0\.0\.1:\d+", self.said("listening"))
            if found:
                self.url = "http://" + found[0]
                with contextlib.suppress(OSError):
                    if self.ask("GET", "/ready"):
                        return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit("the platform did not start:\n" + self.log.read_text())

    def said(self, word):
        """The first line of the log with this word."""
        return next((line for line in self.log.read_text().splitlines() if word in line), "")

    def ask(self, method, path, body=None):
        """The JSON of an answer to the admin."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {ADMIN}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def end_workspaces(self):
        """They would outlive the platform."""
        while workspaces := self.ask("GET", "/workspaces?limit=1000")["workspaces"]:
            for workspace in workspaces:
                self.ask("DELETE", f"/workspaces/{workspace['id']}")

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def platform():
    with tempfile.TemporaryDirectory(prefix="openapi-", dir=binary().parent) as home:
        platform = Platform(pathlib.Path(home))
        platform.prepare()
        platform.start()
        try:
            yield platform
        finally:
            try:
                platform.end_workspaces()
            finally:
                platform.stop()
