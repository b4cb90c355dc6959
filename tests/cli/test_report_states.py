"""Reports of runs that are not finished, not whole or not to be trusted: what there is is shown, and nothing in it acts."""

import json
import shutil
from pathlib import Path

import pytest

from abm import Run
from experiments.claim import Claim
from tests.cli.html_page import numbers, read
from tests.tiny_run import DAYS, OVERRIDES

pytestmark = pytest.mark.usefixtures("no_film")  # which takes longest


# --- runs that are not finished -----------------------------------------------------------------------------------------


def changed(finished, **info):
    """A copy of the finished run that says something else of itself."""
    shutil.copytree(finished, "copy")
    known = json.loads(Path("copy/run.json").read_text())
    Path("copy/run.json").write_text(json.dumps({**known, **info}))


def head(remyelin, folder="copy"):
    answer = remyelin("report", folder)
    assert answer.code == 0
    return read(f"{folder}/report.html").all("header")[0].words


def test_a_run_that_was_stopped_says_so_and_shows_what_there_is(remyelin, after_step, monkeypatch, no_stills):
    def stop(model):
        raise KeyboardInterrupt

    after_step(50, stop)
    sets = [word for override in OVERRIDES for word in ("--set", override)]
    assert remyelin("run", "demo", *sets, "--days", DAYS, "--threads", 1, "--out", "run").code == 3
    shown = head(remyelin, "run")
    assert "stopped at day 0.167 of 0.3" in shown and "go on with: remyelin resume run" in shown
    leak = numbers(read("run/report.html"))["Barrier leak"][0]
    assert leak == f"{100 * Run.load('run').measures['bbb_leak'].iloc[-1]:.1f} %"


def test_a_run_that_failed_says_why(remyelin, finished, no_stills):
    changed(finished, status="failed", error="tnf is not finite at step 7", digest=None)
    assert "failed at day 0.3 of 0.3" in (shown := head(remyelin)) and "tnf is not finite at step 7" in shown


def test_a_run_that_goes_on_says_so_and_one_that_was_killed_does_not(remyelin, finished, no_stills):
    changed(finished, status="running")
    held = Claim(Path("copy"))
    assert "still running at day 0.3 of 0.3" in head(remyelin)
    held.release()
    assert "go on with: remyelin resume copy" in (shown := head(remyelin)) and "stopped at day 0.3" in shown


def test_warnings_in_the_log_are_told(remyelin, finished, no_stills):
    changed(finished)
    with Path("copy/log.txt").open("a") as log:
        log.write("2026-01-01 00:00:00,000 WARNING the books of tnf miss <b>much</b>\n" * 2)
    head(remyelin)
    assert read("copy/report.html").words.count("Warning: the books of tnf miss <b>much</b>") == 1


# --- what is refused, and what does nothing -----------------------------------------------------------------------------


