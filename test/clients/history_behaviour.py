"""What other programs that copy run history are known to lose, double or hide: one case for each, by what happens here."""

import math
import os
import shutil
import tempfile
from pathlib import Path

import mlflow
from cases import case, equal, run, true
from histories import HOME, holdfast, start, stop, uris
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag, SpanEvent, ViewType

START = 1_700_000_000_000
made = {}
new = None
old = None


def twin(name, view=ViewType.ALL):
    """The replica of a run that was made here under this name."""
    experiments = [one.experiment_id for one in new.search_experiments(ViewType.ALL)]
    found = [
        one
        for one in new.search_runs(experiments, "", view, 1000)
        if one.data.tags.get("holdfast.source_run_id") == made[name]
    ]
    equal(len(found), 1)
    return found[0]


def begin(name, experiment="history", start_time=START, **tags):
    made[name] = old.create_run(made[experiment], start_time, {"mlflow.user": "ada", **tags}, name).info.run_id
    return made[name]


def put(run_, path, content):
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, os.path.basename(path))
        Path(name).write_bytes(content)
        old.log_artifact(run_, name, os.path.dirname(path) or None)


@case("two servers start, and one has a history", first=True)
def servers():
    global old, new
    start("old", "new")
    old, new = (MlflowClient(uris[name], uris[name]) for name in ("old", "new"))
    mlflow.set_tracking_uri(uris["old"])
    made["history"] = old.create_experiment("history", artifact_location=None)
    made["gone"] = old.create_experiment("gone")
    long = begin("long", **{"mlflow.source.git.commit": "abc", "mlflow.source.name": "train.py"})
    old.log_batch(long, [Metric("loss", n / 7, START + n, n) for n in range(300)], [Param("rate", "0.1")])
    old.log_batch(long, [Metric("loss", math.nan, START, 1), Metric("loss", math.inf, START, 1)])
    put(long, "deep/er/weights.bin", bytes(range(256)) * 100)
    old.set_terminated(long, "FAILED", START + 90_000)
    parent, orphan = begin("parent"), begin("orphan", **{"mlflow.parentRunId": "f" * 32})
    begin("child", **{"mlflow.parentRunId": parent})
    old.set_terminated(orphan, "FINISHED", START + 2)
    dropped = begin("dropped")
    old.log_metric(dropped, "loss", 0.5, START, 3)
    old.delete_run(dropped)
    begin("in a deleted experiment", "gone")
    old.delete_experiment(made["gone"])
    put(begin("files are gone"), "lost.txt", b"lost")
    [lost] = (HOME / "old").rglob("lost.txt")
    shutil.rmtree(lost.parent)


def logged():
    mlflow.set_experiment(experiment_id=made["history"])
    with mlflow.start_run(run_name="logs models") as run_:
        made["logs models"] = run_.info.run_id
        models = [mlflow.initialize_logged_model(name=name, model_type="agent") for name in ("first", "second")]
        for step, model in enumerate(models):
            old.log_batch(
                run_.info.run_id,
                [Metric("accuracy", 0.5 + step, START, 4, model.model_id, f"data {step}", f"digest {step}")],
            )
            mlflow.finalize_logged_model(model.model_id, "READY")
        old.log_inputs(run_.info.run_id, models=[LoggedModelInput(models[0].model_id)])
        old.log_outputs(run_.info.run_id, [LoggedModelOutput(models[1].model_id, 7)])
        with mlflow.start_span("root") as root, mlflow.start_span("child") as child:
            child.add_event(SpanEvent("tick", attributes={"at": 7}))
    mlflow.flush_trace_async_logging()
    made["trace"] = root.trace_id


def registered():
    root = old.get_run(made["long"]).info.artifact_uri
    for name in ("churn", "elsewhere"):
        old.create_registered_model(name)
    for number in range(1, 6):
        old.create_model_version("churn", f"{root}/deep", made["long"], description=f"v{number}")
    for number in ("1", "3"):
        old.delete_model_version("churn", number)
    old.create_model_version("churn", f"runs:/{made['dropped']}/model", made["dropped"])
    old.set_registered_model_alias("churn", "champion", "4")
    old.transition_model_version_stage("churn", "5", "Staging")
    for source in ("azureml://w/m", "wasbs://c@a.blob.core.windows.net/m", "abfss://c@a.dfs.core.windows.net/m", "s3://b/m"):
        old.create_model_version("elsewhere", source)
    old.register_prompt("greeting", "Hello {{name}}")


