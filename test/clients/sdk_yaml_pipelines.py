"""azure-ai-ml: the vendor's own examples in YAML of pipelines, each created, read back, and found equal.

The jobs are not run: here no node ever comes.
"""

from specs.checking import check


def is_pipeline(spec):
    return spec.schema == "pipelinejob"


check({"pipelines": ("job",)}, least=62, wanted=is_pipeline)
