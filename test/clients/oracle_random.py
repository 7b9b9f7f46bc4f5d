"""Calls drawn from a seed: searches with every comparator, odd quoting, orders and pages, between writes of all kinds.

They stand on things of their own, which `BEGINNING` makes. Each call is a step as those of `oracle_steps.py` are; pages
are followed to their end by whoever sends them, since only an answer has the next token.
"""

import json
import random

from oracle_steps import DELETE, GET, PATCH, POST, T0, step

EXPERIMENTS = ["ra", "rb", "rc"]
RUNS = 12
MODELS = ["rm-one", "rm.two", "rm three", "RM-Four"]
METRICS = ["loss", "acc", "a b", "deep/er", "odd"]
PARAMS = ["rate", "opt", "a b", "deep/er"]
TAGS = ["team", "note", "a b", "mlflow.source.name"]
# Values that are written, and for which filters ask.
WORDS = ["red", "Red", "blue", "", "0.1", "it's", 'say "x"', "50%", "a_b", "é", "a b", "None", "back`tick", "back\\slash", "AND", "red,blue"]
NUMBERS = ["0", "1", "0.5", "-1", "1e-1", "1e3", "0.25", "7", "1.0", "+1", ".5", "nan", "inf"]
STATUS = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED", "running"]
STAGES = ["None", "Staging", "Production", "Archived", "staging"]
VIEWS = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL", None]
TEXT_COMPARATORS = ["=", "!=", "LIKE", "ILIKE", "like", "iLike", "IN", "NOT IN", ">", "IS NULL", "IS NOT NULL", "=="]
NUMBER_COMPARATORS = ["=", "!=", ">", ">=", "<", "<=", "LIKE", "IS NULL", "<>"]


def quoted(draw, word):
    """A text as a filter may hold it: mostly well quoted, at times in another way."""
    plain = word.replace("'", "") if draw.random() < 0.7 else word
    return draw.choice([f"'{plain}'"] * 8 + [f'"{word}"'] * 4 + [word, f"`{plain}`", f"'{word}", f"' {plain}'"])


def pattern(draw):
    word = draw.choice(WORDS)
    return draw.choice([word, f"{word[:1]}%", f"%{word[-1:]}", f"%{word[1:]}%", word.replace("e", "_"), "%", "_%", ""])


def listing(draw, words):
    chosen = [quoted(draw, draw.choice(words)) for _ in range(draw.choice([1, 1, 2, 3, 0]))]
    between = draw.choice([", ", ",", " , "])
    return f"({between.join(chosen)})"


def operand(draw, comparator, words):
    upper = comparator.upper()
    if upper.startswith("IS"):
        return ""
    if upper.endswith("IN"):
        return listing(draw, words)
    return quoted(draw, pattern(draw) if "LIKE" in upper else draw.choice(words))


def text_clause(draw, key, words):
    comparator = draw.choice(TEXT_COMPARATORS)
    space = draw.choice([" ", " ", "  ", ""]) if not comparator[0].isalpha() else " "
    return f"{key}{space}{comparator}{space}{operand(draw, comparator, words)}".strip()


def number_clause(draw, key, numbers):
    comparator = draw.choice(NUMBER_COMPARATORS)
    value = "" if comparator.startswith("IS") else draw.choice(numbers)
    return f"{key} {comparator} {value if draw.random() < 0.9 else repr(value)}".strip()


def named(draw, kinds, names):
    """A key such as `params.rate`, with the kinds of quoting that a key can have."""
    name = draw.choice(names)
    simple = name.replace("/", "").isalnum()
    ways = [f"`{name}`", f'"{name}"'] + ([name] * 6 if simple else [])
    return f"{draw.choice(kinds)}.{draw.choice(ways)}"


def run_clause(draw):
    return draw.choice(
        [
            lambda: number_clause(draw, named(draw, ["metrics", "metrics", "metric"], [*METRICS, "none"]), NUMBERS),
            lambda: text_clause(draw, named(draw, ["params", "params", "param", "parameters"], [*PARAMS, "none"]), WORDS),
            lambda: text_clause(draw, named(draw, ["tags", "tags", "tag"], [*TAGS, "none"]), WORDS),
            lambda: text_clause(draw, draw.choice(["attributes.", "attribute.", "attr.", "run.", ""]) + draw.choice(["status", "run_name", "user_id", "run_id", "`run name`", "Run_Name"]), [*STATUS, "r1", "R2", "{rr3}", "u"]),
            lambda: number_clause(draw, draw.choice(["attributes.", ""]) + draw.choice(["start_time", "end_time", "created", "Created"]), [str(T0 + n * 10) for n in range(RUNS)] + ["0"]),
            lambda: text_clause(draw, draw.choice(["dataset.", "datasets."]) + draw.choice(["name", "digest", "context", "source"]), ["iris", "wine", "d1", "train", "eval"]),
        ]
    )()


