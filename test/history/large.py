"""Carries one artifact of so many bytes between two servers, killed in the middle: `large.py BYTES`. Ends with 0 if it is the same."""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from mlflow import MlflowClient

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parents[1] / "src" / "main.ts"
BLOCK = 1 << 20


def fill(path, size):
    """Bytes of which no two blocks are the same. Gives their SHA-256."""
    seed, digest = os.urandom(BLOCK), hashlib.sha256()
    with open(path, "wb") as file:
        for at in range(0, size, BLOCK):
            block = (at.to_bytes(8, "big") + seed)[: min(BLOCK, size - at)]
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def begin(home):
    home.mkdir()
    command = [sys.executable, str(HERE / "server.py"), str(home)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    uri = server.stdout.readline().strip()
    for _ in range(600):
        try:
            if requests.get(f"{uri}/health", timeout=2).ok:
                break
        except requests.RequestException:
            time.sleep(0.2)
    return server, uri


def main(size):
    with tempfile.TemporaryDirectory(prefix="history-large-") as folder:
        home = Path(folder)
        (old, old_uri), (new, new_uri) = begin(home / "old"), begin(home / "new")
        client = MlflowClient(old_uri, old_uri)
        run = client.create_run(client.create_experiment("large")).info.run_id
        client.log_text(run, "small", "large/beside.txt")
        client.set_terminated(run)
        [beside] = (home / "old").rglob("beside.txt")
        wanted = fill(beside.with_name("large.bin"), size)
        copy = ["node", str(PROGRAM), "history", "copy", old_uri, new_uri, "--state", str(home / "state"), "--json"]
        process = subprocess.Popen(copy, stdout=subprocess.DEVNULL)
        time.sleep(2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        began = time.monotonic()
        code = subprocess.run(copy, stdout=subprocess.DEVNULL).returncode
        seconds = time.monotonic() - began
        found = [digest_of(path) for path in (home / "new").rglob("large.bin")]
        for server in (old, new):
            server.stdin.close()
            server.wait()
    print(f"{size} bytes, copied in {seconds:.0f} s: exit {code}, {'the same' if found == [wanted] else found}")
    sys.exit(0 if (code, found) == (0, [wanted]) else 1)


main(int(sys.argv[1]))
