"""azure-ai-ml: the vendor's own examples in YAML of all that is no job, each created, read back, and found equal.

Files that an example names and nobody has get stand-ins.
"""

from specs.checking import check

# In this order: what others name comes before them.
check(
    {
        "environments, models, data and components": ("environment", "model", "data", "component"),
        "endpoints": ("online endpoint", "batch endpoint"),
        "computes, datastores, connections and workspaces, and of deployments": (
            "compute",
            "datastore",
            "connection",
            "workspace",
            "online deployment",
            "batch deployment",
        ),
        "packages, imports and flows": ("package", "data import", "flow"),
    },
    least=174,
)
