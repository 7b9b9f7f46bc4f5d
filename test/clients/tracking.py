"""Cases of MLflow's client that hold over either form of a workspace's tracking URI."""

import math
import os
import tempfile

import mlflow
from cases import case, equal, raises, true
from local_azure import files, folder
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

ARTIFACTS = {
    "MLmodel": b"flavors: {}\n",
    "deep/er/weights one.bin": os.urandom(200_000),
    "deep/n\u00e4me.txt": b"umlaut",
    "empty.txt": b"",
}
runs = {}


def experiments_and_runs():
    @case("a run keeps its metrics by step, its parameters and its tags")
    def logging():
        experiment = mlflow.set_experiment("alpha")
        with mlflow.start_run(run_name="first", tags={"team": "a"}, description="The first") as run:
            for step, loss in enumerate([0.9, 0.5, 0.25]):
                mlflow.log_metric("loss", loss, step=step)
            mlflow.log_metric("odd", math.nan)
            mlflow.log_metric("top", math.inf)
            mlflow.log_metric("bottom", -math.inf)
            mlflow.log_params({"rate": 0.1, "optimizer": "adam"})
            runs["first"] = run.info.run_id
        found = mlflow.get_run(runs["first"])
        equal(
            (found.info.status, found.info.run_name, found.info.experiment_id),
            ("FINISHED", "first", experiment.experiment_id),
        )
        equal(found.data.params, {"rate": "0.1", "optimizer": "adam"})
        equal((found.data.tags["team"], found.data.tags["mlflow.note.content"]), ("a", "The first"))
        metrics = found.data.metrics
        equal((metrics["loss"], metrics["top"], metrics["bottom"]), (0.25, math.inf, -math.inf))
        true(math.isnan(metrics["odd"]), "not a number")
        history = MlflowClient().get_metric_history(runs["first"], "loss")
        equal([(one.step, one.value) for one in history], [(0, 0.9), (1, 0.5), (2, 0.25)])
        true(found.info.start_time <= found.info.end_time, "a start before the end")

    @case("a batch holds a thousand metrics, and their order by step is kept")
    def batch():
        client = MlflowClient()
        run = client.create_run(mlflow.get_experiment_by_name("alpha").experiment_id, run_name="batch")
        runs["batch"] = run.info.run_id
        metrics = [Metric("curve", step * 0.5, 1_700_000_000_000 + step, step) for step in range(1000)]
        params = [Param(f"p{n}", "x" * n) for n in range(100)]
        client.log_batch(runs["batch"], metrics=metrics)
        client.log_batch(runs["batch"], params=params, tags=[RunTag("many", "yes")])
        client.set_terminated(runs["batch"], "FAILED")
        found = client.get_run(runs["batch"])
        equal((found.info.status, len(found.data.params), found.data.tags["many"]), ("FAILED", 100, "yes"))
        history = client.get_metric_history(runs["batch"], "curve")
        equal(
            [(one.step, one.value, one.timestamp) for one in history], [(m.step, m.value, m.timestamp) for m in metrics]
        )

    @case("a parameter cannot be changed, a tag can be changed and removed")
    def fixed():
        client = MlflowClient()
        raises(MlflowException, lambda: client.log_param(runs["batch"], "p1", "another"))
        client.set_tag(runs["batch"], "many", "no")
        equal(client.get_run(runs["batch"]).data.tags["many"], "no")
        client.delete_tag(runs["batch"], "many")
        true("many" not in client.get_run(runs["batch"]).data.tags, "no tag")

    @case("nested runs know their parent")
    def nested():
        with mlflow.start_run(run_name="parent") as parent:
            for name in ("child one", "child two"):
                with mlflow.start_run(run_name=name, nested=True) as child:
                    mlflow.log_metric("loss", len(name))
                    runs[name] = child.info.run_id
        runs["parent"] = parent.info.run_id
        wanted = f"tags.`mlflow.parentRunId` = '{runs['parent']}'"
        found = mlflow.search_runs(experiment_names=["alpha"], filter_string=wanted, output_format="list")
        equal({one.info.run_id for one in found}, {runs["child one"], runs["child two"]})

    @case("search filters, orders and pages")
    def search():
        client = MlflowClient()
        experiment = client.create_experiment("search", tags={"kind": "many"})
        for number in range(12):
            run = client.create_run(
                experiment, run_name=f"run {number}", tags={"parity": "even" if number % 2 == 0 else "odd"}
            )
            client.log_metric(run.info.run_id, "score", number)
            client.log_param(run.info.run_id, "size", "big" if number > 5 else "small")
            client.set_terminated(run.info.run_id)

        def names(text, **more):
            return [one.info.run_name for one in client.search_runs([experiment], text, **more)]

        score = ["metrics.score DESC"]
        equal(names("metrics.score >= 9", order_by=score), ["run 11", "run 10", "run 9"])
        equal(names("params.size = 'big' and tags.parity = 'even'", order_by=score), ["run 10", "run 8", "run 6"])
        equal(names("attributes.run_name LIKE 'run 1%'", order_by=score), ["run 11", "run 10", "run 1"])
        equal(names("metrics.score > 100"), [])
        pages, token = [], None
        while True:
            page = client.search_runs([experiment], order_by=["metrics.score ASC"], max_results=5, page_token=token)
            pages.append([one.data.metrics["score"] for one in page])
            token = page.token
            if not token:
                break
        equal([number for page in pages for number in page], list(range(12)))
        equal([len(page) for page in pages], [5, 5, 2])

    @case("runs and experiments are deleted and restored")
    def deletion():
        client = MlflowClient()
        client.delete_run(runs["batch"])
        alpha = mlflow.get_experiment_by_name("alpha").experiment_id

        def seen(view):
            return runs["batch"] in [one.info.run_id for one in client.search_runs([alpha], run_view_type=view)]

        equal((seen(ViewType.ACTIVE_ONLY), seen(ViewType.DELETED_ONLY)), (False, True))
        client.restore_run(runs["batch"])
        equal(client.get_run(runs["batch"]).info.lifecycle_stage, "active")
        gone = client.create_experiment("gone")
        client.delete_experiment(gone)
        true("gone" not in [one.name for one in client.search_experiments()], "not among the active")
        equal([one.name for one in client.search_experiments(view_type=ViewType.DELETED_ONLY)], ["gone"])
        client.restore_experiment(gone)
        equal(client.get_experiment(gone).lifecycle_stage, "active")

    @case("what is not there is said not to be there")
    def absent():
        error = raises(MlflowException, lambda: mlflow.get_run("0" * 32))
        equal(error.error_code, "RESOURCE_DOES_NOT_EXIST")
        equal(mlflow.get_experiment_by_name("nobody"), None)


