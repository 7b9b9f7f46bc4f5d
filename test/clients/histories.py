"""Tracking servers of MLflow and `holdfast history` between them, for scenarios."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import requests
from cases import equal, true, until

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="history-"))
uris = {}
servers = {}


def start(*names, python=sys.executable, roots=None):
    """Starts servers, and gives when all of them answer. A server with a root leaves its files there to its clients."""
    for name in names:
        home = HOME / name
        home.mkdir()
        more = ["--files", roots[name]] if roots else []
        command = [python, str(ROOT / "test" / "history" / "server.py"), str(home), *more]
        servers[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        uris[name] = servers[name].stdout.readline().strip()
    for name in names:
        until(f"an answer of {name}", lambda name=name: answers(name), 240)


def answers(name):
    try:
        return requests.get(f"{uris[name]}/health", timeout=2).ok
    except requests.RequestException:
        return False


def stop():
    for server in servers.values():
        server.stdin.close()
        equal(server.wait(timeout=60), 0)


def program(verb, *more, source="old", to="new"):
    command = ["node", str(ROOT / "src" / "main.ts"), "history", verb, uris[source], uris[to]]
    return [*command, "--state", str(HOME / "state"), "--json", *more]


def holdfast(verb, *more, source="old", to="new"):
    """Runs it, and gives its exit code and its facts."""
    environment = {**os.environ, "HOLDFAST_LOCAL": "1"}
    done = subprocess.run(program(verb, *more, source=source, to=to), capture_output=True, text=True, timeout=300, env=environment)
    end = done.stdout.find("\n}\n{")
    text = done.stdout if end < 0 else done.stdout[: end + 2]
    true(text, f"facts on standard output, not only {done.stderr}")
    return done.returncode, json.loads(text)


def python(name, *args):
    """Runs a program of `test/history`, which must end with 0."""
    done = subprocess.run([sys.executable, str(ROOT / "test" / "history" / name), *args], capture_output=True, text=True)
    equal((done.returncode, (done.stdout + done.stderr)[-500:] if done.returncode else ""), (0, ""))
    return done.stdout
