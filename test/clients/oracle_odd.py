"""Calls that no client sends, each of them a good call with one field left out, empty, or of another type.

They follow those of `oracle_steps.py` and stand on what these made. The answers must be equal as theirs must: a program
that is wrong about a field should hear of it here as it does from MLflow's own server.
"""

import re
from itertools import count

from oracle_steps import DELETE, GET, PATCH, POST, T0, step

LEFT_OUT = object()
# What a body can hold where something else is expected.
IN_BODY = {
    "left out": LEFT_OUT, "null": None, "an empty text": "", "a text": "odd", "digits": "70707", "a whole number": 7,
    "a fraction": 7.5, "true": True, "an empty list": [], "a list": ["odd"], "a list of numbers": [7], "an empty object": {},
    "an object": {"key": "odd"}, "a list of objects": [{"key": "odd", "value": "v"}], "a list with null": [None], "negative": -1,
}
# What a query can hold.
IN_QUERY = {"left out": LEFT_OUT, "an empty text": "", "a text": "odd", "digits": "70707", "a fraction": "7.5", "negative": "-1", "given twice": ["odd", "even"]}
NUMBER = count(1)


def odd(method, path, good, fields=None):
    """The call with each of its fields, or of those named, as nobody sends it."""
    values = IN_QUERY if method == GET else IN_BODY
    return [
        step(f"{method} {path}: {field} is {name}" if value is not LEFT_OUT else f"{method} {path}: {field} is left out", method, path, changed(good, field, value))
        for field in fields or good
        for name, value in values.items()
    ]


def changed(good, field, value):
    fields = {key: fresh(held) for key, held in good.items()}
    if value is LEFT_OUT:
        del fields[field]
    else:
        fields[field] = value
    return fields


def fresh(value):
    """A good value, with a number in the place of `#`, since names may be given only once."""
    return value.replace("#", f"{next(NUMBER)}") if isinstance(value, str) else value


TAGS = [{"key": "t", "value": "1"}]
ODD = [
    *odd(POST, "experiments/create", {"name": "odd #", "artifact_location": "s3://b/#", "tags": TAGS}),
    *odd(GET, "experiments/get", {"experiment_id": "{exp}"}),
    *odd(GET, "experiments/get-by-name", {"experiment_name": "one"}),
    *odd(POST, "experiments/update", {"experiment_id": "{two}", "new_name": "new #"}),
    *odd(POST, "experiments/delete", {"experiment_id": "none"}),
    *odd(POST, "experiments/restore", {"experiment_id": "none"}),
    *odd(POST, "experiments/set-experiment-tag", {"experiment_id": "{two}", "key": "k", "value": "v"}),
    *odd(POST, "experiments/delete-experiment-tag", {"experiment_id": "{two}", "key": "none"}),
    *odd(POST, "experiments/search", {"max_results": 2, "filter": "name = 'one'", "order_by": ["name"], "page_token": ""}),
    *odd(GET, "experiments/search", {"max_results": "2", "filter": "name = 'one'", "order_by": "name", "page_token": ""}),
    *odd(POST, "runs/create", {"experiment_id": "{two}", "user_id": "u", "start_time": T0, "run_name": "r", "tags": TAGS}),
    *odd(POST, "experiments/search", {"max_results": 2, "filter": "name = 'one'", "view_type": 3}, ["view_type"]),
    *odd(GET, "runs/get", {"run_id": "{run_b}"}),
    *odd(POST, "runs/update", {"run_id": "{run_b}", "status": "RUNNING", "end_time": T0 + 5, "run_name": "b"}),
    *odd(POST, "runs/delete", {"run_id": "none"}),
    *odd(POST, "runs/restore", {"run_id": "none"}),
    *odd(POST, "runs/log-metric", {"run_id": "{run_b}", "key": "m", "value": 1.5, "timestamp": T0, "step": 1}),
    *odd(POST, "runs/log-parameter", {"run_id": "{run_b}", "key": "p#", "value": "v"}),
    *odd(POST, "runs/set-tag", {"run_id": "{run_b}", "key": "s", "value": "v"}),
    *odd(POST, "runs/delete-tag", {"run_id": "{run_b}", "key": "none"}),
    *odd(POST, "runs/log-batch", {"run_id": "{run_b}", "metrics": [], "params": [], "tags": []}),
    *odd(POST, "runs/log-inputs", {"run_id": "{run_b}", "datasets": []}),
    *odd(POST, "runs/log-model", {"run_id": "{run_b}", "model_json": "{}"}),
    *odd(POST, "runs/search", {"experiment_ids": ["{exp}"], "filter": "run_name != 'b'", "run_view_type": "ALL", "max_results": 2, "order_by": ["run_name"], "page_token": ""}),
    *odd(POST, "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": ["{two}"]}),
    *odd(GET, "metrics/get-history", {"run_id": "{run_a}", "metric_key": "loss", "max_results": "2", "page_token": ""}),
    *odd(GET, "metrics/get-history-bulk-interval", {"run_ids": "{run_a}", "metric_key": "loss", "start_step": "1", "end_step": "9", "max_results": "3"}),
    *odd(GET, "artifacts/list", {"run_id": "{run_b}", "path": "x"}),
    *odd(POST, "registered-models/create", {"name": "odd #", "description": "d", "tags": TAGS}),
    *odd(GET, "registered-models/get", {"name": "o"}),
    *odd(PATCH, "registered-models/update", {"name": "odd", "description": "d"}),
    *odd(POST, "registered-models/get-latest-versions", {"name": "odd", "stages": ["None"]}),
    *odd(GET, "registered-models/search", {"filter": "name = 'odd'", "max_results": "2", "order_by": "name", "page_token": ""}),
    *odd(POST, "registered-models/set-tag", {"name": "odd", "key": "k", "value": "v"}),
    *odd(DELETE, "registered-models/delete-tag", {"name": "odd", "key": "none"}),
    *odd(POST, "model-versions/create", {"name": "odd", "source": "s3://b/m", "run_id": "{run_a}", "run_link": "http://x", "description": "d", "tags": TAGS}),
    *odd(GET, "model-versions/get", {"name": "odd", "version": "1"}),
    *odd(PATCH, "model-versions/update", {"name": "odd", "version": "1", "description": "d"}),
    *odd(POST, "model-versions/transition-stage", {"name": "odd", "version": "1", "stage": "Staging", "archive_existing_versions": False}),
    *odd(POST, "model-versions/set-tag", {"name": "odd", "version": "1", "key": "k", "value": "v"}),
    *odd(DELETE, "model-versions/delete-tag", {"name": "odd", "version": "1", "key": "none"}),
    *odd(GET, "model-versions/get-download-uri", {"name": "odd", "version": "1"}),
    *odd(GET, "model-versions/search", {"filter": "name = 'odd'", "max_results": "2", "order_by": "name", "page_token": ""}),
    *odd(POST, "registered-models/alias", {"name": "odd", "alias": "champion", "version": "1"}),
    *odd(GET, "registered-models/alias", {"name": "odd", "alias": "champion"}),
    *odd(DELETE, "registered-models/alias", {"name": "odd", "alias": "none"}),
    *odd(DELETE, "model-versions/delete", {"name": "none", "version": "1"}),
    *odd(DELETE, "registered-models/delete", {"name": "none"}),
]

