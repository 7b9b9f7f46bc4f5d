"""azure-ai-ml: registries, the assets in them, and jobs of workspaces that use these."""

import os
import tempfile

from azure.ai.ml import Input, MLClient, Output, command, dsl, load_component
from azure.ai.ml.entities import AmlCompute, Data, Environment, Model, Registry, RegistryRegionDetails
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from cases import case, equal, raises, run, true, until
from local_azure import arm, client, credential, fetched, files, folder, make_group, make_workspace

GROUP = "rg-registries"
NAME = "shared"
REGION = "eastus2"
ml = client(GROUP, "ws-registries")


@case("begin_create makes a registry with an account of its own, and get and list show it", first=True)
def create():
    make_group(GROUP, REGION)
    details = [RegistryRegionDetails(location=one) for one in (REGION, "centralus")]
    wanted = Registry(name=NAME, location=REGION, replication_locations=details, tags={"team": "a"})
    client(GROUP).registries.begin_create(wanted).result()
    found = client(GROUP).registries.get(NAME)
    equal((found.name, found.location, {**found.tags}), (NAME, REGION, {"team": "a"}))
    equal([one.location for one in found.replication_locations], [REGION, "centralus"])
    true(found.managed_resource_group, "a resource group of its own")
    equal([one.name for one in client(GROUP).registries.list()], [NAME])
    equal([one.name for one in client(None).registries.list(scope="subscription")], [NAME])


def registry():
    return MLClient(credential, registry_name=NAME)


@case("models with their bytes, data, environments and components are created in a registry, listed and read")
def assets():
    shared = registry()
    content = {"MLmodel": b"flavors: {}\n", "weights.bin": os.urandom(100_000)}
    made = shared.models.create_or_update(Model(name="churn", version="1", path=folder(content), type="custom_model"))
    equal((made.name, made.version), ("churn", "1"))
    back = tempfile.mkdtemp()
    shared.models.download("churn", "1", download_path=back)
    equal({name.split("/", 2)[-1]: held for name, held in files(back).items()}, content)
    equal([one.version for one in shared.models.list("churn")], ["1"])
    shared.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    equal(shared.environments.get("plain", label="latest").image, "docker.io/ubuntu:24.04")
    rows = os.path.join(folder({"rows.csv": b"a,b\n1,2\n"}), "rows.csv")
    shared.data.create_or_update(Data(name="rows", version="1", path=rows, type="uri_file"))
    equal(shared.data.get("rows", "1").type, "uri_file")
    shared.components.create_or_update(component())
    equal(shared.components.get("echo", "1").command, component().command)
    equal([one.name for one in shared.components.list()], ["echo"])
    raises((ResourceNotFoundError, HttpResponseError), lambda: shared.models.get("nobody", "1"))


def component():
    spec = {
        "name": "echo",
        "version": "1",
        "type": "command",
        "inputs": {"word": {"type": "string"}},
        "outputs": {"to": {"type": "uri_folder"}},
        "code": folder({"echo.sh": b"echo said $1 > $2/said.txt\n"}),
        "command": "sh echo.sh ${{inputs.word}} ${{outputs.to}}",
        "environment": f"azureml://registries/{NAME}/environments/plain/versions/1",
    }
    import yaml

    path = os.path.join(tempfile.mkdtemp(), "echo.yml")
    with open(path, "w") as file:
        yaml.safe_dump(spec, file)
    return load_component(path)


@case("a pipeline runs a component of a registry, with the code that is kept there")
def pipeline():
    equal(run_pipeline(ml, REGION), b"said hello\n")


@case("so does a pipeline of another region")
def elsewhere():
    equal(run_pipeline(client(GROUP, "ws-elsewhere"), "centralus"), b"said hello\n")


def run_pipeline(workspace, region):
    make_workspace(GROUP, workspace.workspace_name, region)
    workspace.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2", max_instances=1)).result()
    echo = registry().components.get("echo", "1")

    @dsl.pipeline(name="of a registry", default_compute="cpu")
    def of_registry():
        return {"said": echo(word="hello").outputs.to}

    job = workspace.jobs.create_or_update(of_registry())
    end = until("the end", lambda: next((one for one in [workspace.jobs.get(job.name)] if one.status in ENDS), None), 60)
    equal(end.status, "Completed")
    uri = workspace.data.get(f"azureml_{job.name}_output_data_said", "1").path
    return fetched(workspace, uri)["said.txt"]


ENDS = ("Completed", "Failed", "Canceled")


@case("a job takes the model and the data of a registry as inputs")
def inputs():
    job = ml.jobs.create_or_update(
        command(
            command="cat ${{inputs.rows}} > outputs/rows.csv; ls -R ${{inputs.model}} > outputs/names.txt",
            inputs={
                "rows": Input(type="uri_file", path=f"azureml://registries/{NAME}/data/rows/versions/1"),
                "model": Input(type="custom_model", path=f"azureml://registries/{NAME}/models/churn/versions/1"),
            },
            environment=f"azureml://registries/{NAME}/environments/plain/versions/1",
            compute="cpu",
        )
    )
    until("the end", lambda: ml.jobs.get(job.name).status in ENDS, 60)
    equal(ml.jobs.get(job.name).status, "Completed")
    to = tempfile.mkdtemp()
    ml.jobs.download(job.name, download_path=to, all=True)
    found = files(to)
    equal(found["artifacts/outputs/rows.csv"], b"a,b\n1,2\n")
    true(b"weights.bin" in found["artifacts/outputs/names.txt"], "the model's files")


@case("share brings a model of a workspace into a registry, with its bytes")
def share():
    content = {"weights.bin": os.urandom(10_000)}
    ml.models.create_or_update(Model(name="own", version="3", path=folder(content), type="custom_model"))
    ml.models.share("own", "3", share_with_name="shared", share_with_version="1", registry_name=NAME)
    equal(registry().models.get("shared", "1").version, "1")
    back = tempfile.mkdtemp()
    registry().models.download("shared", "1", download_path=back)
    equal(list(files(back).values()), list(content.values()))


@case("what a registry does not have, or a registry that is not there, is not found")
def absent():
    nobody = f"azureml://registries/{NAME}/components/nobody/versions/1"
    vendors = "azureml://registries/azureml/components/download_model/versions/0.0.1"
    for reference in (nobody, vendors):
        error = raises(Exception, lambda: ml.jobs.create_or_update(of_component(reference)))
        true("not found" in str(error), f"a refusal, not {error}")
    raises(HttpResponseError, lambda: MLClient(credential, registry_name="nobody").models.get("x", "1"))


def of_component(reference):
    from azure.ai.ml import load_job

    path = os.path.join(tempfile.mkdtemp(), "pipeline.yml")
    with open(path, "w") as file:
        file.write(f"type: pipeline\ncompute: azureml:cpu\njobs:\n  one:\n    type: command\n    component: {reference}\n")
    return load_job(path)


@case("begin_delete removes a registry with its assets and its own resource group")
def delete():
    registry_id = client(GROUP).registries.get(NAME).id
    group = arm("GET", registry_id).json()["properties"]["managedResourceGroup"]["resourceId"]
    client(GROUP).registries.begin_delete(name=NAME).result()
    equal([one.name for one in client(GROUP).registries.list()], [])
    raises(HttpResponseError, lambda: registry().models.get("churn", "1"))
    until("the end of its group", lambda: arm("GET", group, version="2022-09-01").status_code == 404)


run()
