"""azure-ai-ml: online and batch endpoints and their deployments, as resources with keys and traffic."""

import json
import os
import tempfile

from azure.ai.ml.entities import (
    AmlCompute,
    BatchEndpoint,
    BatchRetrySettings,
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from cases import case, equal, raises, run, true
from local_azure import client, folder, make_workspace

GROUP = "rg-endpoints"
NAME = "ws-endpoints"
ml = client(GROUP, NAME)


@case("a workspace has a model, an environment and a cluster", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    ml.compute.begin_create_or_update(AmlCompute(name="cpu", size="Standard_DS3_v2", max_instances=2)).result()
    ml.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    ml.models.create_or_update(Model(name="churn", version="1", path=folder({"w": b"1"}), type="custom_model"))
    equal(ml.models.get("churn", label="latest").version, "1")


@case("an online endpoint is made, found, listed and changed")
def endpoint():
    wanted = ManagedOnlineEndpoint(name="scores", auth_mode="key", description="Scores", tags={"team": "a"})
    made = ml.online_endpoints.begin_create_or_update(wanted).result()
    equal((made.provisioning_state, made.auth_mode), ("Succeeded", "key"))
    true(made.scoring_uri.startswith("https://scores.eastus2.inference.ml.azure.com/"), "an address of its own")
    wanted.tags = {"team": "b"}
    ml.online_endpoints.begin_create_or_update(wanted).result()
    found = ml.online_endpoints.get("scores")
    equal((found.description, found.tags), ("Scores", {"team": "b"}))
    equal([one.name for one in ml.online_endpoints.list()], ["scores"])


@case("deployments with code, model and environment stand below it, and are read back as they were made")
def deployments():
    for name in ("blue", "green"):
        ml.online_deployments.begin_create_or_update(deployment(name)).result()
    found = ml.online_deployments.get("blue", "scores")
    equal((found.instance_type, found.instance_count), ("Standard_DS3_v2", 1))
    equal((found.environment_variables, found.request_settings.request_timeout_ms), ({"A": "1"}, 5000))
    true(found.model.endswith("/models/churn/versions/1"), f"the model, not {found.model}")
    equal(found.code_configuration.scoring_script, "score.py")
    equal(sorted(one.name for one in ml.online_deployments.list("scores")), ["blue", "green"])


def deployment(name):
    return ManagedOnlineDeployment(
        name=name,
        endpoint_name="scores",
        model="azureml:churn:1",
        environment="azureml:plain:1",
        code_configuration=CodeConfiguration(code=folder({"score.py": b"pass\n"}), scoring_script="score.py"),
        environment_variables={"A": "1"},
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )


@case("traffic is shared among deployments, and mirrored to one; shares of more than all are refused")
def traffic():
    found = ml.online_endpoints.get("scores")
    found.traffic = {"blue": 90, "green": 10}
    ml.online_endpoints.begin_create_or_update(found).result()
    equal(ml.online_endpoints.get("scores").traffic, {"blue": 90, "green": 10})
    found.traffic, found.mirror_traffic = {"blue": 100, "green": 0}, {"green": 20}
    ml.online_endpoints.begin_create_or_update(found).result()
    after = ml.online_endpoints.get("scores")
    equal((after.traffic["blue"], after.mirror_traffic), (100, {"green": 20}))
    found.traffic, found.mirror_traffic = {"blue": 90, "green": 90}, {}
    raises(HttpResponseError, lambda: ml.online_endpoints.begin_create_or_update(found).result())


@case("its keys are given to those who ask, and each is made anew alone")
def keys():
    before = ml.online_endpoints.get_keys("scores")
    ml.online_endpoints.begin_regenerate_keys("scores", key_type="primary").result()
    after = ml.online_endpoints.get_keys("scores")
    equal((after.primary_key == before.primary_key, after.secondary_key == before.secondary_key), (False, True))


@case("an endpoint with tokens gives one that ends")
def token():
    wanted = ManagedOnlineEndpoint(name="tokens", auth_mode="aml_token")
    ml.online_endpoints.begin_create_or_update(wanted).result()
    given = ml.online_endpoints.get_keys("tokens")
    true(given.access_token and given.expiry_time_utc > 0, "a token and its end")


@case("a call of the endpoint is refused with the words that nothing is served here")
def invoke():
    request = os.path.join(tempfile.mkdtemp(), "request.json")
    with open(request, "w") as file:
        json.dump({"data": [1]}, file)
    refusal = raises(HttpResponseError, lambda: ml.online_endpoints.invoke("scores", request_file=request))
    true("does not" in str(refusal), f"a plain refusal, not {refusal}")


@case("a deployment that carries traffic stays; without traffic it goes, and the endpoint with the rest")
def delete():
    raises(HttpResponseError, lambda: ml.online_deployments.begin_delete("blue", "scores").result())
    found = ml.online_endpoints.get("scores")
    found.mirror_traffic = {"green": 0}
    ml.online_endpoints.begin_create_or_update(found).result()
    ml.online_deployments.begin_delete("green", "scores").result()
    equal([one.name for one in ml.online_deployments.list("scores")], ["blue"])
    ml.online_endpoints.begin_delete("scores").result()
    raises(ResourceNotFoundError, lambda: ml.online_endpoints.get("scores"))
    raises(ResourceNotFoundError, lambda: ml.online_deployments.get("blue", "scores"))


@case("a batch endpoint keeps its deployments, their settings, and which of them is the default")
def batch():
    made = ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name="nightly", description="By night")).result()
    equal((made.name, made.description), ("nightly", "By night"))
    settings = ModelBatchDeploymentSettings(
        instance_count=2, mini_batch_size=5, retry_settings=BatchRetrySettings(max_retries=4, timeout=60)
    )
    wanted = ModelBatchDeployment(
        name="first",
        endpoint_name="nightly",
        model="azureml:churn:1",
        environment="azureml:plain:1",
        compute="cpu",
        code_configuration=CodeConfiguration(code=folder({"score.py": b"pass\n"}), scoring_script="score.py"),
        settings=settings,
    )
    ml.batch_deployments.begin_create_or_update(wanted).result()
    found = ml.batch_deployments.get("first", "nightly")
    equal((found.mini_batch_size, found.retry_settings.max_retries), (5, 4))
    made.defaults = {"deployment_name": "first"}
    ml.batch_endpoints.begin_create_or_update(made).result()
    equal(ml.batch_endpoints.get("nightly").defaults.deployment_name, "first")
    equal([one.name for one in ml.batch_deployments.list("nightly")], ["first"])
    ml.batch_endpoints.begin_delete("nightly").result()
    equal([one.name for one in ml.batch_endpoints.list()], [])


run()
