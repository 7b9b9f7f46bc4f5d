"""The Azure CLI: sign-in, groups, deployments, resources and any path of ARM; and the emulator as a cloud that it registers."""

import json
import os
import urllib.request

from az import az, refused
from cases import case, equal, run, true

APPLICATION = os.environ["AZURE_CLIENT_ID"]
SECRET = os.environ["AZURE_CLIENT_SECRET"]
TENANT = os.environ["AZURE_TENANT_ID"]
SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
VAULT = ("-g", "rg-az", "-n", "vaultaz", "--resource-type", "Microsoft.KeyVault/vaults")
SECRETS = ("-g", "rg-az", "-n", "secretsaz", "--resource-type", "Microsoft.KeyVault/vaults")
LOGS = ("-g", "rg-az", "-n", "logsaz", "--resource-type", "Microsoft.OperationalInsights/workspaces")
LOST = "/subscriptions/{subscriptionId}/resourceGroups/rg-az/providers/Microsoft.Resources/deployments/lost"
NOWHERE = {"properties": {"mode": "Incremental", "templateLink": {"uri": "https://storeaz.blob.core.windows.net/none/t.json"}}}
ML = "/subscriptions/{subscriptionId}/resourceGroups/rg-az/providers/Microsoft.MachineLearningServices/workspaces/wsaz"

# Comments and several lines in a string are what the Azure CLI allows in a template.
TEMPLATE = """{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "name": { "type": "string" }, // of the account
    "location": { "type": "string", "defaultValue": "[resourceGroup().location]" }
  },
  "resources": [{
    "type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01",
    "name": "[parameters('name')]", "location": "[parameters('location')]",
    "kind": "StorageV2", "sku": { "name": "Standard_LRS" }, /* nothing else */
  }],
  "outputs": {
    "blobs": { "type": "string", "value": "[reference(parameters('name')).primaryEndpoints.blob]" }
  }
}
"""
TEAM = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {"team": {"type": "securestring"}},
    "resources": [
        {
            "type": "Microsoft.OperationalInsights/workspaces",
            "apiVersion": "2020-08-01",
            "name": "logsaz",
            "location": "[resourceGroup().location]",
            "tags": {"team": "[parameters('team')]"},
        }
    ],
}
with open("account.json", "w") as file:
    file.write(TEMPLATE)
DEPLOYED = ("-g", "rg-az", "--template-file", "account.json", "--parameters", "name=storeaz")


def sign_in(secret, env=None, how=az):
    return how("login", "--service-principal", "-u", APPLICATION, "-p", secret, "--tenant", TENANT, env=env)


@case("login takes the application's secret and no other", first=True)
def _():
    error = sign_in("wrong", how=refused)
    true("AADSTS7000215: Invalid client secret" in error, f"the reason is Entra's in {error}")
    (found,) = sign_in(SECRET)
    equal((found["id"], found["tenantId"], found["user"]["name"]), (SUBSCRIPTION, TENANT, APPLICATION))


@case("account shows and lists the subscription, its regions, and a token")
def _():
    equal(az("account", "show", "--query", "[id, environmentName, state]"), [SUBSCRIPTION, "AzureCloud", "Enabled"])
    equal(az("account", "list", "--refresh", "--query", "[].id"), [SUBSCRIPTION])
    equal(az("account", "list-locations", "--query", "[].name"), ["eastus2", "centralus"])
    token = az("account", "get-access-token", "--resource", "https://ml.azure.com")
    equal((len(token["accessToken"].split(".")), token["tenant"]), (3, TENANT))


@case("group makes, shows, lists by tag, and tells what exists")
def _():
    made = az("group", "create", "-n", "rg-az", "-l", "East US 2", "--tags", "team=churn")
    equal((made["location"], made["tags"], made["properties"]["provisioningState"]), ("eastus2", {"team": "churn"}, "Succeeded"))
    equal(az("group", "show", "-n", "rg-az", "--query", "name"), "rg-az")
    equal(az("group", "list", "--tag", "team=churn", "--query", "[].name"), ["rg-az"])
    equal((az("group", "exists", "-n", "rg-az"), az("group", "exists", "-n", "none")), (True, False))


