"""The calls that MLflow's own server and the emulator get alike: each a name, a method, a path, fields, and what to keep.

A text such as `{run}` stands for what an earlier answer of the same side held; `keep` names where that is in an answer.
"""

POST, GET, PATCH, DELETE = "POST", "GET", "PATCH", "DELETE"
T0 = 1_700_000_000_000
DATASET = {"name": "iris", "digest": "d1", "source_type": "local", "source": "here"}
MANY = [{"key": f"k{n}", "value": "v"} for n in range(101)]


def step(name, method, path, fields=None, **keep):
    return (name, method, path, fields or {}, keep)


def point(key, value, at):
    return {"key": key, "value": value, "timestamp": T0 + at, "step": at}


def search(name, **fields):
    return step(f"search: {name}", POST, "runs/search", {"experiment_ids": ["{exp}"], **fields})


def run(letter, at, **more):
    fields = {"experiment_id": "{exp}", "run_name": letter, "start_time": T0 + at, "user_id": "u", **more}
    return step(f"create run {letter}", POST, "runs/create", fields, **{f"run_{letter}": "run.info.run_id"})


EXPERIMENTS = [
    step("the first experiment", GET, "experiments/get-by-name", {"experiment_name": "Default"}, default="experiment.experiment_id"),
    step("create", POST, "experiments/create", {"name": "one", "tags": [{"key": "t", "value": "1"}]}, exp="experiment_id"),
    step("create another", POST, "experiments/create", {"name": "two"}, two="experiment_id"),
    step("create: name taken", POST, "experiments/create", {"name": "one"}),
    step("create: no name", POST, "experiments/create", {}),
    step("create: name is a number", POST, "experiments/create", {"name": 123}),
    step("create: location is a float", POST, "experiments/create", {"name": "x", "artifact_location": 9.0}),
    step("create: tags are a text", POST, "experiments/create", {"name": "x", "tags": "5"}),
    step("create: name too long", POST, "experiments/create", {"name": "x" * 501}),
    step("get", GET, "experiments/get", {"experiment_id": "{exp}"}),
    step("get: none", GET, "experiments/get", {"experiment_id": "987654321"}),
    step("get: no id", GET, "experiments/get"),
    step("get by name", GET, "experiments/get-by-name", {"experiment_name": "one"}),
    step("get by name: none", GET, "experiments/get-by-name", {"experiment_name": "nobody"}),
    step("set tag", POST, "experiments/set-experiment-tag", {"experiment_id": "{exp}", "key": "a", "value": "b"}),
    step("set tag: no key", POST, "experiments/set-experiment-tag", {"experiment_id": "{exp}", "value": "b"}),
    step("delete tag", POST, "experiments/delete-experiment-tag", {"experiment_id": "{exp}", "key": "t"}),
    step("delete tag: none", POST, "experiments/delete-experiment-tag", {"experiment_id": "{exp}", "key": "t"}),
    step("rename", POST, "experiments/update", {"experiment_id": "{two}", "new_name": "second"}),
    step("search", POST, "experiments/search", {"max_results": 10, "order_by": ["name ASC"]}),
    step("search by tag", POST, "experiments/search", {"max_results": 10, "filter": "tags.a = 'b'"}),
    step("search by name", POST, "experiments/search", {"max_results": 10, "filter": "name LIKE 'sec%'"}),
    step("search: first page", POST, "experiments/search", {"max_results": 1, "order_by": ["name ASC"]}, page="next_page_token"),
    step("search: next page", POST, "experiments/search", {"max_results": 1, "order_by": ["name ASC"], "page_token": "{page}"}),
    step("search: bad filter", POST, "experiments/search", {"max_results": 10, "filter": "nonsense"}),
    step("search: zero results", POST, "experiments/search", {"max_results": 0}),
    step("delete", POST, "experiments/delete", {"experiment_id": "{two}"}),
    step("delete: again", POST, "experiments/delete", {"experiment_id": "{two}"}),
    step("get deleted", GET, "experiments/get", {"experiment_id": "{two}"}),
    step("run in deleted", POST, "runs/create", {"experiment_id": "{two}"}),
    step("search deleted", POST, "experiments/search", {"max_results": 10, "view_type": "DELETED_ONLY"}),
    step("restore", POST, "experiments/restore", {"experiment_id": "{two}"}),
]

