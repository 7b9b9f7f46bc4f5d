"""Runs a parallel step: hands the data to `run` of an entry script, one mini-batch after the other.

What it keeps of Azure's contract: `init`, `run`, `shutdown`; mini-batches of files, or of rows of a table; results
appended as rows; failed mini-batches tried again and counted against the thresholds.
"""

import argparse
import glob
import importlib.util
import inspect
import os
import sys
import traceback


def main():
    settings, program = parsed()
    sys.argv = [settings.entry_script, *program]
    sys.path.insert(0, os.getcwd())
    script = loaded(settings.entry_script)
    call(script, "init")
    rows = open(settings.append_row_to, "w", encoding="utf-8") if settings.append_row_to else None
    failed_batches = failed_items = 0
    for number, batch in enumerate(batches(settings)):
        results = attempted(script, batch, settings, number)
        if results is None:
            failed_batches += 1
            failed_items += len(batch)
        else:
            failed_items += max(0, len(batch) - len(results))
            if rows is not None:
                rows.writelines(f"{line}\n" for line in lines(results))
        exceed("mini-batches", failed_batches, settings.mini_batch_error_threshold)
        exceed("items", failed_items, settings.error_threshold)
    if rows is not None:
        rows.close()
    call(script, "shutdown")


def parsed():
    options = argparse.ArgumentParser()
    options.add_argument("--entry_script", required=True)
    options.add_argument("--input", action="append", default=[])
    options.add_argument("--mini_batch_size", type=int, default=0)
    options.add_argument("--append_row_to")
    options.add_argument("--max_retries", type=int, default=3)
    for threshold in ("error_threshold", "mini_batch_error_threshold"):
        options.add_argument(f"--{threshold}", type=int, default=-1)
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    program = sys.argv[at + 1 :]
    settings = options.parse_args(sys.argv[1:at])
    # Azure reads this one also among the arguments of the program.
    given = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    given.add_argument("--error_threshold", type=int, default=settings.error_threshold)
    settings.error_threshold = given.parse_known_args(program)[0].error_threshold
    return settings, program


def loaded(path):
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    if spec is None or not os.path.isfile(path):
        sys.exit(f"The entry script {path} is not there.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def call(script, name, *arguments):
    """Calls a function of the entry script with as many arguments as it takes; without it, nothing."""
    function = getattr(script, name, None)
    if function is None:
        return None
    return function(*arguments[: len(inspect.signature(function).parameters)])


def attempted(script, batch, settings, number):
    """Results of a mini-batch; `None` where every attempt failed."""
    for attempt in range(settings.max_retries + 1):
        try:
            results = call(script, "run", batch, number)
            return [] if results is None else results
        except Exception:
            print(f"Mini-batch {number}, attempt {attempt + 1}, failed:\n{traceback.format_exc()}", file=sys.stderr)
    return None


def exceed(what, failed, threshold):
    if 0 <= threshold < failed:
        sys.exit(f"{failed} {what} have failed, more than the threshold of {threshold}.")


def lines(results):
    if hasattr(results, "to_csv"):
        return results.to_csv(header=False, index=False, sep=" ").splitlines()
    return [str(one) for one in results]


def batches(settings):
    for place in settings.input:
        table = os.path.join(place, "MLTable")
        if os.path.isfile(table):
            yield from of_table(place, table, settings.mini_batch_size)
        else:
            yield from of_files([place] if os.path.isfile(place) else below(place), settings.mini_batch_size)


def of_files(paths, size):
    size = size or 10
    for start in range(0, len(paths), size):
        yield paths[start : start + size]


def below(folder):
    found = glob.glob(os.path.join(glob.escape(folder), "**", "*"), recursive=True)
    return sorted(path for path in found if os.path.isfile(path))


def of_table(folder, table, size):
    """Mini-batches of an MLTable: of its files, or of its rows where it says how they are read."""
    import yaml

    with open(table, encoding="utf-8") as file:
        described = yaml.safe_load(file) or {}
    paths = sorted({path for entry in described.get("paths", []) for path in named(folder, entry)})
    steps = [step if isinstance(step, dict) else {step: {}} for step in described.get("transformations") or []]
    reads = [(name, options or {}) for step in steps for name, options in step.items() if name.startswith("read_")]
    if not reads:
        yield from of_files(paths, size)
        return
    name, options = reads[0]
    if name != "read_delimited":
        sys.exit(f"The transformation {name} of an MLTable is not one that the emulator reads.")
    for path in paths:
        yield from of_rows(path, options, size)


def named(folder, entry):
    (kind, value), *_ = entry.items()
    path = os.path.join(folder, value)
    if kind == "folder":
        return below(path)
    return sorted(glob.glob(path, recursive=True)) if kind == "pattern" else [path]


def of_rows(path, options, size):
    """Tables of rows, each of about so many bytes of the file."""
    import pandas

    rows = pandas.read_csv(path, sep=options.get("delimiter", ","), encoding=options.get("encoding", "utf8"))
    each = max(1, len(rows) * (size or 1024 * 1024) // max(1, os.path.getsize(path)))
    for start in range(0, len(rows), each):
        yield rows[start : start + each]


main()
