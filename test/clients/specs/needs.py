"""What a spec needs to stand in its workspace before it is created: assets, clusters and endpoints that it names."""

import os
import threading

from local_azure import arm, finished, workspace_path

from specs.corpus import document_at, interface, of_registries, places, references

REGIONS = ("eastus2", "centralus")
_EVERYWHERE = [{"location": region} for region in REGIONS]
_IMAGE = {"image": "docker.io/ubuntu:24.04"}
_PLACE = "azureml://datastores/workspaceblobstore/paths/stand-in/"


class Needs:
    """Puts there what specs of one workspace name, each thing once."""

    def __init__(self, group, workspace):
        self._root = workspace_path(group, workspace)
        self._there = set()
        self._lock = threading.Lock()

    def meet(self, spec, more):
        """Makes all that a spec, and what is given beside it, refers to be there."""
        with self._lock:
            self._meet(spec, more)

    def _meet(self, spec, more):
        wanted = {**spec.document, **more}
        for document in _with_parts(spec.path, wanted):
            for key, name, version, holder in references(document):
                self._asset(key, name, version or "1", holder)
            for registry, kind, name, version, holder in of_registries(document):
                self._of_registry(registry, f"{kind}/{name}/versions/{version or '1'}", holder)
        endpoint = wanted.get("endpoint_name")
        if spec.kind == "online deployment":
            compute = self._kubernetes() if "kubernetes" in spec.schema else None
            self._put(f"onlineEndpoints/{endpoint}", {"authMode": "Key", "compute": compute}, located=True)
        if spec.kind == "batch deployment":
            self._put(f"batchEndpoints/{endpoint}", {"authMode": "AADToken"}, located=True)

    def _asset(self, key, name, version, holder):
        if key in ("compute", "default_compute") and name != "serverless":
            self._put(f"computes/{name}", CLUSTER, located=True)
        if key == "endpoint_deployment_id":
            self._put(f"onlineEndpoints/{name}", {"authMode": "Key"}, located=True)
            self._put(f"onlineEndpoints/{name}/deployments/{version}", self._collecting(name), located=True)
        if key == "environment":
            self._put(f"environments/{name}/versions/{version}", _IMAGE)
        if key == "component":
            self._put(f"components/{name}/versions/{version}", {"componentSpec": {**interface(holder), "name": name}})
        is_model = key == "model" or (key == "path" and "model" in str(holder.get("type")))
        if is_model:
            self._put(f"models/{name}/versions/{version}", {"modelUri": _PLACE, "modelType": "custom_model"})
        elif key == "path":
            kind = str(holder.get("type", "uri_folder"))
            self._put(f"data/{name}/versions/{version}", {"dataUri": _PLACE, "dataType": kind})

    def _of_registry(self, registry, path, holder):
        """What a registry of the vendor holds in Azure: here it is given to the estate, for all its workspaces."""
        root = f"{self._root.split('/workspaces/')[0]}/registries/{registry}"
        if arm("GET", root).status_code == 404:
            finished(arm("PUT", root, {"location": REGIONS[0], "properties": {"regionDetails": _EVERYWHERE}}))
        if path.startswith("components"):
            name = path.split("/")[1]
            made = {"componentSpec": {**interface(holder), "name": name, "version": path.split("/")[3]}}
        else:
            made = {"modelUri": f"https://{registry}.blob.core.windows.net/stand-in", "modelType": "custom_model"}
        if arm("GET", f"{root}/{path}").status_code == 404:
            finished(arm("PUT", f"{root}/{path}", {"properties": made}))

    def _collecting(self, endpoint):
        """A deployment that collects data: monitors watch no other."""
        collections = {}
        for what in ("model_inputs", "model_outputs"):
            asset = f"data/{endpoint}-{what}/versions/1"
            self._put(asset, {"dataUri": _PLACE, "dataType": "uri_folder"})
            collections[what] = {"dataCollectionMode": "Enabled", "dataId": f"{self._root}/{asset}"}
        machine = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2"}
        return {**machine, "dataCollector": {"collections": collections}}

    def _kubernetes(self):
        self._put("computes/inferencecompute", {"computeType": "Kubernetes", "resourceId": "/stand-in"}, located=True)
        return f"{self._root}/computes/inferencecompute"

    def _put(self, path, properties, located=False):
        if path in self._there:
            return
        if arm("GET", f"{self._root}/{path}").status_code == 404:
            place = {"location": "eastus2"} if located else {}
            finished(arm("PUT", f"{self._root}/{path}", {**place, "properties": properties}))
        self._there.add(path)


CLUSTER = {
    "computeType": "AmlCompute",
    "properties": {"vmSize": "STANDARD_STAND_IN", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 64}},
}


def _with_parts(path, document, seen=frozenset()):
    """A document, and those of the files of YAML that it names."""
    yield document
    for key, value, _ in places(document):
        part = os.path.normpath(os.path.join(os.path.dirname(path), value.removeprefix("file:")))
        if key in ("component", "job") and part.endswith(("yml", "yaml")) and part not in seen:
            yield from _with_parts(part, document_at(part), seen | {part})