RUNS = [
    run("a", 1, tags=[{"key": "team", "value": "red"}]),
    run("b", 2, tags=[{"key": "team", "value": "blue"}, {"key": "mlflow.parentRunId", "value": "{run_a}"}]),
    run("c", 3),
    step("create: names disagree", POST, "runs/create", {"experiment_id": "{exp}", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]}),
    step("create: no such experiment", POST, "runs/create", {"experiment_id": "987654321"}),
    step("metric", POST, "runs/log-metric", {"run_id": "{run_a}", **point("loss", 0.5, 1)}),
    step("metric: NaN", POST, "runs/log-metric", {"run_id": "{run_a}", **point("odd", "NaN", 1)}),
    step("metric: no run", POST, "runs/log-metric", point("loss", 0.5, 1)),
    step("metric: run is a number", POST, "runs/log-metric", {"run_id": 31, **point("loss", 0.5, 1)}),
    step("metric: step is a word", POST, "runs/log-metric", {"run_id": "{run_a}", **point("loss", 0.5, 1), "step": "foo"}),
    step("metric: bad name", POST, "runs/log-metric", {"run_id": "{run_a}", **point("a/../b", 0.5, 1)}),
    step("parameter", POST, "runs/log-parameter", {"run_id": "{run_a}", "key": "rate", "value": "0.1"}),
    step("parameter: same again", POST, "runs/log-parameter", {"run_id": "{run_a}", "key": "rate", "value": "0.1"}),
    step("parameter: changed", POST, "runs/log-parameter", {"run_id": "{run_a}", "key": "rate", "value": "0.2"}),
    step("tag", POST, "runs/set-tag", {"run_id": "{run_a}", "key": "x", "value": "y"}),
    step("tag: key too long", POST, "runs/set-tag", {"run_id": "{run_a}", "key": "x" * 251, "value": "y"}),
    step("delete tag", POST, "runs/delete-tag", {"run_id": "{run_a}", "key": "x"}),
    step("delete tag: none", POST, "runs/delete-tag", {"run_id": "{run_a}", "key": "x"}),
    step("batch", POST, "runs/log-batch", {"run_id": "{run_a}", "metrics": [point("loss", 0.5 / n, n) for n in range(2, 12)], "params": [{"key": "depth", "value": "3"}], "tags": [{"key": "u", "value": "v"}]}),
    step("batch: too many parameters", POST, "runs/log-batch", {"run_id": "{run_a}", "params": MANY}),
    step("batch: too many tags", POST, "runs/log-batch", {"run_id": "{run_a}", "tags": MANY}),
    step("batch: too many metrics", POST, "runs/log-batch", {"run_id": "{run_a}", "metrics": [point("m", 1, n) for n in range(1001)]}),
    step("batch: metrics are a text", POST, "runs/log-batch", {"run_id": "{run_a}", "metrics": "foo"}),
    step("batch: no timestamp", POST, "runs/log-batch", {"run_id": "{run_a}", "metrics": [{"key": "m", "value": 2.5}]}),
    step("batch: a changed parameter leaves nothing", POST, "runs/log-batch", {"run_id": "{run_c}", "metrics": [point("never", 1, 1)], "params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]}),
    step("batch: other runs", POST, "runs/log-batch", {"run_id": "{run_b}", "metrics": [point("loss", 0.25, 1)], "params": [{"key": "rate", "value": "0.3"}]}),
    step("inputs", POST, "runs/log-inputs", {"run_id": "{run_a}", "datasets": [{"dataset": DATASET, "tags": [{"key": "mlflow.data.context", "value": "train"}]}]}),
    step("inputs: no run", POST, "runs/log-inputs", {"datasets": [{"dataset": DATASET}]}),
    step("datasets", POST, "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["{exp}"]}),
    step("datasets: no experiment", POST, "/ajax-api/2.0/mlflow/experiments/search-datasets", {}),
    step("get", GET, "runs/get", {"run_id": "{run_a}"}),
    step("get nested", GET, "runs/get", {"run_id": "{run_b}"}),
    step("get untouched", GET, "runs/get", {"run_id": "{run_c}"}),
    step("get: none", GET, "runs/get", {"run_id": "0" * 32}),
    step("get: no id", GET, "runs/get"),
    step("history", GET, "metrics/get-history", {"run_id": "{run_a}", "metric_key": "loss"}),
    step("history: page", GET, "metrics/get-history", {"run_id": "{run_a}", "metric_key": "loss", "max_results": 3}, hist="next_page_token"),
    step("history: next page", GET, "metrics/get-history", {"run_id": "{run_a}", "metric_key": "loss", "max_results": 3, "page_token": "{hist}"}),
    step("history: no key", GET, "metrics/get-history", {"run_id": "{run_a}"}),
    step("interval", GET, "metrics/get-history-bulk-interval", {"run_ids": ["{run_a}", "{run_b}"], "metric_key": "loss", "max_results": 4}),
    step("interval: no run", GET, "metrics/get-history-bulk-interval", {"metric_key": "loss"}),
    step("interval: one end", GET, "metrics/get-history-bulk-interval", {"run_ids": ["{run_a}"], "metric_key": "loss", "start_step": 1}),
    step("interval: ends crossed", GET, "metrics/get-history-bulk-interval", {"run_ids": ["{run_a}"], "metric_key": "loss", "start_step": 2, "end_step": 1}),
    step("update", POST, "runs/update", {"run_id": "{run_a}", "status": "FINISHED", "end_time": T0 + 99}),
    step("update: name", POST, "runs/update", {"run_id": "{run_c}", "run_name": "renamed"}),
    step("delete", POST, "runs/delete", {"run_id": "{run_c}"}),
    step("log to deleted", POST, "runs/log-metric", {"run_id": "{run_c}", **point("loss", 0.5, 1)}),
    step("restore", POST, "runs/restore", {"run_id": "{run_c}"}),
]

FILTERS = [
    "metrics.loss < 0.3", "metrics.loss >= 0.05", "params.rate = '0.1'", "params.rate != '0.1'", "tags.team = 'red'",
    "tags.team LIKE 'b%'", "tags.team ILIKE 'B%'", "attributes.status = 'FINISHED'", "run_name = 'renamed'",
    "attributes.start_time > 1700000000001", "params.depth IS NOT NULL", "tags.team IS NULL",
    "tags.team = 'red' AND metrics.loss < 1", "dataset.name = 'iris'", "dataset.context = 'train'",
    "params.`rate` = '0.1'", "metrics.none > 1",
    # Refused:
    "nonsense", "metrics.loss = 'a'", "params.rate = 0.1", "tags.team > 'a'", "attributes.nothing = 'x'", "sales.x = 'y'",
    "tags.team = 'red' OR tags.team = 'blue'", "metrics.loss LIKE 'a'", "run_id IN (1)", "status IN ('RUNNING')",
]
ORDERS = [
    ["metrics.loss ASC"], ["metrics.loss DESC"], ["params.rate DESC"], ["tags.team ASC"], ["attributes.start_time ASC"],
    ["run_name DESC"], ["attributes.end_time ASC"], ["params.none ASC", "start_time DESC"], ["nothing ASC"], ["metrics.loss SIDEWAYS"],
]

SEARCHES = [
    search("all"),
    *[search(f"filter {one}", filter=one) for one in FILTERS],
    *[search(f"order {one}", order_by=one) for one in ORDERS],
    step("search: first page", POST, "runs/search", {"experiment_ids": ["{exp}"], "max_results": 2}, page="next_page_token"),
    search("next page", max_results=2, page_token="{page}"),
    search("deleted only", run_view_type="DELETED_ONLY"),
    search("a page that is too large", max_results=50001),
    search("a page of nothing", max_results=0),
    search("a filter that is a number", filter=5),
    search("a token that is none", page_token="nonsense"),
]

VERSION = {"name": "m", "source": "s3://bucket/model"}
MODELS = [
    step("create", POST, "registered-models/create", {"name": "m", "description": "d", "tags": [{"key": "a", "value": "1"}]}),
    step("create another", POST, "registered-models/create", {"name": "n"}),
    step("create: taken", POST, "registered-models/create", {"name": "m"}),
    step("create: no name", POST, "registered-models/create", {}),
    step("create: bad name", POST, "registered-models/create", {"name": "a/b"}),
    step("get", GET, "registered-models/get", {"name": "m"}),
    step("get: none", GET, "registered-models/get", {"name": "nobody"}),
    step("update", PATCH, "registered-models/update", {"name": "m", "description": "other"}),
    step("version 1", POST, "model-versions/create", {**VERSION, "description": "first", "tags": [{"key": "q", "value": "1"}]}),
    step("version 2", POST, "model-versions/create", {**VERSION, "run_id": "{run_a}"}),
    step("version 3", POST, "model-versions/create", {**VERSION, "source": "s3://bucket/other"}),
    step("version: copy", POST, "model-versions/create", {"name": "n", "source": "models:/m/1"}),
    step("version: no source", POST, "model-versions/create", {"name": "m"}),
    step("version: no model", POST, "model-versions/create", {**VERSION, "name": "nobody"}),
    step("version: local source", POST, "model-versions/create", {**VERSION, "source": "/tmp"}),
    step("version: climbing source", POST, "model-versions/create", {**VERSION, "source": "s3://bucket/../../x"}),
    step("version: nul in source", POST, "model-versions/create", {**VERSION, "source": "https://host/models%00"}),
    step("get version", GET, "model-versions/get", {"name": "m", "version": "1"}),
    step("get version: none", GET, "model-versions/get", {"name": "m", "version": "99"}),
    step("get version: a word", GET, "model-versions/get", {"name": "m", "version": "x"}),
    step("download uri", GET, "model-versions/get-download-uri", {"name": "m", "version": "1"}),
    step("download uri of a copy", GET, "model-versions/get-download-uri", {"name": "n", "version": "1"}),
    step("update version", PATCH, "model-versions/update", {"name": "m", "version": "1", "description": "new"}),
    step("alias", POST, "registered-models/alias", {"name": "m", "alias": "champion", "version": "2"}),
    step("alias: reserved", POST, "registered-models/alias", {"name": "m", "alias": "latest", "version": "2"}),
    step("alias: like a version", POST, "registered-models/alias", {"name": "m", "alias": "v1", "version": "2"}),
    step("alias: bad name", POST, "registered-models/alias", {"name": "m", "alias": "a b", "version": "2"}),
    step("by alias", GET, "registered-models/alias", {"name": "m", "alias": "champion"}),
    step("by alias: none", GET, "registered-models/alias", {"name": "m", "alias": "nobody"}),
    step("stage", POST, "model-versions/transition-stage", {"name": "m", "version": "1", "stage": "Production", "archive_existing_versions": False}),
    step("stage: archiving", POST, "model-versions/transition-stage", {"name": "m", "version": "2", "stage": "Production", "archive_existing_versions": True}),
    step("stage: unknown", POST, "model-versions/transition-stage", {"name": "m", "version": "1", "stage": "Attic", "archive_existing_versions": False}),
    step("get after stages", GET, "registered-models/get", {"name": "m"}),
    step("latest", POST, "registered-models/get-latest-versions", {"name": "m"}),
    step("latest of a stage", POST, "registered-models/get-latest-versions", {"name": "m", "stages": ["Production"]}),
    step("model tag", POST, "registered-models/set-tag", {"name": "m", "key": "b", "value": "2"}),
    step("model tag away", DELETE, "registered-models/delete-tag", {"name": "m", "key": "a"}),
    step("version tag", POST, "model-versions/set-tag", {"name": "m", "version": "1", "key": "w", "value": "2"}),
    step("version tag away", DELETE, "model-versions/delete-tag", {"name": "m", "version": "1", "key": "q"}),
    step("search", GET, "registered-models/search", {"order_by": ["name DESC"]}),
    step("search by name", GET, "registered-models/search", {"filter": "name LIKE 'm%'"}),
    step("search by tag", GET, "registered-models/search", {"filter": "tags.b = '2'"}),
    step("search: page", GET, "registered-models/search", {"max_results": 1}, models="next_page_token"),
    step("search: next page", GET, "registered-models/search", {"max_results": 1, "page_token": "{models}"}),
    step("search: too many", GET, "registered-models/search", {"max_results": 1001}),
    step("search: bad filter", GET, "registered-models/search", {"filter": "colour = 'red'"}),
    step("search versions", GET, "model-versions/search", {"filter": "name = 'm'", "order_by": ["version_number ASC"]}),
    step("search versions by run", GET, "model-versions/search", {"filter": "run_id = '{run_a}'"}),
    step("search versions by source", GET, "model-versions/search", {"filter": "source_path = 's3://bucket/other'"}),
    step("rename", POST, "registered-models/rename", {"name": "n", "new_name": "o"}),
    step("delete version", DELETE, "model-versions/delete", {"name": "m", "version": "3"}),
    step("delete version: again", DELETE, "model-versions/delete", {"name": "m", "version": "3"}),
    step("version after a delete", POST, "model-versions/create", VERSION),
    step("alias away", DELETE, "registered-models/alias", {"name": "m", "alias": "champion"}),
    step("delete", DELETE, "registered-models/delete", {"name": "m"}),
    step("delete: again", DELETE, "registered-models/delete", {"name": "m"}),
]

FILES = [
    step("list", GET, "artifacts/list", {"run_id": "{run_a}"}),
    step("list a folder", GET, "artifacts/list", {"run_id": "{run_a}", "path": "deep"}),
    step("list nothing", GET, "artifacts/list", {"run_id": "{run_b}"}),
    step("list: climbing", GET, "artifacts/list", {"run_id": "{run_a}", "path": "../x"}),
    step("list: encoded climbing", GET, "artifacts/list", {"run_id": "{run_a}", "path": "%2e%2e/x"}),
    step("list: absolute", GET, "artifacts/list", {"run_id": "{run_a}", "path": "/etc"}),
    step("list: no run", GET, "artifacts/list", {"path": "a"}),
    step("list: run not there", GET, "artifacts/list", {"run_id": "0" * 32}),
]

PARTS = {"experiments": EXPERIMENTS, "runs": RUNS, "searches": SEARCHES, "models": MODELS, "files": FILES}
