"""`holdfast history` between servers of MLflow and a folder, filled and compared by MLflow's own client."""

import os
import signal
import sqlite3
import subprocess
import time

import mlflow
from cases import case, equal, run, true
from histories import HOME, holdfast, program, python, start, stop, uris
from local_azure import make_workspace, workspace_path
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

FIRST = 1_800_000_000_000
LONG_AGO = 1_500_000_000_000


def kept(name):
    """Everything that a server keeps of its history, as one text."""
    with sqlite3.connect(f"file:{HOME}/{name}/db?mode=ro", uri=True) as database:
        return [line for line in database.iterdump() if '"jobs"' not in line]


@case("four servers start, and one is filled with every odd case", first=True)
def begin():
    start("old", "new", "third", "back")
    python("seed.py", uris["old"])
    local_source()


def local_source():
    """A version whose files are on the server's machine: a server that is started so as to take it lists it from then on."""
    old = MlflowClient(uris["old"], uris["old"])
    made = old.create_model_version("kept elsewhere", "https://host/later", description="a path of the server")
    with sqlite3.connect(HOME / "old" / "db") as database:
        local = "UPDATE model_versions SET source = ?, storage_location = ? WHERE name = ? AND version = ?"
        database.execute(local, [*["file:///srv/models/churn"] * 2, "kept elsewhere", made.version])


@case("a dry run counts what a copy would make, names what is not there, and leaves nothing behind")
def foreseen():
    before = kept("new")
    code, facts = holdfast("copy", "--dry-run")
    equal((code, facts["runs"], sorted(facts["toMake"].values())), (0, 10, [0, 1, 9]))
    code, facts = holdfast("copy", "--dry-run", "--experiment", "no such")
    equal((code, [one["subject"] for one in facts["notCarried"]]), (23, ["experiment no such"]))
    equal(((HOME / "state").exists(), kept("new") == before), (False, True))


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
    python("compare.py", uris["old"], uris["new"], "--links")


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
    python("compare.py", uris["old"], uris["third"], "--links")


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
    equal((facts["runs"], facts["points"], facts["versions"], facts["traces"]), (10, 13_062, 19, 1))


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
    old.create_run(experiment, LONG_AGO, run_name="new")
    trace = old.search_traces(locations=[experiment])[0].info.trace_id
    old.set_trace_tag(trace, "late", "yes")
    old.delete_trace_tag(trace, "who")
    feedback = next(one for one in old.get_trace(trace).info.assessments if one.name == "good")
    mlflow.set_tracking_uri(uris["old"])
    mlflow.delete_assessment(trace_id=trace, assessment_id=feedback.assessment_id)
    old.set_registered_model_alias("churn's model", "champion", "7")
    old.delete_registered_model_alias("churn's model", "challenger")
    code, facts = holdfast("copy")
    # The one that ended, the new one, and the orphan, whose parent may come.
    equal((code, facts["runs"], facts["unchanged"], facts["traces"]), (0, 3, 8, 1))
    python("compare.py", uris["old"], uris["new"], "--links")


@case("what is taken away at the source goes at the target too where everything is read again, and what is renamed is renamed")
def taken_away():
    old = MlflowClient(uris["old"], uris["old"])
    old.delete_registered_model_alias("churn's model", "champion")
    experiment = old.get_experiment_by_name("odd \u00fc/cases").experiment_id
    for name in ("odd \u00fc/case", "odd \u00fc/cases"):
        old.rename_experiment(experiment, name)
        code, facts = holdfast("copy", "--recheck")
        equal((code, facts["notCarried"]), (0, []))
        python("compare.py", uris["old"], uris["new"], "--links")


@case("a copy since the last one finds what began, what was open then, whenever it says that it ended, and an old parent")
def since_the_last():
    old = MlflowClient(uris["old"], uris["old"])
    experiment = old.get_experiment_by_name("odd \u00fc/cases").experiment_id
    [ended_late] = old.search_runs([experiment], "attributes.run_name = 'new'")
    old.log_metric(ended_late.info.run_id, "late", 2.5, FIRST, 3)
    old.set_terminated(ended_late.info.run_id, "FINISHED", LONG_AGO + 1)
    parent = old.search_runs([experiment], "attributes.run_name = 'still open'")[0].info.run_id
    now = int(time.time() * 1000)
    child = old.create_run(experiment, now, {"mlflow.parentRunId": parent}, run_name="child of an old run")
    old.set_terminated(child.info.run_id, "FINISHED", now + 1)
    code, facts = holdfast("copy", "--since", "last")
    equal((code, facts["notCarried"]), (0, []))
    python("compare.py", uris["old"], uris["new"], "--links")
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


