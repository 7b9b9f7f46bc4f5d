"""`holdfast history` between servers of MLflow 2 and 3, with PostgreSQL and SQLite, behind a password and a token."""

import base64
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from cases import case, equal, run, true, until
from histories import HOME, ROOT, holdfast, python, uris
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

START = 1_700_000_000_000
TWO = os.environ["MLFLOW_TWO_PYTHON"]
NAMES = ("HOLDFAST_FROM_TRACKING_", "HOLDFAST_TO_TRACKING_")
BASIC = {"USERNAME": "ada", "PASSWORD": "p\u00e4ss:word"}
BEARER = {"TOKEN": "a.token-of_mine"}
processes = []
backend = {}
straight = {}


def helper(name, *args, python=sys.executable, environment=None):
    command = [python, str(ROOT / "test" / "history" / name), *args]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
    processes.append(process)
    return process.stdout.readline().strip()


def answers(uri):
    try:
        return requests.get(f"{uri}/health", timeout=2).ok
    except requests.RequestException:
        return False


def signed_in(source, to):
    """What holdfast finds in its environment; a password that is wrong is no other than one that is missing."""
    for prefix, how in zip(NAMES, (source, to), strict=True):
        for name in ("USERNAME", "PASSWORD", "TOKEN"):
            os.environ.pop(prefix + name, None)
            if name in how:
                os.environ[prefix + name] = how[name]


def driver():
    """A folder with the driver of PostgreSQL, which the environment of MLflow 2 has and that of MLflow 3 has not."""
    found = subprocess.run([TWO, "-c", "import psycopg2; print(psycopg2.__file__)"], capture_output=True, text=True, check=True)
    folder = HOME / "driver"
    folder.mkdir()
    for part in Path(found.stdout.strip()).parent.parent.glob("psycopg2*"):
        (folder / part.name).symlink_to(part)
    return {"PYTHONPATH": str(folder)}


