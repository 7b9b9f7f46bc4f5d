"""How each kind of spec is loaded, created, and read back: with the calls of azure-ai-ml that a user would make."""

import re

from azure.ai.ml.entities import _load_functions as loads
from azure.core.polling import LROPoller
from local_azure import arm

# Kinds that come as an operation which is waited for.
_BEGUN = {
    "batch deployment": "batch_deployments",
    "batch endpoint": "batch_endpoints",
    "compute": "compute",
    "online deployment": "online_deployments",
    "online endpoint": "online_endpoints",
    "schedule": "schedules",
}
_AT_ONCE = {
    "component": "components",
    "connection": "connections",
    "data": "data",
    "datastore": "datastores",
    "environment": "environments",
    "job": "jobs",
    "model": "models",
}


_LITERALS = ("string", "number", "integer", "boolean")


def given(spec, number, is_taken):
    """What a user would add on the command line: a name, an endpoint, a region that is there.

    `number` is the spec's own; `is_taken` says that another spec has this name in a region, where there is one of it.
    """
    document, more, own = spec.document, {}, f"stand-in-{number}"
    if spec.kind not in ("job", "workspace") and "name" not in document:
        more["name"] = own
    if spec.kind.endswith("endpoint") and is_taken:
        more["name"] = own
    if spec.kind.endswith("deployment"):
        if is_taken or "endpoint_name" not in document:
            more["endpoint_name"] = own
        if not str(document.get("name", own)).replace("-", "").isalnum():
            more["name"] = own
        if "settings" in document and "compute" not in document and document.get("type") != "pipeline":
            more["compute"] = "azureml:cpu-cluster"
    if spec.kind == "workspace":
        more["location"] = "eastus2"
    for name, one in (document.get("inputs") or {}).items() if spec.schema == "pipelinejob" else ():
        if isinstance(one, dict) and set(one) == {"type"} and one["type"] not in _LITERALS:
            more[f"inputs.{name}.path"] = "azureml://datastores/workspaceblobstore/paths/stand-in/"
    return more


def loaded(spec, more):
    """What the client makes of a spec, and of what is given beside it."""
    load = getattr(loads, f"load_{_loader(spec)}")
    return load(spec.path, params_override=[{key: value} for key, value in more.items()])


def expected(spec, more):
    """What must be read back: the spec with what is given beside it, in the form in which the client reads it."""
    document = {**spec.document, **{key: value for key, value in more.items() if "." not in key}}
    if spec.kind == "batch deployment":
        # Reading back, the client gives every batch deployment the older form, which has these fields at the top.
        settings = document.pop("settings", None) or {}
        document = {**document, **settings}
        document.pop("type", None)
    create = document.get("create_job")
    if isinstance(create, dict) and isinstance(create.get("job"), str):
        create = {**create}
        document = {**document, "create_job": {key: value for key, value in create.items() if key != "job"}}
    return document


def _loader(spec):
    kind = spec.kind.replace(" ", "_")
    if spec.kind != "batch deployment":
        return kind
    if spec.document.get("type") == "pipeline":
        return "pipeline_component_batch_deployment"
    return "model_batch_deployment" if "settings" in spec.document else "batch_deployment"


def begun(ml, kind, entity):
    """Begins to create it, and gives the operation, or what the client answers where there is nothing to wait for."""
    if kind == "workspace":
        return ml.workspaces.begin_create(entity)
    if kind not in _BEGUN:
        return getattr(ml, _AT_ONCE[kind]).create_or_update(entity)
    operations = getattr(ml, _BEGUN[kind])
    begin = getattr(operations, "begin_create_or_update", None) or operations.begin_create
    return begin(entity)


def ended(operation, lock):
    """What `begun` makes, once it is there. `lock` is not held while this waits."""
    if not isinstance(operation, LROPoller):
        return operation
    operation.wait()
    with lock:
        return operation.result()


def read(ml, spec, made):
    """What is there now, as the command line would show it."""
    kind = spec.kind
    if kind == "workspace":
        return _shown(ml.workspaces.get(made.name))
    if kind in ("connection", "datastore"):
        return _with_secrets(ml, kind, made.name)
    operations = getattr(ml, _BEGUN.get(kind) or _AT_ONCE[kind])
    if kind.endswith("deployment"):
        found = operations.get(made.name, made.endpoint_name)
        return _with_component(found) if spec.document.get("type") == "pipeline" else _shown(found)
    if kind in ("component", "data", "environment", "model"):
        return _shown(operations.get(made.name, made.version))
    found = operations.get(made.name)
    if kind != "job":
        return _shown(found)
    # What is printed of a command or of a pipeline of one component lacks these.
    properties = arm("GET", found.id).json()["properties"]
    if spec.schema == "automljob":
        # Every job has outputs, and the client cannot print one of AutoML that has.
        found.outputs = {}
    shown = _shown(found)
    for name, step in (properties.get("jobs") or {}).items():
        if step["type"] == "automl":
            kept = step.get("outputs") or {}
            shown["jobs"][name]["outputs"] = {key: {"type": one["job_output_type"]} for key, one in kept.items()}
    return {
        **shown,
        "experiment_name": properties["experimentName"],
        "display_name": properties["displayName"],
        "description": properties.get("description"),
        "tags": properties.get("tags"),
    }


def _with_component(found):
    # The client shows nothing of what a deployment of a component says.
    configuration = arm("GET", found.id).json()["properties"]["deploymentConfiguration"]
    settings = configuration.get("settings") or {}
    return {**_shown(found), **settings, "component": configuration["componentId"]["assetId"]}


def _with_secrets(ml, kind, name):
    found = getattr(ml, f"{kind}s").get(name)
    shown = _shown(found)
    # The client shows no password of a connection, and a SAS in the place of a key.
    act = "listsecrets" if kind == "connection" else "listSecrets"
    answer = arm("POST", f"{found.id}/{act}", {}).json()
    secrets = answer["properties"]["credentials"] if kind == "connection" else answer
    names = {"key": "account_key", "sasToken": "sas_token", "clientSecret": "client_secret"}
    held = {names.get(key, key): value for key, value in secrets.items() if isinstance(value, str)}
    return {**shown, "credentials": {**(shown.get("credentials") or {}), **held}}


def registered(ml, kind, identity):
    """What is registered in the workspace under an id or under `name:version`; `None` where that is not one."""
    found = _VERSION.search(identity)
    if kind not in ("environment", "component", "model") or "registries" in identity or found is None:
        return None
    return _shown(getattr(ml, f"{kind}s").get(*found.groups()))


_VERSION = re.compile(r"([\w.-]+)(?:/versions/|:)([\w.-]+)$")


def _shown(entity):
    # The command line prints this; the client has no public call for it.
    return entity._to_dict()
