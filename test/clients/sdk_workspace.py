"""azure-ai-ml: a workspace from its own template, its compute, connections and datastores, and its end."""

from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    APIKeyConnection,
    AmlCompute,
    AzureBlobDatastore,
    AzureDataLakeGen2Datastore,
    ComputeInstance,
    NoneCredentialConfiguration,
    PatTokenConfiguration,
    Workspace,
    WorkspaceConnection,
)
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient
from cases import case, equal, raises, run, true
from local_azure import arm, client, group_path, make_group, workspace_path

GROUP = "rg-workspace"
NAME = "ws-first"
REGION = "eastus2"
ml = client(GROUP, NAME)


@case("begin_create makes a workspace and its storage, vault and insights from the client's own template", first=True)
def create():
    make_group(GROUP, REGION)
    wanted = Workspace(name=NAME, location=REGION, display_name="First", description="A workspace", tags={"team": "a"})
    made = client(GROUP).workspaces.begin_create(wanted).result()
    equal((made.name, made.location, made.display_name, made.tags["team"]), (NAME, REGION, "First", "a"))
    listed = arm("GET", f"{group_path(GROUP)}/resources", version="2021-04-01").json()["value"]
    kinds = sorted(one["type"].lower() for one in listed)
    for kind in (
        "microsoft.insights/components",
        "microsoft.keyvault/vaults",
        "microsoft.machinelearningservices/workspaces",
        "microsoft.storage/storageaccounts",
    ):
        true(kind in kinds, f"{kind} among {kinds}")


@case("get tells where the workspace keeps its things and where MLflow finds it")
def get():
    found = ml.workspaces.get(NAME)
    path = workspace_path(GROUP, NAME)
    equal(found.id, path)
    host = f"{REGION}.api.azureml.ms"
    equal(arm("GET", path).json()["properties"]["mlFlowTrackingUri"], f"azureml://{host}/mlflow/v1.0{path}")
    # Where azureml-mlflow stands beside it, the client asks that for the address.
    equal(found.mlflow_tracking_uri, f"azureml://{host}/mlflow/v2.0{path}")
    equal(found.discovery_url, f"https://{REGION}.api.azureml.ms/discovery")
    true("/Microsoft.Storage/storageAccounts/" in found.storage_account, "an account of storage")
    true(found.identity.principal_id, "an identity of the system")


@case("list gives the workspaces of a group and those of the subscription")
def list_workspaces():
    equal([one.name for one in ml.workspaces.list()], [NAME])
    everywhere = client(None).workspaces.list(scope="subscription")
    equal([(one.name, one.resource_group) for one in everywhere], [(NAME, GROUP)])


@case("get_keys gives the key with which the storage account answers")
def keys():
    account = ml.workspaces.get(NAME).storage_account
    key = ml.workspaces.get_keys(NAME).user_storage_key
    held = arm("POST", f"{account}/listKeys", version="2023-01-01").json()["keys"]
    true(key in [one["value"] for one in held], "one of the account's keys")


@case("begin_diagnose finds nothing wrong with a healthy workspace")
def diagnose():
    found = ml.workspaces.begin_diagnose(NAME).result()
    equal([found.storage_account_results, found.key_vault_results, found.other_results], [[], [], []])


@case("begin_update changes tags and description and leaves the rest alone")
def update():
    before = ml.workspaces.get(NAME)
    before.tags = {"team": "b"}
    before.description = "Changed"
    ml.workspaces.begin_update(before).result()
    after = ml.workspaces.get(NAME)
    equal(({**after.tags}["team"], after.description, after.display_name), ("b", "Changed", "First"))
    equal(after.storage_account, before.storage_account)


@case("compute clusters are made, resized, listed and deleted")
def clusters():
    def cluster(**sizes):
        return AmlCompute(name="cpu", size="Standard_DS3_v2", **sizes)

    made = ml.compute.begin_create_or_update(cluster(max_instances=2)).result()
    equal((made.provisioning_state, made.max_instances), ("Succeeded", 2))
    ml.compute.begin_update(cluster(min_instances=0, max_instances=3)).result()
    equal(ml.compute.get("cpu").max_instances, 3)
    equal([(one.name, one.type) for one in ml.compute.list()], [("cpu", "amlcompute")])
    ml.compute.begin_delete("cpu").result()
    raises(ResourceNotFoundError, lambda: ml.compute.get("cpu"))


@case("a compute instance is stopped and started")
def instance():
    ml.compute.begin_create_or_update(ComputeInstance(name="box", size="Standard_DS3_v2")).result()
    equal(ml.compute.get("box").state, "Running")
    ml.compute.begin_stop("box").result()
    equal(ml.compute.get("box").state, "Stopped")
    ml.compute.begin_start("box").result()
    equal(ml.compute.get("box").state, "Running")


