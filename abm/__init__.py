"""What cells are and do, under Mesa."""

import importlib

_PUBLIC = {
    "LesionModel": "abm.model",
    "ModelError": "abm.model",
    "Run": "abm.run_folder",
    "Config": "abm.config",
    "ConfigError": "abm.config",
    "load": "abm.config",
}


def __getattr__(name: str):
    """Import the public names on first use: a command that only checks a file needs no kernels."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'abm' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
