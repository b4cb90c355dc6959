"""``docs/model.md``: the model as a page, written from what the configs resolve to.  python -m experiments.model_page

The prose stands in ``model_page.md``, in blocks named ``=== name ===``; ``{a.b.c}`` in it is a value of the config. Everything
else on the page, equations, numbers, sources and who makes or reads what, comes from the config.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from abm.config import json_schema, load
from abm.config.errors import Problems
from abm.config.files import LIBRARY
from abm.config.json_schema import FILE
from abm.config.merge import is_quantity
from abm.config.tree import Branch, Node, Row, is_null, plain
from abm.config.vocabulary import MECHANISMS, PLACES
from abm.config.yaml_reader import read_tree
from experiments.equations import equation, in_order, signal_line, signals_of
from experiments.info import DEFAULT_SCENARIO, scenarios
from experiments.sources import KEY_IN_NOTE, Value, by_source, citations, is_biology, summary, values
from experiments.tables import markdown, short

PAGE = Path(__file__).parents[1] / "docs" / "model.md"
PROSE = Path(__file__).with_suffix(".md")
WIDTH = 96  # of an equation: what a page of GitHub shows without scrolling
PLACE_LABELS = {"astrocytes": "Astrocytes", "tissue": "The tissue itself", "venule": "Venules"}
DEPARTURE = re.compile(r"\bdeparture\b:?\s*")
PLACEHOLDER = re.compile(r"\{([a-z_]\w*(?:\.\w+)+)\}")
POWER_OF_TEN = re.compile(r"(?<=\d)e(-?\d+)\b")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# of a scenario: what is no biology
OWN_KEYS = ("schema", "title", "purpose", "extends", "name", "output", "region", "regions", "readouts")
NAMED_BY = {"laws": 3, "fields": 2, "signals": 2}  # how far down a scenario's change is named: laws.<kind>.<law>


def main() -> None:
    """Write the page, and the schema of the files that it is written from."""
    PAGE.write_text(page(), encoding="utf-8")
    FILE.write_text(json.dumps(json_schema()) + "\n", encoding="utf-8")


def page(scenario: str = DEFAULT_SCENARIO) -> str:
    """Return the page of a scenario as Markdown."""
    config = load(scenario)
    text = "\n".join(_Page(config, values(config)).lines())
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@dataclass
class _Page:
    """The config, all its numbers, and what the page has said so far."""

    config: Any
    found: list[Value]
    said: dict[tuple[str, ...], str] = field(default_factory=dict)  # a law as it is printed -> who had it first

    def lines(self) -> list[str]:
        body = [
            *self._prose("how"),
            *self._section("How well the values are known", "known", self._known()),
            *self._section("Departures from the reference", "departures", self._departures()),
            *self._section("Scenarios", "scenarios", _scenarios()),
            *self._section("Fields", "fields", self._fields()),
            *self._section("Derived signals", "signals", self._signals()),
            *self._section("Cells", None, self._owners(self.config.cells)),
            *self._section("Tissue", None, self._owners(PLACES)),
            *self._section("Constants of the tissue", "constants", self._values("tissue."), 3),
            *self._section(
                "MSC therapy", "msc_tables", [*self._potencies(), *self._mechanisms(), *self._values("msc.")]
            ),
            *self._section("The periphery", "periphery", self._values("periphery.")),
            *self._section("Comparators", "comparators", self._values("comparators.")),
            *self._section("The subject", "subject", self._values("subject.")),
            *self._section("What is left out", None, self._left_out()),
            *self._section("References", "references", self._references()),
        ]
        return [*self._prose("top"), *_contents(body), "", *body]

    # --- parts ----------------------------------------------------------------------------------------------------------

    def _section(self, title: str, block: str | None, content: Iterable[str], level: int = 2) -> list[str]:
        prose = self._prose(block) if block is not None else []
        return ["#" * level + " " + title, "", *prose, *content, ""]

    @cached_property
    def _blocks(self) -> dict[str, str]:
        parts = re.split(r"(?m)^=== (\w+) ===\n", PROSE.read_text(encoding="utf-8"))[1:]
        return {name: text.strip() for name, text in zip(parts[::2], parts[1::2])}

    def _prose(self, block: str) -> list[str]:
        """Return a block of prose with the values it names."""
        quantities = self.config.quantities() | {"fields.accuracy": self.config.accuracy}

        def value(match: re.Match[str]) -> str:
            if match[1] not in quantities:
                raise KeyError(f"model_page.md names {match[1]}, no value of '{self.config.name}'")
            return _amount(quantities[match[1]])

        text = PLACEHOLDER.sub(value, self._blocks.get(block, ""))
        return [text, ""] if text else []

    def _label(self, owner: str) -> str:
        return self.config.cells[owner].label if owner in self.config.cells else PLACE_LABELS[owner]

    def _known(self) -> Iterator[str]:
        """Count values by how they are known, section by section."""
        owners = [owner for owner in (*self.config.cells, *PLACES) if owner in self.config.laws]
        parts = {
            "Fields": ("fields.",),
            "Derived signals": ("signals.",),
            **{self._label(owner): (f"laws.{owner}.", f"cells.{owner}.") for owner in owners},
            "Constants of the tissue": ("tissue.",),
            "MSC therapy": ("msc.",),
            "The periphery": ("periphery.",),
            "Comparators": ("comparators.",),
            "The subject": ("subject.",),
        }
        counted = {
            title: by_source(value for value in self.found if value.key.startswith(p)) for title, p in parts.items()
        }
        counted["**All**"] = by_source(self.found)
        counted["**Written**: what several kinds share counts once"] = by_source(_written_once(self.found))
        kinds = [kind for kind in ("looked-up", "recalled", "assumed", "missing") if counted["**All**"][kind]]
        rows = [(title, *(str(by[kind]) for kind in kinds), str(sum(by.values()))) for title, by in counted.items()]
        yield from [f"**{_sentence(summary(self.found))}**", ""]
        yield from markdown(("section", *(kind.replace("-", " ") for kind in kinds), "in all"), rows)

    def _departures(self) -> Iterator[str]:
        """List the values that the reference gives otherwise; what several kinds share is one row."""
        departed = [value for value in self.found if DEPARTURE.search(value.note)]
        rows: dict[tuple[str, str], list[str]] = {}
        for value in departed:
            name = f"`{value.key}`"
            row = rows.setdefault((value.where, _below_owner(value.key)), [name, *self._cells_of(value)])
            row[0] += "" if row[0] == name else f", {name}"
        yield from markdown(
            ("value of", "value", "unit", "range", "source", "reason"),
            [[*row[:-1], _sentence(DEPARTURE.sub("", row[-1]))] for row in rows.values()],
        )
        notes = [(path, text) for path, text in self.config.leaves() if path[-1] == "note" and DEPARTURE.search(text)]
        yield from (f"\n`{'.'.join(path[:-1])}`: {_sentence(DEPARTURE.sub('', text))}" for path, text in notes)

    def _fields(self) -> Iterator[str]:
        rows = []
        for name, spec in self.config.fields.items():
            half_life = _amount(spec.half_life) if spec.half_life is not None else "none"
            healthy = f"{short(spec.baseline.typed)} {spec.unit}".removesuffix(" 1")
            made, read = self._makers(name), self._readers(name)
            rows.append((f"{spec.label} `{name}`", _amount(spec.D), half_life, healthy, made, read))
        yield from markdown(("field", "D", "half-life", "healthy level", "made by", "acts on"), rows)
        yield ""
        yield from self._values("fields.")
        yield from ["", "### Uptake by cells", "", *self._prose("uptake")]
        yield from self._uptake_table()

    def _makers(self, name: str) -> str:
        makers = [
            owner for owner, laws in self.config.laws.items() if {f"secrete_{name}", f"release_{name}"} & set(laws)
        ]
        return self._in_words(makers) or ("lost sheaths" if name == "debris" else "nobody")

    def _readers(self, name: str) -> str:
        def reads(signal: str) -> bool:
            derived = self.config.signals.get(signal)
            return name in (derived.sum if derived is not None else (signal,))

        return self._in_words(owner for owner, laws in self.config.laws.items() if any(map(reads, signals_of(laws))))

    def _in_words(self, owners: Iterable[str]) -> str:
        named = set(owners)
        return ", ".join(self._label(owner) for owner in (*self.config.cells, *PLACES) if owner in named)

    def _link_to(self, owner: str) -> str:
        label = self._label(owner)
        return f"[{label}](#{_slug(label)})"

    def _uptake_table(self) -> list[str]:
        """List plain uptake: one row for the fields and kinds that share a value."""
        takers: dict[tuple[str, ...], list[str]] = {}
        for owner in (*self.config.cells, *PLACES):
            for name, law in self.config.laws.get(owner, {}).items():
                if _is_plain_uptake(law):
                    (value,) = self._of(f"laws.{owner}.{name}.")
                    takers.setdefault((name.removeprefix("uptake_"), *self._cells_of(value)), []).append(owner)
        rows: dict[tuple[str, ...], list[str]] = {}
        for (taken, *cells), owners in takers.items():
            rows.setdefault((self._in_words(owners), *cells), []).append(self.config.fields[taken].label)
        return markdown(
            ("cells", "value", "unit", "range", "source", "note", "fields"),
            [(*row, ", ".join(labels)) for row, labels in rows.items()],
        )

    def _signals(self) -> list[str]:
        lines = [line for name in self.config.signals for line in self._signal(name)]
        notes = [
            f"`{name}`: {signal.note} ({self._cited(signal.source)})."
            for name, signal in self.config.signals.items()
            if signal.note
        ]
        return ["```text", *lines, "```", "", *notes, "", *self._values("signals.")]

    def _signal(self, name: str) -> list[str]:
        """Write a derived signal, a part to each line where it is long."""
        line = _typeset(signal_line(name, self.config.signals[name], {*self.config.fields, *self.config.cells}))
        return line.replace(" + ", f"\n{' ' * len(name)} + ").split("\n") if len(line) > WIDTH else [line]

    # --- one kind -------------------------------------------------------------------------------------------------------

    def _owners(self, owners: Iterable[str]) -> Iterator[str]:
        for owner in owners:
            if owner in self.config.laws or owner in self.config.cells:
                yield from self._owner(owner)

    def _owner(self, owner: str) -> Iterator[str]:
        """Write a section: what it is and its states, its laws, its values."""
        label, laws = self._label(owner), self.config.laws.get(owner, {})
        yield from [f"### {label}", "", *self._prose(owner)]
        if owner in self.config.cells:
            yield from [f"`{owner}`: {self._body(owner)}.", ""]
        own: list[tuple[str, list[str]]] = []
        taken: list[tuple[str, str]] = []
        as_before: dict[str, list[str]] = {}
        for name, law in in_order(laws):
            if _is_plain_uptake(law):
                taken.append((name.removeprefix("uptake_"), _amount(law.terms[next(iter(law.terms))].base)))
                continue
            rows = [tuple(self._cells_of(value)) for value in self._of(f"laws.{owner}.{name}.")]
            lines = [_typeset(line) for line in equation(name, law, WIDTH)]
            first = self.said.setdefault((*lines, *map(str, rows)), owner)
            if first == owner:
                own.append((name, lines))
            else:
                as_before.setdefault(first, []).append(f"`{name}`")
        for first, names in as_before.items():
            yield from [f"As {self._link_to(first)}: {', '.join(names)}.", ""]
        if own:
            yield from [
                "```text",
                *_spaced(lines for _, lines in own),
                *self._where(owner, [name for name, _ in own]),
                "```",
                "",
            ]
        if taken:
            yield from [f"Takes up ([uptake](#uptake-by-cells)): {self._taken(taken)}.", ""]
        below = [f"{section}.{owner}." for section in ("cells", "laws") if owner in getattr(self.config, section)]
        yield from self._values(f"cells.{owner}.", *(f"laws.{owner}.{name}." for name, _ in own), below=below)

    def _body(self, kind: str) -> str:
        """Say how large, how many and how mobile cells of a kind are."""
        spec = self.config.cells[kind]
        parts = [f"{_amount(spec.diameter)} across"]
        if spec.initial_density:
            parts.append(f"{_amount(spec.initial_density)} in health")
        if spec.persistence is not None:
            parts.append(f"keep their direction for {_amount(spec.persistence)}")
        parts.append("take room among motile cells" if spec.motile else "take no room from motile cells")
        return ", ".join(parts)

    def _where(self, owner: str, names: Sequence[str]) -> list[str]:
        laws = {name: self.config.laws[owner][name] for name in names}
        derived = sorted(signals_of(laws) & set(self.config.signals))
        lines = [f"  {line}" for name in derived for line in self._signal(name)]
        return ["", "where", *lines] if lines else []

    def _taken(self, taken: Sequence[tuple[str, str]]) -> str:
        by_amount: dict[str, list[str]] = {}
        for name, amount in taken:
            by_amount.setdefault(amount, []).append(self.config.fields[name].label)
        return "; ".join(f"{', '.join(names)} at {amount}" for amount, names in by_amount.items())

    # --- tables of values -----------------------------------------------------------------------------------------------

    def _of(self, *prefixes: str) -> list[Value]:
        return [v for prefix in prefixes for v in self.found if v.key.startswith(prefix) and is_biology(v)]

    def _values(self, *prefixes: str, below: Sequence[str] = ()) -> list[str]:
        """Return a table of all values below some keys, folded away under a line that says how well they are known.

        below   what the names in the table leave out; default: the prefixes
        """
        chosen, stems = self._of(*prefixes), tuple(below or prefixes)
        if not chosen:
            return []
        counts = ", ".join(f"{n} {kind.replace('-', ' ')}" for kind, n in by_source(chosen).items() if n)
        names = [next(v.key.removeprefix(stem) for stem in stems if v.key.startswith(stem)) for v in chosen]
        rows = [(f"`{name}`", *self._cells_of(value)) for name, value in zip(names, chosen)]
        columns = (f"below {', '.join(f'`{stem[:-1]}`' for stem in stems)}", "value", "unit", "range", "source", "note")
        return ["<details>", f"<summary>Values: {counts}</summary>", "", *markdown(columns, rows), "", "</details>", ""]

    def _cells_of(self, value: Value) -> tuple[str, str, str, str, str]:
        """Return value, unit, range, source and note of a number, as they stand in a table."""
        number, unit = short(value.quantity.typed), value.quantity.unit
        shown = (_typeset(number), "" if unit == "1" else unit, _typeset(value.range))
        return (*shown, self._cited(value.source or "missing"), self._cited(value.note))

    def _cited(self, text: str | None) -> str:
        """Link the references that a text names."""
        return KEY_IN_NOTE.sub(lambda key: f"[{key[0]}](#{key[0]})" if key[0] in self._keys else key[0], text or "")

    @cached_property
    def _keys(self) -> set[str]:
        return {citation.key for citation in citations(self.config)}

    # --- the end --------------------------------------------------------------------------------------------------------

    def _mechanisms(self) -> list[str]:
        """Say which laws carry the tag of each mechanism."""
        carried: dict[str, dict[str, list[str]]] = {}
        for owner, laws in self.config.laws.items():
            for name, law in laws.items():
                tagged = [
                    *law.terms.values(),
                    *law.times.values(),
                    *(f for t in law.terms.values() for f in t.times.values()),
                ]
                for mechanism in {each.mechanism for each in tagged} - {None}:
                    carried.setdefault(mechanism, {}).setdefault(name, []).append(owner)
        rows = [
            (
                f"`{mechanism}`",
                "; ".join(f"`{name}`: {self._in_words(who)}" for name, who in carried[mechanism].items()),
            )
            for mechanism in MECHANISMS
            if mechanism in carried
        ]
        return [*markdown(("mechanism", "laws that carry its tag"), rows), ""]

    def _potencies(self) -> list[str]:
        """Return the potency of each source as a table."""
        sources = self.config.msc.sources
        names = list(type(next(iter(sources.values()))).model_fields)
        rows = [
            (source.replace("_", " "), *(short(getattr(potency, name).typed) for name in names))
            for source, potency in sources.items()
        ]
        return [*markdown(("source", *names), rows), ""]

    def _left_out(self) -> Iterator[str]:
        """Name the kinds and fields that the biology defines and this scenario does not have."""
        kinds = sorted(self.config.known_kinds - set(self.config.cells))
        fields = sorted(self.config.known_fields - set(self.config.fields))
        if kinds or fields:
            names = ", ".join(f"`{name}`" for name in (*kinds, *fields))
            yield f"The biology also defines {names}. They are not simulated here; laws that read them see zero."
        else:
            yield "Nothing: every kind of cell and every field that the biology defines is simulated."

    def _references(self) -> Iterator[str]:
        for each in citations(self.config):
            recalled = " *Cited from memory.*" if self.config.references[each.key].kind == "recalled" else ""
            link = f" <{each.link}>" if each.link else ""
            supports = f" {_sentence(each.supports)}" if each.supports else ""
            yield f'- <a id="{each.key}"></a>`{each.key}` {each.text.rstrip(".")}.{link}{supports}{recalled}'


# --- helpers ------------------------------------------------------------------------------------------------------------


def _scenarios() -> list[str]:
    """Say what each scenario is for and what it sets over its base."""
    rows, sets = [], []
    for each in scenarios():
        file = LIBRARY / "scenarios" / f"{each.name}.yaml"
        tree = read_tree(file.read_text(encoding="utf-8"), file.name, Problems())
        assert tree is not None  # it was loaded a moment ago
        quantities = load(each.name).quantities()
        changes = dict.fromkeys(_changes(tree.without(*OWN_KEYS), quantities))
        base = f"over `{plain(tree.items['extends'])}`" if "extends" in tree.items else "over nothing"
        rows.append((f"**{each.title}**", f"`{each.name}`", f"{each.days:g} days, {each.size}", each.purpose))
        sets.append(f"- `{each.name}` {base}: {'; '.join(changes)}.")
    return [*markdown(("scenario", "name", "length, size", "purpose"), rows), "", "What each sets:", "", *sets]


def _changes(node: Node, quantities: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Walk what a file sets: dotted keys with their values; what is set deep in a law is named by the law."""
    depth = NAMED_BY.get(path[0], len(path)) if path else 0
    key = ".".join(path[:depth])
    if isinstance(node, Branch) and not is_quantity(node) and node.items:
        for name, below in node.items.items():
            yield from _changes(below, quantities, (*path, name))
    elif len(path) > depth:
        yield f"`{key}`"
    elif is_null(node):
        yield f"`{key}` taken away"
    elif isinstance(node, Row):
        yield f"`{key}` " + " x ".join(_amount(quantities[f"{key}.{index}"]) for index in range(len(node.items)))
    else:
        yield f"`{key}` {_amount(quantities[key]) if key in quantities else plain(node)}"


