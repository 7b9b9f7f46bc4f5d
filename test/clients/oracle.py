"""The same calls to MLflow's own server and to a workspace of the emulator: answers are equal but for ids and times.

What differs on purpose stands in `oracle_differences.json` with its reason. A difference that is not there fails the
case, and so does one that is there and no longer occurs.
"""

import json
import os
import re
import subprocess
import tempfile
import time
from collections import Counter

import requests
from cases import Unexpected, case, equal, run, until
from local_azure import make_workspace, token, workspace_path
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from oracle_odd import ODD, excused, without_made_up
from oracle_random import BEGINNING, comparable, drawn, excused_search
from oracle_steps import GET, PARTS

HERE = os.path.dirname(os.path.abspath(__file__))
GROUP, NAME = "rg-oracle", "ws-oracle"
DECLARED = json.load(open(os.path.join(HERE, "oracle_differences.json"), encoding="utf8"))
# Fields of MLflow 3's answers, which an API of MLflow 2, such as Azure ML's, does not have.
ONLY_THREE = {"error_class", "sqlstate", "workspace"}
# The calls that are drawn: another seed draws others, and pages make more of them.
SEED = int(os.environ.get("HOLDFAST_ORACLE_SEED", "1"))
CALLS = int(os.environ.get("HOLDFAST_ORACLE_CALLS", "1500"))
LONGEST, MOST_SHOWN = 10 * CALLS, 20
FILES = r"^mlflow-artifacts:/(?:<\w+>|\d+|ExperimentRun)$"
FILES_OF_RUN = r"mlflow-artifacts:/(?:<\w+>|\d+)/(<\w+>)/artifacts|mlflow-artifacts:/ExperimentRun/dcid\.(<\w+>)"
sides = {}
# Held here: a process that nothing holds any more may be collected with the pipe that keeps it alive.
processes = []
home = tempfile.TemporaryDirectory()


