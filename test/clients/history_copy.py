"""`holdfast history` between servers of MLflow and a folder, filled and compared by MLflow's own client."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from cases import case, equal, run, true, until
from local_azure import make_workspace, workspace_path
from mlflow import MlflowClient
from mlflow.entities import Param, RunTag

ROOT = Path(__file__).resolve().parents[2]
LOCAL = {**os.environ, "HOLDFAST_LOCAL": "1"}
HOME = Path(tempfile.mkdtemp(prefix="history-"))
FIRST = 1_800_000_000_000
uris = {}
servers = []


def start(name):
    home = HOME / name
    home.mkdir()
    command = [sys.executable, str(ROOT / "test" / "history" / "server.py"), str(home)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    servers.append(server)
    uris[name] = server.stdout.readline().strip()


def answers(name):
    try:
        return requests.get(f"{uris[name]}/health", timeout=2).ok
    except requests.RequestException:
        return False


def program(verb, *more, source="old", to="new"):
    command = ["node", str(ROOT / "src" / "main.ts"), "history", verb, uris[source], uris[to]]
    return [*command, "--state", str(HOME / "state"), "--json", *more]


def holdfast(verb, *more, source="old", to="new"):
    """Runs it, and gives its exit code and its facts."""
    done = subprocess.run(program(verb, *more, source=source, to=to), capture_output=True, text=True, timeout=120, env=LOCAL)
    end = done.stdout.find("\n}\n{")
    text = done.stdout if end < 0 else done.stdout[: end + 2]
    true(text, f"facts on standard output, not only {done.stderr}")
    return done.returncode, json.loads(text)


def python(name, *args):
    done = subprocess.run([sys.executable, str(ROOT / "test" / "history" / name), *args], capture_output=True, text=True)
    equal((done.returncode, done.stdout[-1500:] if done.returncode else ""), (0, ""))


def kept(name):
    """Everything that a server keeps of its history, as one text."""
    with sqlite3.connect(f"file:{HOME}/{name}/db?mode=ro", uri=True) as database:
        return [line for line in database.iterdump() if '"jobs"' not in line]


@case("four servers start, and one is filled with every odd case", first=True)
def begin():
    start("old")
    start("new")
    start("third")
    start("back")
    for name in list(uris):
        until(f"an answer of {name}", lambda name=name: answers(name), 120)
    python("seed.py", uris["old"])


@case("a copy that is killed leaves nothing behind that the next one does twice")
def killed():
    for after in (0.9, 1.5):
        process = subprocess.Popen(program("copy"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.wait()
    code, facts = holdfast("copy")
    equal((code, facts["notCarried"]), (0, []))
    equal([(one["source"], one["target"]) for one in facts["experiments"]], [(1, 1), (9, 9), (0, 0)])


@case("MLflow's client finds both histories to be the same")
def same():
    python("compare.py", uris["old"], uris["new"])


@case("a history that went through a folder is the same, also after a copy into it that was killed")
def through_a_folder():
    uris["folder"] = str(HOME / "folder")
    process = subprocess.Popen(program("copy", to="folder"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.9)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for verb in ("copy", "verify"):
        code, facts = holdfast(verb, to="folder")
        equal((code, facts.get("notCarried", []), facts.get("differences", [])), (0, [], []))
    stamps = {path: path.stat().st_ino for path in (HOME / "folder").rglob("*")}
    code, facts = holdfast("copy", "--recheck", to="folder")
    equal((code, {path: path.stat().st_ino for path in (HOME / "folder").rglob("*")}), (0, stamps))
    code, facts = holdfast("copy", source="folder", to="third")
    equal((code, facts["notCarried"]), (0, []))
    python("compare.py", uris["old"], uris["third"])


@case("a file of a folder that was damaged is named, and costs its run only")
def damaged():
    [file] = (HOME / "folder").rglob("deep.txt")
    file.write_bytes(b"DEEP")
    code, facts = holdfast("verify", source="folder", to="third")
    equal((code, [one["code"] for one in facts["notCompared"]]), (23, ["blob/damaged"]))
    true("deep.txt" in facts["notCompared"][0]["message"], "the file named")
    equal(facts["runs"], 10)


@case("holdfast finds both histories to be the same")
def verified():
    code, facts = holdfast("verify")
    equal((code, facts["differences"], facts["notCompared"]), (0, [], []))
    equal((facts["runs"], facts["points"], facts["versions"], facts["traces"]), (10, 4011, 6, 1))


@case("a second copy writes nothing, with its notes and without them")
def idle():
    before = kept("new")
    for more in ([], ["--recheck"]):
        code, facts = holdfast("copy", *more)
        equal((code, facts["files"], facts["versions"], facts["traces"]), (0, 0, 0, 0))
        equal(facts["loggedModels"] == 0, more == [])
        true(kept("new") == before, "nothing written")


@case("what changed since is carried, and only that")
def changed():
    old = MlflowClient(uris["old"], uris["old"])
    experiment = old.get_experiment_by_name("odd \u00fc/cases").experiment_id
    open_run = old.search_runs([experiment], "attributes.status = 'RUNNING' and attributes.run_name = 'still open'")[0]
    old.log_metric(open_run.info.run_id, "late", 1.5, FIRST, 3)
    old.set_terminated(open_run.info.run_id, "FINISHED", FIRST + 5)
    old.create_run(experiment, FIRST, run_name="new")
    trace = old.search_traces(locations=[experiment])[0].info.trace_id
    old.set_trace_tag(trace, "late", "yes")
    old.set_registered_model_alias("churn's model", "champion", "7")
    old.delete_registered_model_alias("churn's model", "challenger")
    code, facts = holdfast("copy")
    # The one that ended, the new one, and the orphan, whose parent may come.
    equal((code, facts["runs"], facts["unchanged"], facts["traces"]), (0, 3, 8, 1))
    python("compare.py", uris["old"], uris["new"])


@case("a copy since the last one finds what began, what was open then, whenever it says that it ended, and an old parent")
def since_the_last():
    old = MlflowClient(uris["old"], uris["old"])
    experiment = old.get_experiment_by_name("odd \u00fc/cases").experiment_id
    [ended_late] = old.search_runs([experiment], "attributes.run_name = 'new'")
    old.log_metric(ended_late.info.run_id, "late", 2.5, FIRST, 3)
    old.set_terminated(ended_late.info.run_id, "FINISHED", FIRST + 1)
    parent = old.search_runs([experiment], "attributes.run_name = 'still open'")[0].info.run_id
    now = int(time.time() * 1000)
    child = old.create_run(experiment, now, {"mlflow.parentRunId": parent}, run_name="child of an old run")
    old.set_terminated(child.info.run_id, "FINISHED", now + 1)
    code, facts = holdfast("copy", "--since", "last")
    equal((code, facts["notCarried"]), (0, []))
    python("compare.py", uris["old"], uris["new"])
    before = kept("new")
    code, facts = holdfast("copy", "--since", "last")
    equal((code, facts["notCarried"]), (0, []))
    true(kept("new") == before, "nothing written")


@case("a run that cannot be carried is named, and the others are carried")
def poisoned():
    old, new = (MlflowClient(uris[name], uris[name]) for name in ("old", "new"))
    experiment = old.create_experiment("poisoned")
    bad = old.create_run(experiment, FIRST, run_name="bad").info.run_id
    good = old.create_run(experiment, FIRST, run_name="good").info.run_id
    old.log_batch(bad, params=[Param("rate", "1")])
    there = new.create_run(new.create_experiment("poisoned"), FIRST, run_name="bad").info.run_id
    new.log_batch(there, params=[Param("rate", "2")], tags=[RunTag("holdfast.source_run_id", bad)])
    code, facts = holdfast("copy", "--experiment", "poisoned")
    equal((code, [one["code"] for one in facts["notCarried"]]), (23, ["sync/conflict"]))
    true(bad in facts["notCarried"][0]["subject"], "the bad run named")
    found = new.search_runs([new.get_experiment_by_name("poisoned").experiment_id], "tags.`mlflow.runName` = 'good'")
    equal([one.data.tags["holdfast.source_run_id"] for one in found], [good])


@case("a value that somebody changed is found by verify, by its name")
def tampered():
    new = MlflowClient(uris["new"], uris["new"])
    run_ = new.search_runs([new.get_experiment_by_name("odd \u00fc/cases").experiment_id], "attributes.run_name = 'files'")[0]
    new.set_tag(run_.info.run_id, "mlflow.user", "mallory")
    code, facts = holdfast("verify", "--experiment", "odd \u00fc/cases")
    differences = [(one["field"], one["source"], one["target"]) for one in facts["differences"]]
    equal((code, differences), (23, [("tags.mlflow.user", "ada", "mallory")]))


CHOSEN = ["--experiment", "odd \u00fc/cases", "--model", "churn's model"]


@case("a workspace gets the same history, under the same ids, and what it cannot hold is named")
def workspace():
    make_workspace("rg-history", "ws-history", "eastus2")
    uris["workspace"] = workspace_path("rg-history", "ws-history")
    code, facts = holdfast("copy", *CHOSEN, to="workspace")
    lost = sorted(one["message"] for one in facts["notCarried"])
    equal((code, len(lost)), (23, 3))
    true(lost[0].endswith("has no logged models"), "logged models lost")
    equal(lost[1], "it names logged models that the target does not have")
    true(lost[2].startswith("its 1 traces are not carried"), "traces lost")
    equal(facts["experiments"], [{"experiment": "odd \u00fc/cases", "source": 11, "target": 11}])
    # Azure ML takes fewer letters in names than MLflow's own server.
    kept = [one["remark"] for one in facts["notes"] if "holdfast.*" in one["remark"]]
    true(len(kept) == 1 and "parameter \u540d\u524d" in kept[0], f"what is kept under other names told, not {kept}")
    code, facts = holdfast("verify", *CHOSEN, to="workspace")
    different = {one["subject"] for one in facts["differences"] if not one["subject"].startswith("trace")}
    equal((code, different, facts["notCompared"]), (23, set(), []))


@case("MLflow's client finds a history that came back from a workspace to be the same, odd names too")
def back():
    code, facts = holdfast("copy", *CHOSEN, source="workspace", to="back")
    equal((code, facts["notCarried"]), (0, []))
    python("compare.py", uris["old"], uris["back"], *CHOSEN, "--mlflow-2")


@case("the servers end")
def end():
    for server in servers:
        server.stdin.close()
        equal(server.wait(timeout=30), 0)


run()
