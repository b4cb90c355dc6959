"""YAML 1.2 as the config reads it: values mean what they say, and every key knows its line."""

import math

import pytest

from abm.config.errors import Problems
from abm.config.tree import plain
from abm.config.yaml_reader import read_tree, read_value, resolve


def read(text):
    problems = Problems()
    tree = read_tree(text, "f.yaml", problems)
    return tree, problems.messages()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("1", 1),
        ("-7", -7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e6", 1e6),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("22 um^2/s", "22 um^2/s"),
        ("9" * 400, math.inf),
    ],
)
def test_unquoted_values_follow_the_core_rules(text, value):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_quotes_make_text():
    tree, _ = read("a: '1'\nb: \"off\"\nc: ! 12\nd: |\n  two\n  lines\n")
    assert plain(tree) == {"a": "1", "b": "off", "c": "12", "d": "two\nlines\n"}


def test_every_key_knows_its_line():
    tree, problems = read("# a comment\na: 1\nb:\n  c: {d: 2,\n      e: [3, 4]}\n")
    assert problems == []
    inner = tree.items["b"].items["c"]
    assert (tree.keys["a"], tree.keys["b"]) == ("f.yaml:2", "f.yaml:3")
    assert (inner.keys["d"], inner.keys["e"], inner.items["e"].items[1].where) == ("f.yaml:4", "f.yaml:5", "f.yaml:5")


def test_duplicate_keys_are_refused_with_both_lines_and_all_at_once():
    _, problems = read("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert problems == [
        "f.yaml:2: key 'c' is given twice (first at line 2); keep one of them",
        "f.yaml:3: key 'a' is given twice (first at line 1); keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x 1\nb: *x", "anchors and aliases"),
        ("a: !!python/object:os.system 1", "tags (!) are not allowed"),
        ("a: !mine 1", "tags (!) are not allowed"),
        ("a: 1\n---\nb: 2", "a second document starts here"),
        ("[1, 2]", "must be a map"),
        ("just text", "must be a map"),
        ("", "must be a map"),
        ("? [1, 2]\n: 3", "a key must be a short text"),
        ("a: [1, 2", "is not YAML"),
        ("a: b: c", "mapping values are not allowed here"),
        ("\ta: 1", "is not YAML"),
        ("a: \x00", "special characters are not allowed"),
        ("a: " + "[" * 60, "nested more than 40 levels"),
        ("{" * 3000, "nested more than 40 levels"),
        ("%YAML 1.3\n---\na: 1", "is not YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text, reason):
    tree, problems = read(text)
    assert tree is None
    assert len(problems) == 1
    assert problems[0].startswith("f.yaml:")
    assert reason in problems[0]


def test_yaml_1_1_words_stay_text_even_if_the_file_claims_1_1():
    tree, problems = read("%YAML 1.1\n---\na: off\n")
    assert (plain(tree), problems) == ({"a": "off"}, [])


def test_an_override_is_read_like_a_file_and_stands_on_the_command_line():
    problems = Problems()
    node = read_value("{value: 3, source: assumed}", "--set a=...", problems)
    assert plain(node) == {"value": 3, "source": "assumed"}
    assert node.keys["value"] == node.items["source"].where == "--set a=..."
    assert read_value("[1", "--set a=[1", problems) is None
    assert problems.messages()[0].startswith("--set a=[1: is not YAML")
