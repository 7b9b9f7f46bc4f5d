"""azure-ai-ml: jobs with inputs and outputs of every type and mode, and with literals."""

import json
import os
import tempfile

from azure.ai.ml import Input, Output, command
from azure.ai.ml.entities import AmlCompute, Data, Environment, Model
from azure.core.exceptions import HttpResponseError
from cases import case, equal, raises, run, true, until
from local_azure import client, fetched, files, folder, make_workspace

GROUP = "rg-jobs-io"
NAME = "ws-jobs-io"
ENDS = ("Completed", "Failed", "Canceled")
ml = client(GROUP, NAME)

ROWS = b"a,b\n1,2\n"
TABLE = {"MLTable": b"type: mltable\npaths:\n  - file: ./rows.csv\ntransformations:\n  - read_delimited\n", "rows.csv": ROWS}
MODEL = {"MLmodel": b"flavors: {}\n", "weights.bin": bytes(range(256))}
# What a job of the types sees: a file's name, or the names in a folder.
SEEN = {
    "uri_file": "rows.csv",
    "uri_folder": "rows.csv",
    "mltable": "MLTable rows.csv",
    "custom_model": "MLmodel weights.bin",
    "mlflow_model": "MLmodel weights.bin",
}
MODES = {
    "uri_file": ("ro_mount", "download", "direct"),
    "uri_folder": ("ro_mount", "download", "direct"),
    "mltable": ("ro_mount", "download", "direct", "eval_mount", "eval_download"),
    "custom_model": ("ro_mount", "download", "direct"),
    "mlflow_model": ("ro_mount", "download", "direct"),
}
LOOK = b"""
import json, os, sys
seen = {}
for pair in sys.argv[1:]:
    name, _, path = pair.partition("=")
    if os.path.isdir(path):
        seen[name] = " ".join(sorted(os.listdir(path)))
    else:
        seen[name] = os.path.basename(path) if os.path.isfile(path) else path
os.makedirs("outputs", exist_ok=True)
json.dump(seen, open("outputs/seen.json", "w"))
"""


