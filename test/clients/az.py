"""The Azure CLI as a person at a shell calls it: a process for each command."""

import json
import subprocess

from cases import Unexpected


def az(*words, env=None):
    """Runs `az` with these words and gives what it prints, as JSON where it is."""
    done = _run(words, env)
    if done.returncode != 0:
        raise Unexpected(f"az {' '.join(words)} ended with {done.returncode}: {done.stderr}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout.strip()


def refused(*words, env=None):
    """Runs `az` with these words, which must fail, and gives what it says on standard error."""
    done = _run(words, env)
    if done.returncode == 0:
        raise Unexpected(f"az {' '.join(words)} was to fail, and printed {done.stdout}")
    return done.stderr


def _run(words, env):
    return subprocess.run(["az", *words, "--only-show-errors"], capture_output=True, text=True, env=env, timeout=120)