def joined(draw, clause):
    clauses = [clause(draw) for _ in range(draw.choice([1, 1, 1, 2, 2, 3]))]
    return draw.choice([" AND ", " AND ", " and ", "  AND  "]).join(clauses) if draw.random() < 0.97 else " OR ".join(clauses)


def ordered(draw, keys):
    way = lambda: draw.choice(["", " ASC", " DESC", " asc", " desc", "  DESC"])
    return [f"{draw.choice(keys)}{way()}" for _ in range(draw.choice([0, 0, 1, 1, 2]))]


def some(**fields):
    """The fields that are not `None`."""
    return {key: value for key, value in fields.items() if value is not None}


def run_search(draw):
    keys = [f"metrics.{METRICS[0]}", "metrics.`a b`", "metrics.odd", "params.rate", "params.`deep/er`", "tags.team", "tags.none", "attributes.start_time", "run_name", "status", "end_time", "user_id", "Created", "attribute.status", "dataset.name", "metrics"]
    return step("search runs", POST, "runs/search", some(
        experiment_ids=[f"{{{one}}}" for one in draw.sample(EXPERIMENTS, draw.choice([1, 1, 2, 3]))],
        filter=joined(draw, run_clause) if draw.random() < 0.85 else draw.choice([None, "", " ", "nonsense", "params.rate", "= 'x'", "()", "tags.team = 'red';", "tags.team = 'red' --", "(tags.team = 'red')"]),
        order_by=ordered(draw, keys) or None,
        max_results=draw.choice([None, None, 1, 2, 3, 5, 100, 0, -1, 50000, 50001]),
        run_view_type=draw.choice(VIEWS),
    ))


def experiment_clause(draw):
    if draw.random() < 0.25:
        return number_clause(draw, draw.choice(["creation_time", "last_update_time", "attributes.creation_time", "attribute.last_update_time"]), ["0", "9999999999999", "1"])
    return text_clause(draw, draw.choice(["name", "attributes.name", "attribute.name", "Name", *[named(draw, ["tags", "tag"], TAGS) for _ in range(4)]]), [*WORDS, *EXPERIMENTS])


def experiment_search(draw):
    keys = ["name", "creation_time", "last_update_time", "attribute.name", "tags.team", "nothing"]
    fields = some(
        filter=f"name LIKE 'r_' AND {joined(draw, experiment_clause)}",
        order_by=ordered(draw, keys) or None,
        max_results=draw.choice([1, 2, 3, 100, 0, -1, 50001, 50000]),
        view_type=draw.choice(VIEWS),
    )
    return step("search experiments", draw.choice([POST, GET]), "experiments/search", fields)


def model_clause(draw):
    return text_clause(draw, draw.choice(["name", "name", "attribute.name", named(draw, ["tags", "tag"], TAGS), "description"]), [*WORDS, *MODELS])


def model_search(draw):
    fields = some(
        filter=f"name ILIKE 'rm%' AND {joined(draw, model_clause)}",
        order_by=ordered(draw, ["name", "nothing"]) or None,
        max_results=draw.choice([None, 1, 2, 100, 1000, 1001]),
    )
    return step("search models", GET, "registered-models/search", fields)


def version_clause(draw):
    return draw.choice(
        [
            lambda: text_clause(draw, draw.choice(["name", "attribute.name"]), MODELS),
            lambda: text_clause(draw, "run_id", ["{rr1}", "{rr2}", "none"]),
            lambda: text_clause(draw, draw.choice(["source_path", "source"]), ["s3://b/1", "s3://b/2"]),
            lambda: text_clause(draw, named(draw, ["tags", "tag"], TAGS), WORDS),
            lambda: number_clause(draw, draw.choice(["version_number", "attributes.version_number", "version"]), ["1", "2", "0", "1.5"]),
        ]
    )()


def version_search(draw):
    fields = some(
        filter=f"name ILIKE 'rm%' AND {joined(draw, version_clause)}",
        order_by=ordered(draw, ["name", "version_number", "creation_timestamp", "nothing"]) or ["name"],
        max_results=draw.choice([None, 1, 2, 3, 100, 0, 200000, 200001]),
    )
    return step("search versions", GET, "model-versions/search", fields)


