"""Writes a history with every odd case on a tracking server, with the unmodified MLflow client: `seed.py URI`."""

import math
import os
import sys
import tempfile

import mlflow
from mlflow.entities import (
    AssessmentSource,
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
    SpanEvent,
)

START = 1_700_000_000_000
HOSTILE = (
    "100% n\u00e4me.txt",
    "a+b&c=d;e,f@g$h!.txt",
    "it's \"quoted\" (1) [2] {3}.txt",
    "percent %20 %41.txt",
    "-dash",
    ".hidden",
    "~tilde",
    "trailing dot.",
    "trailing space ",
    "CON",
    "\u202egpj.exe",
    "e\u0301 and \u00e9",
    "n" * 200,
)


def put(client, run, path, content):
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, os.path.basename(path))
        with open(name, "wb") as file:
            file.write(content)
        client.log_artifact(run, name, os.path.dirname(path) or None)


def begin(client, experiment, name, **tags):
    tags = {"mlflow.user": "ada", "mlflow.source.name": "train.py", **tags}
    return client.create_run(experiment, start_time=START, run_name=name, tags=tags).info.run_id


def metrics(client, experiment):
    run = begin(client, experiment, "odd numbers")
    values = [math.nan, math.inf, -math.inf, 0.1 + 0.2, -0.0, 1e-300, 1, 2]
    client.log_batch(run, [Metric("odd", value, START, 0) for value in values])
    client.log_batch(run, [Metric("back/and forth", step / 7, START - step, -step) for step in range(1000)])
    client.log_batch(run, [Metric("m\u00e4\u00df", 1.5, 0, 7), Metric("under__score _", 2.5, START, 0)])
    client.log_batch(run, [Metric("same time", value, START, 3) for value in range(50)])
    for first in range(0, 12_000, 1000):
        client.log_batch(run, [Metric("long", n / 3, START + n, n) for n in range(first, first + 1000)])
    client.log_batch(run, params=[Param(f"p{n}", "x" * n) for n in range(100)])
    client.log_batch(run, params=[Param("empty", ""), Param("\u540d\u524d", "\u5024 \U0001f600")])
    client.log_batch(run, params=[Param("\u00e9" * 250, "\u00e9" * 6000), Param("p" * 250, "longest name")])
    client.log_batch(run, tags=[RunTag("\u00e4 key/with.all-sorts", "line one\nline two"), RunTag("none", "")])
    client.log_batch(run, tags=[RunTag("\u00fc" * 250, "\u00e4" * 8000), RunTag("holdfast", "not ours")])
    client.set_terminated(run, "FAILED", START + 60_000)
    return run


def artifacts(client, experiment):
    run = begin(client, experiment, "files")
    put(client, run, "empty.bin", b"")
    put(client, run, "a/b/c/d/e/f/deep.txt", b"deep")
    put(client, run, "/".join(f"level {n}" for n in range(20)) + "/bottom.txt", b"bottom")
    put(client, run, "large.bin", os.urandom(3_000_000))
    for name in HOSTILE:
        put(client, run, f"with space/{name}", name.encode())
    put(client, run, "model/MLmodel", f"run_id: {run}\nflavors: {{}}\n".encode())
    client.set_terminated(run, "FINISHED", START + 61_000)
    return run


def nesting(client, experiment):
    child = begin(client, experiment, "child before its parent")
    parent = begin(client, experiment, "parent")
    client.set_tag(child, "mlflow.parentRunId", parent)
    begin(client, experiment, "orphan", **{"mlflow.parentRunId": "0" * 32})
    grandchild = begin(client, experiment, "grandchild", **{"mlflow.parentRunId": child})
    for run in (child, parent, grandchild):
        client.set_terminated(run, "FINISHED", START + 1000)


def states(client, experiment):
    begin(client, experiment, "still open")
    gone = begin(client, experiment, "deleted")
    client.log_metric(gone, "loss", 0.5, START, 1)
    put(client, gone, "kept.txt", b"kept")
    client.set_terminated(gone, "KILLED", START + 5)
    client.delete_run(gone)
    other = client.create_experiment("deleted experiment", tags={"why": "a trial"})
    run = begin(client, other, "in a deleted experiment")
    client.set_terminated(run, "FINISHED", START + 9)
    client.delete_experiment(other)


