"""Every spec of some kinds, created, read back, and compared with what it says."""

import os
import threading
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from azure.ai.ml.exceptions import JobParsingError
from cases import Unexpected, case, run, true
from local_azure import client, make_workspace

from specs.corpus import copied, unserved
from specs.likeness import Likeness
from specs.making import begun, ended, expected, given, loaded, read, registered
from specs.needs import REGIONS, Needs

_GROUP = "rg-yaml"
_AT_ONCE = 8


def check(topics, least, wanted=lambda spec: True):
    """Runs a case for each topic, which names kinds of specs, and one that holds how many are created in all.

    `wanted` leaves out those that another scenario has.
    """
    specs = copied(os.path.join(os.environ["HOLDFAST_EXAMPLES"], "cli"))
    kinds = [kind for kinds in topics.values() for kind in kinds]
    checking = _Checking([spec for spec in specs if spec.kind in kinds and wanted(spec)])
    for topic, of_topic in topics.items():
        _add_case(checking, topic, of_topic)

    @case(f"of these {len(checking.specs)} examples, at least {least} are created")
    def counts():
        counted = Counter(checking.outcomes.values())
        true(counted["created"] >= least, f"{least} created, or more: {counted}")
        return ", ".join(f"{number} {outcome}" for outcome, number in counted.most_common())

    run()


def _add_case(checking, topic, kinds):
    wanted = [spec for spec in checking.specs if spec.kind in kinds]

    @case(f"the {len(wanted)} examples of {topic} are created and read back as they were written")
    def every_one():
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = [trouble for trouble in pool.map(checking.trouble_with, wanted) if trouble is not None]
        if found:
            raise Unexpected("\n".join(found))
        return f"{sum(checking.outcomes[spec.name] == 'created' for spec in wanted)} were"


class _Checking:
    """What has become of each spec: by its name, `created`, or why it is left out."""

    def __init__(self, specs):
        self.specs = specs
        self.outcomes = {}
        self._workspaces = []
        self._taken = set()
        self._seen = set()
        # The client mixes things up where threads share it: only waiting is done by several at once.
        self._client = threading.Lock()

    def trouble_with(self, spec):
        """Creates it, reads it back and compares; `None` where all is well, or where it is left out for a reason."""
        reason = unserved(spec)
        if reason is not None:
            self.outcomes[spec.name] = reason
            return None
        with self._client:
            named = (spec.kind, *(spec.document.get(field) for field in ("name", "endpoint_name")))
            more = given(spec, self.specs.index(spec), named in self._seen)
            self._seen.add(named)
            # As the examples are used; the client looks for data of AutoML beside the shell, not beside the spec.
            os.chdir(os.path.dirname(spec.path))
            try:
                entity = loaded(spec, more)
            except Exception:
                self.outcomes[spec.name] = "not loaded by the client"
                return None
        try:
            found = self._differences(spec, more, entity)
        except JobParsingError:
            # It was created: the client cannot read what it has sent itself.
            self.outcomes[spec.name] = "not read by the client"
            return None
        except Exception:
            found = traceback.format_exc().splitlines()[-8:]
        self.outcomes[spec.name] = "different" if found else "created"
        return "\n  ".join([spec.name, *found]) if found else None

    def _differences(self, spec, more, entity):
        with self._client:
            os.chdir(os.path.dirname(spec.path))
            ml, needs = self._workspace_for(spec, more)
            needs.meet(spec, more)
            operation = begun(ml, spec.kind, entity)
        made = ended(operation, self._client)
        with self._client:
            alike = Likeness(os.path.dirname(spec.path), lambda kind, identity: registered(ml, kind, identity))
            return alike.differences(expected(spec, more), read(ml, spec, made))

    def _workspace_for(self, spec, more):
        """A workspace in which nothing of this kind and name is yet."""
        document = {"name": spec.name, **spec.document, **more}
        key = (spec.kind, *(document.get(field) for field in ("name", "endpoint_name")))
        number = next(number for number in range(len(self.specs)) if (number, *key) not in self._taken)
        self._taken.add((number, *key))
        if number == len(self._workspaces):
            name = f"ws-yaml-{number}"
            make_workspace(_GROUP, name, REGIONS[number % len(REGIONS)])
            self._workspaces.append((client(_GROUP, name), Needs(_GROUP, name)))
        return self._workspaces[number]
