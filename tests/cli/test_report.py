"""Reports: one page that needs nothing but itself, says what the runs say, and lets nothing in a run act on its reader."""

import base64
import io
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from PIL import Image

from abm import Run
from abm.config import load
from experiments.report import charts, facts, stills
from experiments.report.readings import Reading
from experiments.run import run as compute
from experiments.sources import by_source, citations, values
from tests.cli.html_page import Parser, decoded, numbers, read
from tests.cli.painted import PaintedRun, hole
from tests.tiny_run import DAYS, OVERRIDES

LOADS = ("src", "srcset", "poster", "data", "action", "xlink:href")
MINUS = "\u2212"
pytestmark = pytest.mark.usefixtures("no_film")  # which takes longest


@pytest.fixture(scope="module")
def treated(tmp_path_factory):
    """The tiny lesion with another seed, more cells in its first dose, and a barrier that is open for a shorter time."""
    folder = tmp_path_factory.mktemp("treated") / "run"
    other = ["therapy.msc.doses.early.dose=60", "tissue.trigger.windows.onset.to=0.1"]
    compute(load("demo", overrides=[*OVERRIDES, *other], days=DAYS, seed=2), folder, threads=1)
    return folder


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory):
    """The report of the tiny lesion, with its film."""
    from experiments.report.page import page_of

    return Parser(page_of([Run.load(finished)])).open[0]


# --- what is on the page ------------------------------------------------------------------------------------------------


def test_a_page_loads_nothing_and_all_its_pictures_decode(page):
    everything = [
        each for tag in ("link", "script", "img", "video", "iframe", "input", "svg") for each in page.all(tag)
    ]
    loaded = [each.attributes[name] for each in everything for name in LOADS if name in each.attributes]
    assert loaded and all(uri.startswith("data:") for uri in loaded)
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert "url(" not in page.all("style")[0].words and "@import" not in page.all("style")[0].words
    kinds = {"svg": 0, "webp": 0}
    for image in page.all("img"):
        assert image.attributes["alt"]
        kind = "webp" if "webp" in image.attributes["src"][:20] else "svg"
        kinds[kind] += 1
        if kind == "webp":
            picture = Image.open(io.BytesIO(decoded(image.attributes["src"], "image/webp")))
            assert picture.size == (1920, 1080) and np.ptp(np.asarray(picture)) > 100
        else:
            drawn = ElementTree.fromstring(decoded(image.attributes["src"], "image/svg+xml"))
            assert drawn.tag.endswith("svg") and len(list(drawn.iter())) > 20
    assert kinds["webp"] == 2 and kinds["svg"] > 20 and len(page.all("video")) == 1


def test_key_numbers_are_those_of_the_last_read_out(page, finished):
    table = Run.load(finished).measures
    last, shown = table.iloc[-1], numbers(page)
    assert shown["Lesion area"] == ("0 mm²", "on all days")
    assert shown["Conducting axons"][0] == f"{100 * last['amplitude']:#.3g}".rstrip(".") + " %"
    assert shown["Barrier leak"] == (f"{100 * last['bbb_leak']:.1f} %", "the peak so far")
    most = int(table["count.msc"].max())
    day = f"{table['day'][table['count.msc'].idxmax()]:.3f}".rstrip("0")
    extreme = "the peak so far" if last["count.msc"] == most else f"peak {most} on day {day}"
    assert shown["Stem cells (MSC)"] == (f"{last['count.msc']:.0f}", extreme)
    assert f"Day {DAYS:g} in numbers" in [each.words for each in page.all("h2")]


def test_a_page_says_what_it_is_of_and_that_it_is_not_for_clinical_use(page, finished):
    run = Run.load(finished)
    head = page.all("header")[0].words
    assert page.all("h1")[0].words == run.config.title and run.config.purpose in head
    assert "20 MSC local, day 0.05 and 1 more finished on day 0.3 scenario demo, 0.2 × 0.2 mm, seed 1" in head
    counts = by_source(values(run.config))
    assert "Not for clinical use." in head and f"Of {sum(counts.values())} values of biology" in head
    assert f"{counts['assumed']} assumed {counts['recalled']} recalled {counts['looked-up']} cited" in head


