"""What a study file means, and that every mistake in it is told with its line before anything runs."""

from pathlib import Path

import pytest

from abm import load
from abm.config import ConfigError
from experiments.ensemble import Outcome, places
from experiments.study_plan import read_study, study_names
from experiments.tally import Tally


def problems(name):
    with pytest.raises(ConfigError) as refused:
        read_study(name)
    return refused.value.messages


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_arms_grid_and_seeds_are_crossed_seed_by_seed(tiny):
    grid = "  grid: {time.step: [6 min, 12 min], fields.tracer.half_life: [10 min]}\n"
    study = read_study(tiny(("  replicates", grid + "  replicates"), ("    slow:", "    slow: {crossed: off}")))
    assert study.control == "slow" and study.seeds == (1, 2)
    found = [(run.arm, run.seed, run.job.overrides) for run in study.runs()]
    one = [
        ("slow", 1, ()),
        ("fast", 1, ('time.step="6 min"', 'fields.tracer.half_life="10 min"')),
        ("fast", 1, ('time.step="12 min"', 'fields.tracer.half_life="10 min"')),
    ]
    assert found == one + [(arm, 2, overrides) for arm, _, overrides in one]
    assert study.runs()[1].job.name == "fast, step 6 min, half_life 10 min, seed 1"


def test_seeds_may_be_listed(tiny):
    assert read_study(tiny(("replicates: 2", "replicates: [7, 3]"))).seeds == (7, 3)


def test_an_arm_can_be_run_by_hand(tiny, tmp_path):
    (tmp_path / "half.yaml").write_text("schema: 1\nfields: {tracer: {half_life: 5 min}}\n")
    study = read_study(tiny(("    slow:", "    slow: {extends: [./half.yaml], time: {step: 3 min}}")))
    study.write(study.folder)
    by_hand = load("runs/studies/tiny/arms/slow.yaml")
    same = load(
        "diffusion",
        [
            "fields.tracer.half_life=5 min", "time.days=0.05", "grid.size=[400, 400]", "time.step=3 min",
            "fields.tracer.sources.point.x=210", "fields.tracer.sources.point.y=210",
        ],
    )  # fmt: skip
    assert by_hand.identity() == same.identity() and by_hand.name == "diffusion"
    assert by_hand.output.measures_every == pytest.approx(0.4)
    folders = places([run.job for run in study.runs()])
    assert str(folders[0]).startswith("runs/diffusion/") and len(set(folders)) == 4


def test_what_an_arm_extends_wins_over_what_all_share(tiny, tmp_path):
    (tmp_path / "long.yaml").write_text("schema: 1\ntime: {days: 2}\n")
    study = read_study(tiny(("    slow:", "    slow: {extends: ./long.yaml}")))
    study.write(study.folder)
    steps = [load(f"runs/studies/tiny/arms/{arm}.yaml").n_steps for arm in study.arms]
    assert steps == [480, 12]


def test_every_mistake_is_told_at_once_with_its_line(tiny):
    name = tiny(
        ("    slow:", "    slow: {extends: msc_intrathekal}\n    odd:\n      fields:\n        tracer: {D: 5 um}"),
        ("replicates: 2", "replicates: 2\n  grid: {time.stepp: [6 min]}"),
        ("[mean.tracer]", "[mean.tracerr]"),
        ("{days: 0.05}", "{dayz: 0.05}"),
    )
    found = problems(name)
    for line, sentence in (
        (6, "did you mean 'msc_intrathecal'"),
        (9, "expected length^2/time"),
        (12, "did you mean 'time.step'"),
        (13, "'mean.tracerr' is no read-out; did you mean 'mean.tracer'"),
        (14, "did you mean 'time.days'"),
    ):
        assert [each for each in found if each.startswith(f"tiny.yaml:{line}: ") and sentence in each], (line, found)
    assert len(found) == 5


