"""azure-ai-ml on the emulator as a cloud of its own: ARM, sign-in and metadata on localhost, without any proxy."""

import json
import os
import urllib.request

from cases import case, equal, raises, run, true

CONTROL = os.environ["EMULATOR_CONTROL"]


def door(client):
    """The variables of a client that has a name, a door of its own and no proxy."""
    with urllib.request.urlopen(f"{CONTROL}/emulator/env?client={client}&cloud") as answer:
        return json.load(answer)


os.environ.update(door("laptop"))
for name in ("HTTPS_PROXY", "HTTP_PROXY"):
    del os.environ[name]

from azure.ai.ml import MLClient  # noqa: E402
from azure.ai.ml._azure_environments import _get_aml_resource_id_from_metadata  # noqa: E402
from azure.ai.ml.entities import AmlCompute, Environment, Workspace  # noqa: E402
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError, ServiceRequestError  # noqa: E402
from azure.core.exceptions import ServiceResponseError  # noqa: E402
from azure.identity import ClientSecretCredential, DefaultAzureCredential  # noqa: E402
from azure.mgmt.core import ARMPipelineClient  # noqa: E402
from azure.core.pipeline.policies import BearerTokenCredentialPolicy  # noqa: E402
from azure.core.rest import HttpRequest  # noqa: E402

ADDRESS = os.environ["AZURE_AUTHORITY_HOST"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
credential = DefaultAzureCredential(disable_instance_discovery=True)
ml = MLClient(credential, SUBSCRIPTION, "own-cloud", "first")


def arm(method, path, body=None, address=ADDRESS):
    policy = BearerTokenCredentialPolicy(credential, f"{ADDRESS}/.default")
    client = ARMPipelineClient(base_url=address, policies=[policy])
    version = "api-version=2022-09-01"
    return client.send_request(HttpRequest(method, f"{address}/subscriptions/{SUBSCRIPTION}{path}?{version}", json=body))


def faults(list_of_faults):
    request = urllib.request.Request(f"{CONTROL}/emulator/faults", json.dumps(list_of_faults).encode(), method="PUT")
    urllib.request.urlopen(request).close()


@case("begin_create makes a workspace over localhost alone, by the client's own template", first=True)
def _():
    equal(arm("PUT", "/resourceGroups/own-cloud", {"location": "eastus2"}).status_code, 201)
    made = ml.workspaces.begin_create(Workspace(name="first", location="eastus2")).result()
    equal((made.name, made.location), ("first", "eastus2"))


@case("operations that take long are polled where they were begun")
def _():
    made = ml.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2", max_instances=1)).result()
    equal((made.name, made.provisioning_state), ("cpu", "Succeeded"))


@case("lists go on to their last page")
def _():
    for version in range(1, 36):
        ml.environments.create_or_update(Environment(name="many", version=str(version), image="ubuntu:24.04"))
    equal(sorted(int(one.version) for one in ml.environments.list(name="many")), list(range(1, 36)))


@case("the cloud is found by the address of its metadata where nothing names it, and keeps the audience of Azure ML")
def _():
    named = os.environ.pop("AZUREML_CURRENT_CLOUD")
    again = MLClient(credential, SUBSCRIPTION, "own-cloud", "first")
    equal([one.name for one in again.workspaces.list()], ["first"])
    equal(os.environ["AZUREML_CURRENT_CLOUD"], named)
    equal(_get_aml_resource_id_from_metadata(), "https://ml.azure.com")


@case("what is not there, and who may not, get Azure's errors")
def _():
    error = raises(ResourceNotFoundError, lambda: ml.compute.get("none"))
    equal(error.error.code, "ResourceNotFound")
    wrong = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        "not the secret",
        authority=ADDRESS,
        disable_instance_discovery=True,
    )
    error = raises(ClientAuthenticationError, lambda: wrong.get_token(f"{ADDRESS}/.default"))
    true("AADSTS7000215" in str(error), "the reason is Entra's")


@case("a client is named by its door: a cut of one leaves the others")
def _():
    other = door("desktop")["AZURE_AUTHORITY_HOST"]
    true(other != ADDRESS, "each client has a door of its own")
    faults([{"is": "cut", "between": ["laptop", "arm"]}])
    try:
        raises((ServiceRequestError, ServiceResponseError), lambda: arm("GET", "/resourceGroups/own-cloud"))
        equal(arm("GET", "/resourceGroups/own-cloud", address=other).status_code, 200)
    finally:
        faults([])
    equal(arm("GET", "/resourceGroups/own-cloud").status_code, 200)


run()
