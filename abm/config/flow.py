"""Flow: writes a value on one line of YAML, so that it is read as what it is."""

import json
import re
from collections.abc import Mapping
from typing import Any

from abm.config.yaml_reader import resolve

UNQUOTED = re.compile(r"[A-Za-z_][\w./-]*")


def flow(value: Any) -> str:
    """Write a value on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and UNQUOTED.fullmatch(value) and resolve(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