@case("deployment validates and foresees a template with comments, deploys it, and gives its outputs")
def _():
    checked = az("deployment", "group", "validate", *DEPLOYED)
    equal(checked["properties"]["provisioningState"], "Succeeded")
    foreseen = az("deployment", "group", "what-if", *DEPLOYED, "--no-pretty-print")
    equal([(one["changeType"], one["resourceId"].split("/")[-1]) for one in foreseen["changes"]], [("Create", "storeaz")])
    done = az("deployment", "group", "create", "-n", "first", *DEPLOYED)
    equal(done["properties"]["outputs"]["blobs"]["value"], "https://storeaz.blob.core.windows.net/")
    steps = az("deployment", "operation", "group", "list", "-g", "rg-az", "-n", "first")
    equal({one["properties"]["provisioningState"] for one in steps}, {"Succeeded"})
    equal(az("deployment", "group", "list", "-g", "rg-az", "--query", "[].name"), ["first"])


@case("resource makes, shows, tags, lists and removes what no service of the emulator plays")
def _():
    properties = json.dumps({"sku": {"family": "A", "name": "standard"}, "tenantId": TENANT, "accessPolicies": []})
    made = az("resource", "create", *VAULT, "--location", "eastus2", "--properties", properties)
    equal(made["properties"]["vaultUri"], "https://vaultaz.vault.azure.net/")
    equal(az("resource", "tag", *VAULT, "--tags", "a=b", "--query", "tags"), {"a": "b"})
    equal(az("resource", "list", "--tag", "a=b", "--query", "[].name"), ["vaultaz"])
    equal(az("resource", "show", *VAULT, "--query", "tags"), {"a": "b"})
    equal(sorted(az("resource", "list", "-g", "rg-az", "--query", "[].name")), ["storeaz", "vaultaz"])
    az("resource", "delete", *VAULT)
    true("(ResourceNotFound)" in refused("resource", "show", *VAULT), "Azure's code stands in the error")


@case("keyvault sets secrets and shows them, by the token that the vault asks for")
def _():
    open_to_deployments = json.dumps({"tenantId": TENANT, "enabledForTemplateDeployment": True})
    az("resource", "create", *SECRETS, "--location", "centralus", "--properties", open_to_deployments)
    for word in ("first", "second"):
        made = az("keyvault", "secret", "set", "--vault-name", "secretsaz", "-n", "team", "--value", word)
    equal((made["value"], made["attributes"]["enabled"]), ("second", True))
    equal(az("keyvault", "secret", "show", "--vault-name", "secretsaz", "-n", "team", "--query", "value"), "second")
    error = refused("keyvault", "secret", "show", "--vault-name", "secretsaz", "-n", "none")
    true("(SecretNotFound)" in error, f"the vault's code in {error}")


@case("deployment takes a template by its address and a signature, and a parameter out of a vault")
def _():
    key = az("storage", "account", "keys", "list", "-n", "storeaz", "-g", "rg-az", "--query", "[0].value")
    account = ("--account-name", "storeaz", "--account-key", key)
    az("storage", "container", "create", "-n", "templates", *account)
    write("team.json", TEAM)
    az("storage", "blob", "upload", "-c", "templates", "-n", "team.json", "-f", "team.json", *account)
    until = ("--permissions", "r", "--expiry", "2099-01-01T00:00Z")
    sas = az("storage", "container", "generate-sas", "-n", "templates", *until, *account)
    vault = az("resource", "show", *SECRETS, "--query", "id")
    write("values.json", {"parameters": {"team": {"reference": {"keyVault": {"id": vault}, "secretName": "team"}}}})
    link = ("--template-uri", "https://storeaz.blob.core.windows.net/templates/team.json", "--query-string", sas)
    done = az("deployment", "group", "create", "-g", "rg-az", "-n", "linked", *link, "--parameters", "@values.json")
    equal(done["properties"]["templateLink"]["uri"], link[1])
    equal(az("resource", "show", *LOGS, "--query", "tags"), {"team": "second"})
    lost = ("--template-uri", link[1].replace("team", "none"), "--query-string", sas)
    true(refused("deployment", "group", "create", "-g", "rg-az", "-n", "lost", *lost), "there is no such file")
    error = refused("rest", "--method", "put", "--url", f"{LOST}?api-version=2024-03-01", "--body", json.dumps(NOWHERE))
    true("InvalidContentLink" in error, f"Azure's code in {error}")


