"""azure-ai-ml: models, data, environments and components, with bytes from this machine."""

import os
import tempfile

from azure.ai.ml import Input, command
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import BuildContext, Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from cases import case, equal, raises, run, true
from local_azure import client, fetched, files, folder, make_workspace

GROUP = "rg-assets"
NAME = "ws-assets"
ml = client(GROUP, NAME)

MODEL = {
    "MLmodel": b"flavors: {}\n",
    "weights/layer one.bin": os.urandom(300_000),
    "weights/läyer-2.bin": bytes(range(256)),
    "empty": b"",
}
TABLE = b"a,b\n" + b"\n".join(b"%d,%d" % (n, n * n) for n in range(20_000))


@case("a workspace is there", first=True)
def workspace():
    make_workspace(GROUP, NAME, "eastus2")
    equal(ml.workspaces.get(NAME).name, NAME)


@case("a model folder goes up from this machine and comes back byte by byte")
def model_folder():
    made = ml.models.create_or_update(
        Model(name="churn", version="1", path=folder(MODEL), type=AssetTypes.CUSTOM_MODEL, tags={"stage": "dev"})
    )
    true("/datastores/workspaceblobstore/paths/LocalUpload/" in made.path, f"a place in a datastore, not {made.path}")
    back = tempfile.mkdtemp()
    ml.models.download("churn", "1", download_path=back)
    (top,) = os.listdir(os.path.join(back, "churn"))
    equal(files(os.path.join(back, "churn", top)), MODEL)


@case("a data file goes up from this machine and comes back byte by byte")
def data_file():
    source = folder({"table.csv": TABLE})
    wanted = Data(name="sales", version="2024", path=os.path.join(source, "table.csv"), type=AssetTypes.URI_FILE)
    made = ml.data.create_or_update(wanted)
    true(made.path.startswith("azureml://"), f"a place in a datastore, not {made.path}")
    found = ml.data.get("sales", "2024")
    equal((found.type, found.path), ("uri_file", made.path))
    equal(fetched(ml, found.path), {"table.csv": TABLE})


@case("the same bytes from this machine are not sent twice")
def same_bytes():
    source = folder({"x": TABLE})
    first = ml.data.create_or_update(Data(name="twice", version="1", path=source, type="uri_folder"))
    again = ml.data.create_or_update(Data(name="twice", version="2", path=source, type="uri_folder"))
    equal(again.path, first.path)


@case("versions are numbered where none is given, and `latest` is the newest of them")
def versions():
    def register(path):
        return ml.models.create_or_update(Model(name="numbered", path=path, type="custom_model")).version

    place = "azureml://datastores/workspaceblobstore/paths/"
    equal([register(f"{place}a"), register(f"{place}b")], ["1", "2"])
    equal(ml.models.get("numbered", label="latest").version, "2")
    equal(sorted(one.version for one in ml.models.list("numbered")), ["1", "2"])
    equal(sorted((one.name, one.latest_version) for one in ml.models.list()), [("churn", "1"), ("numbered", "2")])


@case("tags and descriptions of a version change, its bytes do not")
def change():
    model = ml.models.get("churn", "1")
    model.tags = {"stage": "production"}
    model.description = "Who leaves"
    ml.models.create_or_update(model)
    after = ml.models.get("churn", "1")
    equal((after.tags, after.description, after.path), ({"stage": "production"}, "Who leaves", model.path))
    elsewhere = Data(name="sales", version="2024", path="azureml://datastores/workspaceblobstore/paths/other.csv")
    true(raises(HttpResponseError, lambda: ml.data.create_or_update(elsewhere)).status_code in (400, 409), "a refusal")


@case("what is archived is not listed, and can be restored")
def archive():
    ml.models.archive("numbered", version="1")
    equal([one.version for one in ml.models.list("numbered")], ["2"])
    equal(ml.models.get("numbered", "1").version, "1")
    ml.models.restore("numbered", version="1")
    equal(sorted(one.version for one in ml.models.list("numbered")), ["1", "2"])
    ml.data.archive("twice")
    equal([one.name for one in ml.data.list()], ["sales"])
    ml.data.restore("twice")
    equal(sorted(one.name for one in ml.data.list()), ["sales", "twice"])


