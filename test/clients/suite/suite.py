"""MLflow's own tests of its REST API, out of a checkout of mlflow/mlflow, against workspaces of the emulator.

Each test gets a workspace that nothing has touched, where MLflow would start a server for it. What cannot hold in a
workspace of Azure ML stands in `differences.json` with its reason and a text that its failure shows: a test that fails
and is not there fails the case, and so does one that is there and passes, or fails in another way. Without such a text
a test is not run. A group with `since` or `before` is about the tests of those releases alone, and a test that a
release does not have is passed over.
"""

import io
import json
import os
import re
import sys
from contextlib import redirect_stdout

import mlflow
import pytest
import requests
from cases import Unexpected, case, run
from local_azure import arm, finished, make_workspace, token, workspace_path

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.environ["HOLDFAST_MLFLOW"]
ONLY = os.environ.get("HOLDFAST_MLFLOW_ONLY")
# Folder that gets what each test came to, whole.
REPORT = os.environ.get("HOLDFAST_MLFLOW_REPORT")
DECLARED = json.load(open(os.path.join(HERE, "differences.json"), encoding="utf8"))
GROUP = "rg-suite"
# As (2, 22), of the checkout.
RELEASE = tuple(int(part) for part in re.findall(r"\d+", mlflow.__version__)[:2])
LONGEST_MESSAGE = 1500
HOST = "https://eastus2.api.azureml.ms"


class Workspace:
    """Stands where the suites start a server, in a thread or a process: gives the URI of a new workspace."""

    made = 0

    def __init__(self, *_, **__):
        Workspace.made += 1
        self.path = workspace_path(GROUP, f"suite{Workspace.made}")

    def __enter__(self):
        account = os.environ["SUITE_ACCOUNT"]
        body = {"location": "eastus2", "identity": {"type": "SystemAssigned"}, "properties": {"storageAccount": account}}
        finished(arm("PUT", self.path, body))
        os.environ["MLFLOW_TRACKING_TOKEN"] = token()
        uri = f"{HOST}/mlflow/v2.0{self.path}"
        # The suites rely on one database behind the server and what their process calls without naming a server.
        mlflow.set_tracking_uri(uri)
        return uri

    def __exit__(self, *_):
        return None


class Suite:
    """What pytest is to do otherwise, and what it found."""

    def __init__(self, out):
        self.out = out
        self.found = {}

    def pytest_collection_modifyitems(self, config, items):
        """One turn with each test: where the server would have kept its things is of no concern here."""
        left = [one for one in items if re.search(r"\[(?:\w+-)?file\b", one.nodeid) or one.name in self.out]
        config.hook.pytest_deselected(items=left)
        items[:] = [one for one in items if one not in left]

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[1].replace("sqlalchemy-", "").replace("[sqlalchemy]", "")
        if report.failed:
            self.found[name] = report.longreprtext
        elif report.skipped:
            self.found[name] = None
        elif report.when == "call":
            self.found.setdefault(name, "")


def with_token(send):
    """Tests send some requests without a client, and so without a token."""

    def authorised(session, method, url, **more):
        if url.startswith(HOST) and "Authorization" not in (more.get("headers") or {}):
            more["headers"] = {**(more.get("headers") or {}), "Authorization": f"Bearer {token()}"}
        return send(session, method, url, **more)

    return authorised


@case("a workspace can be made for each test of MLflow’s suites", first=True)
def prepared():
    make_workspace(GROUP, "suite-first", "eastus2")
    storage = f"/subscriptions/{os.environ['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{GROUP}/providers/Microsoft.Storage"
    os.environ["SUITE_ACCOUNT"] = f"{storage}/storageAccounts/suitefirst"
    requests.Session.request = with_token(requests.Session.request)
    os.chdir(CHECKOUT)
    sys.path.insert(0, CHECKOUT)
    from tests.tracking import integration_test_utils

    integration_test_utils.ServerThread = integration_test_utils._init_server = Workspace
    return f"mlflow {mlflow.__version__}"


def is_of_this_release(group):
    """Whether a group is about the tests of the checkout."""
    since, before = (tuple(map(int, group.get(end, otherwise).split("."))) for end, otherwise in (("since", "0.0"), ("before", "999.0")))
    return since <= RELEASE < before


def declared_of(name):
    """The declared differences of a suite: test to the group that names it, and the tests that are not run."""
    groups = {test: group for group in DECLARED[name] if is_of_this_release(group) for test in group["tests"]}
    return {test: group for test, group in groups.items() if group["shows"]}, [
        test for test, group in groups.items() if not group["shows"]
    ]


def trouble_of(test, text, declared):
    """What is wrong with the way in which a test ended, if anything is."""
    group = declared.get(test)
    if text == "":
        return None if group is None else f"{test}: declared as failing, and it passes"
    if text is None:
        return None
    if group is None:
        return f"{test}\n{text[-LONGEST_MESSAGE:]}"
    if re.search(group["shows"], text) is None:
        return f"{test}: declared as failing with {group['shows']!r}, and fails otherwise\n{text[-LONGEST_MESSAGE:]}"
    return None


def suite(name):
    """Runs one file of tests and compares what failed with what is declared."""
    declared, out = declared_of(name)
    plugin, output = Suite(out), io.StringIO()
    only = [] if ONLY is None else ["-k", ONLY]
    with redirect_stdout(output):
        # Of the settings of the checkout some name plugins that nothing here needs.
        options = ["-q", "-c", os.devnull, "--rootdir", CHECKOUT, "-p", "no:cacheprovider", "--tb=short"]
        code = pytest.main([*options, *only, f"tests/tracking/{name}.py"], plugins=[plugin])
    found = plugin.found
    if REPORT is not None:
        with open(os.path.join(REPORT, f"{name}.json"), "w", encoding="utf8") as file:
            json.dump(found, file, indent=1)
    troubles = [trouble_of(test, text, declared) for test, text in found.items()]
    troubles = [one for one in troubles if one is not None]
    # Tests that cannot be read end it, whatever was asked for.
    if (not found and ONLY is None) or code not in (0, 1, 5) or troubles:
        raise Unexpected("\n".join(troubles) or output.getvalue()[-LONGEST_MESSAGE:])
    ends = list(found.values())
    passed, skipped = ends.count(""), ends.count(None)
    return f"{passed} pass, {skipped} skip, {len(ends) - passed - skipped} differ as declared"


@case("MLflow’s test_rest_tracking passes but for what is declared")
def tracking():
    return suite("test_rest_tracking")


@case("MLflow’s test_model_registry passes but for what is declared")
def registry():
    return suite("test_model_registry")


run()
