"""azure-ai-ml: the vendor's own examples in YAML of jobs and schedules, each created, read back, and found equal.

The jobs are not run: here no node ever comes.
"""

from specs.checking import check

check({"commands, sweeps and pipelines": ("job",), "schedules": ("schedule",)}, least=57)