def artifacts():
    @case("a folder of artifacts goes up and comes back byte by byte")
    def up_and_down():
        source = folder(ARTIFACTS)
        with mlflow.start_run(run_id=runs["first"]):
            mlflow.log_artifacts(source, artifact_path="model")
            mlflow.log_text("a note", "notes/note.txt")
            mlflow.log_dict({"a": 1}, "notes/dict.json")
        back = mlflow.artifacts.download_artifacts(
            run_id=runs["first"], artifact_path="model", dst_path=tempfile.mkdtemp()
        )
        equal(files(back), ARTIFACTS)
        equal(mlflow.artifacts.load_text(f"runs:/{runs['first']}/notes/note.txt"), "a note")
        equal(mlflow.artifacts.load_dict(f"runs:/{runs['first']}/notes/dict.json"), {"a": 1})

    @case("artifacts are listed folder by folder")
    def listing():
        # Not by the client's own list_artifacts: below a folder, that of MLflow 3 asks for logged models first,
        # which Azure ML does not have.
        uri = mlflow.get_run(runs["first"]).info.artifact_uri
        # MLflow 2 knows the server it talks to by itself.
        more = {"tracking_uri": mlflow.get_tracking_uri()} if mlflow.__version__[0] != "2" else {}
        repository = get_artifact_repository(uri, **more)

        def names(path=None):
            return sorted((one.path, one.is_dir) for one in repository.list_artifacts(path))

        equal(names(), [("model", True), ("notes", True)])
        equal(names("model"), [("model/MLmodel", False), ("model/deep", True), ("model/empty.txt", False)])
        equal(names("notes"), [("notes/dict.json", False), ("notes/note.txt", False)])


def models():
    @case("a registered model has versions, and a version knows its run")
    def versions():
        client = MlflowClient()
        client.create_registered_model("churn", tags={"team": "a"}, description="Who leaves")
        source = f"{client.get_run(runs['first']).info.artifact_uri}/model"
        for expected in ("1", "2", "3"):
            made = client.create_model_version("churn", source, run_id=runs["first"], tags={"number": expected})
            equal((made.version, made.status, made.run_id), (expected, "READY", runs["first"]))
        found = client.get_registered_model("churn")
        equal((found.name, found.description, found.tags["team"]), ("churn", "Who leaves", "a"))
        listed = client.search_model_versions("name = 'churn'")
        equal(sorted((one.version, one.tags["number"]) for one in listed), [("1", "1"), ("2", "2"), ("3", "3")])
        equal([one.name for one in client.search_registered_models()], ["churn"])

    @case("the files of a version come back byte by byte")
    def version_files():
        back = mlflow.artifacts.download_artifacts(artifact_uri="models:/churn/2", dst_path=tempfile.mkdtemp())
        found = files(back)
        # The client writes down beside them which version they are of.
        found.pop("registered_model_meta", None)
        equal(found, ARTIFACTS)

    @case("stages are changed, and one can be emptied for a version that enters it")
    def stages():
        client = MlflowClient()
        client.transition_model_version_stage("churn", "1", "Production")
        client.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
        stages = {one.version: one.current_stage for one in client.search_model_versions("name = 'churn'")}
        equal(stages, {"1": "Archived", "2": "Production", "3": "None"})
        equal([one.version for one in client.get_latest_versions("churn", ["Production"])], ["2"])

    @case("versions are described, tagged and deleted")
    def changes():
        client = MlflowClient()
        client.update_model_version("churn", "3", description="Better")
        client.set_model_version_tag("churn", "3", "checked", "yes")
        found = client.get_model_version("churn", "3")
        equal((found.description, found.tags["checked"]), ("Better", "yes"))
        client.delete_model_version("churn", "1")
        equal(sorted(one.version for one in client.search_model_versions("name = 'churn'")), ["2", "3"])