@case("a logged model and a trace that somebody changed are found by verify, each by its name")
def tampered_models():
    new = MlflowClient(uris["new"], uris["new"])
    experiment = new.get_experiment_by_name("odd \u00fc/cases").experiment_id
    [model] = new.search_logged_models([experiment])
    new.set_logged_model_tags(model.model_id, {"a": "mallory"})
    [file] = (HOME / "new" / "files").rglob(f"{model.model_id}/artifacts/MLmodel")
    before = file.read_bytes()
    file.write_bytes(before + b"\n")
    trace = new.search_traces(locations=[experiment])[0].info.trace_id
    new.set_trace_tag(trace, "late", "no")
    code, facts = holdfast("verify", "--experiment", "odd \u00fc/cases")
    differences = {(one["subject"].split(" ")[0], one["field"]) for one in facts["differences"]} - {("run", "tags.mlflow.user")}
    equal((code, differences), (23, {("logged", "tags.a"), ("logged", "file MLmodel"), ("trace", "tags.late")}))
    file.write_bytes(before)
    new.set_logged_model_tags(model.model_id, {"a": "b"})
    new.set_trace_tag(trace, "late", "yes")


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
    different = {(one["subject"].split("/")[-1], one["field"]) for one in facts["differences"]}
    different = {(one[0].split(" ")[0] if one[1] in ("trace", "logged model") else one[0], one[1]) for one in different}
    absent = {("trace", "trace"), ("logged", "logged model")}
    equal((code, different, facts["notCompared"]), (23, {("logs a model)", "models"), *absent}, []))


@case("MLflow's client finds a history that came back from a workspace to be the same, odd names too")
def back():
    code, facts = holdfast("copy", *CHOSEN, source="workspace", to="back")
    equal((code, facts["notCarried"]), (0, []))
    python("compare.py", uris["old"], uris["back"], *CHOSEN, "--mlflow-2")


@case("times in nanoseconds and steps that a double cannot hold are the same to the digit, or are named")
def long_numbers():
    old = MlflowClient(uris["old"], uris["old"])
    made = old.create_run(old.create_experiment("long numbers"), FIRST, run_name="long numbers").info.run_id
    points = [Metric("loss", n, 1_700_000_000_000_000_001 + n, 2**53 + n) for n in range(4)]
    old.log_batch(made, [*points, Metric("loss", 9, FIRST, 2**63 - 1), Metric("loss", 10, FIRST, -(2**63))])
    old.set_terminated(made, "FINISHED", FIRST + 1)
    chosen = ["--experiment", "long numbers"]
    for source, to in (("old", "new"), ("old", "folder"), ("folder", "third")):
        code, facts = holdfast("copy", *chosen, source=source, to=to)
        equal((code, facts["notCarried"]), (0, []))
        code, facts = holdfast("verify", *chosen, source=source, to=to)
        equal((code, facts["differences"], facts["points"]), (0, [], 6))
    before = kept("new")
    code, facts = holdfast("copy", *chosen, "--recheck")
    equal((code, kept("new")), (0, before))
    for to in ("new", "third"):
        python("compare.py", uris["old"], uris[to], *chosen)
    # The emulator keeps no such point, and says so.
    code, facts = holdfast("copy", *chosen, to="workspace")
    equal((code, len(facts["notCarried"])), (23, 1))
    true("loss" in facts["notCarried"][0]["message"], f"the metric named in {facts['notCarried']}")


@case("an artifact of 300 MiB, in several blocks, is the same to the byte behind two workspaces")
def large():
    old = MlflowClient(uris["old"], uris["old"])
    made = old.create_run(old.create_experiment("large"), FIRST, run_name="large").info.run_id
    old.log_text(made, "", "large/empty.txt")
    old.set_terminated(made, "FINISHED", FIRST + 1)
    [beside] = (HOME / "old" / "files").rglob("empty.txt")
    noise = os.urandom(1 << 20)
    with open(beside.with_name("large.bin"), "wb") as file:
        for number in range(300):
            file.write(number.to_bytes(8, "big") + noise[8:])
    chosen = ["--experiment", "large"]
    make_workspace("rg-history", "ws-other", "centralus")
    uris["other"] = workspace_path("rg-history", "ws-other")
    for source, to in (("old", "workspace"), ("workspace", "other"), ("other", "back")):
        code, facts = holdfast("copy", *chosen, source=source, to=to)
        equal((code, facts["notCarried"], facts["files"]), (0, [], 2))
    python("compare.py", uris["old"], uris["back"], *chosen, "--mlflow-2")


