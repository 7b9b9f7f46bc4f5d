"""`holdfast history` between servers whose files lie in Azure's storage, where their clients read and write them themselves."""

import os
import subprocess

from azure.storage.blob import BlobServiceClient
from cases import case, equal, run, true
from histories import HOME, ROOT, holdfast, python, start, stop, uris
from local_azure import arm, credential, finished, group_path, make_group
from mlflow import MlflowClient

GROUP = "history-storage"
ROOTS = {
    "old": "wasbs://mlflow@oldhistory.blob.core.windows.net/deep/root",
    "new": "wasbs://mlflow@newhistory.blob.core.windows.net/files",
}
BELOW = [part for root in ROOTS.values() for part in ("--files-below", root)]


def account(name):
    return BlobServiceClient(f"https://{name}.blob.core.windows.net", credential=credential)


@case("two storage accounts stand in two regions, and two servers keep their files there", first=True)
def stand():
    make_group(GROUP, "eastus2")
    for name, location in (("oldhistory", "eastus2"), ("newhistory", "centralus")):
        path = f"{group_path(GROUP)}/providers/Microsoft.Storage/storageAccounts/{name}"
        body = {"location": location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
        finished(arm("PUT", path, body, "2023-01-01"))
        account(name).create_container("mlflow")
    start("old", "new", roots=ROOTS)


@case("every odd case is written by MLflow's own client", first=True)
def seeded():
    python("seed.py", uris["old"])
    client = MlflowClient(uris["old"], uris["old"])
    run_ = client.create_run(client.create_experiment("stored"), run_name="stored").info
    true(run_.artifact_uri.startswith(ROOTS["old"]), f"{run_.artifact_uri} lies in the storage of the old server")
    # More than one block of an upload.
    prefix = run_.artifact_uri.split("core.windows.net/")[1]
    container = account("oldhistory").get_container_client("mlflow")
    container.upload_blob(f"{prefix}/large/weights.bin", bytes(range(256)) * 80_000)
    client.set_terminated(run_.run_id, "FINISHED")


@case("files are left where they are, and told, unless somebody named a folder above them")
def unnamed():
    for below in ([], ["--files-below", "wasbs://mlflow@oldhistory.blob.core.windows.net/deep/ro"]):
        code, facts = holdfast("copy", "--experiment", "stored", *below)
        equal((code, facts["files"], len(facts["notCarried"])), (23, 0, 1))
        true(ROOTS["old"] in facts["notCarried"][0]["message"], "the place is named")


@case("MLflow's client finds both histories to be the same, files in storage to the byte")
def copied():
    code, facts = holdfast("copy", *BELOW)
    equal((code, facts["notCarried"]), (0, []))
    true(facts["files"] > 10, "files were carried")
    code, facts = holdfast("verify", *BELOW)
    equal((code, facts["differences"], facts["notCompared"]), (0, [], []))
    python("compare.py", uris["old"], uris["new"])


@case("a second copy writes nothing, with its notes and without them")
def again():
    for more in ([], ["--recheck"]):
        code, facts = holdfast("copy", *BELOW, *more)
        equal((code, facts["files"], facts["points"], facts["versions"]), (0, 0, 0, 0))


@case("two such servers are a protected pair: a pass carries the files, and nothing differs afterwards")
def protected():
    root = "wasbs://mlflow@newhistory.blob.core.windows.net/standby"
    start("standby", roots={"standby": root})
    policy = HOME / "holdfast.yaml"
    sides = {"primary": ("old", ROOTS["old"]), "secondary": ("standby", root)}
    lines = [f'{side}: {{ server: "{uris[name]}", filesBelow: ["{below}"] }}' for side, (name, below) in sides.items()]
    policy.write_text("\n".join(["name: stored", *lines]), encoding="utf-8")
    for verb in ("apply", "sync", "drift"):
        command = ["node", str(ROOT / "src" / "main.ts"), verb, "--policy", str(policy)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, "HOLDFAST_LOCAL": "1"})
        equal((verb, done.returncode, (done.stdout + done.stderr)[-1500:] if done.returncode else ""), (verb, 0, ""))
    python("compare.py", uris["old"], uris["standby"])


@case("everything ends")
def end():
    stop()


run()