def a_run(draw):
    return draw.choice([f"{{rr{draw.randrange(RUNS)}}}"] * 15 + ["0" * 32, ""])


def history(draw):
    fields = some(run_id=a_run(draw), metric_key=draw.choice([*METRICS, "none"]), max_results=draw.choice([None, 1, 2, 3, 50, 0, -1, 25000, 25001]))
    return step("history", GET, "metrics/get-history", fields)


def interval(draw):
    start = draw.choice([None, 0, 1, 2, -1, 5])
    fields = some(
        run_ids=[a_run(draw) for _ in range(draw.choice([1, 1, 2, 3]))],
        metric_key=draw.choice([*METRICS, "none"]),
        start_step=start,
        end_step=None if start is None else draw.choice([start, start + 3, start + 100, start - 1, None]),
        max_results=draw.choice([None, 1, 2, 3, 5, 2500, 0, 2501]),
    )
    return step("interval", GET, "metrics/get-history-bulk-interval", fields)


def value_of(draw):
    return draw.choice([0.5, 1, 0.25, -1, 7, 1e3, 0.1, "0.5", 1e-300, 123456789012])


def points(draw, count):
    return [{"key": draw.choice(METRICS), "value": value_of(draw), "timestamp": T0 + draw.randrange(50), "step": draw.randrange(-2, 12)} for _ in range(count)]


def pairs(draw, names, count):
    return [{"key": draw.choice(names), "value": draw.choice(WORDS)} for _ in range(count)]


def metric(draw):
    [point] = points(draw, 1)
    return step("log metric", POST, "runs/log-metric", {"run_id": a_run(draw), **point})


def parameter(draw):
    [pair] = pairs(draw, [*PARAMS, f"p{draw.randrange(30)}"], 1)
    return step("log parameter", POST, "runs/log-parameter", {"run_id": a_run(draw), **pair})


def batch(draw):
    fields = {"run_id": a_run(draw), "metrics": points(draw, draw.randrange(6)), "params": pairs(draw, [*PARAMS, f"p{draw.randrange(30)}"], draw.choice([0, 0, 1, 2, 3])), "tags": pairs(draw, TAGS, draw.choice([0, 0, 1, 2]))}
    return step("log batch", POST, "runs/log-batch", fields)


def run_tag(draw):
    [pair] = pairs(draw, [*TAGS, "mlflow.note.content", "mlflow.runName"], 1)
    return draw.choice([step("set tag", POST, "runs/set-tag", {"run_id": a_run(draw), **pair}), step("delete tag", POST, "runs/delete-tag", {"run_id": a_run(draw), "key": pair["key"]})])


def run_update(draw):
    fields = some(run_id=a_run(draw), status=draw.choice([None, *STATUS[:4]]), end_time=draw.choice([None, T0 + 500, T0 + 40, 0]), run_name=draw.choice([None, "", "renamed", "Renamed", "r1"]))
    return step("update run", POST, "runs/update", fields)


def run_life(draw):
    return step("delete or restore a run", POST, f"runs/{draw.choice(['delete', 'restore', 'restore'])}", {"run_id": a_run(draw)})


def read_run(draw):
    return step("get run", GET, "runs/get", {"run_id": a_run(draw)})


def inputs(draw):
    dataset = {"name": draw.choice(["iris", "wine"]), "digest": draw.choice(["d1", "d2"]), "source_type": "local", "source": "here", "profile": "", "schema": "{}"}
    tags = [{"key": "mlflow.data.context", "value": draw.choice(["train", "eval"])}][: draw.choice([0, 1, 1])]
    return step("log inputs", POST, "runs/log-inputs", {"run_id": a_run(draw), "datasets": [{"dataset": dataset, "tags": tags}]})


def experiment_write(draw):
    exp = f"{{{draw.choice(EXPERIMENTS)}}}"
    [pair] = pairs(draw, TAGS, 1)
    return draw.choice(
        [
            step("experiment tag", POST, "experiments/set-experiment-tag", {"experiment_id": exp, **pair}),
            step("experiment tag away", POST, "experiments/delete-experiment-tag", {"experiment_id": exp, "key": pair["key"]}),
            step("delete or restore an experiment", POST, f"experiments/{draw.choice(['delete', 'restore', 'restore'])}", {"experiment_id": exp}),
            step("read an experiment", GET, "experiments/get", {"experiment_id": exp}),
        ]
    )


