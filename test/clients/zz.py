import json, os, traceback
from azure.ai.ml.entities import _load_functions as loads
from local_azure import *
from cases import *
from specs.corpus import copied
make_workspace("rg-z", "ws-z", "eastus2")
ml = client("rg-z", "ws-z")
@case("x")
def x():
    specs = {s.name: s for s in copied(os.path.join("/work/shared/data/azureml-examples", "cli"))}
    out=[]
    finished(arm("PUT", workspace_path("rg-z","ws-z")+"/computes/cpu-cluster", {"location":"eastus2","properties":{"computeType":"AmlCompute","properties":{"vmSize":"STANDARD_DS3_V2","scaleSettings":{"minNodeCount":0,"maxNodeCount":4}}}}))
    finished(arm("PUT", workspace_path("rg-z","ws-z")+"/computes/gpu-cluster", {"location":"eastus2","properties":{"computeType":"AmlCompute","properties":{"vmSize":"STANDARD_DS3_V2","scaleSettings":{"minNodeCount":0,"maxNodeCount":4}}}}))
    for name in ["jobs/automl-standalone-jobs/cli-automl-classification-task-bankmarketing/cli-automl-classification-task-bankmarketing.yml","jobs/pipelines/automl/cli-automl-text-classification-newsgroup-pipeline/pipeline.yml"]:
        s = specs[name]
        os.chdir(os.path.dirname(s.path))
        try:
            job = loads.load_job(s.path)
            made = ml.jobs.create_or_update(job)
            out.append(json.dumps(arm("GET", made.id).json()["properties"], indent=1))
            made._to_dict()
        except Exception:
            out.append(traceback.format_exc())
    raise Unexpected("\n".join(out))
run()
