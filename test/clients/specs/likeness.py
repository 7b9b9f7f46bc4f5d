"""Whether what was read back is what a spec says."""

import os
import re

from specs.corpus import document_at, is_local

# The client's alone; a secret that Azure takes and never shows; a word that is misspelt in the examples, which the
# client drops.
_NOT_SHOWN = ("$schema", "admin_password", "default_datestore")


class Likeness:
    """Compares what specs of one folder say with what was read back.

    `registered` gives what stands under the id of an environment, a component or a model, or `None`: for what a spec
    says in place and Azure registers on its own.
    """

    def __init__(self, folder, registered):
        self._folder = folder
        self._registered = registered

    def differences(self, wanted, found, at=""):
        """Every place where the two differ, as a list of sentences. Fields that the spec does not set are not looked at."""
        if _says_nothing(wanted):
            return []
        # What stands as a path is data, whatever is in it.
        if not at.endswith(".path") and is_local(wanted) and isinstance(found, (dict, str)) and self._is_document(wanted):
            # What a document names, it names from where it stands.
            inner = Likeness(os.path.dirname(self._path(wanted)), self._registered)
            return inner.differences(document_at(self._path(wanted)), found, at)
        if isinstance(wanted, dict) and isinstance(found, str) and wanted.get("type") in _DRAWN:
            wanted = _drawn(wanted)
        if isinstance(wanted, dict):
            return self._within(wanted, found, at)
        if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
            pairs = enumerate(zip(wanted, found, strict=True))
            return [one for n, (a, b) in pairs for one in self.differences(a, b, f"{at}[{n}]")]
        return [] if _same(wanted, found) else [f"{at}: {_short(wanted)} became {_short(found)}"]

    def _within(self, wanted, found, at):
        if isinstance(wanted.get("path"), str) and wanted["path"].startswith("${{parent."):
            # Of a binding the client sends no type: it is that of what is bound.
            wanted = {key: value for key, value in wanted.items() if key != "type"}
        kind = at.split(".")[-1]
        held = self._registered(kind, found) if isinstance(found, str) else found
        if not isinstance(held, dict):
            # A mapping of nothing but a path comes back as the path.
            return [] if set(wanted) == {"path"} and _same(wanted["path"], found) else [_became(at, wanted, found)]
        # What a job or a step says of its command stands in a component of its own.
        inner = held.get("component")
        inner = (self._registered("component", inner) or {}) if isinstance(inner, str) else (inner or {})
        # What is defined in place gets a name of the client's.
        unnamed = ("name", "version") if isinstance(found, str) or at.endswith("environment") else ()
        return [
            one
            for key, value in wanted.items()
            if key not in _NOT_SHOWN and key not in unnamed
            for one in self.differences(value, _of(held, inner, key), f"{at}.{key}".lstrip("."))
        ]

    def _is_document(self, value):
        path = self._path(value)
        return path.endswith(("yml", "yaml")) and os.path.isfile(path)

    def _path(self, value):
        return os.path.normpath(os.path.join(self._folder, value.removeprefix("file:")))


def _of(held, inner, key):
    value = held.get(key)
    return inner.get(key) if value is None else value


def _says_nothing(wanted):
    if isinstance(wanted, dict):
        return all(_says_nothing(value) for value in wanted.values())
    return wanted is None or wanted == []


def _same(wanted, found):
    if wanted == found or _plain(wanted) == _plain(found):
        return True
    if isinstance(found, dict):
        # A literal, a path, or a word that has settings comes back inside a mapping.
        return _same(wanted, next((found[key] for key in ("value", "path", "type") if key in found), None))
    if isinstance(found, list) and len(found) == 1:
        return _same(wanted, found[0])
    if isinstance(wanted, list) and isinstance(found, list):
        # Reading back, the client takes the JSON of the keys of partitions for a list of its letters.
        return all(isinstance(one, str) and one in "".join(found) for one in wanted)
    if not isinstance(wanted, str) or not isinstance(found, str):
        return False
    return _refers(wanted, found) or (is_local(wanted) and _is_kept(found))


def _refers(wanted, found):
    """True where a reference by name, and a version or a label, came back as an id."""
    short = re.fullmatch(r"(?:azureml:)?([\w.-]+)(?:([:@])([\w.-]+))?", wanted.lower())
    if short is None:
        return False
    name, sign, version = short.groups()
    tail = found.rstrip("/").lower()
    if sign == ":":
        return tail.endswith(tuple(f"{name}{part}{version}" for part in ("/versions/", "/deployments/", ":")))
    if sign == "@":
        return f"/{name}/versions/" in tail or f":{name}:" in tail
    return tail.endswith((f"/{name}", f":{name}"))


def _is_kept(found):
    """True for a place in Azure: what stood on this machine was brought there."""
    return re.match(r"azureml:|/subscriptions/|https://", found) is not None


# Distributions, and what they are made of, in the order in which the client writes them for a step of AutoML.
_DRAWN = {"choice": ("values",), "uniform": ("min_value", "max_value"), "loguniform": ("min_value", "max_value")}


def _drawn(distribution):
    parts = [distribution[name] for name in _DRAWN[distribution["type"]]]
    parts = parts[0] if isinstance(parts[0], list) else parts
    return f"{distribution['type']}({','.join(repr(part) for part in parts)})"


_BYTES = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
# The client's other words for the same.
_WORDS = {"managed": "managed_identity", "wordembedding": "word_embedding"}


def _plain(value):
    """A value without what clients write as they like: numbers and truth as text, the case of letters, white space."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, str):
        return value
    # Clients write `azureml:` before whatever refers to something.
    value = re.sub(r"^azureml:(?!//)", "", value)
    text = re.sub(r"^(\d{4}-\d\d-\d\d) (?=\d)", r"\1T", value.strip())
    size = re.fullmatch(r"(\d+)(kb|mb|gb)", text.lower())
    if size:
        return float(size[1]) * _BYTES[size[2]]
    try:
        return float(text)
    except ValueError:
        text = re.sub(r"\s+", " ", text).lower()
        return _WORDS.get(text, text)


def _became(at, wanted, found):
    return f"{at}: {_short(wanted)} became {_short(found)}"


def _short(value):
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:160]}…"