def a_version(draw):
    return {"name": draw.choice([*MODELS, MODELS[0], "none"]), "version": draw.choice(["1", "2", "3", "1", "99", "0", "-1", "x", "1.0"])}


def version_write(draw):
    [pair] = pairs(draw, TAGS, 1)
    version = a_version(draw)
    alias = {"name": version["name"], "alias": draw.choice(["champion", "Champion", "a-b", "best_1", "v1", "latest", "", "a b", "x" * 256])}
    return draw.choice(
        [
            step("version tag", POST, "model-versions/set-tag", {**version, **pair}),
            step("version tag away", DELETE, "model-versions/delete-tag", {**version, "key": pair["key"]}),
            step("model tag", POST, "registered-models/set-tag", {"name": version["name"], **pair}),
            step("model tag away", DELETE, "registered-models/delete-tag", {"name": version["name"], "key": pair["key"]}),
            step("stage", POST, "model-versions/transition-stage", {**version, "stage": draw.choice(STAGES), "archive_existing_versions": draw.choice([True, False, "true"])}),
            step("alias", POST, "registered-models/alias", {**alias, "version": version["version"]}),
            step("alias away", DELETE, "registered-models/alias", alias),
            step("by alias", GET, "registered-models/alias", {**alias, "alias": alias["alias"].replace("latest", "none")}),
            step("describe a version", PATCH, "model-versions/update", {**version, "description": draw.choice(WORDS)}),
            step("describe a model", PATCH, "registered-models/update", {"name": version["name"], "description": draw.choice(WORDS)}),
            step("get version", GET, "model-versions/get", version),
            step("download uri", GET, "model-versions/get-download-uri", version),
            step("get model", GET, "registered-models/get", {"name": version["name"]}),
            step("latest", draw.choice([GET, POST]), "registered-models/get-latest-versions", some(name=version["name"], stages=draw.choice([None, ["Production"], ["None", "staging"], ["Attic"]]))),
            step("version", POST, "model-versions/create", some(name=version["name"], source=draw.choice(["s3://b/1", "s3://b/2", "models:/rm-one/1", "models:/rm-one/77", ""]), run_id=draw.choice([None, "{rr1}", "{rr2}"]), description=draw.choice([None, "é"]))),
        ]
    )


def datasets(draw):
    return step("datasets", POST, "/ajax-api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [f"{{{one}}}" for one in draw.sample(EXPERIMENTS, draw.choice([1, 2]))]})


WEIGHTS = {
    run_search: 40, experiment_search: 12, model_search: 10, version_search: 12, history: 6, interval: 8, metric: 6, parameter: 3, batch: 8,
    run_tag: 6, run_update: 4, run_life: 2, read_run: 3, inputs: 3, experiment_write: 4, version_write: 24, datasets: 1,
}

BEGINNING = [
    *[step(f"create {one}", POST, "experiments/create", {"name": one}, **{one: "experiment_id"}) for one in EXPERIMENTS],
    *[
        step(f"create r{n}", POST, "runs/create", {"experiment_id": f"{{{EXPERIMENTS[n % 3]}}}", "run_name": f"r{n}", "start_time": T0 + n * 10, "user_id": "u"}, **{f"rr{n}": "run.info.run_id"})
        for n in range(RUNS)
    ],
    *[step(f"create {one}", POST, "registered-models/create", {"name": one, "tags": [{"key": "team", "value": one[:3]}]}) for one in MODELS],
]


def drawn(seed, count):
    """The calls of a seed."""
    draw = random.Random(seed)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    return [draw.choices(kinds, weights)[0](draw) for _ in range(count)]


def excused_search(name, theirs, ours):
    """Why two answers to a search may differ: a filter with several mistakes is refused for one of them."""
    refused = all(status == 400 and body["error_code"] == "INVALID_PARAMETER_VALUE" for status, body in (theirs, ours))
    return "A search refused for another of its mistakes, or in other words" if refused and name.startswith("search") else None


def comparable(value):
    """An answer with numbers of one kind, and without an order where MLflow's server gives none."""
    if isinstance(value, dict):
        return {key: comparable(held) for key, held in value.items()}
    if isinstance(value, list):
        held = [comparable(one) for one in value]
        return sorted(held, key=lambda one: json.dumps(one, sort_keys=True)) if held and isinstance(held[0], dict) and "digest" in held[0] else held
    return int(value) if isinstance(value, float) and value.is_integer() else value