def traces():
    """In the run that is open: nested spans with events, one that failed, numbers that a double cannot hold."""
    with mlflow.start_span("root \u00fc", "CHAIN", {"large": 2**60, "nested": {"a": [1, None, 0.1]}}) as root:
        root.set_inputs({"q": "\U0001f600"})
        with mlflow.start_span("child") as child:
            child.add_event(SpanEvent("tick", attributes={"at": 7, "why": "x"}))
        try:
            with mlflow.start_span("fails"):
                raise ValueError("no")
        except ValueError:
            root.set_outputs(["failed"])
    mlflow.flush_trace_async_logging()
    trace = root.trace_id
    mlflow.set_trace_tag(trace, "who", "ada")
    ada = AssessmentSource("HUMAN", "ada")
    mlflow.log_feedback(trace_id=trace, name="good", value=True, rationale="it is", source=ada, metadata={"k": "v"})
    mlflow.log_expectation(trace_id=trace, name="answer", value={"a": 1}, source=ada)
    return trace


def logged_models(client, experiment, other):
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name="logs a model") as run:
        model = mlflow.initialize_logged_model(name="lm", model_type="agent", tags={"a": "b"}, params={"p": "1"})
        mlflow.log_metric("accuracy", 0.75, step=4, model_id=model.model_id)
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "MLmodel")
            with open(name, "w", encoding="utf-8") as file:
                file.write(f"model_id: {model.model_id}\nrun_id: {run.info.run_id}\n")
            client.log_model_artifacts(model.model_id, folder)
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 3)])
        dataset = Dataset("rows \u00fc", "digest", "http", '{"url": "https://host/rows.csv"}', "{}", '{"num_rows": 3}')
        context = InputTag("mlflow.data.context", "train")
        client.log_inputs(run.info.run_id, [DatasetInput(dataset, [context])], [LoggedModelInput(model.model_id)])
        mlflow.finalize_logged_model(model.model_id, "READY")
        client.link_traces_to_run([traces()], other)
    return model.model_id


def registered_models(client, run, model):
    name = "churn's model"
    client.create_registered_model(name, {"team": "crm"}, "Who leaves")
    root = client.get_run(run).info.artifact_uri
    for number in range(1, 8):
        client.create_model_version(name, f"{root}/model", run, {"n": str(number)}, description=f"v{number}")
    for version in ("2", "3", "5"):
        client.delete_model_version(name, version)
    client.set_registered_model_alias(name, "champion", "4")
    client.set_registered_model_alias(name, "challenger", "7")
    client.transition_model_version_stage(name, "6", "Production")
    client.create_registered_model("of a logged model")
    client.create_model_version("of a logged model", f"models:/{model}", model_id=model)
    client.create_model_version("of a logged model", f"runs:/{run}/model", run)
    client.create_registered_model("without versions")
    elsewhere(client)
    last = client.create_registered_model("last one deleted").name
    for _ in range(3):
        client.create_model_version(last, f"{root}/model", run)
    client.delete_model_version(last, "3")
    client.delete_model_version(last, "1")


def elsewhere(client):
    """Versions of which no tracking server hands out the files."""
    client.create_registered_model("kept elsewhere", {"m\u00e4\u00df": "\u00e4", "long": "x" * 5000})
    for source in (
        "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/model",
        "wasbs://container@account.blob.core.windows.net/model",
        "abfss://container@account.dfs.core.windows.net/model",
        "s3://bucket/a model",
        "gs://bucket/model",
        "dbfs:/databricks/mlflow/model",
        "https://host/model?version=1",
        "models:/churn's model/4",
        f"runs:/{'0' * 32}/model",
    ):
        client.create_model_version("kept elsewhere", source, tags={"\u00e4": source}, description=source)


def prompts(client, experiment):
    first = client.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"tone": "warm"})
    client.register_prompt("greeting", "Good day, {{name}}", commit_message="second")
    client.set_prompt_alias("greeting", "live", 2)
    trace = client.search_traces(locations=[experiment], include_spans=False)[0].info.trace_id
    client.link_prompt_versions_to_trace([first], trace)


def main(uri):
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("odd \u00fc/cases", tags={"team": "crm", "mlflow.note.content": "All of it"})
    metrics(client, experiment)
    files = artifacts(client, experiment)
    nesting(client, experiment)
    states(client, experiment)
    registered_models(client, files, logged_models(client, experiment, files))
    prompts(client, experiment)


main(sys.argv[1])