@case("a workspace has data and models of every type", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    ml.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2", max_instances=4)).result()
    ml.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    rows = folder({"rows.csv": ROWS})
    ml.data.create_or_update(Data(name="uri_file", version="1", path=os.path.join(rows, "rows.csv"), type="uri_file"))
    ml.data.create_or_update(Data(name="uri_folder", version="1", path=rows, type="uri_folder"))
    ml.data.create_or_update(Data(name="mltable", version="1", path=folder(TABLE), type="mltable"))
    for kind in ("custom_model", "mlflow_model"):
        ml.models.create_or_update(Model(name=kind, version="1", path=folder(MODEL), type=kind))
    equal(sorted(one.name for one in ml.data.list()), ["mltable", "uri_file", "uri_folder"])


@case("inputs of every type come in every mode: as files, or, where they are direct, as their address")
def inputs():
    given = {
        f"{kind}_{mode}": Input(type=kind, path=f"azureml:{kind}:1", mode=mode)
        for kind, modes in MODES.items()
        for mode in modes
    }
    job = ended(looking(given))
    equal(job.status, "Completed")
    seen = json.loads(artifact(job, "outputs/seen.json"))
    for kind, modes in MODES.items():
        for mode in modes:
            found = seen[f"{kind}_{mode}"]
            if mode == "direct":
                true(found.startswith("azureml:") or "/versions/1" in found, f"the address of {kind}, not {found}")
            else:
                equal((kind, mode, found), (kind, mode, SEEN[kind]))
    back = ml.jobs.get(job.name).inputs
    equal({name: one.mode for name, one in back.items()}, {name: one.mode for name, one in given.items()})


@case("literals come as text: words, numbers and truth")
def literals():
    given = {"word": "a b", "whole": 3, "part": 0.5, "is_true": True}
    line = "python3 look.py " + " ".join(f'{name}="${{{{inputs.{name}}}}}"' for name in given)
    job = command(
        command=line,
        inputs=given,
        code=folder({"look.py": LOOK}),
        environment="azureml:plain:1",
        compute="cpu",
    )
    job = ended(ml.jobs.create_or_update(job))
    equal(json.loads(artifact(job, "outputs/seen.json")), {"word": "a b", "whole": "3", "part": "0.5", "is_true": "True"})


@case("outputs of every type go up in every mode, and are registered by the type they have")
def outputs():
    kinds = ("uri_folder", "mltable", "custom_model", "mlflow_model")
    wanted = {f"{kind}_{mode}": Output(type=kind, mode=mode) for kind in kinds for mode in ("rw_mount", "upload")}
    wanted |= {f"uri_file_{mode}": Output(type="uri_file", mode=mode) for mode in ("rw_mount", "upload")}
    steps = [
        f"echo {name} > ${{{{outputs.{name}}}}}" + ("" if name.startswith("uri_file") else "/out.txt")
        for name in wanted
    ]
    job = command(command=" && ".join(steps), outputs=wanted, environment="azureml:plain:1", compute="cpu")
    job = ended(ml.jobs.create_or_update(job))
    equal(job.status, "Completed")
    for name, output in wanted.items():
        kind = "model" if "model" in name else "data"
        registered = getattr(ml, f"{kind}s" if kind == "model" else kind)
        made = registered.get(f"azureml_{job.name}_output_{kind}_{name}", "1")
        equal((name, made.type), (name, output.type))
        equal(list(fetched(ml, made.path).values()), [f"{name}\n".encode()])


@case("an output in rw_mount begins with what is at its place, and one in direct is the address of it")
def places():
    place = "azureml://datastores/workspaceblobstore/paths/kept/"
    first = {"to": Output(type="uri_folder", mode="rw_mount", path=place)}
    once = command(command="echo 1 >> ${{outputs.to}}/n", outputs=first, environment="azureml:plain:1", compute="cpu")
    for _ in range(2):
        equal(ended(ml.jobs.create_or_update(once)).status, "Completed")
    equal(list(fetched(ml, place).values()), [b"1\n1\n"])
    direct = {"to": Output(type="uri_folder", mode="direct", path=place)}
    line = "mkdir -p outputs && echo ${{outputs.to}} > outputs/place.txt"
    job = ended(
        ml.jobs.create_or_update(command(command=line, outputs=direct, environment="azureml:plain:1", compute="cpu"))
    )
    equal(artifact(job, "outputs/place.txt"), f"{place}\n".encode())


@case("an output is registered under the name and version that it asks for, and stands as `latest`")
def named():
    wanted = {"to": Output(type="uri_folder", name="cooked", version="7")}
    job = command(command="echo x > ${{outputs.to}}/x", outputs=wanted, environment="azureml:plain:1", compute="cpu")
    ended(ml.jobs.create_or_update(job))
    equal(ml.data.get("cooked", label="latest").version, "7")


@case("a job is validated before it is sent, and what the service cannot find is refused by name")
def validated():
    good = command(command="true", environment="azureml:plain:1", compute="cpu")
    true(ml.jobs.validate(good).passed, "a job that is well")
    lost = command(command="true", environment="azureml:nobody:1", compute="cpu")
    true("nobody" in str(raises(Exception, lambda: ml.jobs.create_or_update(lost))), "the name of the environment")
    nowhere = command(command="true", environment="azureml:plain:1", compute="nobody")
    true("nobody" in str(raises((HttpResponseError, Exception), lambda: ml.jobs.create_or_update(nowhere))), "the name")


@case("a job runs out of its time, and then its time is named as the reason")
def limited():
    job = command(command="sleep 600", environment="azureml:plain:1", compute="cpu")
    job.set_limits(timeout=1)
    equal(ended(ml.jobs.create_or_update(job)).status, "Canceled")


@case("environment variables of a job are seen by its command, with its inputs in them")
def variables():
    job = command(
        command="mkdir -p outputs && echo $WORD > outputs/word.txt",
        inputs={"word": "hello"},
        environment_variables={"WORD": "${{inputs.word}} there"},
        environment="azureml:plain:1",
        compute="cpu",
    )
    job = ended(ml.jobs.create_or_update(job))
    equal(artifact(job, "outputs/word.txt"), b"hello there\n")


def looking(given):
    line = "python3 look.py " + " ".join(f"{name}=${{{{inputs.{name}}}}}" for name in given)
    code = folder({"look.py": LOOK})
    return ml.jobs.create_or_update(
        command(command=line, inputs=given, code=code, environment="azureml:plain:1", compute="cpu")
    )


def artifact(job, name):
    to = tempfile.mkdtemp()
    ml.jobs.download(job.name, download_path=to, all=False)
    return files(to)[f"artifacts/{name}"]


def ended(job):
    def at_end():
        found = ml.jobs.get(job.name)
        return found if found.status in ENDS else None

    return until(f"the end of {job.name}", at_end, 90)


run()
