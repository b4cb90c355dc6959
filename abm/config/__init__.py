"""Configs: YAML files with units and sources, checked as a whole, into one ``Config`` in canonical units."""

from abm.config.conditions import Condition
from abm.config.config import Config
from abm.config.errors import ConfigError
from abm.config.json_schema import json_schema
from abm.config.load import load, restore
from abm.config.quantity import Quantity

__all__ = ["Condition", "Config", "ConfigError", "Quantity", "json_schema", "load", "restore"]
