"""Kills copies at random moments: `kills.py ROUNDS SEED`. Ends with 0 if both sides are the same at the end.

Each round gives the source more, starts a copy and kills it at a random moment; now and then its notes are lost, or the
target's server is killed under it. An undisturbed copy then ends it, MLflow's client compares both, and one more copy
must write nothing.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parents[1] / "src" / "main.ts"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
START = 1_700_000_000_000
home = Path(tempfile.mkdtemp(prefix="history-kills-"))


class Server:
    def __init__(self, name):
        self.home = home / name
        self.home.mkdir()
        self.port = "0"
        self.start()

    def start(self):
        command = [sys.executable, str(HERE / "server.py"), str(self.home), self.port]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.uri = self.process.stdout.readline().strip()
        self.port = self.uri.rsplit(":", 1)[1]
        for _ in range(600):
            try:
                if requests.get(f"{self.uri}/health", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise TimeoutError(f"{self.home.name} does not answer")

    def kill(self):
        self.process.stdin.close()
        self.process.wait()


def put(client, run, path, content):
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, os.path.basename(path))
        Path(name).write_bytes(content)
        client.log_artifact(run, name, os.path.dirname(path) or None)


def grow(client, dice, number):
    """A parent that ends in the next round and its child; sometimes a version of a registered model."""
    found = client.get_experiment_by_name("killed")
    experiment = found.experiment_id if found else client.create_experiment("killed")
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        client.log_metric(run.info.run_id, "late", number, START + number, number)
        client.set_terminated(run.info.run_id, "FINISHED", START + number)
    parent = client.create_run(experiment, START + number, run_name=f"parent {number}").info.run_id
    child = client.create_run(experiment, START, {"mlflow.parentRunId": parent}, f"child {number}").info.run_id
    for run in (parent, child):
        for key in ("loss", "accuracy"):
            client.log_batch(run, [Metric(key, dice.random(), START + n, n) for n in range(900)])
        client.log_batch(run, params=[Param(f"p{n}", str(n)) for n in range(10)], tags=[RunTag("round", str(number))])
        put(client, run, "deep/er/weights.bin", dice.randbytes(300_000))
        put(client, run, "empty", b"")
    client.set_terminated(child, "KILLED", START + 1)
    if number % 3 == 0:
        if not client.search_registered_models("name='killed'"):
            client.create_registered_model("killed")
        root = client.get_run(child).info.artifact_uri
        version = client.create_model_version("killed", f"{root}/deep", child, {"round": str(number)}).version
        if number % 2 == 0:
            client.set_registered_model_alias("killed", "newest", version)
        else:
            client.delete_model_version("killed", version)


def copying(old, new):
    command = ["node", str(PROGRAM), "history", "copy", old.uri, new.uri, "--state", str(home / "state"), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process):
    text, _ = process.communicate(timeout=3600)
    return process.returncode, text


def main(rounds, seed):
    dice = random.Random(seed)
    old, new = Server("old"), Server("new")
    client = MlflowClient(old.uri, old.uri)
    grow(client, dice, 0)
    began = time.monotonic()
    code, text = ended(copying(old, new))
    if code != 0:
        raise RuntimeError(f"An undisturbed copy ended with {code}: {text[-2000:]}")
    usual = time.monotonic() - began
    at_work = 0
    for number in range(1, rounds + 1):
        grow(client, dice, number)
        if dice.random() < 0.25:
            shutil.rmtree(home / "state", ignore_errors=True)
        process = copying(old, new)
        time.sleep(usual * (0.3 + 0.8 * dice.random()))
        if dice.random() < 0.1:
            new.kill()
            new.start()
        at_work += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if number % 25 == 0:
            print(f"{number} of {rounds} killed, {at_work} of them at work", flush=True)
    code, text = ended(copying(old, new))
    compared = subprocess.run([sys.executable, str(HERE / "compare.py"), old.uri, new.uri], capture_output=True, text=True)
    again, idle = ended(copying(old, new))
    wrote = [line for line in idle.splitlines() if '"files":' in line or '"versions":' in line]
    old.kill()
    new.kill()
    shutil.rmtree(home)
    isSame = (code, again, compared.returncode) == (0, 0, 0) and all(line.strip(" ,").endswith(": 0") for line in wrote)
    if not isSame:
        print(text[-1500:], compared.stdout[-3000:], compared.stderr[-1500:], wrote, sep="\n")
        print(f"Not the same after {rounds} rounds with seed {seed}")
    # A copy that is killed only when it has ended was never disturbed.
    print(f"{rounds} copies killed, {at_work} of them at work: {compared.stdout.strip().splitlines()[-1:]}")
    sys.exit(0 if isSame and at_work * 2 >= rounds else 1)


main(int(sys.argv[1]), int(sys.argv[2]))