@pytest.mark.parametrize(
    ("change", "line", "sentence"),
    [
        (("  replicates: 2", "  replicats: 2"), 8, "did you mean 'study.replicates'"),
        (("replicates: 2", "replicates: 0"), 8, "study.replicates"),
        (("replicates: 2", "replicates: [1, 1]"), 8, "each once"),
        (
            ("replicates: 2", "replicates: two"),
            8,
            "study.replicates = 'two' must be a number of runs from 1 to 100000, or a list",
        ),
        (("replicates: 2", "replicates: [1, two]"), 8, "or a list of seeds such as [1, 2, 5]"),
        (("base: diffusion", "base: difusion"), 4, "did you mean 'diffusion'"),
        (("base: diffusion", "base: ./none.yaml"), 4, "there is no such file"),
        (("replicates: 2", "control: quick"), 8, "study.control = 'quick' is no arm; allowed: fast, slow"),
        (("replicates: 2", "grid: {time.step: []}"), 8, "must be a list of values"),
        (("    slow:", "    slow: {crossed: maybe}"), 6, "must be on or off"),
        (("    slow:", "    slow: 3"), 6, "must be a map"),
        (("time:", "seed: 4\ntime:"), 10, "study.replicates gives the seeds"),
        (("time:", "extends: acute\ntime:"), 10, "study.base"),
        (("time:", "study: {}\ntime:"), 10, "given twice"),
        (("schema: 1", "schema: 2"), 1, "schema must be 1"),
        (("title: Tiny", "name: ../up"), 2, "names a folder"),
    ],
)
def test_a_mistake_of_the_study_itself(tiny, change, line, sentence):
    found = problems(tiny(change))
    assert any(each.startswith(f"tiny.yaml:{line}: ") and sentence in each for each in found), found


def test_what_is_no_study_is_refused(tmp_path):
    assert "unknown study 'routs'; did you mean 'routes'" in problems("routs")[0]
    assert "cannot be read" in problems("./none.yaml")[0]
    (tmp_path / "plain.yaml").write_text("schema: 1\nextends: demo\n")
    assert "has no section 'study'" in "".join(problems("plain.yaml"))
    (tmp_path / "bad.yaml").write_text("a: [\n")
    assert "is not YAML" in problems("bad.yaml")[0]


@pytest.fixture(scope="module")
def library():
    """All studies that come with remyelin, read and checked."""
    return {name: read_study(name) for name in study_names()}


def test_the_studies_of_the_library(library):
    assert {"routes", "sources", "donors", "priming", "dose_response", "timing", "knockouts", "comparators"} <= set(
        library
    )
    knockouts = library["knockouts"]
    assert len(knockouts.arms) == 13 and len(knockouts.seeds) == 8 and knockouts.control == "all_on"
    assert [run.point for run in library["dose_response"].runs()][:2] == [(), (("therapy.msc.dose", "0.1 dose"),)]


def test_studies_of_the_library_share_their_runs(library):
    """The untreated arm and that of the usual dose are computed once for all."""
    routes = [run.job for run in _written(library["routes"]) if run.arm in ("untreated", "intrathecal")]
    knockouts = [run.job for run in _written(library["knockouts"]) if run.arm in ("without_msc", "all_on")]
    assert set(places(routes)) == set(places(knockouts)) and len(set(places(routes))) == 2


def _written(study):
    study.write(study.folder)
    return [run for run in study.runs() if run.seed == 1]


def test_the_example_of_the_page_is_a_study(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    study = read_study("mine.yaml")
    assert len(study.runs()) == 8 * (1 + 2 * 3) and study.arms["primed"].label == "primed with IL-10"


def test_time_left_is_measured(tiny):
    tally = Tally()
    tally.expect(10, 2)
    assert tally.seconds_left is None
    runs = read_study(tiny()).runs()
    tally(Outcome(runs[0].job, "a", "exists", 30.0))
    tally(Outcome(runs[1].job, "b", "done", 50.0))
    tally(Outcome(runs[2].job, "c", "running"))
    assert tally.seconds_left == pytest.approx((10 - 2 - 0.5) * 40 / 2)
    assert tally.summary() == "2 of 10 done, 8 left, about 2 min 30 s to go"
