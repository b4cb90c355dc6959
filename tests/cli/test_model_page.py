"""docs/model.md: it says what the configs say, all of it, and every link on it leads somewhere."""

import json
import re

import pytest

from abm.config import json_schema, load
from abm.config.json_schema import FILE
from abm.config.vocabulary import MECHANISMS, own_states
from experiments import equations, model_page
from experiments.sources import citations, is_biology, summary, values
from experiments.tables import markdown, short


@pytest.fixture(scope="module")
def acute():
    return load("acute")


@pytest.fixture(scope="module")
def page():
    return model_page.page("acute")


def section(page, title):
    """Return the text under a heading, up to the next of its level."""
    marks, text = re.search(rf"(?m)^(#+) {re.escape(title)}\n", page)[1], page.split(f"# {title}\n", 1)[1]
    return re.split(rf"(?m)^#{{1,{len(marks)}}} ", text)[0]


def test_the_page_is_what_the_configs_give(page):
    assert model_page.PAGE.read_text(encoding="utf-8") == page, "docs/model.md is out of date: run make docs"


def test_the_schema_for_editors_is_up_to_date():
    assert json.loads(FILE.read_text(encoding="utf-8")) == json_schema(), (
        "configs/schema.json is out of date: run make docs"
    )


def test_a_changed_value_changes_the_page(page, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("schema: 1\nextends: acute\nlaws: {opc: {divide: {terms: {demand: {base: 0.7}}}}}\n")
    changed = model_page.page(str(file))
    assert "divide = ( 0.7 /day × [need]" in changed and "divide = ( 0.7 /day × [need]" not in page


def test_every_value_of_biology_is_in_a_table(page, acute):
    """What several kinds share stands with the first of them, and plain uptake in a table of its own."""
    printed = set(re.findall(r"(?m)^\| `([\w.]+)` \|", page))
    for value in filter(is_biology, values(acute)):
        above = 2 if value.key.startswith(("laws.", "cells.")) else 1
        name = value.key.split(".", above)[-1]
        assert name in printed or name.startswith("uptake_"), value.key


def test_the_counts_are_those_of_params(page, acute):
    known = section(page, "How well the values are known")
    assert summary(values(acute))[4:] in known
    rows = [line.split("|")[1:-1] for line in known.splitlines() if line.startswith("| ")][2:]
    counts = {row[0].strip(): [int(cell) for cell in row[1:]] for row in rows}
    parts = [count for title, count in counts.items() if not title.startswith("**")]
    assert [sum(column) for column in zip(*parts)] == counts["**All**"]
    assert all(sum(row[:-1]) == row[-1] for row in counts.values())


def test_every_departure_is_listed_with_its_reason(page, acute):
    departures = section(page, "Departures from the reference")
    departed = [value for value in values(acute) if "departure" in value.note]
    assert departed
    for value in departed:
        row = next(line for line in departures.splitlines() if f"`{value.key}`" in line)
        assert f"| {short(value.quantity.typed)} |" in row and f"| {value.range} |" in row and value.source in row
        assert len(row.rsplit("|", 2)[1]) > 20


def test_values_that_depart_stay_in_their_ranges(acute):
    for value in values(acute):
        if "departure" in value.note:
            assert value.range and value.quantity.low <= value.quantity <= value.quantity.high, value.key


def test_every_kind_has_words_for_itself_and_its_states(page, acute):
    for kind, spec in acute.cells.items():
        text = section(page, spec.label)
        assert text.lstrip()[0].isalpha(), f"model_page.md has no block for {kind}"
        for state in set(own_states(kind)) - {"age"}:
            assert f"`{state}`" in text, f"{kind}.{state}"


def test_every_law_is_an_equation_or_shared_with_another_kind(page, acute):
    for kind, spec in acute.cells.items():
        text = section(page, spec.label)
        for name in acute.laws[kind]:
            if not name.startswith("uptake_") or name == "uptake_ros":
                assert f"\n{name} = " in text or f"`{name}`" in text, f"{kind}.{name}"


def test_kinds_share_only_laws_that_are_equal(page, acute):
    assert "As [Th1 cells](#th1-cells)" in section(page, acute.cells["th17"].label)
    assert "secrete_il17 = 3.2 molecules/s" in section(page, acute.cells["th17"].label)
    assert "\nspeed = 4 um/min\n" in section(page, acute.cells["treg"].label)  # Th1 slow down in contact


def test_mechanisms_name_the_laws_that_carry_them(page, acute):
    text = section(page, "MSC therapy")
    row = next(line for line in text.splitlines() if line.startswith("| `treg_induction`"))
    assert "`become_treg`: Th1 cells, Th17 cells, CD8 T cells" in row and "`secrete_tgfb`" in row
    assert [name for name in MECHANISMS if f"| `{name}` |" in text]


def test_headings_are_unique_and_links_lead_somewhere(page):
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", page))
    anchors = [model_page._slug(title) for title in headings]
    assert len(anchors) == len(set(anchors))
    anchors += re.findall(r'<a id="([^"]+)">', page)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= set(anchors)


def test_sources_are_listed_once_with_what_they_show(page, acute):
    listed = re.findall(r'<a id="([^"]+)">', page)
    assert listed == [each.key for each in citations(acute)]
    assert "Kotter et al. 2006 J Neurosci 26:328. Myelin debris blocks OPC differentiation." in page


def test_no_placeholder_and_no_noise_is_left(page):
    assert not model_page.PLACEHOLDER.search(page)
    assert not re.search(r"\d\.\d{7}", page)
    assert "e-05" not in page and "\n\n\n" not in page


def test_prose_that_names_no_value_says_so(acute, monkeypatch, tmp_path):
    prose = tmp_path / "prose.md"
    prose.write_text("=== how ===\nA voxel of {grid.voxle}.\n")
    monkeypatch.setattr(model_page, "PROSE", prose)
    with pytest.raises(KeyError, match=r"model_page.md names grid\.voxle, no value of 'acute'"):
        model_page.page("acute")


def test_numbers_are_short():
    written = [
        short(number) for number in (0.01980420516, 80000, 9.1e-6, 5e-5, 1.92e6, 0, -60, 0.0002, 0.125, 999999.9)
    ]
    assert written == ["0.0198", "80000", "9.1e-6", "5e-5", "1.92e6", "0", "-60", "0.0002", "0.125", "1e6"]


def test_a_table_escapes_what_would_split_a_cell():
    assert markdown(("a",), [("b|c",)]) == ["| a |", "| --- |", "| b\\|c |"]


def test_a_law_without_terms_is_zero():
    config = load("acute", overrides=["laws.opc.differentiate.terms.switch=null"])
    assert equations.equation("differentiate", config.laws["opc"]["differentiate"]) == ["differentiate = 0"]


def test_a_scenario_shows_what_it_sets_with_units(page):
    text = section(page, "Scenarios")
    demo = next(line for line in text.splitlines() if line.startswith("- `demo`"))
    assert "over `acute`" in demo and "`time.days` 40 day" in demo and "`grid.size` 2000 um x 2000 um" in demo
    assert "`tissue.trigger` taken away" in text
