"""MLflow's client with Microsoft's plugin: the `azureml://` tracking URI that a workspace gives out."""

import mlflow
import tracking
from cases import case, equal, run, true
from local_azure import client, make_workspace

GROUP = "rg-plugin"
NAME = "ws-plugin"
ml = client(GROUP, NAME)


@case("the plugin finds the workspace by the address that azure-ai-ml gives", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    uri = ml.workspaces.get(NAME).mlflow_tracking_uri
    true(uri.startswith("azureml://eastus2.api.azureml.ms/mlflow/"), f"an address of the plugin, not {uri}")
    mlflow.set_tracking_uri(uri)
    equal([one.name for one in mlflow.search_experiments()], ["Default"])


tracking.experiments_and_runs()
tracking.artifacts()
tracking.models()


@case("what MLflow registered is a model of azure-ai-ml")
def one_registry():
    found = ml.models.get("churn", "2")
    equal((found.tags["number"], found.job_name), ("2", tracking.runs["first"]))
    equal(sorted(one.version for one in ml.models.list("churn")), ["2", "3"])


run()
