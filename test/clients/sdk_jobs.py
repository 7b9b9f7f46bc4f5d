"""azure-ai-ml: jobs that run as processes of this machine, watched, downloaded and cancelled."""

import contextlib
import io
import os
import tempfile

import mlflow
from azure.ai.ml import Input, Output, command
from azure.ai.ml.entities import AmlCompute, Data, Environment
from azure.ai.ml.exceptions import JobException
from cases import case, equal, raises, run, true, until
from local_azure import client, fetched, files, folder, make_workspace

GROUP = "rg-jobs"
NAME = "ws-jobs"
TABLE = b"a,b\n1,2\n3,4\n"
TRAIN = b"""
import argparse, json, pathlib, sys, time
arguments = argparse.ArgumentParser()
for name in ("table", "rate", "model", "metrics"):
    arguments.add_argument(f"--{name}")
given = arguments.parse_args()
rows = pathlib.Path(given.table).read_text().split()[1:]
print(f"training on {len(rows)} rows at {given.rate}", flush=True)
for epoch in range(3):
    print(f"epoch {epoch}", flush=True)
    time.sleep(0.5)
print("a warning", file=sys.stderr, flush=True)
pathlib.Path(given.model, "nested").mkdir(parents=True)
pathlib.Path(given.model, "nested", "weights.bin").write_bytes(bytes(range(256)) * 100)
pathlib.Path(given.metrics).write_text(json.dumps({"rows": len(rows)}))
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs", "note.txt").write_text("kept without being named")
"""
ml = client(GROUP, NAME)
trained = None


