"""A real tracking server of MLflow for as long as standard input is open: `server.py FOLDER [PORT [STORE]] [--files ROOT]`.

On any free port, and with SQLite in the folder, if it is not told otherwise. It hands out files itself, or with a ROOT
leaves them there to its clients. Prints its URI at once; it answers some time later.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("home", type=os.path.abspath)
parser.add_argument("port", type=int, nargs="?", default=0)
parser.add_argument("store", nargs="?")
parser.add_argument("--files")
asked = parser.parse_args()
home = asked.home
store = asked.store or f"sqlite:///{home}/db"


def is_free(number):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


# Whoever ends this server and starts it again wants its port back: it is none of those that systems give away meanwhile.
port = asked.port or next(number for number in random.sample(range(20_000, 32_000), 1000) if is_free(number))
# Processes of a server that was ended a moment ago may still listen.
patience = time.monotonic() + 20
while not is_free(port) and time.monotonic() < patience:
    time.sleep(0.05)
if not is_free(port):
    sys.exit(f"Port {port} is taken: something else on this machine listens there; leave the port out to get a free one")
command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
command += ["--backend-store-uri", store]
command += ["--no-serve-artifacts", "--default-artifact-root", asked.files] if asked.files else ["--artifacts-destination", os.path.join(home, "files")]
# Its job runners are four more processes, which keep no history.
environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
with open(os.path.join(home, "log"), "ab") as log:
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
    )


def end(*_):
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    sys.exit(0)


# Asked to end, it must not leave behind a server that nobody knows.
for end_of in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(end_of, end)
print(f"http://127.0.0.1:{port}", flush=True)
sys.stdin.read()
end()