def test_what_stands_in_a_run_is_shown_and_never_acts(remyelin, tmp_path):
    Path("hostile.yaml").write_text(
        """
schema: 1
extends: demo
title: "<script>alert(1)</script> $\\\\foo$ & $5 or $6"
purpose: "\\"><img src=x onerror=alert(2)>"
references: {evil2020: {cite: "<b onclick=alert(3)>Evil</b>", supports: "</td><script>", url: "javascript:alert(4)"}
             , good2020: {cite: Good 2020, supports: much, url: "https://example.org/a?b=1&c=2"}}
cells: {microglia: {label: "<i>Microglia</i>", diameter: {value: 10 um, source: evil2020, note: see good2020}}}
"""
    )
    sets = [word for override in OVERRIDES[:2] for word in ("--set", override)]
    command = ["run", "hostile.yaml", *sets, "--days", 0.05, "--threads", 1, "--quiet", "--out", "run"]
    assert remyelin(*command).code == 0
    info = json.loads(Path("run/run.json").read_text())
    Path("run/run.json").write_text(json.dumps({**info, "command": "<iframe src='https://x.org'>"}))
    answer = remyelin("report", "run")
    assert answer.code == 0, answer.err
    page = read("run/report.html")
    assert page.all("h1")[0].words == "<script>alert(1)</script> $\\foo$ & $5 or $6"
    assert not page.all("script") and not page.all("i") and not page.all("iframe")
    everything = [each for tag in {"img", "a", "b", "p", "td", "span"} for each in page.all(tag)]
    assert not [name for each in everything for name in each.attributes if name.startswith("on")]
    links = {each.words: each.attributes["href"] for each in page.all("a")}
    assert links["Good 2020"] == "https://example.org/a?b=1&c=2"
    assert all(link.startswith("https://") for link in links.values())
    for text in ('"><img src=x onerror=alert(2)>', "<b onclick=alert(3)>Evil</b>", "<i>Microglia</i>", "<iframe src='"):
        assert text in page.words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere is no run folder: it has no run.json"),
        (["run", "-o", "page.pdf"], "page.pdf: the name must end in .html"),
        (["run", "-o", "nowhere/page.html"], "nowhere/page.html: there is no folder nowhere; make it first"),
        (["run", "-o", "mine.html"], "mine.html is there already and is no report of remyelin; choose another name"),
        (["run", "-o", "folder.html"], "folder.html is a folder; give the name of a file"),
        (["run"] * 5, "the view 'arms' shows 2 to 4 runs side by side; 5 given"),
        (["run", "other"], "runs side by side need one grid"),
        (["empty"], "empty has no frames yet"),
        (["run", "lesion.mp4"], "lesion.mp4 is no run folder"),
    ],
)
def test_what_cannot_be_reported_is_refused_with_a_sentence(remyelin, finished, arguments, words):
    for name in ("run", "empty"):
        shutil.copytree(finished, name)
    Path("empty/run.json").write_text(json.dumps({**json.loads(Path("run/run.json").read_text()), "frames": 0}))
    Path("mine.html").write_text("<!DOCTYPE html><title>mine</title>")
    Path("folder.html").mkdir()
    if "other" in arguments:
        quick = ["--days", 0.05, "--threads", 1, "--quiet", "--set", "output.frames_every=1 h"]
        assert remyelin("run", "diffusion", *quick, "--out", "other").code == 0
    before = sorted(Path.cwd().rglob("*"))
    answer = remyelin("report", *arguments)
    assert answer.code == 2 and answer.out == ""
    assert words in answer.err and answer.err.count("\n") == 1
    assert Path("mine.html").read_text() == "<!DOCTYPE html><title>mine</title>"
    assert sorted(Path.cwd().rglob("*")) == before


def test_damaged_words_are_shown_and_damaged_events_refused(remyelin, finished, no_stills):
    changed(finished, command="half \ud800 a letter")
    assert "half ? a letter" in (head(remyelin), read("copy/report.html").words)[1]
    Path("copy/events.jsonl").write_text("no JSON\n")
    answer = remyelin("report", "copy")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith("copy is not whole: it has no readable events.jsonl")


@pytest.mark.parametrize("missing", ["fields.zarr", "events.jsonl", "measures.parquet measures.csv"])
def test_a_run_folder_that_is_not_whole_is_refused_with_a_sentence(remyelin, broken, missing):
    broken(missing)
    answer = remyelin("report", "broken")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert answer.err.startswith(f"broken is not whole: it has no readable {missing.split()[-1]}")


@pytest.mark.parametrize("kept", ["output.cells=[]", "output.fields=[]"])
def test_a_run_that_kept_less_is_reported_with_less(remyelin, kept):
    sets = [word for override in (*OVERRIDES[:2], "output.cells=[]", kept) for word in ("--set", override)]
    assert remyelin("run", "demo", *sets, "--days", 0.05, "--threads", 1, "--quiet", "--out", "run").code == 0
    assert remyelin("report", "run").code == 0
    webp = [each for each in read("run/report.html").all("img") if "webp" in each.attributes["src"][:20]]
    assert len(webp) == (2 if kept == "output.cells=[]" else 0)


def test_a_model_without_cells_or_tissue_is_reported_by_its_fields(remyelin):
    assert remyelin("run", "diffusion", "--days", 0.05, "--threads", 1, "--quiet", "--out", "run").code == 0
    assert remyelin("report", "run").code == 0
    last = Run.load("run").measures.iloc[-1]
    value, _ = numbers(read("run/report.html"))["Tracer"]
    assert float(value.split()[0]) == pytest.approx(last["mean.tracer"], rel=5e-3) and value.endswith("pg/mL")


def test_a_solid_has_volumes(remyelin, no_stills):
    solid = ["grid.size=[100, 100, 100]", "tissue.venules.positions.central={x: 50, y: 50, z: 50}"]
    sets = [word for override in solid for word in ("--set", override)]
    assert remyelin("run", "demo", *sets, "--days", 0.05, "--threads", 1, "--quiet", "--out", "run").code == 0
    assert remyelin("report", "run").code == 0
    assert numbers(read("run/report.html"))["Lesion volume"][0] == "0 mm³"