def test_doses_budgets_literature_and_provenance_are_listed(page, finished):
    run = Run.load(finished)
    rows = [[cell.words for cell in [*row.all("th"), *row.all("td")]] for row in page.all("tr")]
    assert [row for row in rows if "dose" in row] == [
        ["0.05", "dose", "20 MSC placed in the tissue, local route, dose 20 cells"],
        ["0.25", "dose", "10 MSC placed in the tissue, local route, dose 10 cells"],
    ]
    books = {row[0]: row for row in rows if len(row) == 9}
    for name, field in run.config.fields.items():
        book, row = run.info["budgets"][name], books[field.label]
        assert float(row[1]) == pytest.approx(book["secreted"], rel=1e-3)
        assert float(row[6]) == pytest.approx(book["change"], rel=1e-3)
    references = [row[0] for row in rows if len(row) == 4]
    assert references == ["reference", *(citation.text for citation in citations(run.config))]
    links = {each.attributes["href"] for each in page.all("a")}
    assert links == {citation.link for citation in citations(run.config) if citation.link}
    made = {row[0]: row[1] for row in rows if len(row) == 2}
    for name, text in (
        ("digest", run.info["digest"]),
        ("identity", run.info["identity"]),
        ("seed", "1"),
        ("code version", run.info["code_version"]),
        ("computed on", "cpu, 1 threads"),
        ("steps", "72 of 6 min"),
        ("command", run.info["command"]),
    ):
        assert made[name] == " ".join(text.split())


def test_comparators_are_told_with_their_days_and_marked():
    given = ["therapy.natalizumab={day: 2, until: 9}", "therapy.anti_cd20.day=3", "therapy.ahsct.day=5"]
    run = PaintedRun([0, 10], overrides=given)
    run.info = {"status": "done"}
    assert sorted(facts.about(run, "a").treatments) == [
        "ahsct on day 5", "anti cd20 from day 3 on", "natalizumab from day 2 on, until day 9",
    ]  # fmt: skip
    assert sorted(charts.days_given(run)) == [2, 3, 5]


def test_pictures_are_of_the_first_day_the_largest_lesion_and_the_last_day():
    run = PaintedRun(range(0, 21, 2), {"myelin": hole})
    area = np.interp(run.frame_days, [0, 8, 20], [0, 0.9, 0.1])
    run.measures = pd.DataFrame({"day": run.frame_days, "lesion_area_mm2": area})
    assert stills.telling_days([run]) == [(0, "Day 0, start"), (8, "Day 8, largest lesion"), (20, "Day 20, end")]
    run.measures["lesion_area_mm2"] = run.frame_days / 100
    assert [day for day, _ in stills.telling_days([run])] == [0, 20]


def test_a_kymograph_shows_rings_over_days():
    run = PaintedRun([0, 2, 4, 6], {"myelin": hole})
    rings = [(day, r, float(day < 3 or r > 100)) for day in (0, 2, 4, 6) for r in (25, 75, 125)]
    run.profiles = pd.DataFrame(rings, columns=["day", "r_um", "myelin"])
    ((name, (chart,)),) = charts.kymographs([run], ["untreated"])
    assert (name, chart.title, chart.unit) == ("", "Myelin", "share of normal")
    drawn = ElementTree.fromstring(decoded(chart.image, "image/svg+xml"))
    uris = [value for each in drawn.iter() for key, value in each.attrib.items() if key.endswith("href")]
    rasters = [base64.b64decode(uri.partition(",")[2]) for uri in uris if uri.startswith("data:image/png")]
    images = [Image.open(io.BytesIO(raster)) for raster in rasters]
    mesh = max(images, key=lambda image: image.width * image.height)
    picture = np.asarray(mesh.convert("RGB"))[::-1] / 255  # SVG turns it upside down
    height, width = picture.shape[:2]
    full, none = colormaps["cividis"](1.0)[:3], colormaps["cividis"](0.0)[:3]
    # day 0 to 6 and 0 to 112.5 um are seen: 1.5 times the reach of the lesion
    for x, y, colour in ((0.2, 0.5, full), (0.9, 0.5, none), (0.9, 0.05, full), (0.9, 0.95, none)):
        assert picture[int(y * height), int(x * width)] == pytest.approx(colour, abs=0.02)


def test_a_film_is_in_the_page(page, monkeypatch):
    monkeypatch.delitem(sys.modules, "imageio_ffmpeg")
    import imageio_ffmpeg

    film = decoded(page.all("video")[0].attributes["src"], "video/mp4")
    decode = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-loglevel",
        "error",
        "-i",
        "-",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-",
    ]
    raw = subprocess.run(decode, input=film, capture_output=True, check=True).stdout
    assert len(raw) == 32 * 1280 * 720