@case("a run that goes on and ends while it is copied is whole after the next copy")
def ends_meanwhile():
    old = MlflowClient(uris["old"], uris["old"])
    made = old.create_run(old.create_experiment("meanwhile"), FIRST, run_name="meanwhile").info.run_id
    old.log_batch(made, [Metric("loss", n, FIRST + n, n) for n in range(1000)])
    chosen = ["--experiment", "meanwhile"]
    process = subprocess.Popen(program("copy", *chosen), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for number in range(1000, 100_000):
        old.log_metric(made, "loss", number, FIRST + number, number)
        if process.poll() is not None:
            break
    equal(process.returncode, 0)
    old.set_terminated(made, "FINISHED", FIRST + 200_000)
    code, facts = holdfast("copy", *chosen)
    equal((code, facts["runs"], facts["notCarried"]), (0, 1, []))
    python("compare.py", uris["old"], uris["new"], *chosen)


@case("evaluation datasets are carried with their records, once, and are counted where a place has none")
def evaluations():
    old, new = (MlflowClient(uris[name], uris[name]) for name in ("old", "new"))
    experiment = old.create_experiment("evaluated")
    made = old.create_dataset("questions \u00fc", experiment_id=[experiment], tags={"team": "crm"})
    mlflow.set_tracking_uri(uris["old"])
    ada = {"source_type": "HUMAN", "source_data": {"user_name": "ada"}}
    questions = [{"inputs": {"q": n, "text": "\U0001f600"}, "expectations": {"a": [n, None, 0.1]}, "tags": {"n": str(n)}, "source": ada} for n in range(450)]
    made.merge_records(questions)
    old.create_dataset("empty", experiment_id=[experiment])
    chosen = ["--experiment", "evaluated"]

    def view(client, where):
        mlflow.set_tracking_uri(where)
        [experiment_] = [client.get_experiment_by_name("evaluated").experiment_id]
        found = {}
        for one in client.search_datasets(experiment_ids=[experiment_]):
            records = [(one.inputs, one.outputs, one.expectations, one.tags, str(one.source and one.source.to_dict())) for one in client.get_dataset(one.dataset_id).records]
            tags = {key: value for key, value in one.tags.items() if not key.startswith("holdfast.")}
            found[one.name] = (tags, sorted(map(str, records)))
        return found

    def same():
        equal(view(new, uris["new"]), view(old, uris["old"]))
        code, facts = holdfast("verify", *chosen)
        equal((code, facts["differences"], facts["evaluationDatasets"]), (0, [], 2))

    for _ in range(2):
        code, facts = holdfast("copy", *chosen)
        equal((code, facts["notCarried"]), (0, []))
    same()
    mlflow.set_tracking_uri(uris["old"])
    old.get_dataset(made.dataset_id).merge_records([{"inputs": {"q": 0, "text": "\U0001f600"}, "expectations": {"b": 1}}, {"inputs": {"q": "new"}}])
    code, facts = holdfast("verify", *chosen)
    equal((code, [(one["field"], one["source"], one["target"]) for one in facts["differences"]]), (23, [("records of its own", 2, 1)]))
    code, facts = holdfast("copy", *chosen)
    equal((code, facts["notCarried"]), (0, []))
    same()
    code, facts = holdfast("copy", *chosen, to="folder")
    equal((code, [one["message"].split(":")[0] for one in facts["notCarried"]]), (23, ["2 evaluation datasets are not carried"]))


@case("records that are taken away at the source go, and what others added there stays")
def evaluations_shrink():
    old, new = (MlflowClient(uris[name], uris[name]) for name in ("old", "new"))
    chosen = ["--experiment", "evaluated"]
    [made] = [one.dataset_id for one in old.search_datasets() if one.name == "questions \u00fc"]
    [there] = [one.dataset_id for one in new.search_datasets() if one.tags.get("holdfast.source_dataset_id") == made]

    def asked(name, dataset):
        mlflow.set_tracking_uri(uris[name])
        return {str(one.inputs): one for one in MlflowClient(uris[name], uris[name]).get_dataset(dataset).records}

    mlflow.set_tracking_uri(uris["new"])
    new.get_dataset(there).merge_records([{"inputs": {"q": "theirs"}}])
    gone = [one.dataset_record_id for one in asked("old", made).values() if one.inputs["q"] in (1, 2, "new")]
    equal(len(gone), 3)
    old.get_dataset(made).delete_records(gone)
    old.delete_dataset_tag(made, "team")
    code, facts = holdfast("copy", *chosen)
    equal((code, facts["notCarried"]), (0, []))
    equal(set(asked("new", there)) - set(asked("old", made)), {"{'q': 'theirs'}"})
    equal(set(asked("old", made)) - set(asked("new", there)), set())
    true("team" not in new.get_dataset(there).tags, "the tag gone")


@case("a copy onto a disk that is full says so, and goes on when there is room")
def full():
    small = HOME / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "history-full", str(small), "-o"]
    if subprocess.run([*mount, "size=1m"], stderr=subprocess.DEVNULL).returncode != 0:
        return "left out, since no small disk can be mounted here"
    try:
        uris["small"] = str(small / "history")
        chosen = ["--experiment", "odd \u00fc/cases"]
        done = subprocess.run(program("copy", *chosen, to="small"), capture_output=True, text=True)
        true(done.returncode != 0 and "store/full" in done.stdout + done.stderr, f"the disk named, not {done.stdout + done.stderr}")
        subprocess.run([*mount, "remount,size=64m"], check=True)
        for verb in ("copy", "verify"):
            code, facts = holdfast(verb, *chosen, to="small")
            equal((code, facts.get("notCarried", []), facts.get("differences", [])), (0, [], []))
    finally:
        subprocess.run(["umount", str(small)], check=True)


@case("the servers end")
def end():
    stop()


run()
