"""The commands that read configs and print."""

import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from abm.config import ConfigError, load
from experiments import equations, info, sources, tables


@pytest.fixture(scope="module")
def command():
    """Call a command as a shell would, with its output in a pipe."""
    app = typer.Typer(pretty_exceptions_enable=False)
    info.register(app)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return call


@pytest.fixture(scope="module")
def acute():
    return load("acute")


# --- scenarios, show, validate, new -------------------------------------------------------------------------------------


def test_scenarios_are_listed_with_their_purpose(command):
    printed = command("scenarios")
    for name in ("acute", "demo", "healthy", "diffusion"):
        assert f"\n{name} " in printed
    assert "4 x 4 mm" in printed


def test_show_prints_the_file_as_it_is_written(command):
    assert command("show", "demo").startswith("schema: 1\ntitle: Demonstration")


def test_show_resolved_is_a_file_that_gives_the_same_config(command, tmp_path, acute):
    file = tmp_path / "resolved.yaml"
    file.write_text(command("show", "acute", "--resolved"))
    assert load(file).identity() == acute.identity()
    assert "configs/biology/fields.yaml:" in file.read_text()


def test_validate_says_what_a_valid_file_holds(command, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("schema: 1\nextends: demo\ntime: {days: 2}\n")
    assert f"{file} is valid: 2 x 2 mm, 2 days, 480 steps" in command("validate", str(file))


def test_validate_refuses_a_misspelt_key(command, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("schema: 1\nextends: demo\ntime: {dayz: 2}\n")
    with pytest.raises(ConfigError, match=r"mine.yaml:3: .*did you mean 'time.days'"):
        command("validate", str(file))


def test_new_writes_a_valid_template_and_never_overwrites(command, tmp_path):
    file = tmp_path / "mine.yaml"
    assert f"wrote {file}" in command("new", "demo", str(file))
    assert load(file).identity() == load("demo").identity()
    schema = file.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert json.loads(Path(schema).read_text())["title"] == "remyelin config"
    file.write_text("kept")
    with pytest.raises(ConfigError, match="there already"):
        command("new", "demo", str(file))
    assert file.read_text() == "kept"


def test_new_starts_from_a_file_elsewhere(command, tmp_path):
    base = tmp_path / "base" / "base.yaml"
    base.parent.mkdir()
    base.write_text("schema: 1\nextends: demo\n")
    for file in (tmp_path / "mine.yaml", tmp_path / "base" / "mine.yaml"):
        command("new", str(base), str(file))
        assert load(file).identity() == load(base).identity()


def test_new_refuses_what_cannot_be_written_or_is_no_scenario(command, tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        command("new", "demo", str(tmp_path / "nowhere" / "mine.yaml"))
    with pytest.raises(ConfigError, match="did you mean 'demo'"):
        command("new", "demoo", str(tmp_path / "mine.yaml"))
    assert not (tmp_path / "mine.yaml").exists()


def test_every_line_offered_by_the_template_is_allowed(tmp_path):
    file = info.new_scenario("acute", tmp_path / "mine.yaml")
    lines = file.read_text().splitlines()
    body = lines.index("schema: 1")
    offered = [line.removeprefix("# ") for line in lines[body:] if not line.startswith("# ---")]
    file.write_text("\n".join(offered) + "\n")
    config = load(file)
    assert float(config.laws["macrophage"]["to_m2"].terms["pge2"].base.typed) == 0.3
    assert [dose.name for dose in config.doses] == ["needed", "single"]


# --- diff ---------------------------------------------------------------------------------------------------------------


def test_diff_names_what_differs_between_scenarios(command):
    printed = command("diff", "acute", "demo")
    line = next(line for line in printed.splitlines() if line.startswith("time.days"))
    assert line.split()[1:] == ["60", "day", "40", "day"]
    assert "laws." not in printed


def test_diff_reads_run_folders_and_says_when_nothing_differs(command, tmp_path, acute):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "resolved.yaml").write_text(acute.resolved_text())
    assert "no value differs" in command("diff", "acute", str(tmp_path / "run"))
    with pytest.raises(ConfigError, match="no run folder"):
        command("diff", "acute", str(tmp_path))


def test_a_changed_and_a_removed_number_are_differences(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "schema: 1\nextends: acute\nlaws:\n  opc:\n    die: {terms: {ros: null, turnover: {base: 0.003 1/day}}}\n"
    )
    found = {each.key: each for each in info.differences("acute", file)}
    changed = found["laws.opc.die.terms.turnover.base"]
    assert (changed.first, changed.second) == ("0.002 1/day", "0.003 1/day")
    assert found["laws.opc.die.terms.ros.base"].second == ""


# --- params, laws, cite -------------------------------------------------------------------------------------------------


def test_params_lists_values_with_unit_range_and_source(command):
    printed = command("params")
    line = next(line for line in printed.splitlines() if line.startswith("fields.ngf.D"))
    assert line.split()[1:] == ["27.5", "um^2/s", "20", "to", "30", "stroh2003", "at", "34", "C"]
    assert "values of biology:" in printed


def test_missing_sources_are_found(command, tmp_path):
    assert "no value is without a source" in command("params", "--missing-source")
    file = tmp_path / "mine.yaml"
    file.write_text("schema: 1\nextends: demo\nfields: {tnf: {D: 30 um^2/s}}\n")
    printed = command("params", str(file), "--missing-source")
    assert "fields.tnf.D" in printed and "1 missing" in printed


def test_laws_are_printed_as_equations_with_numbers_and_sources(command):
    printed = command("laws", "th1")
    assert "divide = 0.5 /day x [self.active] x (1 -> 0.1 as pge2_total passes 7000 pg/mL, n=1.5)" in printed
    assert "{t_cell_suppression}" in printed
    assert "(1 -> 0 as t_effector goes from 0 to 30000 cells/mm^3)" in printed
    assert "pge2_total = pge2 + pge2_msc" in printed
    line = next(line for line in printed.splitlines() if "terms.output.base" in line and "4.5 molecules/s" in line)
    assert "1 to 50" in line and "bouchnita2017" in line


def test_laws_of_a_kind_that_is_left_out_or_unknown(command):
    with pytest.raises(ConfigError, match="'neutrophil' is left out of scenario 'coculture'"):
        command("laws", "neutrophil", "coculture")
    with pytest.raises(ConfigError, match="did you mean 'macrophage'"):
        command("laws", "macrophages")


def test_the_laws_of_all_kinds_are_printed(command, acute):
    printed = command("laws")
    assert [line[4:-4] for line in printed.splitlines() if line.startswith("--- ")] == list(acute.laws)


def test_a_sum_of_terms_is_in_brackets_and_its_shared_factors_follow(acute):
    lines = equations.equation("open", acute.laws["venule"]["open"])
    assert lines[0] == "open = ( 1 /day x [trigger]"
    assert lines[-2].endswith(" )")
    assert lines[-1] == "       x (1 - [bbb])"
    assert all(len(line) <= equations.WIDTH + 40 for line in lines)


def test_levels_say_how_fast_they_follow(acute):
    lines = equations.equation("licence", acute.laws["msc"]["licence"])
    assert lines[-2].strip() == "at most 1"
    assert lines[-1].strip() == "follows with 24 h as it rises, 69.2 h as it falls"


def test_cite_lists_the_references_of_numbers_and_effects(command, acute):
    printed = command("cite", "acute")
    assert "stroh2003" in printed and "Kotter et al. 2006" in printed
    found = {each.key: each for each in sources.citations(acute)}
    assert found["stroh2003"].n_numbers == 1
    assert found["kotter2006"].n_numbers == 0 and found["kotter2006"].n_effects > 0
    dish = {each.key for each in sources.citations(load("coculture"))}
    assert "yanez2010" in found and "yanez2010" not in dish  # of dendritic cells


def test_bibtex_is_one_entry_per_reference(command, acute):
    printed = command("cite", "acute", "--bibtex")
    assert printed.count("@misc{") == len(sources.citations(acute))
    assert printed.count("{") == printed.count("}")
    assert "@misc{stroh2003,\n  howpublished = {Stroh et al. 2003 Biophys J 85:581},\n  year = {2003}," in printed


# --- how it is printed --------------------------------------------------------------------------------------------------


def test_commands_work_from_any_folder(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acute").mkdir()
    assert "acute" in command("scenarios")
    assert "acute is valid" in command("validate", "acute")


def test_on_a_terminal_a_table_is_drawn_and_brackets_survive(monkeypatch):
    from rich import console

    stream = io.StringIO()
    terminal = console.Console(file=stream, force_terminal=True, width=60, color_system=None)
    monkeypatch.setattr(console, "Console", lambda: terminal)
    tables.print_table(("signal", "value"), [("[self.m1]", "1")])
    assert "[self.m1]" in stream.getvalue() and "─" in stream.getvalue()


def test_in_a_pipe_columns_are_aligned():
    assert tables.plain(("a", "b"), [("long", "1"), ("x", "22")]) == ["a     b", "long  1", "x     22"]