def test_a_film_that_is_large_is_left_out_and_so_is_one_without_the_encoder(monkeypatch):
    run = PaintedRun([0, 2], {"myelin": hole})
    assert stills.film([run]) is None
    monkeypatch.delitem(sys.modules, "imageio_ffmpeg")
    monkeypatch.setattr(stills, "write_film", lambda path, *rest: path.write_bytes(b"film"))
    monkeypatch.setattr(stills, "MOST_BYTES", 4)
    assert decoded(stills.film([run]).data, "video/mp4") == b"film"
    monkeypatch.setattr(stills, "MOST_BYTES", 3)
    assert stills.film([run]) is None


def test_a_report_is_the_same_page_each_time_and_one_of_its_own_is_renewed(remyelin, finished, no_stills):
    shutil.copytree(finished, "run")
    answer = remyelin("report", "run")
    first = Path("run/report.html").read_bytes()
    assert (answer.code, answer.out) == (0, "") and answer.err.startswith("run/report.html: ")
    Path("run/report.html").write_bytes(first[:2000])
    assert remyelin("report", "run").code == 0
    assert Path("run/report.html").read_bytes() == first
    assert len(first) < 3e6 and not [path for path in Path("run").iterdir() if path.name.startswith(".")]


# --- several runs -------------------------------------------------------------------------------------------------------


def test_several_runs_are_compared_with_the_first(remyelin, finished, treated, no_stills):
    assert remyelin("report", finished, treated, "-o", "arms.html").code == 0
    page = read("arms.html")
    first, second = (Run.load(folder).measures.iloc[-1] for folder in (finished, treated))
    table = page.all("table")[0]
    assert "One run each is no statistics" in page.words
    rows = {row.all("th")[0].words: [cell.words for cell in row.all("td")] for row in table.all("tr")[1:]}

    def row(name):
        return next(cells for words, cells in rows.items() if words.startswith(name))

    one, other = 100 * first["bbb_leak"], 100 * second["bbb_leak"]
    shown, change = row("Barrier leak, %")
    assert float(shown) == pytest.approx(one, rel=5e-3) and other < one
    change = re.fullmatch(rf"(\S+) {MINUS}(\S+) points", change)
    assert float(change[1]) == pytest.approx(other, rel=5e-3)
    assert float(change[2]) == pytest.approx(one - other, rel=5e-2)
    one, other = int(first["count.msc"]), int(second["count.msc"])
    assert other > one
    assert row("Stem cells")[0] == str(one)
    part = re.fullmatch(rf"{other} \+{other - one} \(\+(\d+) %\)", row("Stem cells")[1])
    assert float(part[1]) == pytest.approx(100 * (other / one - 1), rel=5e-2)
    assert row("Lesion area, mm²") == ["0", "0 no difference"]
    texts = [[cell.words for cell in line.all("td")] for line in page.all("tr")]
    assert ["seed", "1", "2"] in texts and ["therapy.msc.doses.early.dose", "20 cells", "60 cells"] in texts


@pytest.mark.parametrize(
    ("value", "first", "unit", "words"),
    [
        (0.0576, 0.0824, "mm²", "−0.025 (−30 %)"),
        (93.9, 93.0, "%", "+0.90 points"),
        (12.0, 0.0, "", "+12"),
        (0.5, 0.5, "%", "no difference"),
        (float("nan"), 1.0, "", "–"),
        (2.5e-5, 2e-5, "", "+5e-6 (+25 %)"),
        (4000.0, 1000.0, "1/mm³", "+3000 (+300 %)"),
    ],
)
def test_a_difference_has_its_sign_its_unit_and_its_part_of_the_first(value, first, unit, words):
    assert Reading("a", "A", unit).change(value, first) == words


def test_runs_are_compared_on_the_last_day_that_all_have_reached(remyelin, finished, no_stills):
    shutil.copytree(finished, "short")
    Path("short/measures.parquet").unlink()
    rows = Path("short/measures.csv").read_text().splitlines(keepends=True)
    Path("short/measures.csv").write_text("".join(row for row in rows if not row.startswith(("0.25", "0.29", "0.3"))))
    assert remyelin("report", finished, "short", "-o", "arms.html").code == 0
    page, table = read("arms.html"), Run.load(finished).measures
    then = table[table["day"] < 0.25].iloc[-1]
    leak = next(row for row in page.all("tr") if row.words.startswith("Barrier leak")).all("td")[0].words
    assert leak == f"{100 * then['bbb_leak']:.1f}" != f"{100 * table['bbb_leak'].iloc[-1]:.1f}"
    assert f"Day {then['day']:.3f} in numbers" in [each.words for each in page.all("h2")]
