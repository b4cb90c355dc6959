"""docs/scenarios.md: every scenario that ships is on it, as its file has it, with a figure."""

from pathlib import Path

import pytest

from abm.config.files import scenario_names
from experiments import gallery
from experiments.ensemble import places


def test_the_page_is_what_the_scenarios_say(tmp_path):
    gallery.write(gallery.read_plan(), tmp_path / "scenarios.md")
    written = (tmp_path / "scenarios.md").read_text(encoding="utf-8")
    assert gallery.PAGE.read_text(encoding="utf-8") == written, "stale: python -m experiments.gallery"


@pytest.mark.parametrize("name", scenario_names())
def test_has_a_figure(name):
    figure = gallery.PAGE.with_suffix("") / f"{name}.jpg"
    assert figure.stat().st_size > 20_000
    assert f"](scenarios/{name}.jpg)" in gallery.section(name, gallery.read_plan()[name])


def test_the_runs_of_the_figures_can_be_made():
    plan = gallery.read_plan()
    assert sorted(plan) == scenario_names()
    folders = places([gallery.job(name, plan[name]) for name in scenario_names()])
    assert len(set(folders)) == len(folders)
    assert {Path(folder).parent.name for folder in folders} == set(scenario_names())
