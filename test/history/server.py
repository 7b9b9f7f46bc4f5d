"""A real tracking server of MLflow on any free port, or the one named, for as long as standard input is open: `server.py FOLDER [PORT]`.

Prints its URI at once; it answers some time later.
"""

import os
import signal
import socket
import subprocess
import sys

home = os.path.abspath(sys.argv[1])
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    port = probe.getsockname()[1]
command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
command += ["--backend-store-uri", f"sqlite:///{home}/db", "--artifacts-destination", os.path.join(home, "files")]
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
for asked in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(asked, end)
print(f"http://127.0.0.1:{port}", flush=True)
sys.stdin.read()
end()