class Side:
    """One of the two servers: where it is, and what its answers gave to keep."""

    def __init__(self, base, headers):
        self.base, self.headers, self.kept = base, headers, {}

    def send(self, method, path, fields):
        filled = self.filled(fields)
        where = {"params": filled} if method == GET else {"json": filled}
        answer = requests.request(
            method, f"{self.base}{path if path[0] == '/' else f'/api/2.0/mlflow/{path}'}", headers=self.headers, timeout=60, **where
        )
        if "json" not in answer.headers.get("content-type", ""):
            return answer.status_code, answer.text[:60]
        return answer.status_code, answer.json()

    def filled(self, value):
        if isinstance(value, dict):
            return {key: self.filled(held) for key, held in value.items()}
        if isinstance(value, list):
            return [self.filled(held) for held in value]
        if not isinstance(value, str):
            return value
        return re.sub(r"\{(\w+)\}", lambda found: self.kept.get(found[1], found[0]), value)

    def keep(self, body, places):
        for name, path in places.items():
            for part in path.split("."):
                body = body[part]
            self.kept[name] = body

    def plain(self, value, key=""):
        """The value without what no two servers share: ids, instants of this hour, roots of artifacts, generated names."""
        if isinstance(value, dict):
            return {key: self.plain(held, key) for key, held in value.items() if key not in ONLY_THREE}
        if isinstance(value, (list, tuple)):
            return sorted_pairs([self.plain(held, key) for held in value])
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value - time.time() * 1000) < 3.6e6:
            return "<now>"
        return self.plain_text(value, key) if isinstance(value, str) else value

    def plain_text(self, text, key=""):
        for name, kept in sorted(self.kept.items(), key=lambda item: -len(item[1])):
            if len(kept) > 4 or (text == kept and key == "experiment_id"):
                text = text.replace(kept, f"<{name}>")
            else:
                # An id of MLflow's server is a digit or two: elsewhere that is a number like any other.
                text = re.sub(rf"((?:id[= ]|[Ee]xperiment |mlflow-artifacts:/)){kept}\b", rf"\1<{name}>", text)
        # A set of Python is written in another order by each process.
        text = re.sub(r"\{('[^}]*')\}", lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", text)
        return re.sub(FILES_OF_RUN, lambda found: f"<files of {found[1] or found[2]}>", re.sub(FILES, "<files>", text))


def sorted_pairs(values):
    if values and all(isinstance(one, dict) and "current_stage" in one for one in values):
        # MLflow gives the newest version of each stage in any order; lists whose order is asked for are of one model.
        return sorted(values, key=lambda one: (one["name"], one["version"]))
    pairs = all(isinstance(one, dict) and "key" in one and "step" not in one for one in values)
    return sorted(values, key=lambda one: one["key"]) if pairs else values


@case("MLflow’s own server and a workspace of the emulator answer", first=True)
def both():
    server = subprocess.Popen(
        [os.environ["MLFLOW_SERVER_PYTHON"], os.path.join(HERE, "..", "history", "server.py"), home.name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    processes.append(server)
    uri = server.stdout.readline().strip()
    session = requests.Session()
    # The proxy of the emulator plays Azure and nothing else.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    make_workspace(GROUP, NAME, "eastus2")
    os.environ["MLFLOW_TRACKING_TOKEN"] = token()
    ours = f"https://eastus2.api.azureml.ms/mlflow/v2.0{workspace_path(GROUP, NAME)}"
    sides["theirs"] = Side(uri, {})
    sides["ours"] = Side(ours, {"Authorization": f"Bearer {os.environ['MLFLOW_TRACKING_TOKEN']}"})

    def up():
        try:
            return session.get(f"{uri}/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    until("MLflow’s server", up, seconds=600)


def compared(part, steps):
    """Sends every step to both, and fails with the differences that are not declared, and the declared that are none."""
    troubles = []
    for name, method, path, fields, keep in steps:
        seen = {}
        for which, side in sides.items():
            status, body = side.send(method, path, fields)
            if status == 200:
                side.keep(body, keep)
            seen[which] = json.dumps([status, side.plain(body)], sort_keys=True)
        declared = DECLARED.get(f"{part}: {name}")
        if seen["ours"] != seen["theirs"] and declared is None:
            troubles.append(f"{part}: {name}\n    theirs {seen['theirs'][:900]}\n    ours   {seen['ours'][:900]}")
        if seen["ours"] == seen["theirs"] and declared is not None:
            troubles.append(f"{part}: {name}: declared as a difference, and there is none")
    if troubles:
        raise Unexpected("\n  " + "\n  ".join(troubles))
    return f"{len(steps)} calls"


@case("every declared difference belongs to a call")
def declared():
    known = {f"{part}: {one[0]}" for part, steps in {**PARTS, "odd": ODD}.items() for one in steps}
    equal(sorted(set(DECLARED) - known), [])


@case("experiments: the same answers")
def experiments():
    return compared("experiments", PARTS["experiments"])


@case("runs, what they log, histories and refusals: the same answers")
def runs():
    return compared("runs", PARTS["runs"])


@case("searches with filters, orders and pages: the same runs in the same order, the same refusals")
def searches():
    return compared("searches", PARTS["searches"])


@case("registered models, versions, aliases and stages: the same answers")
def models():
    return compared("models", PARTS["models"])


@case("files that go up by MLflow’s client are listed alike, and come down as they were")
def files():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a b.txt")
        with open(path, "wb") as file:
            file.write(b"bytes")
        for side in sides.values():
            client = MlflowClient(side.base)
            client.log_artifact(side.kept["run_a"], path)
            client.log_artifact(side.kept["run_a"], path, "deep/er")
            down = client.download_artifacts(side.kept["run_a"], "deep/er/a b.txt", folder)
            equal(open(down, "rb").read(), b"bytes")
    return compared("files", PARTS["files"])


@case("calls with a field left out, empty or of another type: the same answers, but for what is excused as a class")
def odd():
    excuses, troubles = Counter(), []
    for name, method, path, fields, _ in ODD:
        theirs, ours = answers = [(status, side.plain(body)) for side in sides.values() for status, body in [side.send(method, path, fields)]]
        declared, excuse = DECLARED.get(f"odd: {name}"), excused(theirs, ours)
        seen = [json.dumps(without_made_up(one), sort_keys=True) for one in answers]
        if excuse is not None:
            excuses[excuse] += 1
        elif (seen[0] == seen[1]) == (declared is not None):
            troubles.append(f"odd: {name}\n    theirs {seen[0][:900]}\n    ours   {seen[1][:900]}")
    if troubles:
        raise Unexpected("\n  " + "\n  ".join(troubles))
    return f"{len(ODD)} calls; " + "; ".join(f"{count} excused: {excuse}" for excuse, count in excuses.items())


def answered(name, method, path, fields, keep):
    """What both sides answer, and the tokens of their next pages, which each keeps as `page`."""
    answers, tokens = [], []
    for side in sides.values():
        status, body = side.send(method, path, fields)
        if status == 200:
            side.keep(body, keep)
        answers.append((status, side.plain(body)))
        tokens.append(body.get("next_page_token") if status == 200 and isinstance(body, dict) else None)
        side.kept.pop("page", None)
        side.kept.update({} if tokens[-1] is None else {"page": tokens[-1]})
    return answers, tokens


@case("calls drawn from a seed, page by page: the same answers, but for what is excused as a class")
def random_calls():
    excuses, troubles, sent = Counter(), [], 0
    steps = [*BEGINNING, *drawn(SEED, CALLS)]
    while steps:
        name, method, path, fields, keep = steps.pop(0)
        (theirs, ours), tokens = answered(name, method, path, fields, keep)
        sent += 1
        seen = [json.dumps(comparable(without_made_up(one)), sort_keys=True) for one in (theirs, ours)]
        excuse = excused(theirs, ours) or excused_search(name, theirs, ours)
        if seen[0] != seen[1] and excuse is not None:
            excuses[excuse] += 1
        elif seen[0] != seen[1] or (tokens[0] is None) != (tokens[1] is None):
            start = max(0, len(os.path.commonprefix(seen)) - 100)
            troubles.append(f"{name}: {json.dumps(fields)}\n    theirs …{seen[0][start:][:600]}\n    ours   …{seen[1][start:][:600]}")
        elif tokens[0] is not None and sent < LONGEST:
            steps.insert(0, (name, method, path, {**fields, "page_token": "{page}"}, keep))
    if troubles:
        raise Unexpected(f"\n  {len(troubles)} of seed {SEED}\n  " + "\n  ".join(troubles[:MOST_SHOWN]))
    return f"{sent} calls of seed {SEED}; " + "; ".join(f"{count} excused: {excuse}" for excuse, count in excuses.items())


@case("MLflow’s client sees the same through its own calls")
def client_level():
    def story(side):
        client = MlflowClient(side.base)
        experiment = client.create_experiment("client", tags={"kind": "oracle"})
        made = client.create_run(experiment, start_time=1, run_name="r", tags={"mlflow.user": "me"})
        side.kept.update(client_exp=experiment, client_run=made.info.run_id)
        metrics = [Metric("loss", 1 / (n + 1), 1000 + n, n) for n in range(50)]
        client.log_batch(made.info.run_id, metrics, [Param("p", "1")], [RunTag("t", "x")])
        child = client.create_run(experiment, start_time=2, run_name="c", tags={"mlflow.parentRunId": made.info.run_id})
        side.kept["client_child"] = child.info.run_id
        client.set_terminated(made.info.run_id, end_time=5)
        found = client.search_runs([experiment], "metrics.loss < 0.5", order_by=["metrics.loss ASC"])
        nested = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{made.info.run_id}'")
        history = client.get_metric_history(made.info.run_id, "loss")
        client.delete_run(child.info.run_id)
        return side.plain(
            [
                [one.to_dictionary() for one in found],
                [one.info.run_name for one in nested],
                [(one.step, one.value, one.timestamp) for one in history],
                client.get_run(child.info.run_id).info.lifecycle_stage,
                dict(client.get_experiment(experiment).tags),
            ]
        )

    theirs, ours = story(sides["theirs"]), story(sides["ours"])
    equal(ours, theirs)


run()
