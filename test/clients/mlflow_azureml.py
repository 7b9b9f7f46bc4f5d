"""MLflow's client with Microsoft's plugin: the `azureml://` tracking URI that a workspace gives out."""

from importlib.util import find_spec

import mlflow
import tracking
from cases import case, equal, run, true
from local_azure import arm, client, make_workspace, workspace_path

GROUP = "rg-plugin"
NAME = "ws-plugin"
# The environment of MLflow 2 has the plugin without azure-ai-ml: there ARM is asked.
ml = client(GROUP, NAME) if find_spec("azure.ai") else None


def asked(path=""):
    """What ARM has of the workspace, or of what is below it."""
    return arm("GET", f"{workspace_path(GROUP, NAME)}{path}").json()


@case("the plugin finds the workspace by the address that azure-ai-ml or ARM gives", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    uri = ml.workspaces.get(NAME).mlflow_tracking_uri if ml else asked()["properties"]["mlFlowTrackingUri"]
    true(uri.startswith("azureml://eastus2.api.azureml.ms/mlflow/"), f"an address of the plugin, not {uri}")
    mlflow.set_tracking_uri(uri)
    equal([one.name for one in mlflow.search_experiments()], ["Default"])


tracking.experiments_and_runs()
tracking.artifacts()
tracking.models()


@case("what MLflow registered is a model of azure-ai-ml, or of ARM")
def one_registry():
    if ml:
        found = ml.models.get("churn", "2")
        equal((found.tags["number"], found.job_name), ("2", tracking.runs["first"]))
        versions = [one.version for one in ml.models.list("churn")]
    else:
        equal(asked("/models/churn/versions/2")["properties"]["tags"]["number"], "2")
        versions = [one["name"] for one in asked("/models/churn/versions")["value"]]
    equal(sorted(versions), ["2", "3"])


run()
