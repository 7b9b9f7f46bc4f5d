"""Cases of a scenario: sentences about behaviour, run in the order in which they stand."""

import json
import os
import sys
import time
import traceback

_cases = []


class Unexpected(AssertionError):
    """A value is not the one that was expected."""


def case(sentence, *, first=False):
    """Adds the function below as a case.

    Where a case with `first` fails, those after it fail without being run: they stand on what it makes. Text that the
    function gives is shown behind the sentence.
    """

    def add(function):
        _cases.append((sentence, function, first))
        return function

    return add


def equal(found, expected):
    """Fails unless both are the same, and shows both."""
    if found != expected:
        raise Unexpected(f"\n  found    {_short(found)}\n  expected {_short(expected)}")


def true(found, expected):
    """Fails unless the value is true; `expected` says in words what should be the case."""
    if not found:
        raise Unexpected(f"{expected}, but it is {_short(found)}")


def raises(kind, act):
    """Calls `act`, which must raise an error of this kind, or of one of these, and gives the error."""
    try:
        value = act()
    except kind as error:
        return error
    raise Unexpected(f"{kind} was expected, but it gave {_short(value)}")


def until(expected, ask, seconds=30):
    """Asks again until the answer is true, and gives it. `expected` says in words what is waited for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Unexpected(f"{expected} was expected within {seconds} s")
        time.sleep(0.2)


def run():
    """Runs all cases and ends the process: with 0 where every one held, otherwise with 1."""
    failed = 0
    missing = None
    for sentence, function, first in _cases:
        began = time.monotonic()
        trouble = None
        if missing is not None:
            trouble = f"Not run, since this failed: {missing}"
        else:
            try:
                more = function()
                sentence = f"{sentence}: {more}" if isinstance(more, str) else sentence
            except Exception:
                trouble = _ends(traceback.format_exc())
        if trouble is not None:
            failed += 1
            if first and missing is None:
                missing = sentence
        _report(sentence, trouble, time.monotonic() - began)
    sys.stdout.flush()
    # Clients leave threads of pools and of telemetry behind, which nobody waits for.
    os._exit(1 if failed else 0)


def _report(sentence, trouble, seconds):
    line = {"case": sentence, "ok": trouble is None, "seconds": round(seconds, 1)}
    if trouble is not None:
        line["trouble"] = trouble
    to = os.environ.get("CASES_FD")
    if to is None:
        print(f"{'ok' if line['ok'] else 'not ok'} - {sentence} ({seconds:.1f} s)", flush=True)
        if trouble is not None:
            print("\n".join(f"    {part}" for part in trouble.splitlines()), flush=True)
    else:
        os.write(int(to), (json.dumps(line) + "\n").encode())


def _ends(text, first=6, last=12):
    """A long trace without its middle, which is inside the client."""
    lines = text.splitlines()
    if len(lines) <= first + last:
        return text
    return "\n".join([*lines[:first], "  …", *lines[-last:]])


def _short(value):
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:600]}… ({len(text)} characters)"
