"""azure-ai-ml: pipelines, sweeps and schedules, made of commands that run as processes of this machine."""

import requests
from azure.ai.ml import Input, Output, automl, command, dsl
from azure.ai.ml.entities import AmlCompute, CronTrigger, Environment, JobSchedule, RecurrenceTrigger
from azure.ai.ml.sweep import Choice
from azure.core.exceptions import ResourceNotFoundError
from cases import case, equal, raises, run, until
from local_azure import CONTROL, client, fetched, make_workspace

GROUP = "rg-pipelines"
NAME = "ws-pipelines"
ENDS = ("Completed", "Failed", "Canceled")
ml = client(GROUP, NAME)


@case("a workspace has a cluster, an environment and two components", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    ml.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2", max_instances=4)).result()
    ml.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    component(
        "prepare", "echo prepared ${{inputs.text}} > ${{outputs.to}}/prepared.txt", {"text": Input(type="string")}
    )
    line = "sed s/prepared/trained/ ${{inputs.data}}/prepared.txt > ${{outputs.to}}/model.txt"
    component("train", line, {"data": Input(type="uri_folder")})
    equal(sorted(one.name for one in ml.components.list()), ["prepare", "train"])


def component(name, line, inputs):
    outputs = {"to": Output(type="uri_folder")}
    environment = "azureml:plain:1"
    step = command(name=name, version="1", command=line, environment=environment, inputs=inputs, outputs=outputs)
    ml.components.create_or_update(step.component)


def two_steps():
    prepare, train = (ml.components.get(name, "1") for name in ("prepare", "train"))

    @dsl.pipeline(name="two steps", default_compute="cpu", experiment_name="pipelines")
    def pipeline(text: str):
        first = prepare(text=text)
        second = train(data=first.outputs.to)
        return {"model": second.outputs.to}

    return pipeline(text="by hand")


@case("a pipeline runs its steps in order, and hands the output of one to the next")
def pipeline():
    job = ml.jobs.create_or_update(two_steps())
    equal(ended(job).status, "Completed")
    children = list(ml.jobs.list(parent_job_name=job.name))
    equal(sorted((one.display_name, one.status) for one in children), [("first", "Completed"), ("second", "Completed")])
    uri = ml.data.get(f"azureml_{job.name}_output_data_model", "1").path
    equal(fetched(ml, uri), {"model.txt": b"trained by hand\n"})


@case("begin_cancel of a pipeline ends the step that runs, and those after it never begin")
def cancel():
    component("wait", "sleep 600", {})
    wait, train = ml.components.get("wait", "1"), ml.components.get("train", "1")

    @dsl.pipeline(name="long", default_compute="cpu", experiment_name="pipelines")
    def long():
        train(data=wait().outputs.to)

    job = ml.jobs.create_or_update(long())
    until("a step that runs", lambda: [one for one in ml.jobs.list(parent_job_name=job.name) if one.status == "Running"])
    ml.jobs.begin_cancel(job.name).result()
    equal(ended(job).status, "Canceled")
    children = list(ml.jobs.list(parent_job_name=job.name))
    equal([(one.display_name, one.status) for one in children], [("wait", "Canceled")])


@case("a step of AutoML is kept, and fails its pipeline with the reason that nothing here runs it")
def kept():
    @dsl.pipeline(name="kept", default_compute="cpu", experiment_name="pipelines")
    def with_automl(rows: Input):
        step = automl.classification(training_data=rows, target_column_name="y", primary_metric="accuracy")
        step.set_limits(max_trials=1)

    place = "azureml://datastores/workspaceblobstore/paths/rows/"
    job = ml.jobs.create_or_update(with_automl(rows=Input(type="mltable", path=place)))
    equal(ended(job).status, "Failed")
    (child,) = ml.jobs.list(parent_job_name=job.name)
    equal(child.status, "Failed")
    found = ml.jobs.get(job.name)
    equal(found.jobs["step"].target_column_name, "y")


@case("a sweep runs a trial for each choice")
def sweep():
    trial = command(
        # As in an environment that has it: the score is what the trial logs.
        command="echo ${{inputs.rate}} > outputs/rate.txt && "
        'python -c "import mlflow; mlflow.log_metric(\'loss\', ${{inputs.rate}})"',
        inputs={"rate": Input(type="number", default=0.5)},
        environment="azureml:plain:1",
        compute="cpu",
    )
    swept = trial(rate=Choice([0.1, 0.2, 0.3])).sweep(sampling_algorithm="grid", primary_metric="loss", goal="Minimize")
    swept.set_limits(max_total_trials=3, max_concurrent_trials=3)
    swept.experiment_name = "pipelines"
    job = ml.jobs.create_or_update(swept)
    end = ended(job, 150)
    equal(end.status, "Completed")
    trials = {one.name: one for one in ml.jobs.list(parent_job_name=job.name)}
    equal([one.status for one in trials.values()], ["Completed"] * 3)
    best = end.properties["best_child_run_id"]
    equal((best in trials, float(end.properties["score"])), (True, 0.1))


@case("a schedule fires its pipeline when its time comes, and not once it is disabled")
def schedules():
    trigger = RecurrenceTrigger(frequency="hour", interval=1)
    schedule = JobSchedule(name="hourly", trigger=trigger, create_job=two_steps())
    ml.schedules.begin_create_or_update(schedule).result()
    found = ml.schedules.get("hourly")
    equal((found.is_enabled, found.trigger.frequency.lower(), found.trigger.interval), (True, "hour", 1))
    move_clock(hours=1)
    fired = until("a job of the schedule", lambda: [one for one in ml.jobs.list() if one.name.startswith("hourly")])
    equal(ended(fired[0]).status, "Completed")
    ml.schedules.begin_disable("hourly").result()
    equal(ml.schedules.get("hourly").is_enabled, False)
    ml.schedules.begin_delete("hourly").result()
    raises(ResourceNotFoundError, lambda: ml.schedules.get("hourly"))


@case("a schedule keeps the words of its cron expression and its time zone")
def cron():
    trigger = CronTrigger(expression="15 10 * * 1", time_zone="Pacific Standard Time")
    schedule = JobSchedule(name="weekly", trigger=trigger, create_job=two_steps())
    ml.schedules.begin_create_or_update(schedule).result()
    found = ml.schedules.get("weekly").trigger
    equal((found.expression, found.time_zone), ("15 10 * * 1", "Pacific Standard Time"))
    equal([one.name for one in ml.schedules.list()], ["weekly"])


def move_clock(hours):
    body = {"shiftMilliseconds": hours * 3_600_000}
    requests.post(f"{CONTROL}/emulator/clock", json=body, timeout=30).raise_for_status()


def ended(job, seconds=60):
    def at_end():
        found = ml.jobs.get(job.name)
        return found if found.status in ENDS else None

    return until(f"the end of {job.name}", at_end, seconds)


run()
