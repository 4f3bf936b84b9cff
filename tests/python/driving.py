"""What the scripts that drive the servers of the tests have in common: the server's binary, checks that are counted, and the end.

`cargo xtask second-opinions` lets them import it, and names the binary in the environment.
"""

import contextlib
import importlib.metadata
import os
import subprocess
import sys

checks = 0


def check(what, ok, found=""):
    """One line for each check; the first that fails ends the script."""
    global checks
    checks += 1
    print(("ok    " if ok else "FAIL  ") + what + (f": {found}" if found != "" else ""))
    if not ok:
        sys.exit(1)


def refusal(what, kind, call):
    """The error of this kind that the call ends with; none is a check that fails."""
    try:
        call()
    except kind as error:
        return error
    return check(what, False, "it was not refused")


@contextlib.contextmanager
def running(name, *arguments, **pipes):
    """The process of a server's binary and its base URL, for as long as the block takes."""
    binary = os.environ.get(name.replace("-", "_").upper(), name)
    server = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, text=True, **pipes)
    try:
        yield server, server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextlib.contextmanager
def serving(name, *arguments):
    """A server's base URL; after the block it must end well."""
    with running(name, *arguments) as (server, url):
        yield url
    check("the server ended by itself", server.returncode == 0)


def say_versions(*packages):
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages))


def end():
    """The line that `cargo xtask second-opinions` waits for."""
    print(f"all {checks} checks passed")