@case("deployment gives its place to an earlier one where it fails")
def _():
    az("resource", "tag", *LOGS, "--tags", "team=other")
    words = ("-g", "rg-az", "-n", "undone", *DEPLOYED[2:-1], "name=NOT_VALID", "--rollback-on-error", "linked")
    error = refused("deployment", "group", "create", *words)
    true("DeploymentFailed" in error, f"the failure in {error}")
    undone = az("deployment", "group", "show", "-g", "rg-az", "-n", "undone", "--query", "properties.onErrorDeployment")
    equal((undone["type"], undone["deploymentName"], undone["provisioningState"]), ("SpecificDeployment", "linked", "Succeeded"))
    equal(az("resource", "list", "-g", "rg-az", "--query", "[].name"), ["logsaz"])
    equal(az("resource", "show", *LOGS, "--query", "tags"), {"team": "second"})
    az("deployment", "group", "create", "-n", "first", *DEPLOYED)


@case("rest reaches any path of Azure ML")
def _():
    store = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-az/providers/Microsoft.Storage/storageAccounts/storeaz"
    body = {"location": "eastus2", "identity": {"type": "SystemAssigned"}, "properties": {"storageAccount": store}}
    rest("put", ML, body)
    az("resource", "wait", "--ids", ML.format(subscriptionId=SUBSCRIPTION), "--created", "--interval", "1")
    true(rest("post", f"{ML}/listKeys")["userStorageKey"], "the key of the storage is there")
    model = {"properties": {"modelUri": "azureml://datastores/workspaceblobstore/paths/m", "modelType": "custom_model"}}
    equal(rest("put", f"{ML}/models/iris/versions/1", model)["name"], "1")
    equal([one["name"] for one in rest("get", f"{ML}/models/iris/versions")["value"]], ["1"])


@case("bad input gets Azure's errors")
def _():
    true("(ResourceGroupNotFound)" in refused("group", "show", "-n", "none"), "a group that is not there")
    error = refused("group", "create", "-n", "rg-sea", "-l", "atlantis")
    true("(LocationNotAvailableForResourceGroup)" in error, f"no such region in {error}")
    error = refused("deployment", "group", "create", "-n", "bad", *DEPLOYED[:-1], "name=NOT_VALID")
    true("DeploymentFailed" in error and "AccountNameInvalid" in error, f"the template's fault in {error}")
    error = refused("rest", "--method", "get", "--url", f"{ML}/models/none?api-version=2025-12-01")
    true("Not Found" in error and "ResourceNotFound" in error, f"no such model in {error}")


@case("the emulator is a cloud that can be registered by its address and used without the proxy")
def _():
    with urllib.request.urlopen(f"{os.environ['EMULATOR_CONTROL']}/emulator/env?client=shell&cloud") as answer:
        address = json.load(answer)["AZURE_AUTHORITY_HOST"]
    without = {name: value for name, value in os.environ.items() if not name.endswith("_PROXY")}
    env = {**without, "AZURE_CONFIG_DIR": os.path.join(os.getcwd(), "registered"), "AZURE_CORE_INSTANCE_DISCOVERY": "false"}
    az("cloud", "register", "-n", "Local", "--endpoint-resource-manager", f"{address}/", env=env)
    az("cloud", "set", "-n", "Local", env=env)
    (found,) = sign_in(SECRET, env)
    equal((found["cloudName"], found["id"]), ("Local", SUBSCRIPTION))
    equal(az("resource", "list", "--query", "length(@) > `0`", env=env), True)
    groups = az("rest", "--url", "/subscriptions/{subscriptionId}/resourceGroups?api-version=2022-09-01", env=env)
    equal([one["name"] for one in groups["value"]], ["rg-az"])
    az("group", "delete", "-n", "rg-az", "-y", env=env)
    equal(az("group", "exists", "-n", "rg-az", env=env), False)


def write(name, content):
    with open(name, "w") as file:
        json.dump(content, file)


def rest(method, path, body=None):
    sent = () if body is None else ("--body", json.dumps(body))
    return az("rest", "--method", method, "--url", f"{path}?api-version=2025-12-01", *sent)


run()