def _contents(body: Iterable[str]) -> list[str]:
    """Return a table of contents of the headings in a body; prose counts."""
    headings = re.findall(r"(?m)^(##|###) (.+)$", re.sub(r"(?ms)^```.*?^```$", "", "\n".join(body)))
    return [f"{'  ' * (len(marks) - 2)}- [{title}](#{_slug(title)})" for marks, title in headings]


def _slug(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _amount(quantity: Any) -> str:
    unit = getattr(quantity, "unit", "1")
    return _typeset(short(getattr(quantity, "typed", quantity))) + ("" if unit == "1" else f" {unit}")


def _typeset(text: str) -> str:
    """Write the equations of a terminal with the signs of a page."""
    text = text.replace(" x ", " × ").replace(" -> ", " → ")
    return POWER_OF_TEN.sub(lambda power: "×10" + power[1].translate(SUPERSCRIPTS), text)


def _is_plain_uptake(law: Any) -> bool:
    """Say whether a law is no more than a cleared volume."""
    return law.type == "uptake" and len(law.terms) == 1 and not law.times and not next(iter(law.terms.values())).times


def _below_owner(key: str) -> str:
    return key.split(".", 2)[-1] if key.startswith("laws.") else key


def _written_once(found: Iterable[Value]) -> list[Value]:
    """Keep one of the values that a group of kinds shares."""
    return list({(value.where, _below_owner(value.key)): value for value in found}.values())


def _spaced(blocks: Iterable[Sequence[str]]) -> Iterator[str]:
    for number, lines in enumerate(blocks):
        yield from ["", *lines] if number else lines


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


if __name__ == "__main__":
    main()
