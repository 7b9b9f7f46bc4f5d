"""Compares two histories with the unmodified MLflow client: `compare.py FROM TO`. Knows nothing of Holdfast but its tags.

Prints one line a difference and ends with 1 if there is any. `--experiment` and `--model` choose, and where one is given
without the other there is nothing of the other; `--mlflow-2` leaves out what MLflow 2 has no words for; `--links` asks for
the traces that are linked to each run and to prompts too; `--datasets` compares the datasets of evaluations.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

OWN = "holdfast."
PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"
IDS = re.compile(r"\b(?:m-)?[0-9a-f]{32}\b")
found = []


def pages(ask):
    token = None
    while True:
        page = ask(token)
        yield from page
        token = page.token
        if not token:
            return


def plain(tags):
    return {key: value for key, value in tags.items() if not key.startswith(OWN)}


def point(metric):
    return (repr(metric.value + 0.0), metric.timestamp, metric.step)


def differ(subject, one, other):
    if one != other:
        found.append(subject)
        print(f"{subject}\n  - {one}\n  + {other}")


class Side:
    def __init__(self, uri, chosen):
        self.uri = uri
        self.client = MlflowClient(uri, uri)
        client = self.client
        self.experiments = {
            one.name: one
            for one in pages(lambda t: client.search_experiments(ViewType.ALL, page_token=t, max_results=1000))
            if chosen.takes(one.name, chosen.experiment, chosen.model)
        }
        self.twice = []
        self.runs = {}
        for one in self.experiments.values():
            ids = [one.experiment_id]
            for run in pages(lambda t, i=ids: client.search_runs(i, "", ViewType.ALL, 1000, page_token=t)):
                self.add(self.runs, run.data.tags.get("holdfast.source_run_id", run.info.run_id), run)
        self.models = {}
        for one in self.experiments.values():
            if one.lifecycle_stage != "active" or chosen.mlflow_2:
                continue
            ids = [one.experiment_id]
            for model in pages(lambda t, i=ids: client.search_logged_models(i, page_token=t)):
                self.add(self.models, model.tags.get("holdfast.source_model_id", model.model_id), model)
        self.registered = {
            one.name: one
            for ask in (None, PROMPTS)
            for one in pages(lambda t, f=ask: client.search_registered_models(f, page_token=t))
            if chosen.takes(one.name, chosen.model, chosen.experiment)
        }

    def add(self, all_, key, one):
        if key in all_:
            self.twice.append(key)
        all_[key] = one

    def traces(self):
        """Every trace with what it says of itself and with its spans, by its id."""
        names = {one.experiment_id: name for name, one in self.experiments.items()}
        for where in names:
            for one in pages(lambda t, e=where: self.client.search_traces(locations=[e], include_spans=False, page_token=t)):
                trace = self.client.get_trace(one.info.trace_id)
                yield one.info.trace_id, names[where], trace.info, trace.data.spans

    def linked(self, run):
        """Ids of the traces that came of a run or are linked to it."""
        ask = f"attributes.run_id = '{run.info.run_id}'"
        where = [run.info.experiment_id]
        return self.traces_by(where, ask)

    def traces_by(self, where, ask):
        found_ = pages(lambda t: self.client.search_traces(locations=where, filter_string=ask, include_spans=False, page_token=t))
        return sorted(one.info.trace_id for one in found_)

    def of_prompts(self):
        """Ids of the traces that a search finds by each version of a prompt."""
        where = [one.experiment_id for one in self.experiments.values()]
        prompts_ = [name for name in self.registered if "mlflow.prompt.is_prompt" in self.registered[name].tags]
        return {
            (name, number): self.traces_by(where, f"prompt = '{name}/{number}'") for name in prompts_ for number in self.versions(name)
        }

    def datasets(self):
        """What each dataset of evaluations says, by the id that both sides know."""
        mlflow.set_tracking_uri(self.uri)
        names = {one.experiment_id: name for name, one in self.experiments.items()}
        found_ = {}
        for one in pages(lambda t: self.client.search_datasets(page_token=t)):
            whole = self.client.get_dataset(one.dataset_id)
            records = sorted(
                json.dumps([each.inputs, each.outputs, each.expectations, each.tags, each.source and each.source.to_dict()], sort_keys=True)
                for each in whole.records
            )
            where = sorted(names.get(id_, id_) for id_ in whole.experiment_ids)
            self.add(found_, one.tags.get("holdfast.source_dataset_id", one.dataset_id), (one.name, plain(one.tags), where, records))
        return found_

    def versions(self, name):
        quote = '"' if "'" in name else "'"
        found_ = {}
        for more in ("", f" AND {PROMPTS}"):
            ask = f"name={quote}{name}{quote}{more}"
            for one in pages(lambda t, f=ask: self.client.search_model_versions(f, page_token=t)):
                self.add(found_, int(one.tags.get("holdfast.source_version", one.version)), one)
        return found_

    def files(self, uri):
        mlflow.set_tracking_uri(self.uri)
        if not get_artifact_repository(uri).list_artifacts():
            return {}
        with tempfile.TemporaryDirectory() as folder:
            mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)
            digests = {}
            for at, _, names in os.walk(folder):
                for name in names:
                    path = os.path.join(at, name)
                    digest, text = hashlib.sha256(), b""
                    with open(path, "rb") as file:
                        while chunk := file.read(1 << 20):
                            digest.update(chunk)
                            text += chunk if name == "MLmodel" else b""
                    digests[os.path.relpath(path, folder)] = (digest.hexdigest(), text)
            return digests


class Comparison:
    def __init__(self, one, other, mlflow_2):
        self.one, self.other = one, other
        self.mlflow_2 = mlflow_2
        self.compared = 0
        pairs = [(run.info, other.runs.get(shared)) for shared, run in one.runs.items()]
        self.ids = {info.run_id: twin.info.run_id for info, twin in pairs if twin}
        self.ids |= {m.model_id: other.models[shared].model_id for shared, m in one.models.items() if shared in other.models}
        self.roots = {info.artifact_uri: twin.info.artifact_uri for info, twin in pairs if twin}
        for shared, model in one.models.items():
            if shared in other.models:
                self.roots[model.artifact_location] = other.models[shared].artifact_location

    def translated(self, text):
        for old, new in self.roots.items():
            text = text.replace(old, new)
        return IDS.sub(lambda match: self.ids.get(match[0], match[0]), text)

    def files(self, subject, here, there):
        def digest(named, translate):
            whole, text = named
            return hashlib.sha256(self.translated(text.decode()).encode()).hexdigest() if translate and text else whole

        wanted = {path: digest(named, True) for path, named in self.one.files(here).items()}
        differ(subject, wanted, {path: digest(named, False) for path, named in self.other.files(there).items()})

    def experiments(self):
        for name, here in self.one.experiments.items():
            there = self.other.experiments.get(name)
            wanted = (here.lifecycle_stage, plain(here.tags))
            differ(f"experiment {name}", wanted, there and (there.lifecycle_stage, plain(there.tags)))

    def runs(self):
        for shared, here in self.one.runs.items():
            subject = f"run {here.info.run_name}"
            there = self.other.runs.get(shared)
            if there is None:
                differ(subject, here.info.run_id, None)
                continue
            self.run(subject, here, there)

    def run(self, subject, here, there):
        for field in ("run_name", "status", "start_time", "end_time", "lifecycle_stage", "user_id"):
            differ(f"{subject}: {field}", getattr(here.info, field), getattr(there.info, field))
        differ(f"{subject}: params", here.data.params, there.data.params)
        tags = plain(here.data.tags)
        for key in ("mlflow.parentRunId", "mlflow.rootRunId"):
            if key in tags:
                tags[key] = self.translated(tags[key])
        differ(f"{subject}: tags", tags, plain(there.data.tags))
        differ(f"{subject}: metrics", sorted(here.data.metrics), sorted(there.data.metrics))
        for key in here.data.metrics:
            ours = sorted(map(point, self.one.client.get_metric_history(here.info.run_id, key)))
            theirs = sorted(map(point, self.other.client.get_metric_history(there.info.run_id, key)))
            differ(f"{subject}: metric {key}", ours, theirs)
        datasets = [sorted(str(one.to_dictionary()) for one in run.inputs.dataset_inputs) for run in (here, there)]
        differ(f"{subject}: datasets", *datasets)
        if not self.mlflow_2:
            self.links(subject, here, there)
        self.files(f"{subject}: files", here.info.artifact_uri, there.info.artifact_uri)

    def links(self, subject, here, there):
        # A search does not say which logged models a run read.
        here, there = self.one.client.get_run(here.info.run_id), self.other.client.get_run(there.info.run_id)
        read = [sorted(one.model_id for one in run.inputs.model_inputs) for run in (here, there)]
        differ(f"{subject}: models read", sorted(self.ids.get(one, one) for one in read[0]), read[1])
        made = [sorted((one.model_id, one.step) for one in (run.outputs.model_outputs if run.outputs else [])) for run in (here, there)]
        differ(f"{subject}: models made", sorted((self.ids.get(one, one), step) for one, step in made[0]), made[1])

    def models(self):
        def view(model, ids):
            metrics = sorted(
                (m.key, point(m), ids.get(m.run_id, m.run_id), m.dataset_name or "", m.dataset_digest or "")
                for m in model.metrics or []
            )
            tags = {key: value for key, value in plain(model.tags).items() if key != "mlflow.modelVersions"}
            run = ids.get(model.source_run_id, model.source_run_id)
            return (model.name, str(model.status), model.model_type, run, tags, model.params, metrics)

        for shared, here in self.one.models.items():
            there = self.other.models.get(shared)
            differ(f"logged model {here.name}", view(here, self.ids), there and view(there, {}))
            if there:
                self.files(f"logged model {here.name}: files", here.artifact_location, there.artifact_location)

    def traces(self):
        own = ("mlflow.artifactLocation", "mlflow.trace.spansLocation")

        def view(trace, ids):
            name, info, spans = trace
            metadata = {key: ids.get(value, value) for key, value in info.trace_metadata.items()}
            tags = {key: value for key, value in info.tags.items() if key not in own}
            times = (info.request_time, info.execution_duration, str(info.state))
            assessments = sorted(str(one.to_dictionary()) for one in info.assessments)
            previews = (info.request_preview, info.response_preview)
            return (name, times, tags, metadata, previews, assessments, sorted(str(one.to_dict()) for one in spans))

        theirs = {id_: trace for id_, *trace in self.other.traces()}
        for id_, *trace in self.one.traces():
            self.compared += 1
            there = theirs.pop(id_, None)
            differ(f"trace {id_}", view(trace, self.ids), there and view(there, {}))
        differ("traces", [], sorted(theirs))

    def trace_links(self):
        for shared, here in self.one.runs.items():
            there = self.other.runs.get(shared)
            if there:
                differ(f"run {here.info.run_name}: linked traces", self.one.linked(here), self.other.linked(there))
        differ("traces of prompts", self.one.of_prompts(), self.other.of_prompts())

    def datasets(self):
        ours, theirs = self.one.datasets(), self.other.datasets()
        for shared in sorted({*ours, *theirs}):
            differ(f"dataset {shared}", ours.get(shared), theirs.get(shared))

    def registered(self):
        for name, here in self.one.registered.items():
            there = self.other.registered.get(name)
            wanted = (here.description, plain(here.tags), {alias: int(number) for alias, number in here.aliases.items()})
            if there is None:
                differ(f"model {name}", wanted, None)
                continue
            found_ = (there.description, plain(there.tags), {alias: int(number) for alias, number in there.aliases.items()})
            differ(f"model {name}", wanted, found_)
            ours, theirs = self.one.versions(name), self.other.versions(name)
            differ(f"model {name}: numbers", sorted(ours), sorted(int(one.version) for one in theirs.values()))
            for number, version in ours.items():
                twin = theirs.get(number)
                run = self.ids.get(version.run_id, version.run_id)
                source = self.translated(version.source)
                view = (source, run, version.description or "", version.current_stage, plain(version.tags))
                # Where a registry refuses a source, such as a path of another machine, it stands behind a scheme.
                other = twin and (twin.source.removeprefix("holdfast:/"), twin.run_id, twin.description or "", twin.current_stage, plain(twin.tags))
                differ(f"model {name}: version {number}", view, other)


class Chosen(argparse.Namespace):
    def takes(self, name, names, others):
        return name in names if names else not others


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("--experiment", action="append", default=[])
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--mlflow-2", action="store_true")
    parser.add_argument("--links", action="store_true")
    parser.add_argument("--datasets", action="store_true")
    chosen = parser.parse_args(namespace=Chosen())
    comparison = Comparison(Side(chosen.one, chosen), Side(chosen.other, chosen), chosen.mlflow_2)
    comparison.experiments()
    comparison.runs()
    comparison.models()
    if not chosen.mlflow_2:
        comparison.traces()
    if chosen.links:
        comparison.trace_links()
    if chosen.datasets:
        comparison.datasets()
    comparison.registered()
    differ("kept once", [], comparison.other.twice)
    print(f"{len(comparison.one.runs)} runs and {comparison.compared} traces compared, {len(found)} differences")
    sys.exit(1 if found else 0)


main()
