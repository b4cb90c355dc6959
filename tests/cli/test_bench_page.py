"""docs/benchmarks.md is what its generator makes of the result kept beside it."""

import json

import pytest

from experiments.bench import page
from experiments.failures import Refused

RESULT, ELSEWHERE = page.FOLDER / "result.json", page.FOLDER / "elsewhere.json"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(page, "FOLDER", tmp_path / "benchmarks")
    return tmp_path


def test_the_page_is_that_of_its_results(elsewhere):
    before = (page.DOCS / "benchmarks.md").read_text()
    page.main(RESULT, ELSEWHERE)
    assert (elsewhere / "benchmarks.md").read_text() == before
    assert (elsewhere / "benchmarks" / "result.json").read_text() == RESULT.read_text()
    assert (elsewhere / "benchmarks" / "elsewhere.json").read_text() == ELSEWHERE.read_text()
    assert {path.stem for path in (elsewhere / "benchmarks").glob("*.png")} == set(page.FIGURES)


def test_a_target_that_is_missed_is_told_as_missed():
    result = json.loads(RESULT.read_text())
    figure = next(f for f in result["workloads"]["W-TTS"] if f["at_most"] is not None)
    figure["value"] = 2 * figure["at_most"]
    assert any("**missed**" in line and figure["name"] in line for line in page.lines(result, result))


def test_what_another_machine_did_not_measure_is_told(elsewhere):
    result, other = (json.loads(path.read_text()) for path in (RESULT, ELSEWHERE))
    del other["workloads"]["W-TTS"]
    told = [line for line in page.lines(result, other) if "not measured" in line]
    assert told and all("W-TTS" in line for line in told)
    assert not any("not measured" in line for line in page.lines(result, result))


def test_a_place_in_the_notes_that_nothing_fills_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "NOTES", tmp_path / "page.md")
    (tmp_path / "page.md").write_text("{{machines}} and {{nowhere}}\n")
    with pytest.raises(ValueError, match=r"page\.md: there is no 'nowhere' to put there"):
        list(page.lines(*2 * [json.loads(RESULT.read_text())]))


def test_a_file_that_is_no_result_is_refused(tmp_path):
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(Refused, match=r"odd\.json: not what `remyelin bench --json` printed"):
        page.main(tmp_path / "odd.json", ELSEWHERE)
