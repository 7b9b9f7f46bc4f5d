"""What clients meet when a region is lost, and that everything acknowledged is there when it is back."""

import os
import subprocess
import sys
import tempfile
import threading

import requests
from azure.ai.ml.entities import AmlCompute, Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.storage.blob import ContainerClient
from cases import case, equal, raises, run, true, until
from local_azure import arm, client, fetched, files, folder, make_workspace, region, token, workspace_path

GROUP = "rg-loss"
LOST, SAFE = "eastus2", "centralus"
east = client(GROUP, "ws-east")
west = client(GROUP, "ws-west")
MODEL = {"weights.bin": os.urandom(100_000), "deep/config.json": b"{}"}
acknowledged = []
container = None


@case("two regions hold a workspace each", first=True)
def two_regions():
    global container
    make_workspace(GROUP, "ws-east", LOST)
    make_workspace(GROUP, "ws-west", SAFE)
    equal(sorted((one.name, one.location) for one in east.workspaces.list()), [("ws-east", LOST), ("ws-west", SAFE)])
    for ml in (east, west):
        ml.models.create_or_update(Model(name="churn", version="1", path=folder(MODEL), type="custom_model"))
        ml.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    store = east.datastores.get_default(include_secrets=True)
    container = ContainerClient.from_container_url(
        f"https://{store.account_name}.blob.core.windows.net/{store.container_name}?{store.credentials.sas_token}",
        retry_total=0,
    )
    container.upload_blob("before.txt", b"written before")
    east.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2")).result()


@case("a region is killed while a client writes to it: some writes are acknowledged, then none", first=True)
def kill():
    failures = []
    enough = threading.Event()

    def write():
        number = 0
        while not failures:
            number += 1
            try:
                answer = arm("PUT", f"{data_path()}/d{number}/versions/1", {"properties": DATA})
                answer.raise_for_status()
            except requests.RequestException as failure:
                failures.append(failure)
            else:
                acknowledged.append(f"d{number}")
            if number == 20:
                enough.set()

    writer = threading.Thread(target=write)
    writer.start()
    true(enough.wait(30), "twenty writes")
    equal(region(LOST, "kill"), {LOST: "killed", SAFE: "running"})
    writer.join(60)
    equal(len(failures), 1)
    true(len(acknowledged) >= 20, "twenty or more acknowledged")


DATA = {"dataType": "uri_file", "dataUri": "azureml://datastores/workspaceblobstore/paths/x.csv"}


def data_path():
    return f"{workspace_path(GROUP, 'ws-east')}/data"


@case("ARM answers 503 for what lives in the lost region, and names it")
def control_plane():
    answer = arm("GET", workspace_path(GROUP, "ws-east"))
    equal(answer.status_code, 503)
    true(LOST in answer.text, f"the region's name in {answer.text}")
    equal(arm("GET", f"{data_path()}/d1/versions/1").status_code, 503)
    quick = client_without_retries("ws-east")
    equal(raises(HttpResponseError, lambda: quick.models.get("churn", "1")).status_code, 503)


@case("the data planes of the lost region fail by connection")
def data_planes():
    for host in ("eastus2.api.azureml.ms", container.url.split("/")[2]):
        raises(requests.ConnectionError, lambda: requests.get(f"https://{host}/", timeout=20))
    raises((ServiceRequestError, ServiceResponseError), lambda: container.download_blob("before.txt"))


@case("MLflow's client fails where its workspace was, within the time it is given")
def tracking():
    uri = f"https://{LOST}.api.azureml.ms/mlflow/v2.0{workspace_path(GROUP, 'ws-east')}"
    script = "import mlflow; print(mlflow.get_experiment_by_name('Default'))"
    env = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_TOKEN": token()}
    env |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0"}
    ended = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=90)
    equal(ended.returncode, 1)
    true("MlflowException" in ended.stderr, ended.stderr[-500:])


@case("the other region goes on: it is read and written as before")
def other_region():
    equal(west.models.get("churn", "1").version, "1")
    made = west.data.create_or_update(Data(name="later", version="1", path=folder({"x": b"1"}), type="uri_folder"))
    equal(fetched(west, made.path), {"x": b"1"})


@case("the region comes back with everything that was acknowledged, and takes writes again")
def back():
    equal(region(LOST, "start"), {LOST: "running", SAFE: "running"})
    until("an answer of the region", lambda: arm("GET", workspace_path(GROUP, "ws-east")).status_code == 200)
    names = {one.name for one in east.data.list()}
    equal([name for name in acknowledged if name not in names], [])
    # One more may be there: written, and killed before its answer went out.
    true(len(names) <= len(acknowledged) + 1, f"{len(acknowledged)} or one more")
    equal(container.download_blob("before.txt").readall(), b"written before")
    to = tempfile.mkdtemp()
    east.models.download("churn", "1", download_path=to)
    (top,) = os.listdir(os.path.join(to, "churn"))
    equal(files(os.path.join(to, "churn", top)), MODEL)
    equal(east.compute.get("cpu").provisioning_state, "Succeeded")
    equal(east.environments.get("plain", "1").image, "docker.io/ubuntu:24.04")
    east.data.create_or_update(Data(name="after", version="1", path=folder({"y": b"2"}), type="uri_folder"))
    equal(east.data.get("after", "1").version, "1")


def client_without_retries(workspace):
    from azure.ai.ml import MLClient
    from local_azure import SUBSCRIPTION, credential

    return MLClient(credential, SUBSCRIPTION, GROUP, workspace, retry_total=0)


run()
