"""The Azure CLI on storage: accounts, containers and blobs, by sign-in, by key and by shared access signature."""

import datetime
import os

from az import az, refused
from cases import case, equal, run, true

BY_SIGN_IN = ("--account-name", "storeaz", "--auth-mode", "login")
BLOB = ("-c", "things", "-n", "deep/hello.txt")

os.makedirs("many/sub")
for name, text in {"hello.txt": "hello", "many/1.txt": "one", "many/sub/2.txt": "two"}.items():
    with open(name, "w") as file:
        file.write(text)


def content(path):
    with open(path) as file:
        return file.read()


def blob(*words, way=BY_SIGN_IN):
    return az("storage", "blob", *words, *way)


def by_key():
    """The way by the account's first key."""
    key = az("storage", "account", "keys", "list", "-g", "rg-az", "-n", "storeaz", "--query", "[0].value")
    return ("--account-name", "storeaz", "--account-key", key)


def tomorrow():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")


@case("account makes, shows and tells both keys, also to a client that asks for Kerberos keys too", first=True)
def _():
    principal = ("-u", os.environ["AZURE_CLIENT_ID"], "-p", os.environ["AZURE_CLIENT_SECRET"])
    az("login", "--service-principal", *principal, "--tenant", os.environ["AZURE_TENANT_ID"])
    az("group", "create", "-n", "rg-az", "-l", "eastus2")
    made = az("storage", "account", "create", "-g", "rg-az", "-n", "storeaz", "-l", "eastus2", "--sku", "Standard_LRS")
    equal((made["provisioningState"], made["location"]), ("Succeeded", "eastus2"))
    shown = az("storage", "account", "show", "-g", "rg-az", "-n", "storeaz", "--query", "primaryEndpoints.blob")
    equal(shown, "https://storeaz.blob.core.windows.net/")
    keys = az("storage", "account", "keys", "list", "-g", "rg-az", "-n", "storeaz", "--query", "[].keyName")
    equal(keys, ["key1", "key2"])


@case("container create says whether it made one")
def _():
    create = ("storage", "container", "create", "-n", "things", *BY_SIGN_IN)
    equal([az(*create)["created"], az(*create)["created"]], [True, False])


@case("blob uploads once, and again where it is told to; shows, lists and downloads")
def _():
    blob("upload", *BLOB, "-f", "hello.txt")
    error = refused("storage", "blob", "upload", *BLOB, "-f", "hello.txt", *BY_SIGN_IN)
    true("BlobAlreadyExists" in error, f"Azure's code stands in {error}")
    blob("upload", *BLOB, "-f", "hello.txt", "--overwrite", "--metadata", "a=b")
    equal(blob("show", *BLOB, "--query", "[properties.contentLength, metadata]"), [5, {"a": "b"}])
    equal(blob("list", "-c", "things", "--query", "[].name"), ["deep/hello.txt"])
    blob("download", *BLOB, "-f", "back.txt", "--no-progress")
    equal(content("back.txt"), "hello")


@case("upload-batch and download-batch carry folders")
def _():
    blob("upload-batch", "-d", "things", "-s", "many", "--destination-path", "up")
    blob("download-batch", "-d", ".", "-s", "things", "--pattern", "up/*")
    equal([content("up/1.txt"), content("up/sub/2.txt")], ["one", "two"])


@case("generate-sas gives a signature of a key or of a person that opens what it says, and no more")
def _():
    permit = ("--permissions", "r", "--expiry", tomorrow())
    of_person = blob("generate-sas", *BLOB, *permit, "--as-user")
    of_key = az("storage", "container", "generate-sas", "-n", "things", *permit, *by_key())
    for number, signature in enumerate((of_person, of_key)):
        way = ("--account-name", "storeaz", "--sas-token", signature)
        blob("download", *BLOB, "-f", f"by-sas-{number}.txt", "--no-progress", way=way)
        equal(content(f"by-sas-{number}.txt"), "hello")
    error = refused("storage", "blob", "upload", "-c", "things", "-n", "new", "-f", "hello.txt", *way)
    true("do not have the required permissions" in error, f"the client understands the refusal in {error}")


@case("by key, blobs are copied, leased and removed with their snapshots")
def _():
    way = by_key()
    az("storage", "container", "create", "-n", "copies", *way)
    source = ("--source-container", "things", "--source-blob", "deep/hello.txt")
    copy = blob("copy", "start", "--destination-container", "copies", "--destination-blob", "c", *source, way=way)
    equal(copy["copy_status"], "success")
    blob("snapshot", *BLOB, way=way)
    error = refused("storage", "blob", "delete", *BLOB, *way)
    true("SnapshotsPresent" in error, f"Azure's code stands in {error}")
    blob("lease", "acquire", "-b", "deep/hello.txt", "-c", "things", "--lease-duration", "15", way=way)
    error = refused("storage", "blob", "delete", *BLOB, "--delete-snapshots", "include", *way)
    true("LeaseIdMissing" in error, f"Azure's code stands in {error}")
    blob("lease", "break", "-b", "deep/hello.txt", "-c", "things", "--lease-break-period", "0", way=way)
    blob("delete", *BLOB, "--delete-snapshots", "include", way=way)
    blob("delete-batch", "-s", "things", "--pattern", "up/*", way=way)
    equal(blob("list", "-c", "things", way=way), [])


@case("a name that is too short, a container that is not there and a wrong key get Azure's errors")
def _():
    error = refused("storage", "container", "create", "-n", "c1", *BY_SIGN_IN)
    true("OutOfRangeInput" in error, f"Azure's code stands in {error}")
    error = refused("storage", "blob", "list", "-c", "nowhere", *BY_SIGN_IN)
    true("ContainerNotFound" in error, f"Azure's code stands in {error}")
    error = refused("storage", "blob", "list", "-c", "things", "--account-name", "storeaz", "--account-key", "bm8=")
    true("Authentication failure" in error, f"the client understands the refusal in {error}")


run()
