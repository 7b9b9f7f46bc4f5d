"""azure-ai-ml: the vendor's own examples in YAML of jobs and schedules, each created, read back, and found equal.

The jobs are not run: here no node ever comes. Pipelines have a scenario of their own.
"""

from specs.checking import check


def is_no_pipeline(spec):
    return spec.schema != "pipelinejob"


check({"commands, sweeps, AutoML and Spark": ("job",), "schedules": ("schedule",)}, least=40, wanted=is_no_pipeline)
