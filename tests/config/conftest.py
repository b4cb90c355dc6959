"""A small library of its own: tests of the rules do not depend on the biology that ships."""

from pathlib import Path

import pytest

from abm.config import ConfigError, load

LIBRARY = Path(__file__).parent / "library"


@pytest.fixture
def small_load():
    """Load a scenario of the small library with overrides."""

    def make(scenario="dish", *overrides, **options):
        return load(scenario, overrides, library=LIBRARY, **options)

    return make


@pytest.fixture
def complaints(small_load):
    """Load a scenario that must be refused; return its messages."""

    def make(scenario="dish", *overrides, **options):
        with pytest.raises(ConfigError) as caught:
            small_load(scenario, *overrides, **options)
        assert str(caught.value) == "\n".join(caught.value.messages)
        return caught.value.messages

    return make


@pytest.fixture
def written(tmp_path):
    """Write a YAML file beside others; return its path."""

    def make(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make
