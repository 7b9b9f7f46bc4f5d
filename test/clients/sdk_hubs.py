"""azure-ai-ml: workspaces of other kinds, the way to one by a file, and what becomes of a deleted one."""

import json
import os
import tempfile

import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AzureDataLakeGen2Datastore,
    AzureFileDatastore,
    ComputeInstance,
    Hub,
    Model,
    Project,
    ServicePrincipalConfiguration,
    Workspace,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from cases import case, equal, raises, run, true
from local_azure import CONTROL, SUBSCRIPTION, arm, client, credential, finished, folder, make_group, make_workspace

GROUP = "rg-hubs"
REGION = "eastus2"
DAY = 24 * 3600 * 1000
all_of = client(GROUP)


@case("a hub is made, found and listed by its kind", first=True)
def hub():
    make_group(GROUP, REGION)
    made = all_of.workspaces.begin_create(Hub(name="hub-one", location=REGION, description="A hub")).result()
    equal((made.name, made.description), ("hub-one", "A hub"))
    found = all_of.workspaces.get("hub-one")
    equal(type(found), Hub)
    equal([one.name for one in all_of.workspaces.list(filtered_kinds="hub")], ["hub-one"])


@case("a project stands on its hub, with the hub's storage, and the hub shows it")
def project():
    hub_id = all_of.workspaces.get("hub-one").id
    make_project(hub_id)
    found = all_of.workspaces.get("project-one")
    equal((type(found), found.hub_id.lower()), (Project, hub_id.lower()))
    equal(found.storage_account, all_of.workspaces.get("hub-one").storage_account)
    of_project = client(GROUP, "project-one")
    of_project.models.create_or_update(Model(name="m", version="1", path=folder({"w": b"1"}), type="custom_model"))
    equal([one.name for one in of_project.models.list()], ["m"])


def make_project(hub_id):
    # azure-ai-ml 1.35.2 cannot: it writes `PublicNetworkAccessType.ENABLED`, the name of its own enumeration, into
    # the template, where the values that are allowed are `Enabled` and `Disabled`.
    body = {"location": REGION, "kind": "Project", "identity": {"type": "SystemAssigned"}}
    path = hub_id.replace("/hub-one", "/project-one")
    finished(arm("PUT", path, {**body, "properties": {"hubResourceId": hub_id}}))


@case("a project and a hub go for good: the name is free at once")
def no_soft_delete():
    all_of.workspaces.begin_delete("project-one", delete_dependent_resources=False).result()
    raises(ResourceNotFoundError, lambda: all_of.workspaces.get("project-one"))
    hub_id = all_of.workspaces.get("hub-one").id
    make_project(hub_id)
    equal([one.name for one in client(GROUP, "project-one").models.list()], [])
    all_of.workspaces.begin_delete("project-one", delete_dependent_resources=False).result()
    all_of.workspaces.begin_delete("hub-one", delete_dependent_resources=False).result()
    equal([one.name for one in all_of.workspaces.list()], [])


@case("from_config finds the workspace that a file names")
def from_config():
    make_workspace(GROUP, "ws-config", REGION)
    root = tempfile.mkdtemp()
    path = os.path.join(root, "config.json")
    with open(path, "w") as file:
        json.dump({"subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace_name": "ws-config"}, file)
    found = MLClient.from_config(credential, path=path)
    equal((found.workspace_name, found.workspaces.get("ws-config").name), ("ws-config", "ws-config"))


@case("datastores of files and of a lake keep their fields, and their secrets for those who ask")
def datastores():
    ml = client(GROUP, "ws-config")
    key = AccountKeyConfiguration(account_key="a2V5")
    ml.datastores.create_or_update(
        AzureFileDatastore(name="share", account_name="other", file_share_name="docs", credentials=key)
    )
    principal = ServicePrincipalConfiguration(tenant_id="t", client_id="c", client_secret="hush")
    ml.datastores.create_or_update(
        AzureDataLakeGen2Datastore(name="lake", account_name="other", filesystem="raw", credentials=principal)
    )
    equal(ml.datastores.get("share").file_share_name, "docs")
    equal(ml.datastores.get("share", include_secrets=True).credentials.account_key, "a2V5")
    equal(ml.datastores.get("lake").filesystem, "raw")
    equal(ml.datastores.get("lake", include_secrets=True).credentials.client_secret, "hush")
    for name in ("share", "lake"):
        ml.datastores.delete(name)
        raises(ResourceNotFoundError, lambda name=name: ml.datastores.get(name))
    equal(ml.datastores.get_default().name, "workspaceblobstore")


@case("a compute instance is restarted, and runs again")
def restart():
    ml = client(GROUP, "ws-config")
    ml.compute.begin_create_or_update(ComputeInstance(name="box", size="Standard_DS3_v2")).result()
    ml.compute.begin_restart("box").result()
    equal(ml.compute.get("box").state, "Running")
    equal([one.name for one in ml.compute.list(compute_type="ComputeInstance")], ["box"])
    ml.compute.begin_delete("box").result()
    equal(list(ml.compute.list()), [])


@case("a workspace that is deleted softly holds its name, and is had back by making it again with the word for that")
def recover():
    make_workspace(GROUP, "ws-kept", REGION)
    kept = client(GROUP, "ws-kept")
    kept.models.create_or_update(Model(name="m", version="1", path=folder({"w": b"1"}), type="custom_model"))
    kept.compute.begin_create_or_update(ComputeInstance(name="box2", size="Standard_DS3_v2")).result()
    before = arm("GET", kept.workspaces.get("ws-kept").id).json()
    all_of.workspaces.begin_delete("ws-kept", delete_dependent_resources=False).result()
    plain = {key: value for key, value in before.items() if key in ("location", "identity")}
    storage = {"storageAccount": before["properties"]["storageAccount"]}
    equal(arm("PUT", before["id"], {**plain, "properties": storage}).status_code, 409)
    # The template of the client always says that it does not want it back; its users take the portal, or this.
    again = {**storage, "allowRecoverSoftDeletedWorkspace": True}
    finished(arm("PUT", before["id"], {**plain, "properties": again}))
    after = arm("GET", before["id"]).json()
    equal(after["properties"]["workspaceId"], before["properties"]["workspaceId"])
    equal([one.name for one in kept.models.list()], ["m"])
    raises(ResourceNotFoundError, lambda: kept.compute.get("box2"))


@case("after fourteen days it is gone: the same name makes another workspace, with nothing in it")
def retention():
    kept = client(GROUP, "ws-kept")
    found = kept.workspaces.get("ws-kept")
    before = arm("GET", found.id).json()["properties"]["workspaceId"]
    all_of.workspaces.begin_delete("ws-kept", delete_dependent_resources=False).result()
    move_clock(15 * DAY)
    try:
        again = Workspace(name="ws-kept", location=REGION, storage_account=found.storage_account)
        client(GROUP).workspaces.begin_create(again).result()
        after = arm("GET", found.id).json()["properties"]["workspaceId"]
        true(after != before, "another workspace")
        equal([one.name for one in client(GROUP, "ws-kept").models.list()], [])
    finally:
        move_clock(0)


def move_clock(milliseconds):
    requests.post(f"{CONTROL}/emulator/clock", json={"shiftMilliseconds": milliseconds}, timeout=30).raise_for_status()




run()
