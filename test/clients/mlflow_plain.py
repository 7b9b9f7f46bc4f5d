"""MLflow's client without any plugin: the https form of a workspace's tracking URI, and a bearer token."""

import os

import mlflow
import requests
import tracking
from cases import case, equal, raises, run
from local_azure import make_workspace, token, workspace_path
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

GROUP = "rg-plain"
NAME = "ws-plain"


@case("a workspace answers MLflow's client at the https form of its tracking URI", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    os.environ["MLFLOW_TRACKING_TOKEN"] = token()
    mlflow.set_tracking_uri(f"https://eastus2.api.azureml.ms/mlflow/v1.0{workspace_path(GROUP, NAME)}")
    equal([one.name for one in mlflow.search_experiments()], ["Default"])


tracking.experiments_and_runs()
tracking.artifacts()
tracking.models()


@case("an alias names a version, until it is taken away")
def aliases():
    client = MlflowClient()
    client.set_registered_model_alias("churn", "champion", "2")
    equal(client.get_model_version_by_alias("churn", "champion").version, "2")
    client.set_registered_model_alias("churn", "champion", "3")
    equal(client.get_registered_model("churn").aliases, {"champion": "3"})
    client.delete_registered_model_alias("churn", "champion")
    raises(MlflowException, lambda: client.get_model_version_by_alias("churn", "champion"))


@case("what only MLflow 3 has is answered as an endpoint that does not exist, as Azure ML does")
def newer():
    if not hasattr(MlflowClient, "create_logged_model"):
        return "the client is of MLflow 2 and has no call for it"
    error = raises(MlflowException, lambda: MlflowClient().create_logged_model("0", name="three"))
    equal(error.error_code, "ENDPOINT_NOT_FOUND")
    raises(MlflowException, lambda: MlflowClient().search_logged_models(["0"]))


@case("a request without a token, and one with a token that was altered, are refused")
def strangers():
    uri = f"{mlflow.get_tracking_uri()}/api/2.0/mlflow/experiments/get-by-name?experiment_name=alpha"
    kept = os.environ["MLFLOW_TRACKING_TOKEN"]

    def status(headers):
        return requests.get(uri, headers=headers, timeout=30).status_code

    equal(status({"Authorization": f"Bearer {kept}"}), 200)
    equal([status({}), status({"Authorization": f"Bearer {kept[:-8]}AAAAAAAA"})], [401, 401])


run()