@case("an environment is an image, or a folder to build it from")
def environments():
    image = ml.environments.create_or_update(Environment(name="plain", version="1", image="docker.io/ubuntu:24.04"))
    equal(image.image, "docker.io/ubuntu:24.04")
    context = folder({"Dockerfile": b"FROM docker.io/ubuntu:24.04\n", "requirements.txt": b"numpy\n"})
    ml.environments.create_or_update(Environment(name="built", version="1", build=BuildContext(path=context)))
    built = ml.environments.get("built", "1").build
    equal(built.dockerfile_path, "Dockerfile")
    true(built.path.startswith("https://"), f"an address, not {built.path}")
    conda = {"name": "c", "dependencies": ["python=3.11", {"pip": ["mlflow"]}]}
    ml.environments.create_or_update(Environment(name="conda", version="1", image="docker.io/x", conda_file=conda))
    equal(ml.environments.get("conda", label="latest").conda_file, conda)
    equal(
        sorted(one.name for one in ml.environments.list() if one.name in ("plain", "built", "conda")),
        ["built", "conda", "plain"],
    )


@case("a component keeps its interface and its code, and the same one is not made twice")
def components():
    code = folder({"train.py": b"print('training')\n"})

    def component():
        return command(
            name="train",
            version="1",
            display_name="Train",
            command="python train.py --rate ${{inputs.rate}} --to ${{outputs.model}}",
            code=code,
            environment="azureml:plain:1",
            inputs={"rate": Input(type="number", default=0.1)},
            outputs={"model": {"type": "uri_folder"}},
        ).component

    made = ml.components.create_or_update(component())
    found = ml.components.get("train", "1")
    equal(
        (found.display_name, found.inputs["rate"].type, found.outputs["model"].type), ("Train", "number", "uri_folder")
    )
    equal(found.command, "python train.py --rate ${{inputs.rate}} --to ${{outputs.model}}")
    equal(ml.components.create_or_update(component()).code, made.code)
    equal([one.name for one in ml.components.list()], ["train"])


@case("an MLTable, a folder and an MLflow model go up, keep their types, and come back")
def types():
    table = {"MLTable": b"type: mltable\npaths:\n  - file: ./rows.csv\n", "rows.csv": TABLE}
    for name, kind, content in (("frame", "mltable", table), ("many", "uri_folder", {"a": b"1", "b/c": b"2"})):
        ml.data.create_or_update(Data(name=name, version="1", path=folder(content), type=kind))
        found = ml.data.get(name, "1")
        equal((found.type, len(fetched(ml, found.path))), (kind, len(content)))
    flow = ml.models.create_or_update(Model(name="flow", version="1", path=folder(MODEL), type="mlflow_model"))
    equal((flow.type, ml.models.get("flow", label="latest").type), ("mlflow_model", "mlflow_model"))
    back = tempfile.mkdtemp()
    ml.models.download("flow", "1", download_path=back)
    equal(len(files(back)), len(MODEL))


@case("whatever its kind, what is archived is found by name, left out of lists, and shown again when restored")
def archive_each():
    for number in ("1", "2"):
        ml.environments.create_or_update(Environment(name="aged", version=number, image=f"docker.io/x:{number}"))
        ml.data.create_or_update(Data(name="aged", version=number, path=folder({"n": number.encode()}), type="uri_folder"))
        ml.models.create_or_update(Model(name="aged", version=number, path=folder({"n": number.encode()})))
        step = command(name="aged", version=number, command=f"echo {number}", environment="azureml:plain:1").component
        ml.components.create_or_update(step)
    for kind in (ml.environments, ml.data, ml.models, ml.components):
        kind.archive("aged", version="1")
        equal([one.version for one in kind.list("aged")], ["2"])
        equal([one.version for one in kind.list("aged", list_view_type="ArchivedOnly")], ["1"])
        kind.restore("aged", version="1")
        equal(sorted(one.version for one in kind.list("aged")), ["1", "2"])
        kind.archive("aged")
        true("aged" not in [one.name for one in kind.list()], "left out")
        equal(kind.get("aged", "1").version, "1")
        kind.restore("aged")
        true("aged" in [one.name for one in kind.list()], "shown again")
        equal(kind.get("aged", label="latest").version, "2")


@case("what is not there is not found")
def absent():
    raises(ResourceNotFoundError, lambda: ml.models.get("nobody", "1"))
    raises(ResourceNotFoundError, lambda: ml.environments.get("nobody", "1"))


run()
