"""The emulator as a scenario sees it: credentials, ARM without a client, folders, and the switch of a region."""

import logging
import os
import tempfile
import time

import requests
from azure.identity import DefaultAzureCredential

ARM = "https://management.azure.com"
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
CONTROL = os.environ["EMULATOR_CONTROL"]

logging.disable(logging.WARNING)

credential = DefaultAzureCredential()


def client(group, workspace=None):
    """A client of azure-ai-ml with nothing set but where it should look."""
    # Not at the top: one environment has no azure-ai-ml.
    from azure.ai.ml import MLClient

    return MLClient(credential, SUBSCRIPTION, group, workspace)


def token():
    """A bearer token for ARM and for the data planes of Azure ML."""
    return credential.get_token(f"{ARM}/.default").token


def arm(method, path, body=None, version="2025-12-01"):
    """Sends one request to ARM as curl would, and gives the answer, whatever its status is."""
    headers = {"Authorization": f"Bearer {token()}"}
    return requests.request(
        method, f"{ARM}{path}", params={"api-version": version}, json=body, headers=headers, timeout=60
    )


def group_path(group):
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"


def workspace_path(group, workspace):
    return f"{group_path(group)}/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"


def make_group(group, location):
    """Makes a resource group, unless there is one of this name."""
    if arm("GET", group_path(group), version="2022-09-01").status_code == 200:
        return
    answer = arm("PUT", group_path(group), {"location": location}, "2022-09-01")
    assert answer.status_code in (200, 201), answer.text


def make_workspace(group, name, location):
    """A workspace and its storage account, straight through ARM."""
    make_group(group, location)
    account = f"{group_path(group)}/providers/Microsoft.Storage/storageAccounts/{name.replace('-', '')}"
    store = {"location": location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    finished(arm("PUT", account, store, "2023-01-01"))
    path = workspace_path(group, name)
    body = {"location": location, "identity": {"type": "SystemAssigned"}, "properties": {"storageAccount": account}}
    finished(arm("PUT", path, body))


def finished(answer):
    """Waits until what ARM has accepted is done."""
    assert answer.status_code in (200, 201, 202), f"{answer.request.url}: {answer.status_code} {answer.text}"
    status = answer.headers.get("Azure-AsyncOperation")
    while status is not None:
        state = requests.get(status, headers={"Authorization": f"Bearer {token()}"}, timeout=60).json()["status"]
        if state == "Succeeded":
            return
        assert state not in ("Failed", "Canceled"), f"{answer.request.url} ended as {state}"
        time.sleep(0.2)


def region(name, act):
    """Starts, stops or kills a region; gives the state of each region afterwards."""
    answer = requests.post(f"{CONTROL}/emulator/regions/{name}/{act}", timeout=60)
    answer.raise_for_status()
    return {one["name"]: one["state"] for one in answer.json()["regions"]}


def folder(files):
    """A new folder with these files: names, which may hold slashes, and their bytes."""
    root = tempfile.mkdtemp()
    for name, content in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return root


def files(root):
    """Every file below a folder: name, with slashes, and bytes."""
    found = {}
    for parent, _, names in os.walk(root):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root).replace(os.sep, "/")] = file.read()
    return found


def fetched(ml, uri):
    """Files at a path of a datastore. Microsoft's guides fetch data so: the client has no public call for it."""
    import azure.ai.ml._artifacts._artifact_utilities as artifacts

    to = tempfile.mkdtemp()
    artifacts.download_artifact_from_aml_uri(uri=uri, destination=to, datastore_operation=ml.datastores)
    return files(to)
