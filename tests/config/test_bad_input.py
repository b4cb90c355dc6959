"""Whatever a person types, the answer is a config or sentences: never another exception, never a silent default."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abm.config import Config, ConfigError, load
from abm.config.errors import Problems
from abm.config.tree import nodes
from abm.config.yaml_reader import read_tree

LIBRARY = Path(__file__).parent / "library"
WHOLE = "schema: 1\ntime: {days: 4}\ngrid: {size: [400, 200], voxel: 20, thickness: 20}\n" + (
    (LIBRARY / "biology" / "small.yaml").read_text(encoding="utf-8").removeprefix("schema: 1\n")
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
PATHS = sorted(
    ".".join(path) for path, _, _ in nodes(read_tree(WHOLE, "whole.yaml", Problems())) if "." not in "".join(path)
)

words = st.text(string.ascii_lowercase + "_0123456789", max_size=12)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["22 um^2/s", "1e400", "-3 day", "5 cells/kg", "off", "random", "tnf", "density.th1", "1 1/mm^3/day"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(words, st.sampled_from(["value", "unit", "source", "where", "signal", "sum"])), inner, max_size=4
        ),
    ),
    max_leaves=8,
)


def answer(scenario, overrides=(), **options):
    """Load; return the config or the sentences. Any other exception fails the test."""
    try:
        config = load(scenario, overrides, library=LIBRARY, **options)
    except ConfigError as error:
        assert error.messages
        for message in error.messages:
            assert message.strip() and "\n" not in message and "Traceback" not in message
        return error.messages
    assert isinstance(config, Config)
    assert config.identity()
    return config


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("bad") / "mine.yaml"


def test_the_unchanged_text_is_good(file):
    file.write_text(WHOLE, encoding="utf-8")
    assert isinstance(answer(file), Config)


@QUICK
@given(path=st.sampled_from(PATHS), value=values)
def test_any_value_in_any_place(path, value):
    answer("dish", [f"{path}={json.dumps(value)}"])


@QUICK
@given(path=st.sampled_from(PATHS), key=words, value=values)
def test_any_key_in_any_place(path, key, value):
    answer("treated", [f"{path}.{key}={json.dumps(value)}"])


@QUICK
@given(path=st.sampled_from([path for path in PATHS if "." in path]), data=st.data())
def test_a_misspelt_key_is_never_ignored(path, data):
    """A letter is doubled, dropped or swapped in the last name of a key: the key itself must be told, or be an entry."""
    before, _, name = path.rpartition(".")
    if len(name) < 3 or name.isdigit():
        return
    place = data.draw(st.integers(0, len(name) - 2))
    slip = data.draw(st.sampled_from(["double", "drop", "swap"]))
    swapped = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    wrong = {
        "double": name[:place] + name[place] + name[place:],
        "drop": name[:place] + name[place + 1 :],
        "swap": swapped,
    }[slip]
    if f"{before}.{wrong}" in PATHS or wrong == name:
        return
    found = answer("dish", [f"{before}.{wrong}=null_value"])
    assert not isinstance(found, Config)
    assert any(wrong in message for message in found)


@QUICK
@given(path=st.sampled_from(PATHS))
def test_anything_may_be_removed(path):
    answer("treated", [f"{path}=null"])


@QUICK
@given(data=st.data())
def test_a_slip_in_the_text(file, data):
    """A line is dropped, doubled, moved or indented, or a few characters are replaced."""
    lines = WHOLE.splitlines(keepends=True)
    index = data.draw(st.integers(0, len(lines) - 1))
    slip = data.draw(st.sampled_from(["drop", "double", "move", "indent", "characters"]))
    if slip == "drop":
        del lines[index]
    elif slip == "double":
        lines.insert(index, lines[index])
    elif slip == "move":
        lines.insert(data.draw(st.integers(0, len(lines) - 1)), lines.pop(index))
    elif slip == "indent":
        lines[index] = " " * data.draw(st.integers(1, 4)) + lines[index]
    else:
        at = data.draw(st.integers(0, len(lines[index])))
        lines[index] = (
            lines[index][:at] + data.draw(st.text("{}[]:,#'\"!&*|>-? \t\x00%@`", max_size=4)) + lines[index][at:]
        )
    file.write_text("".join(lines), encoding="utf-8")
    answer(file)


@QUICK
@given(raw=st.binary(max_size=300))
def test_random_bytes(file, raw):
    file.write_bytes(raw)
    assert not isinstance(answer(file), Config)


@QUICK
@given(text=st.text("ab:-[]{}#'\"!&*|>? \n\t,1.%@`\\~", max_size=80))
def test_random_yaml_marks(file, text):
    file.write_text("schema: 1\nextends: dish\n" + text, encoding="utf-8")
    answer(file)


@QUICK
@given(value=values)
def test_random_structures(file, value):
    file.write_text(json.dumps(value), encoding="utf-8")
    assert not isinstance(answer(file), Config)


@pytest.mark.parametrize("nest", ["[", "{a: ", "- ", "? ", "!x ", "&a "])
@pytest.mark.parametrize("depth", [10, 100, 20_000])
def test_deep_nesting(file, nest, depth):
    file.write_text("schema: 1\nextends: dish\ntitle: " + nest * depth, encoding="utf-8")
    assert not isinstance(answer(file), Config)


@QUICK
@given(text=st.text(max_size=60))
def test_any_override(text):
    answer("dish", [text])


@QUICK
@given(
    days=st.one_of(st.floats(), st.integers(), st.text(max_size=5)),
    seed=st.one_of(st.integers(), st.floats(), st.text(max_size=8)),
)
def test_any_days_and_seed(days, seed):
    answer("dish", days=days, seed=seed)


@QUICK
@given(name=st.text(max_size=40))
def test_any_scenario_name(name):
    answer(name)