@case("a workspace has a cluster, an environment and data for jobs", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    ml.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2", max_instances=2)).result()
    ml.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    table = os.path.join(folder({"table.csv": TABLE}), "table.csv")
    ml.data.create_or_update(Data(name="table", version="1", path=table, type="uri_file"))
    equal(ml.compute.get("cpu").provisioning_state, "Succeeded")


def training(**more):
    return command(
        code=folder({"train.py": TRAIN}),
        command="python3 train.py --table ${{inputs.table}} --rate ${{inputs.rate}}"
        " --model ${{outputs.model}} --metrics ${{outputs.metrics}}",
        inputs={"table": Input(type="uri_file", path="azureml:table:1"), "rate": 0.25},
        outputs={"model": Output(type="uri_folder"), "metrics": Output(type="uri_file")},
        environment="azureml:plain:1",
        compute="cpu",
        experiment_name="trials",
        **more,
    )


@case("a command job with code of this machine runs, and its log is streamed while it does")
def stream():
    global trained
    trained = ml.jobs.create_or_update(training(display_name="First trial", tags={"team": "a"}))
    true(trained.status in ("NotStarted", "Starting", "Queued", "Preparing", "Running"), "under way")
    said = Watched()
    with contextlib.redirect_stdout(said):
        ml.jobs.stream(trained.name)
    text = said.getvalue()
    for line in (f"RunId: {trained.name}", "training on 2 rows at 0.25", "epoch 0", "epoch 2", "a warning"):
        true(line in text, f"{line!r} in the stream, which is {text!r}")
    true(said.seen_before_the_end, "seen while the job was running")
    found = ml.jobs.get(trained.name)
    equal((found.status, found.display_name, found.tags["team"]), ("Completed", "First trial", "a"))
    equal((found.experiment_name, found.properties["StartTimeUtc"] < found.properties["EndTimeUtc"]), ("trials", True))


class Watched(io.StringIO):
    """What is written, and whether the first epoch was told before the job had ended."""

    seen_before_the_end = False

    def write(self, text):
        if "epoch 0" in text and "epoch 2" not in self.getvalue() + text:
            self.seen_before_the_end = True
        return super().write(text)


@case("download brings the log and what was left in `outputs`")
def download():
    to = tempfile.mkdtemp()
    ml.jobs.download(trained.name, download_path=to, all=True)
    found = files(to)
    equal(found.get("artifacts/outputs/note.txt"), b"kept without being named")
    log = found.get("artifacts/user_logs/std_log.txt", b"").decode()
    equal(
        [line for line in log.splitlines() if line.startswith(("training", "epoch", "a warning"))],
        ["training on 2 rows at 0.25", "epoch 0", "epoch 1", "epoch 2", "a warning"],
    )


# azure-ai-ml 1.35 leaves them out of `jobs.download` (azure-sdk-for-python#48941): run history calls the type of an
# output `UriFolder`, and the client looks for `uri_folder`. The asset that Azure registers for each holds its place.
@case("the named outputs are registered as data, and hold what the job wrote, byte by byte")
def named_outputs():
    def output(name):
        return fetched(ml, ml.data.get(f"azureml_{trained.name}_output_data_{name}", "1").path)

    equal(output("model"), {"nested/weights.bin": bytes(range(256)) * 100})
    equal(list(output("metrics").values()), [b'{"rows": 2}'])


@case("list gives jobs newest first; an archived one is left out until it is restored")
def listing():
    other = ml.jobs.create_or_update(simple("true"))
    equal([one.name for one in ml.jobs.list()], [other.name, trained.name])
    ended(other)
    ml.jobs.archive(other.name)
    equal([one.name for one in ml.jobs.list()], [trained.name])
    ml.jobs.restore(other.name)
    equal({one.name for one in ml.jobs.list()}, {other.name, trained.name})


@case("a command that fails makes a job that failed, and the stream says so")
def failing():
    job = ml.jobs.create_or_update(simple("echo about to fail; exit 7"))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        error = raises(JobException, lambda: ml.jobs.stream(job.name))
    true("about to fail" in said.getvalue(), f"the log, not {said.getvalue()!r}")
    true("status code 7" in str(error), f"the reason, not {error}")
    equal(ml.jobs.get(job.name).status, "Failed")


@case("begin_cancel ends a long job and the process of it")
def cancel():
    mark = os.path.join(tempfile.mkdtemp(), "pid")
    job = ml.jobs.create_or_update(simple(f"echo $$ > {mark}; exec sleep 600"))
    until("the process of the job", lambda: os.path.exists(mark) and open(mark).read().strip())
    pid = int(open(mark).read())
    ml.jobs.begin_cancel(job.name).result()
    equal(ended(job).status, "Canceled")
    true(not os.path.exists(f"/proc/{pid}"), "gone")


@case("a job logs to MLflow without being told where, and its run is the job")
def tracking():
    script = b"""
import mlflow
mlflow.log_metric("loss", 0.5, step=1)
mlflow.log_metric("loss", 0.25, step=2)
mlflow.log_param("depth", 3)
mlflow.log_text("hello", "notes/hello.txt")
"""
    job = simple("python train.py", code=folder({"train.py": script}))
    job = ml.jobs.create_or_update(job)
    end = ended(job, 90)
    equal((end.status, log_of(job) if end.status != "Completed" else ""), ("Completed", ""))
    mlflow.set_tracking_uri(ml.workspaces.get(NAME).mlflow_tracking_uri)
    found = mlflow.get_run(job.name)
    equal((found.data.metrics["loss"], found.data.params["depth"]), (0.25, "3"))
    history = mlflow.MlflowClient().get_metric_history(job.name, "loss")
    equal([(one.step, one.value) for one in history], [(1, 0.5), (2, 0.25)])
    equal(mlflow.artifacts.load_text(f"runs:/{job.name}/notes/hello.txt"), "hello")


def simple(line, **more):
    return command(command=line, environment="azureml:plain:1", compute="cpu", experiment_name="trials", **more)


def ended(job, seconds=30):
    return until(
        f"the end of {job.name}",
        lambda: next(
            (one for one in [ml.jobs.get(job.name)] if one.status in ("Completed", "Failed", "Canceled")), None
        ),
        seconds,
    )


def log_of(job):
    to = tempfile.mkdtemp()
    ml.jobs.download(job.name, download_path=to, all=True)
    return files(to).get("artifacts/user_logs/std_log.txt", b"").decode()


run()