@case("a copy counts what it could not carry, and its exit code says so", first=True)
def copied():
    logged()
    registered()
    code, facts = holdfast("copy")
    equal((code, [one["subject"] for one in facts["notCarried"]]), (0, []))
    true(facts["points"] > 300 and facts["bytes"] > 25_000, "points and bytes counted")
    counts = {one["experiment"]: (one["source"], one["target"]) for one in facts["experiments"]}
    equal(counts, {"Default": (0, 0), "history": (7, 7), "gone": (1, 1)})


@case("a run is found again by the id that it had, without being asked to keep it")
def identity():
    equal(twin("long").info.run_name, "long")


@case("a run keeps the times of its start and its end, its status, its user and the tags of its source")
def times():
    found = twin("long")
    info = (found.info.start_time, found.info.end_time, found.info.status, found.info.user_id)
    equal(info, (START, START + 90_000, "FAILED", old.get_run(made["long"]).info.user_id))
    tags = {key: found.data.tags.get(key) for key in ("mlflow.user", "mlflow.source.git.commit", "mlflow.source.name")}
    equal(tags, {"mlflow.user": "ada", "mlflow.source.git.commit": "abc", "mlflow.source.name": "train.py"})


@case("a metric keeps every point with its step and its time, NaN and infinity too")
def points():
    def history(client, id_):
        return sorted((repr(one.value), one.timestamp, one.step) for one in client.get_metric_history(id_, "loss"))

    equal(history(new, twin("long").info.run_id), history(old, made["long"]))
    equal(len(history(old, made["long"])), 302)


@case("a metric keeps the dataset and the logged model that it is about")
def context():
    def about(client, experiment):
        return sorted(
            (model.name, one.key, one.value, one.step, one.dataset_name, one.dataset_digest)
            for model in client.search_logged_models([experiment])
            for one in model.metrics
        )

    found = about(new, new.get_experiment_by_name("history").experiment_id)
    equal(found, about(old, made["history"]))
    equal([one[4:] for one in found], [("data 0", "digest 0"), ("data 1", "digest 1")])


@case("a child is linked to its parent’s replica, and one whose parent is missing is carried all the same")
def nested():
    equal(twin("child").data.tags["mlflow.parentRunId"], twin("parent").info.run_id)
    equal(twin("orphan").data.tags["mlflow.parentRunId"], "f" * 32)


@case("deleted experiments and runs are carried, and are deleted there, with their model versions")
def deleted():
    equal(new.get_experiment_by_name("gone").lifecycle_stage, "deleted")
    equal(twin("dropped").info.lifecycle_stage, "deleted")
    equal(twin("in a deleted experiment").info.lifecycle_stage, old.get_run(made["in a deleted experiment"]).info.lifecycle_stage)
    equal(new.get_model_version("churn", "6").run_id, twin("dropped").info.run_id)


@case("a run that read one logged model and made another is linked to both, and not to the wrong one")
def links():
    # A search does not say which models a run read.
    found = new.get_run(twin("logs models").info.run_id)
    names = {model.model_id: model.name for model in new.search_logged_models([found.info.experiment_id])}
    equal([names[one.model_id] for one in found.inputs.model_inputs], ["first"])
    equal([(names[one.model_id], one.step) for one in found.outputs.model_outputs], [("second", 7)])


@case("a trace keeps its id, and the events of its inner spans")
def traces():
    spans = {one.name: one for one in new.get_trace(made["trace"]).data.spans}
    equal([(one.name, one.attributes) for one in spans["child"].events], [("tick", {"at": 7})])


@case("a version keeps its number, whatever is missing before it, its stage, its description and its aliases")
def versions():
    found = {one.version: (one.current_stage, one.description) for one in new.search_model_versions("name='churn'")}
    found = {str(number): about for number, about in found.items()}
    equal(sorted(found), ["2", "4", "5", "6"])
    equal((found["5"], found["2"]), (("Staging", "v5"), ("None", "v2")))
    equal(str(new.get_model_version_by_alias("churn", "champion").version), "4")