@case("connections keep their secret, and give it to those who ask for it")
def connections():
    pat = PatTokenConfiguration(pat="a secret of a feed")
    feed = WorkspaceConnection(name="feed", type="python_feed", target="https://feed.example", credentials=pat)
    ml.connections.create_or_update(feed)
    found = ml.connections.get("feed")
    equal((found.type, found.target, found.credentials.pat), ("python_feed", "https://feed.example", None))
    secrets = arm("POST", f"{workspace_path(GROUP, NAME)}/connections/feed/listsecrets").json()
    equal(secrets["properties"]["credentials"]["pat"], "a secret of a feed")
    key = APIKeyConnection(name="speech", api_base="https://speech.example", api_key="a key")
    ml.connections.create_or_update(key)
    equal(ml.connections.get("speech").api_key, None)
    equal(ml.connections.get("speech", populate_secrets=True).api_key, "a key")
    equal(sorted(one.name for one in ml.connections.list()), ["feed", "speech"])
    ml.connections.delete("feed")
    equal([one.name for one in ml.connections.list()], ["speech"])


@case("a workspace begins with its own datastores, and the secret of the default one opens its container")
def own_datastores():
    names = sorted(one.name for one in ml.datastores.list())
    equal(names, ["workspaceartifactstore", "workspaceblobstore", "workspacefilestore", "workspaceworkingdirectory"])
    default = ml.datastores.get_default(include_secrets=True)
    equal(default.name, "workspaceblobstore")
    # The client asks for a secret that expires, and gets a SAS in place of the key.
    url = f"https://{default.account_name}.blob.core.windows.net/{default.container_name}"
    container = ContainerClient.from_container_url(f"{url}?{default.credentials.sas_token}")
    container.upload_blob("hello.txt", b"hello")
    equal(container.download_blob("hello.txt").readall(), b"hello")
    secrets = arm("POST", f"{workspace_path(GROUP, NAME)}/datastores/workspaceblobstore/listSecrets", {}).json()
    equal(secrets, {"secretsType": "AccountKey", "key": ml.workspaces.get_keys(NAME).user_storage_key})


# azure-ai-ml 1.34 fails here before it sends anything, where azure-core 1.41 stands beside it; 1.35.2 does not.
@case("datastores of other accounts are attached, with and without a key, and detached")
def other_datastores():
    key = AccountKeyConfiguration(account_key="a2V5")
    ml.datastores.create_or_update(
        AzureBlobDatastore(name="landing", account_name="other", container_name="raw", credentials=key)
    )
    ml.datastores.create_or_update(
        AzureDataLakeGen2Datastore(name="lake", account_name="other", filesystem="raw", description="Rivers end here")
    )
    landing = ml.datastores.get("landing", include_secrets=True)
    equal((landing.account_name, landing.container_name), ("other", "raw"))
    true("sig=" in landing.credentials.sas_token, "a SAS made with the key")
    lake = ml.datastores.get("lake")
    equal((lake.filesystem, lake.description), ("raw", "Rivers end here"))
    true(isinstance(lake.credentials, NoneCredentialConfiguration), "no credentials")
    ml.datastores.delete("landing")
    raises(ResourceNotFoundError, lambda: ml.datastores.get("landing"))


@case(
    "begin_delete removes the workspace for good where that is asked for, and what hung on it where that is asked for"
)
def delete():
    account = ml.workspaces.get(NAME).storage_account
    ml.workspaces.begin_delete(NAME, delete_dependent_resources=True, permanently_delete=True).result()
    raises(ResourceNotFoundError, lambda: ml.workspaces.get(NAME))
    equal([one.name for one in ml.workspaces.list()], [])
    equal(arm("GET", account, version="2023-01-01").status_code, 404)


@case("a workspace that was deleted softly comes back with all it had")
def recover():
    name = "ws-second"
    second = client(GROUP, name)
    client(GROUP).workspaces.begin_create(Workspace(name=name, location=REGION)).result()
    key = AccountKeyConfiguration(account_key="a2V5")
    second.datastores.create_or_update(
        AzureBlobDatastore(name="landing", account_name="other", container_name="raw", credentials=key)
    )
    body = arm("GET", workspace_path(GROUP, name)).json()
    second.workspaces.begin_delete(name, delete_dependent_resources=False).result()
    raises(ResourceNotFoundError, lambda: second.workspaces.get(name))
    body["properties"] = {**body["properties"], "allowRecoverSoftDeletedWorkspace": True}
    answer = arm("PUT", workspace_path(GROUP, name), body)
    true(answer.status_code in (200, 201, 202), f"accepted, not {answer.status_code} {answer.text}")
    equal(second.datastores.get("landing").container_name, "raw")


run()