# Ids, places and names that each side makes up.
MADE_UP = {"experiment_id", "run_id", "run_uuid", "artifact_uri", "artifact_location", "root_uri", "next_page_token", "creation_time", "creation_timestamp"}
NAMED = re.compile(r"^[a-z]+-[a-z]+-\d+$")


def without_made_up(value, key=""):
    """An answer without what each side makes up."""
    if isinstance(value, dict):
        return {name: without_made_up(held, name) for name, held in value.items()}
    if isinstance(value, (list, tuple)):
        # MLflow gives what a run has logged in no order.
        logged = all(isinstance(one, dict) and "key" in one for one in value)
        return [without_made_up(one) for one in (sorted(value, key=lambda one: one["key"]) if logged else value)]
    return f"<{key}>" if key in MADE_UP else "<name>" if isinstance(value, str) and NAMED.match(value) else value


IN_OTHER_WORDS = re.compile(r"clause|order_by|order by|page token|Invalid attribute key|a positive integer")
ABSENT = re.compile(r"must specify at least one|a positive integer")
NO_FIELD = "MLflow's server goes on without the field, and without those after it"


def excused(theirs, ours):
    """Why the two answers may differ, for whole classes of calls; `None` where they may not."""
    if theirs[0] >= 500:
        return "MLflow's server fails" if ours[0] < 500 else None
    if ours[0] == 400 and ours[1]["error_code"] == "INVALID_PARAMETER_VALUE":
        if theirs[0] == 200:
            return NO_FIELD if re.search(r"Hint: Value was of type|it is one of RUNNING", ours[1]["message"]) else None
        if theirs[0] == 400 and theirs[1]["error_code"] == ours[1]["error_code"]:
            if "Value was of type" in ours[1]["message"] and ABSENT.search(theirs[1]["message"]):
                return NO_FIELD
            if "Value was of type 'list'" in ours[1]["message"] and "value \"\" for parameter 'key'" in theirs[1]["message"]:
                return NO_FIELD
            if all(IN_OTHER_WORDS.search(body["message"]) for _, body in (theirs, ours)):
                return "The same refusal in other words"
    if theirs[0] == 400 and "must be a valid integer" in theirs[1]["message"] and ours[0] == 404:
        return "Ids of experiments are numbers there and GUIDs here"
    return None