@case("a version of any scheme is kept with its source, and is told where its files stay where they are")
def schemes():
    found = {str(one.version): one.source for one in new.search_model_versions("name='elsewhere'")}
    equal(found, {str(one.version): one.source for one in old.search_model_versions("name='elsewhere'")})
    _, facts = holdfast("copy")
    told = [one["remark"] for one in facts["notes"] if one["subject"].endswith("of elsewhere")]
    equal([source for source in found.values() if not any(source in remark for remark in told)], [])


@case("a prompt that is there already gets the versions that it lacks")
def prompts():
    old.register_prompt("greeting", "Good day, {{name}}")
    equal(holdfast("copy")[0], 0)
    equal([new.load_prompt("greeting", version=number).template for number in (1, 2)], ["Hello {{name}}", "Good day, {{name}}"])


@case("a run without its files is carried without them, and the files of others are the same to the byte")
def files():
    twin("files are gone")
    path = new.download_artifacts(twin("long").info.run_id, "deep/er/weights.bin")
    equal(Path(path).read_bytes(), bytes(range(256)) * 100)


@case("a second copy makes nothing twice, also where nobody remembers the first")
def twice():
    for more in ([], ["--recheck"], ["--state", str(HOME / "forgotten")]):
        code, facts = holdfast("copy", *more)
        equal((code, facts["points"], facts["files"], facts["versions"], facts["traces"]), (0, 0, 0, 0, 0))
    equal(len(new.search_runs([new.get_experiment_by_name("history").experiment_id], "", ViewType.ALL)), 7)


@case("a run that began long ago and ends late is carried by what is asked for since then")
def late():
    old.log_metric(made["parent"], "late", 1.5, START, 3)
    old.set_terminated(made["parent"], "FINISHED")
    code, facts = holdfast("copy", "--since", "2026-01-01", "--experiment", "history")
    equal((code, twin("parent").info.status, twin("parent").data.metrics), (0, "FINISHED", {"late": 1.5}))


@case("a run that was restored in a deleted experiment stays as it is, whatever else is written there")
def restored():
    kept = "in a deleted experiment"
    only = ["--experiment", "gone"]
    old.restore_run(made[kept])
    equal(holdfast("copy", *only)[0], 0)
    equal((twin(kept).info.lifecycle_stage, new.get_experiment_by_name("gone").lifecycle_stage), ("active", "deleted"))
    old.restore_experiment(made["gone"])
    begin("written later", "gone")
    old.delete_experiment(made["gone"])
    old.restore_run(made[kept])
    equal(holdfast("copy", *only)[0], 0)
    stages = [twin(name).info.lifecycle_stage for name in (kept, "written later")]
    equal((stages, new.get_experiment_by_name("gone").lifecycle_stage), (["active", "deleted"], "deleted"))
    code, facts = holdfast("verify", *only)
    equal((code, facts["runs"], facts["differences"]), (0, 2, []))


def where(*names):
    """Names of the experiments at the target that have these runs."""
    return [new.get_experiment(twin(name).info.experiment_id).name for name in names]


@case("experiments that are renamed, or change names with each other, take their runs along")
def renamed():
    for name in ("one", "two"):
        made[name] = old.create_experiment(name)
        old.set_terminated(begin(f"in {name}", name), "FINISHED", START + 1)
    old.delete_experiment(old.create_experiment("three"))
    equal(holdfast("copy")[0], 0)
    for name, to in (("one", "aside"), ("two", "one"), ("one", "two")):
        old.rename_experiment(made[name], to)
    code, facts = holdfast("copy")
    equal((code, facts["notCarried"]), (0, []))
    equal(where("in one", "in two"), ["two", "one"])
    old.rename_experiment(made["one"], "one more")
    # A replica that gets its name only after it was in the way of nobody's.
    equal((holdfast("copy", "--experiment", "one more")[0], where("in one")), (0, ["one more"]))
    equal(holdfast("verify")[0], 0)


