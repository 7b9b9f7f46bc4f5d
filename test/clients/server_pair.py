"""Two servers of MLflow under one protection: the first is lost, the second takes over, the first comes back and is taken back.

Filled and compared by MLflow's own client. Each server asks who one is, in its own way.
"""

import base64
import http.server
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import mlflow
import requests
from cases import case, equal, run, true, until
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput

ROOT = Path(__file__).resolve().parents[2]
HISTORY = ROOT / "test" / "history"
HOME = Path(tempfile.mkdtemp(prefix="pair-"))
#: What `compare.py` is to compare beyond what every copy carries.
ALL = ("--links", "--datasets")
FIRST = 1_800_000_000_000
PASSWORD, TOKEN = "a-pass-word", "b-token"
BASIC = "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
#: Without the emulator: nothing here is Azure's.
PLAIN = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and not name.startswith(("AZURE_", "HOLDFAST_"))}
SECRETS = {**PLAIN, "A_PASSWORD": PASSWORD, "HOLDFAST_KEY": "k" * 40}
uris, servers, processes, ids = {}, {}, {}, {}


class Outside(http.server.BaseHTTPRequestHandler):
    """What depends on neither server."""

    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def listening(*command):
    process = subprocess.Popen([sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=PLAIN)
    return process, process.stdout.readline().strip()


def start(name, port="0"):
    home = HOME / name
    home.mkdir(exist_ok=True)
    servers[name], uris[name] = listening(str(HISTORY / "server.py"), str(home), port)


def answers(name):
    try:
        return requests.get(f"{uris[name]}/health", timeout=2).ok
    except requests.RequestException:
        return False


def client(name):
    return MlflowClient(uris[name], uris[name])


def holdfast(verb, *more, code=0):
    """Runs it, and gives its facts."""
    command = ["node", str(ROOT / "src" / "main.ts"), verb, "--policy", str(HOME / "holdfast.yaml"), "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=SECRETS)
    if done.returncode != code:
        equal((done.returncode, done.stderr[-1500:]), (code, ""))
    text = done.stdout
    return json.JSONDecoder().raw_decode(text.lstrip())[0] if text.strip() else {}


def python(name, *args):
    done = subprocess.run([sys.executable, str(HISTORY / name), *args], capture_output=True, text=True, env=PLAIN)
    equal((done.returncode, done.stdout[-1500:] if done.returncode else ""), (0, ""))


def serve():
    for name, verb, more in [
        *((f"v{n}", "vantage", ["--name", f"v{n}", "--listen", f"127.0.0.1:{ids[f'v{n}']}", "--every", "300", "--timeout", "2500"]) for n in (1, 2, 3)),
        ("controller", "serve", ["--tick", "200", "--lease", "15000", "--call", "4000"]),
    ]:
        command = ["node", str(ROOT / "src" / "main.ts"), verb, "--policy", str(HOME / "holdfast.yaml"), *more]
        log = open(HOME / f"{name}.log", "ab")
        processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=SECRETS)


def halt():
    for process in processes.values():
        process.send_signal(signal.SIGINT)
    for name, process in processes.items():
        true(process.wait(timeout=30) in (0, 130), f"an ordered end of {name}")
    processes.clear()


def free_port():
    with http.server.HTTPServer(("127.0.0.1", 0), None) as server:
        return server.server_address[1]


def pointed():
    """What a client reads from the pointer."""
    text = (HOME / "active.env").read_text() if (HOME / "active.env").exists() else ""
    found = re.search(r"^MLFLOW_TRACKING_URI=(.*)$", text, re.M)
    return found and found[1]


def by_name(name, run_name):
    experiments = [one.experiment_id for one in client(name).search_experiments()]
    return client(name).search_runs(experiments, f"attributes.run_name = '{run_name}'")


@case("two servers start that ask who one is, and one is filled with every odd case", first=True)
def begin():
    start("a")
    start("b")
    for name in ("a", "b"):
        until(f"an answer of {name}", lambda name=name: answers(name), 120)
    servers["gate a"], uris["gate a"] = listening(str(HISTORY / "gate.py"), uris["a"], BASIC)
    servers["gate b"], uris["gate b"] = listening(str(HISTORY / "gate.py"), uris["b"], f"Bearer {TOKEN}")
    python("seed.py", uris["a"])
    evaluated()
    outside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    threading.Thread(target=outside.serve_forever, daemon=True).start()
    (HOME / "b.token").write_text(TOKEN)
    for n in (1, 2, 3):
        ids[f"v{n}"] = free_port()
    equal(holdfast("init", "--server", uris["gate a"], "--secondary-server", uris["gate b"])["server"], uris["gate a"])
    points = ", ".join(f'{{ name: v{n}, url: "http://127.0.0.1:{ids[f"v{n}"]}" }}' for n in (1, 2, 3))
    (HOME / "holdfast.yaml").write_text(f"""name: runs
primary:
  server: {uris["gate a"]}
  location: east
  signIn: {{ user: ada, password: {{ env: A_PASSWORD }} }}
secondary:
  server: {uris["gate b"]}
  location: west
  signIn: {{ token: {{ file: b.token }} }}
sync: {{ every: 500ms }}
failover:
  mode: automatic
  after: 3s
  coolDown: 1s
  demo: true
  outside: http://127.0.0.1:{outside.server_address[1]}/
  vantagePoints: [{points}]
pointer: [{{ env: active.env }}, {{ file: config.json }}]
""")


ODD = {"q": 2**60 + 1, "n": [1.0, 1, float("nan"), -float("inf"), 1e-300, None], "\U0001f600": ""}


def evaluated():
    """Datasets with what no double holds, one that is empty, and one that belongs to nothing."""
    a = client("a")
    experiments = [a.get_experiment_by_name(name).experiment_id for name in ("odd \u00fc/cases", "deleted experiment")]
    made = a.create_dataset("questions \u00fc", experiment_id=experiments, tags={"team": "crm", "none": ""})
    ids["dataset"] = made.dataset_id
    records = [{"inputs": {"n": n}, "expectations": {"a": n / 7}, "tags": {"n": str(n)}} for n in range(1200)]
    merge("a", made.dataset_id, [*records, {"inputs": ODD, "outputs": ODD, "expectations": {"a": ODD, "b": 1}}])
    a.create_dataset("empty", experiment_id=experiments[:1])
    a.create_dataset("of no experiment")


def merge(name, dataset, records):
    mlflow.set_tracking_uri(uris[name])
    client(name).get_dataset(dataset).merge_records(records)


def replica(name, shared):
    """The dataset of a server that both know by this id."""
    return next(one for one in client(name).search_datasets() if shared in (one.dataset_id, one.tags.get("holdfast.source_dataset_id")))


def inputs(name, shared):
    """What a dataset asks, in words."""
    mlflow.set_tracking_uri(uris[name])
    return [repr(one.inputs) for one in client(name).get_dataset(replica(name, shared).dataset_id).records]


def take_away(name, shared, asked):
    mlflow.set_tracking_uri(uris[name])
    dataset = client(name).get_dataset(replica(name, shared).dataset_id)
    dataset.delete_records([one.dataset_record_id for one in dataset.records if one.inputs == asked])


@case("whoever is not let in is told so, with the side, and nothing is carried")
def refused():
    (HOME / "b.token").write_text("another")
    facts = holdfast("sync", code=23)
    true("experiment" in facts["to"]["incomplete"], "the standby unread")
    (HOME / "b.token").write_text(TOKEN)


@case("one sync makes both servers the same, as MLflow's client finds, and a second one has nothing to do")
def follows():
    equal(holdfast("apply")["server"], uris["gate b"])
    facts = holdfast("sync")
    equal(facts["failed"], [])
    python("compare.py", uris["a"], uris["b"], *ALL)
    equal(holdfast("sync")["steps"], [])


@case("status, loss and drift say how the pair stands, and no secret")
def stands():
    status = holdfast("status")
    equal((status["active"], status["server"]), ("primary", uris["gate a"]))
    true(status["ageMilliseconds"] < 60_000, "a fresh recovery point")
    kinds = {"artifact", "evaluation-dataset", "experiment", "logged-model", "model-alias", "model-link", "model-version", "registered-model", "run", "trace", "trace-link"}
    equal(set(status["kinds"]), kinds)
    # Runs that are still being written to lose their last moments.
    equal({one["address"].split("/")[0] for one in holdfast("loss")["items"]}, {"run"})
    equal(holdfast("drift", "--exit-code")["differences"], [])
    client("a").set_tag(by_name("a", "files")[0].info.run_id, "changed", "yes")
    [one] = holdfast("drift")["differences"]
    equal((one["is"], [field["path"] for field in one["fields"]]), ("different", ["tags.changed"]))
    holdfast("drift", "--exit-code", code=25)
    kept = b"".join(path.read_bytes() for path in (HOME / ".holdfast").rglob("*") if path.is_file())
    true(PASSWORD.encode() not in kept and TOKEN.encode() not in kept, "no secret kept")


@case("a record that changes or goes at its source does so in the standby, and nothing else of its dataset")
def records():
    take_away("a", ids["dataset"], {"n": 7})
    holdfast("sync")
    true("{'n': 7}" not in inputs("b", ids["dataset"]), "the record gone")
    take_away("a", ids["dataset"], {"n": 8})
    merge("a", ids["dataset"], [{"inputs": {"n": 8}, "expectations": {"other": True}}, {"inputs": {"n": "new"}}])
    client("a").delete_dataset_tag(ids["dataset"], "none")
    holdfast("sync")
    python("compare.py", uris["a"], uris["b"], *ALL)
    equal(holdfast("sync")["steps"], [])


@case("what is written is followed, and when the first server is lost the pointer leads to the second")
def fails_over():
    serve()
    a = client("a")
    experiment = a.get_experiment_by_name("odd \u00fc/cases").experiment_id
    ids["last"] = a.create_run(experiment, FIRST, run_name="last seen").info.run_id
    a.log_metric(ids["last"], "loss", 0.5, FIRST, 1)
    until("the last run in the standby", lambda: by_name("b", "last seen"), 30)
    ids["port"] = uris["a"].rsplit(":", 1)[1]
    began = time.monotonic()
    servers["a"].stdin.close()
    servers["a"].wait(timeout=30)
    until("the pointer at the second server", lambda: pointed() == uris["gate b"], 60)
    ids["failover"] = time.monotonic() - began
    until("the second pointer there too", (HOME / "config.json").exists)
    equal(json.loads((HOME / "config.json").read_text()), {"tracking_uri": uris["gate b"]})
    equal(holdfast("status")["active"], "secondary")
    return f"{ids['failover']:.1f} s after it was killed"


def moved_before_the_end():
    """Moves an alias in the server that was lost as its last act: while it runs, it may be taken back at any moment."""
    with sqlite3.connect(HOME / "a" / "db") as database:
        moved = database.execute("UPDATE registered_model_aliases SET version = 6 WHERE name = 'churn''s model' AND alias = 'champion'")
        equal(moved.rowcount, 1)


def aliases(name):
    return client(name).get_registered_model("churn's model").aliases


def champion(name):
    return aliases(name)["champion"]


@case("work goes on in the second, while somebody who has the old URI writes to the first, which is back")
def both_write():
    b = client("b")
    [last] = by_name("b", "last seen")
    b.log_metric(last.info.run_id, "loss", 0.25, FIRST + 1, 2)
    b.set_terminated(last.info.run_id, "FINISHED", FIRST + 9)
    made = b.create_run(last.info.experiment_id, FIRST, run_name="made in the second").info.run_id
    [ids["model b"]] = [one.model_id for one in b.search_logged_models([last.info.experiment_id])]
    b.log_inputs(made, models=[LoggedModelInput(ids["model b"])])
    b.set_registered_model_alias("churn's model", "champion", "7")
    merge("b", replica("b", ids["dataset"]).dataset_id, [{"inputs": {"n": "in the second"}}])
    trace = b.search_traces(locations=[last.info.experiment_id], include_spans=False)[0].info.trace_id
    b.link_traces_to_run([trace], made)
    moved_before_the_end()
    start("a", ids["port"])
    until("an answer of a", lambda: answers("a"), 120)
    a = client("a")
    experiment = a.get_experiment_by_name("odd \u00fc/cases").experiment_id
    ids["straggler"] = a.create_run(experiment, FIRST, run_name="straggler").info.run_id
    a.log_metric(ids["straggler"], "loss", 1.5, FIRST, 1)
    [model] = a.search_logged_models([experiment])
    a.log_inputs(ids["straggler"], models=[LoggedModelInput(model.model_id)])
    a.log_metric(ids["last"], "theirs", 7, FIRST + 2, 3)
    merge("a", ids["dataset"], [{"inputs": {"n": "in the first"}}])
    a.link_traces_to_run([trace], ids["straggler"])
    a.create_registered_model("only in the first")
    a.create_model_version("only in the first", f"runs:/{ids['straggler']}/model", ids["straggler"])


@case("what only the first had is in the second, where nothing of the work was lost")
def taken_back():
    until("the straggler in the second", lambda: by_name("b", "straggler"), 60)
    until("its model in the second", lambda: client("b").search_model_versions("name = 'only in the first'"), 60)
    [last] = by_name("b", "last seen")
    until("theirs in the second", lambda: "theirs" in client("b").get_run(last.info.run_id).data.metrics, 60)
    points = client("b").get_metric_history(last.info.run_id, "loss")
    equal(sorted((one.step, one.value) for one in points), [(1, 0.5), (2, 0.25)])
    equal((last.info.status, last.info.end_time), ("FINISHED", FIRST + 9))
    [straggler] = by_name("b", "straggler")

    def read():
        return [one.model_id for one in client("b").get_run(straggler.info.run_id).inputs.model_inputs]

    until("the model that it read in the second", lambda: read() == [ids["model b"]], 60)
    until("the record in the second", lambda: "{'n': 'in the first'}" in inputs("b", ids["dataset"]), 60)
    where = [straggler.info.experiment_id]
    linked = f"attributes.run_id = '{straggler.info.run_id}'"
    until("its trace in the second", lambda: client("b").search_traces(locations=where, filter_string=linked), 60)


@case("an alias that both moved is named, and each keeps its own until a person has let the active side's stand")
def both_moved():
    until("a conflict", lambda: holdfast("resolve")["conflicts"], 60)
    [(address, why)] = holdfast("resolve")["conflicts"].items()
    true(address.startswith("model-alias/churn") and address.endswith("/champion") and "champion means version 6 there and 7 here" in why, f"the alias named, not {address}: {why}")
    equal((str(champion("a")), str(champion("b"))), ("6", "7"))
    # Another alias of the same model is held up by nothing, and one that is taken away goes.
    client("b").set_registered_model_alias("churn's model", "shadow", "6")
    client("b").delete_registered_model_alias("churn's model", "challenger")
    until("the other aliases in the first", lambda: {"challenger", "shadow"} & {*aliases("a")} == {"shadow"}, 60)
    equal((str(champion("a")), str(champion("b"))), ("6", "7"))
    halt()
    holdfast("resolve", "model-alias/*")
    serve()
    until("the alias of the second in the first", lambda: str(champion("a")) == "7", 60)
    equal((str(champion("b")), holdfast("resolve")["conflicts"]), ("7", {}))


@case("what is written to the first after that is carried over too, each time it is")
def late():
    until("the first in step", lambda: holdfast("drift")["differences"] == [], 60)
    a = client("a")
    a.log_metric(ids["straggler"], "loss", 2.5, FIRST + 5, 2)
    a.log_text(ids["straggler"], "late", "late.txt")
    a.set_terminated(ids["straggler"], "FINISHED", FIRST + 6)
    until("the end in the second", lambda: by_name("b", "straggler")[0].info.status == "FINISHED", 60)
    [run_] = by_name("b", "straggler")
    until("the file in the second", lambda: [one.path for one in client("b").list_artifacts(run_.info.run_id)] == ["late.txt"], 60)
    equal(sorted(one.step for one in client("b").get_metric_history(run_.info.run_id, "loss")), [1, 2])


@case("the first follows the second, and MLflow's client finds both to be the same")
def same():
    until("the first in step", lambda: holdfast("drift")["differences"] == [], 60)
    halt()
    holdfast("sync")
    python("compare.py", uris["b"], uris["a"], *ALL)
    report = holdfast("report")
    equal((report["from"], report["to"], report["outcome"]), ("primary", "secondary", "done"))
    true(any("old URI" in one for one in report["unfinished"]), "said that nobody can be stopped")
    carried = {one["address"] for one in report["returned"] if one["is"] in ("carried", "merged")}
    true("registered-model/only%20in%20the%20first" in carried, "named what came back")


@case("failback gives the first its place again, and loses nothing")
def back():
    facts = holdfast("failback", "--yes")
    status = holdfast("status")
    equal((status["active"], pointed()), ("primary", uris["gate a"]))
    holdfast("sync")
    equal(holdfast("drift", "--exit-code")["differences"], [])
    python("compare.py", uris["a"], uris["b"], *ALL)
    return facts and None


@case("when the first server is lost once more, a person fails over by hand")
def by_hand():
    servers["a"].stdin.close()
    servers["a"].wait(timeout=30)
    equal(holdfast("failover")["acted"], False)
    equal((holdfast("status")["active"], pointed()), ("primary", uris["gate a"]))
    equal(holdfast("failover", "--yes")["report"]["outcome"], "done")
    equal((holdfast("status")["active"], pointed()), ("secondary", uris["gate b"]))


@case("the journal verifies, and the servers end")
def end():
    # Still there only where a case before failed; `run` leaves by the shortest way, so nothing after it would end them.
    for process in processes.values():
        process.kill()
        process.wait()
    holdfast("audit", "verify")
    for server in servers.values():
        if server.poll() is None:
            server.stdin.close()
            equal(server.wait(timeout=30), 0)


run()
