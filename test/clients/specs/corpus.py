"""The specs of a folder: what kind of thing each describes, and stand-ins for the files that they name and nobody has."""

import os
import re
import shutil
import tempfile

import yaml

# Last segment of `$schema`, in lower case and without `.schema.json`, and the kind of thing.
KINDS = {
    "amlcompute": "compute",
    "computeinstance": "compute",
    "azureblob": "datastore",
    "azuredatalakegen1": "datastore",
    "azuredatalakegen2": "datastore",
    "azurefile": "datastore",
    "batchdeployment": "batch deployment",
    "modelbatchdeployment": "batch deployment",
    "pipelinecomponentbatchdeployment": "batch deployment",
    "batchendpoint": "batch endpoint",
    "commandcomponent": "component",
    "pipelinecomponent": "component",
    "sparkcomponent": "component",
    "commandjob": "job",
    "pipelinejob": "job",
    "sweepjob": "job",
    "sparkjob": "job",
    "automljob": "job",
    "connection": "connection",
    "data": "data",
    "dataimport": "data import",
    "environment": "environment",
    "flow": "flow",
    "run": "flow",
    "kubernetesonlinedeployment": "online deployment",
    "managedonlinedeployment": "online deployment",
    "kubernetesonlineendpoint": "online endpoint",
    "managedonlineendpoint": "online endpoint",
    "model": "model",
    "modelversionpackage": "package",
    "schedule": "schedule",
    "workspace": "workspace",
}
_PATHS = ("path", "code", "conda_file", "component", "job", "flow", "create_job")
_CONDA = "name: stand-in\ndependencies:\n  - python=3.11\n"
_SPARK = {
    "spark.driver.cores": 1,
    "spark.driver.memory": "2g",
    "spark.executor.cores": 1,
    "spark.executor.memory": "2g",
    "spark.executor.instances": 1,
}
_ENTRY = "stand_in.py"
_CONTENT = {
    "MLmodel": "flavors: {}\n",
    "MLTable": "type: mltable\npaths:\n  - file: ./rows.csv\ntransformations:\n  - read_delimited:\n      delimiter: ','\n",
    "rows.csv": "a,b\n1,2\n",
    "Dockerfile": "FROM docker.io/ubuntu:24.04\n",
}


class Spec:
    """One file: its kind, and what it says."""

    def __init__(self, root, path):
        self.path = path
        self.name = os.path.relpath(path, root)
        self.document = document_at(path)
        last = str(self.document.get("$schema", "")).strip().split("/")[-1].lower()
        self.schema = last.removesuffix(".json").removesuffix(".schema")
        self.kind = KINDS.get(self.schema)


def document_at(path):
    """What a file of YAML says."""
    with open(path, encoding="utf-8-sig") as file:
        return yaml.safe_load(file)


def copied(source):
    """The specs of a copy, in which words stand for placeholders, and stand-ins for files that are named and missing."""
    root = os.path.join(tempfile.mkdtemp(), "cli")
    shutil.copytree(source, root)
    specs = []
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith((".yml", ".yaml")):
                continue
            _fill(path)
            if _is_spec(path):
                specs.append(Spec(root, path))
    for spec in specs:
        for key, value, holder in places(spec.document):
            _stand_in(os.path.dirname(spec.path), key, value, holder)
    return specs


def _is_spec(path):
    """True where a file is a mapping: a checkout has other YAML too, such as lists, and several documents in one file."""
    try:
        return isinstance(document_at(path), dict)
    except yaml.YAMLError:
        return False