@case("an experiment whose name is another's at the target is told, with its runs")
def renamed_in_vain():
    new.create_experiment("theirs")
    old.rename_experiment(made["one"], "theirs")
    code, facts = holdfast("copy", "--experiment", "theirs")
    equal((code, {one["code"] for one in facts["notCarried"]}), (23, {"sync/conflict", "sync/loss"}))
    true(any("1 in another experiment there" in one["message"] for one in facts["notCarried"]), "the place of its run")
    old.rename_experiment(made["one"], "one more")
    equal(holdfast("copy", "--experiment", "one more")[0], 0)


@case("a name that the source does not have is told, and what it has is carried")
def mistyped():
    for more in (["--experiment", "histroy"], ["--run", "0" * 32], ["--model", "nobody's"]):
        for verb in ("copy", "verify"):
            code, facts = holdfast(verb, "--experiment", "one more", *more)
            found = facts["notCarried" if verb == "copy" else "notCompared"]
            equal((code, [one["code"] for one in found]), (23, ["sync/loss"]))
    code, facts = holdfast("copy", "--experiment", "one more", "--run", made["long"])
    equal((code, [one["message"] for one in facts["notCarried"]]), (23, ["it is in no experiment that was named"]))


@case("a registered model that was made again under its name is told to be another one")
def made_again():
    for turn in ("first", "second"):
        if turn == "second":
            old.delete_registered_model("again")
        old.create_registered_model("again")
        old.create_model_version("again", f"s3://bucket/{turn}")
        code, facts = holdfast("copy", "--experiment", "one more", "--model", "again")
    equal((code, [(one["subject"], one["code"]) for one in facts["notCarried"]]), (23, [("version 1 of again", "sync/conflict")]))
    old.delete_registered_model("again")


@case("what cannot be carried is named and counted, costs nothing else, and the exit code says so")
def failed():
    bad, good = begin("bad"), begin("good")
    old.log_param(bad, "rate", "1")
    there = new.create_run(new.get_experiment_by_name("history").experiment_id, run_name="bad")
    new.log_batch(there.info.run_id, params=[Param("rate", "2")], tags=[RunTag("holdfast.source_run_id", bad)])
    code, facts = holdfast("copy")
    equal((code, len(facts["notCarried"])), (23, 1))
    true(bad in facts["notCarried"][0]["subject"], "the run named")
    equal(twin("good").info.run_name, old.get_run(good).info.run_name)


@case("a copy takes the runs that a search of the source finds, and says what is wrong with a search")
def searched():
    uris["chosen"] = str(HOME / "chosen")
    code, facts = holdfast("copy", "--filter", "attributes.run_name = 'long' and metrics.loss < 1e9", to="chosen")
    equal((code, facts["runs"], [one["source"] for one in facts["experiments"] if one["source"]]), (0, 1, [1]))
    code, facts = holdfast("copy", "--filter", "attributes.run_name = 'nobody'", to="chosen")
    equal((code, facts["runs"]), (0, 0))
    code, facts = holdfast("copy", "--filter", "nonsense of the source", to="chosen")
    equal((code, facts["error"]["code"]), (2, "usage/bad-argument"))


@case("registered models may be kept by another server than runs, on either side")
def apart():
    start("registry")
    root = f"{old.get_run(made['long']).info.artifact_uri}/deep"
    there = MlflowClient(uris["old"], uris["registry"])
    there.create_registered_model("apart", {"a": "b"})
    there.create_model_version("apart", root, made["long"])
    there.set_registered_model_alias("apart", "best", "1")
    registries = ["--from-registry", uris["registry"], "--to-registry", uris["old"]]
    code, facts = holdfast("copy", "--model", "apart", "--run", made["long"], *registries)
    equal((code, facts["notCarried"]), (0, []))
    here = MlflowClient(uris["new"], uris["old"]).get_model_version_by_alias("apart", "best")
    replica = twin("long").info
    equal((here.run_id, here.source), (replica.run_id, f"{replica.artifact_uri}/deep"))
    equal([one.name for one in new.search_registered_models("name = 'apart'")], [])


@case("the servers end")
def end():
    stop()


run()