@case("PostgreSQL starts")
def postgres():
    installed = helper("postgres.py", tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if not installed and os.environ.get("CI") == "true":
        prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
        subprocess.run([*prefix, "apt-get", "update"], check=False, stdout=subprocess.DEVNULL)
        subprocess.run([*prefix, "apt-get", "install", "-y", "postgresql"], check=True, stdout=subprocess.DEVNULL)
        installed = helper("postgres.py", tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if not installed:
        return "left out, since there is none here; SQLite takes its place"
    backend["store"] = [installed]


@case("a server of MLflow 2 starts behind a password, one of MLflow 3 behind a token", first=True)
def servers():
    store = ["0", *backend["store"]] if backend else []
    for name, program in (("two", TWO), ("three", sys.executable), ("last", TWO)):
        (HOME / name).mkdir()
        more = store if name == "two" else []
        straight[name] = helper("server.py", str(HOME / name), *more, python=program)
    for name, uri in straight.items():
        until(f"an answer of {name}", lambda uri=uri: answers(uri), 240)
    pair = base64.b64encode(":".join(BASIC.values()).encode()).decode()
    for name, how in (("two", f"Basic {pair}"), ("three", f"Bearer {BEARER['TOKEN']}"), ("last", f"Basic {pair}")):
        uris[name] = helper("gate.py", straight[name], how, str(HOME / f"{name}.calls"))
    versions = [requests.get(f"{straight[name]}/version", timeout=30).text.split(".")[0] for name in straight]
    equal(versions, ["2", "3", "2"])


@case("a history of MLflow 2 is made, with what it knows of odd cases")
def seeded():
    client = MlflowClient(straight["two"], straight["two"])
    experiment = client.create_experiment("two \u00fc", tags={"team": "crm"})
    run_ = client.create_run(experiment, START, {"mlflow.user": "ada"}, "odd").info.run_id
    client.log_batch(run_, [Metric("loss", n / 3, START + n, n) for n in range(900)])
    client.log_batch(run_, [Metric("odd", value, START, 0) for value in (math.nan, math.inf, -math.inf, -0.0, 1e-300)])
    client.log_batch(run_, params=[Param("rate", "0.1"), Param("empty", "")], tags=[RunTag("note", "\U0001f600 \u00e4")])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "weights.bin").write_bytes(bytes(range(256)) * 1000)
        Path(folder, "MLmodel").write_text(f"run_id: {run_}\n", encoding="utf-8")
        client.log_artifacts(run_, folder, "model")
    client.set_terminated(run_, "FAILED", START + 1000)
    for name in ("second", "third"):
        other = client.create_run(experiment, START, run_name=name).info.run_id
        client.log_batch(other, [Metric("loss", n / 7, START + n % 3, n % 5) for n in range(100)])
        client.log_batch(other, [Metric("m\u00e4\u00df/20 b", value, START, 0) for value in (math.nan, 0, math.inf)])
        client.set_terminated(other, "FINISHED", START + 2000)
    gone = client.create_run(experiment, START, {"mlflow.parentRunId": run_}, "gone").info.run_id
    client.delete_run(gone)
    client.create_registered_model("churn", {"a": "b"}, "Who leaves")
    root = client.get_run(run_).info.artifact_uri
    for number in range(1, 5):
        client.create_model_version("churn", f"{root}/model", run_, description=str(number))
    client.delete_model_version("churn", "2")
    client.transition_model_version_stage("churn", "3", "Production")
    client.set_registered_model_alias("churn", "champion", "4")


def together(name):
    """The metrics of all three runs that are over were read in one call each, and of none of them by itself."""
    log = HOME / f"{name}.calls"
    paths = [urlsplit(line.split()[1]) for line in log.read_text(encoding="utf-8").splitlines()]
    log.write_text("", encoding="utf-8")
    asked = [parse_qs(path.query) for path in paths if path.path.endswith("/metrics/get-history-bulk")]
    equal(sorted(one["metric_key"][0] for one in asked if len(set(one["run_id"])) == 3), ["loss"])
    equal([path for path in paths if path.path.endswith("/metrics/get-history")], [])


@case("without the right password nothing is read, and the exit code says so")
def refused():
    signed_in({**BASIC, "PASSWORD": "wrong"}, BEARER)
    done = subprocess.run(
        ["node", str(ROOT / "src" / "main.ts"), "history", "copy", uris["two"], uris["three"], "--state", str(HOME / "none")],
        capture_output=True,
        text=True,
    )
    equal(done.returncode, 30)
    true("p\u00e4ss" not in done.stdout + done.stderr and BEARER["TOKEN"] not in done.stdout + done.stderr, "no secret shown")


@case("a history of MLflow 2 is the same in MLflow 3, to MLflow's own client, with metrics of many runs read in one call")
def upwards():
    signed_in(BASIC, BEARER)
    code, facts = holdfast("copy", source="two", to="three")
    equal((code, facts["notCarried"]), (0, []))
    together("two")
    code, facts = holdfast("verify", source="two", to="three")
    equal((code, facts["differences"], facts["notCompared"]), (0, [], []))
    python("compare.py", straight["two"], straight["three"], "--mlflow-2")


@case("and the same in MLflow 2 when it comes back")
def downwards():
    signed_in(BEARER, BASIC)
    (HOME / "three.calls").write_text("", encoding="utf-8")
    code, facts = holdfast("copy", source="three", to="last")
    equal((code, facts["notCarried"]), (0, []))
    together("three")
    python("compare.py", straight["two"], straight["last"], "--mlflow-2")


@case("what MLflow 2 has no place for is told for each of it")
def told():
    client = MlflowClient(straight["three"], straight["three"])
    experiment = client.create_experiment("newer")
    run_ = client.create_run(experiment, run_name="newer").info.run_id
    model = client.create_logged_model(experiment, "newer", run_)
    code, facts = holdfast("copy", source="three", to="last")
    subjects = [one["subject"] for one in facts["notCarried"]]
    equal((code, subjects), (23, [f"logged model {model.model_id} (newer)"]))


@case("every odd case of MLflow 3 is the same in a server with PostgreSQL, and in one with SQLite when it comes from there")
def with_postgres():
    store = helper("postgres.py", tempfile.mkdtemp(prefix="pg-", dir="/tmp")) if backend else None
    if not store:
        return "left out, since there is no PostgreSQL here"
    # From version 2.1 on SQLAlchemy looks for another driver where none is named.
    store = store.replace("postgresql:", "postgresql+psycopg2:")
    signed_in({}, {})
    for name, more, environment in (("odd", [], {}), ("postgres", ["0", store], driver()), ("again", [], {})):
        (HOME / name).mkdir()
        uris[name] = helper("server.py", str(HOME / name), *more, environment=environment)
        # Databases of several servers made at once on a busy machine take longer than one after the other.
        until(f"an answer of {name}", lambda name=name: answers(uris[name]), 240)
    python("seed.py", uris["odd"])
    for source, to in (("odd", "postgres"), ("postgres", "again")):
        code, facts = holdfast("copy", source=source, to=to)
        equal((code, facts["notCarried"]), (0, []))
        code, facts = holdfast("verify", source=source, to=to)
        equal((code, facts["differences"], facts["notCompared"]), (0, [], []))
        python("compare.py", uris["odd"], uris[to], "--links")
    code, facts = holdfast("copy", "--recheck", source="odd", to="postgres")
    equal((code, facts["files"], facts["points"], facts["versions"], facts["traces"]), (0, 0, 0, 0, 0))


@case("everything ends")
def end():
    for process in reversed(processes):
        if process.poll() is None:
            process.stdin.close()
            equal(process.wait(timeout=60), 0)


run()