def _fill(path):
    """Puts words in the place of `<SOME_NAME>` and `{{some_name}}`, as users of the examples do."""
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    text = re.sub(r"<([A-Za-z][\w-]+)>", lambda found: found[1].replace("_", "").lower(), text)
    text = re.sub(r"(?<!\$)\{\{(\w+)\}\}", lambda found: found[1].replace("_", "-"), text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def unserved(spec):
    """What a spec names that is not served here, in a word or two; `None` where there is no such thing."""
    return _UNSERVED_KINDS.get(spec.kind) or _unserved(spec.document)


def _unserved(document):
    if isinstance(document, list):
        return next((reason for reason in map(_unserved, document) if reason), None)
    if not isinstance(document, dict):
        return None
    component = document.get("component")
    if isinstance(component, str) and component.endswith("flow.dag.yaml"):
        return "prompt flow"
    steps = document.get("jobs") or {}
    return _unserved(list(steps.values()) if isinstance(steps, dict) else [])


# Kinds of specs.
_UNSERVED_KINDS = {"data import": "imports of data", "flow": "prompt flow", "package": "packages of models"}


def places(document):
    """Every place on this machine that a spec names: its key, the place, and the mapping that it stands in."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in _PATHS and is_local(value):
                yield key, value, document
            elif key == "additional_includes":
                yield from (("code", one, document) for one in value if is_local(one))
            else:
                yield from places(value)
    elif isinstance(document, list):
        for value in document:
            yield from places(value)


def is_local(value):
    """True for a path of this machine: no address, no reference, no placeholder."""
    if not isinstance(value, str) or "://" in value or value.startswith(("azureml:", "git+", "/")):
        return False
    return "${{" not in value


def references(document, key=None, holder=None):
    """Every reference to a registered thing of the workspace: its key, name, version, and the mapping it stands in.

    The version is `None` where a label stands in its place, or nothing.
    """
    if isinstance(document, dict):
        for inner, value in document.items():
            yield from references(value, inner, document)
    elif isinstance(document, list):
        for value in document:
            yield from references(value, key, holder)
    elif isinstance(document, str):
        prefix = "(?:azureml:)?" if key in ("compute", "default_compute") else "azureml:"
        found = re.fullmatch(prefix + r"([\w.-]+)(?:([:@])([\w.-]+))?", document)
        if found:
            yield key, found[1], found[3] if found[2] == ":" else None, holder


def of_registries(document, holder=None):
    """Every component and model of a registry that a spec names: registry, kind, name, version, and the mapping around it."""
    if isinstance(document, dict):
        for value in document.values():
            yield from of_registries(value, document)
    elif isinstance(document, list):
        for value in document:
            yield from of_registries(value, holder)
    elif isinstance(document, str):
        found = re.fullmatch(
            r"azureml://registries/([\w-]+)/(components|models)/([\w.-]+)(?:/versions/([\w.-]+)|/labels/latest)?",
            document,
        )
        if found:
            yield (*found.groups(), holder)


def _stand_in(folder, key, value, holder):
    path = os.path.normpath(os.path.join(folder, value.removeprefix("file:")))
    name = os.path.basename(path)
    if os.path.isfile(path):
        return
    if key == "component" and holder.get("type") == "spark":
        _write(os.path.join(os.path.dirname(path), _ENTRY), "\n")
    if os.path.splitext(name)[1] and not name.startswith(".") and not os.path.isdir(path):
        spec = yaml.safe_dump(interface(holder)) if key == "component" else _CONDA
        _write(path, spec if name.endswith(("yml", "yaml")) else "\n")
        return
    # No two have the same bytes: Azure knows what is uploaded by its hash, and keeps it in the first place.
    _write(os.path.join(path, "stand-in.txt"), path)
    for file in (*_CONTENT, *_named(holder)):
        _write(os.path.join(path, file), _CONTENT.get(file, "\n"))


def _named(holder):
    """Files that a folder must have, since a spec names them beside it."""
    entry = holder.get("entry")
    entry = entry.get("file") if isinstance(entry, dict) else None
    return [one for one in (holder.get("scoring_script"), holder.get("dockerfile_path"), entry) if one]


def interface(node):
    """A component as a step of a pipeline asks for it: with the inputs and outputs that the step names."""
    inputs = {name: {"type": _type(value)} for name, value in (node.get("inputs") or {}).items()}
    outputs = {name: {"type": "uri_folder"} for name in node.get("outputs") or {}}
    does = {"type": "command", "command": "echo stand-in", "environment": {"image": "docker.io/ubuntu:24.04"}}
    if node.get("type") == "spark":
        does = {"type": "spark", "code": ".", "entry": {"file": _ENTRY}, "conf": _SPARK}
    return {"name": "stand_in", "version": "1", **does, "inputs": inputs, "outputs": outputs}


def _type(value):
    """The type of an input that a step binds to this value, or gives this value."""
    if isinstance(value, dict):
        return value.get("type", "uri_folder")
    return "uri_folder" if isinstance(value, str) and "${{" in value else "string"


def _write(path, content):
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
