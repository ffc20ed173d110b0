"""`escalation plot`: files, selections, and what it says when something is missing."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from escalation import load_scenario, simulate
from escalation.cli import main
from escalation.cli.plot import FIGURES, RESPONDING, TIMED
from escalation.kernels.codes import END

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
FAST = ["--trials", "0", "--design", "boin", "--design", "3+3"]
BEGINNINGS = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}


def plot(*arguments: str):
    return CliRunner().invoke(main, ["plot", *map(str, arguments)])


def succeed(*arguments: str):
    result = plot(*arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return result


@pytest.mark.parametrize("what", [what for what in FIGURES if what not in ("paths", *TIMED, *RESPONDING)])
def test_every_figure_can_be_written(tmp_path, what):
    file = tmp_path / "figure.svg"
    assert succeed(TAK, "--what", what, "--output", file, *FAST).stderr == ""
    shown = "".join(ET.parse(file).getroot().itertext())
    assert "boin" in shown
    assert "3+3" in shown
    assert "TAK-007 CD19 CAR-NK cells" in shown, "the file's title"


def test_paths(tmp_path):
    file = tmp_path / "figure.svg"
    succeed(TAK, "--what", "paths", "--design", "boin", "--truth", "DLT rate 0.30", "--from", "1NNT", "--output", file)
    shown = "".join(ET.parse(file).getroot().itertext())
    assert "dose 1 · 3 pts" in shown
    assert "stop: too toxic" in shown
    assert " %" in shown


@pytest.fixture
def timed(tmp_path):
    """A scenario with a calendar."""
    path = tmp_path / "in" / "timed.toml"
    path.parent.mkdir()
    path.write_text(
        'name = "timed"\ntitle = "A timed trial"\n[trial]\ndoses = [1, 2, 3]\ntarget = 0.25\nmax_patients = 12\n'
        "dlt_window_days = 28\n[trial.time]\naccrual_per_month = 3\n"
        '[[design]]\nkind = "3+3"\n[[design]]\nkind = "boin"\n'
        '[[design]]\nkind = "boin"\nlabel = "TITE-BOIN"\npending = { rule = "weigh" }\n'
        '[[truth]]\nname = "rising"\ndlt_rates = [0.1, 0.25, 0.4]\n[[truth]]\nname = "toxic"\n'
        "dlt_rates = [0.4, 0.5, 0.6]\n"
    )
    return path


@pytest.mark.parametrize("what", ["duration", "frontier"])
def test_figures_of_time(tmp_path, timed, what):
    file = tmp_path / "figure.svg"
    succeed(timed, "--what", what, "--trials", "500", "--output", file)
    shown = "".join(ET.parse(file).getroot().itertext())
    for text in ("boin", "3+3", "TITE-BOIN ~", "rising", "toxic", "months", "A timed trial", "TITE-BOIN (simulated)"):
        assert text in shown
    succeed(timed, "--what", what, "--trials", "0", "--design", "boin", "--output", file)


@pytest.mark.parametrize("design", ["boin", "TITE-BOIN"])
def test_swimmer(tmp_path, timed, design):
    file = tmp_path / "figure.svg"
    asked = "--what", "swimmer", "--design", design, "--truth", "rising", "--output", file
    succeed(timed, *asked, "--trial", "7", "--seed", "4")
    shown = "".join(ET.parse(file).getroot().itertext())
    assert f"{design}, 'rising': simulated trial 7 (seed 4)" in shown
    scenario = load_scenario(timed)
    times = simulate(scenario.designs[design], scenario.trial, [0.1, 0.25, 0.4], trials=7, seed=4).times[6]
    assert f"the trial takes {times[END]:.0f} days ({times[END] / 30.4375:.1f} months)" in shown
    before = file.read_bytes()
    succeed(timed, *asked, "--seed", "4")
    assert "simulated trial 1 (seed 4)" in "".join(ET.parse(file).getroot().itertext())
    assert file.read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--what", "swimmer"), "--design is needed"),
        (("--what", "swimmer", "--design", "boin"), "--truth is needed; there are 'rising', 'toxic'"),
        (("--what", "swimmer", "--design", "boin", "--design", "3+3"), "give one --design and one --truth"),
        (("--what", "duration", "--trial", "3"), "--trial: only with --what swimmer"),
        (("--what", "swimmer", "--design", "boin", "--truth", "rising", "--trial", "0"), "0 is not in the range"),
    ],
)
def test_bad_figures_of_time(tmp_path, timed, arguments, message):
    result = plot(timed, *arguments, "--output", tmp_path / "figure.svg")
    assert result.exit_code == 2
    assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("what", TIMED)
def test_figures_of_time_need_a_calendar(tmp_path, timed, what):
    waiting, _, _ = timed.read_text().partition('[[design]]\nkind = "boin"\nlabel = "TITE-BOIN"')
    truths = timed.read_text()[timed.read_text().index("[[truth]]") :]
    timed.write_text((waiting + truths).replace("[trial.time]\naccrual_per_month = 3\n", ""))
    result = plot(timed, "--what", what, "--output", tmp_path / "figure.svg")
    assert result.exit_code == 2
    assert result.stderr == f"error: {timed}: the trial has no calendar; [trial.time] says when patients arrive\n"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_days_that_are_only_simulated_need_trials(tmp_path, timed):
    timed.write_text(timed.read_text().replace("month = 3", "month = 3\ngap_days = [7]"))
    asked = "--what", "duration", "--design", "boin", "--output", tmp_path / "figure.svg"
    result = plot(timed, *asked, "--trials", "0")
    assert result.exit_code == 2
    assert "how long its trials take is only simulated, and --trials 0 asks for none" in result.stderr
    succeed(timed, *asked, "--trials", "100")
    assert "boin ~" in "".join(ET.parse(tmp_path / "figure.svg").getroot().itertext())


def test_too_many_swimmers(tmp_path, timed):
    timed.write_text(timed.read_text().replace("max_patients = 12", "max_patients = 300"))
    asked = "--what", "swimmer", "--design", "boin", "--truth", "rising"
    result = plot(timed, *asked, "--output", tmp_path / "figure.svg")
    assert "300 patients are too many to draw (at most 150)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--what", "paths", "--design", "boin", "--cohorts", "6"), "too many to draw"),
        (("--what", "paths"), "--design is needed"),
        (("--what", "paths", "--design", "boin", "--design", "crm"), "give one --design"),
        (
            ("--what", "paths", "--design", "boin", "--from", "1NX"),
            "'X' should be N (no DLT), T (DLT), P (pending) or I (inevaluable)",
        ),
        (("--what", "bias", "--cohorts", "2"), "only with --what paths"),
    ],
)
def test_bad_paths(tmp_path, arguments, message):
    result = plot(TAK, *arguments, "--output", tmp_path / "figure.svg")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "PDF"])
def test_formats(tmp_path, ending):
    file = tmp_path / f"figure.{ending}"
    arguments = (TAK, "--what", "selection", "--truth", "DLT rate 0.30", "--output", file, *FAST)
    succeed(*arguments)
    assert file.read_bytes().startswith(BEGINNINGS[ending.lower()])
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_truths_and_designs_are_chosen(tmp_path):
    file = tmp_path / "figure.svg"
    succeed(LUCAR, "--what", "allocation", "--output", file, "--trials", "0", "--design", "crm", "--truth", "all safe")
    shown = "".join(ET.parse(file).getroot().itertext())
    assert "all safe" in shown
    assert "MTD at 300" not in shown
    assert "boin" not in shown
    succeed(LUCAR, "--what", "allocation", "--output", file, "--trials", "0", "--design", "crm")
    shown = "".join(ET.parse(file).getroot().itertext())
    assert "all safe" in shown
    assert "MTD at 300" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--what", "selection", "--output", "figure"], "figure: the name should end in .svg, .png or .pdf"),
        (["--what", "surface", "--output", "figure.svg", "--design", "bion"], "did you mean 'boin'?"),
        (["--what", "surface", "--output", "figure.svg", "--truth", "all safe"], "a surface has its own truths"),
        (["--what", "surface", "--output", "figure.svg", "--max-states", "10"], "states"),
    ],
)
def test_bad_usage(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = plot(LUCAR, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_old_file_stays_when_drawing_fails(tmp_path, monkeypatch):
    from escalation.report import figures

    def fail(*arguments):
        raise OSError("no ink")

    monkeypatch.setattr(figures, "to_bytes", fail)
    file = tmp_path / "figure.svg"
    file.write_text("old")
    assert plot(TAK, "--what", "selection", "--output", file, *FAST).exit_code == 1
    assert file.read_text() == "old"


def test_refused_designs_are_simulated_and_marked(tmp_path):
    file = tmp_path / "figure.svg"
    arguments = ["--truth", "all safe", "--trials", "100", "--max-states", "5000"]
    result = succeed(LUCAR, "--what", "selection", "--output", file, *arguments)
    assert ": boin: not exact: up to 36,412 states" in result.stderr
    assert ": tite-boin: not exact: late-onset: with arrivals" in result.stderr
    shown = [part.text for part in ET.parse(file).getroot().iter() if part.text]
    for label in ("boin", "tite-boin"):
        assert f"{label} ~" in shown
        assert label not in shown
    assert "3+3" in shown
    assert "3+3 ~" not in shown


def test_surface_leaves_out_what_is_refused(tmp_path):
    file = tmp_path / "figure.svg"
    designs = "--design", "tite-boin", *FAST[2:]
    result = succeed(LUCAR, "--what", "surface", "--output", file, "--max-states", "5000", *designs)
    assert ": boin is left out, because a surface is exact: up to 36,412 states" in result.stderr
    assert ": tite-boin is left out, because a surface is exact: late-onset: with arrivals" in result.stderr
    assert "boin" not in "".join(part.text or "" for part in ET.parse(file).getroot().iter() if "text" in part.tag)


def test_disagreement_draws_nothing(tmp_path, monkeypatch):
    from escalation.engines import simulated as simulation

    original = simulation.virtual.tolerances
    monkeypatch.setattr(simulation.virtual, "tolerances", lambda *arguments: original(*arguments) // 10 * 9)
    result = plot(TAK, "--what", "selection", "--output", tmp_path / "figure.svg")
    assert result.exit_code == 1
    assert "DISAGREE; nothing is drawn" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_letters_that_a_picture_cannot_show(tmp_path):
    scenario = tmp_path / "letters.toml"
    scenario.write_text(
        Path(TAK).read_text().replace('kind = "boin"', 'kind = "boin"\nlabel = "设计"'), encoding="utf-8"
    )
    arguments = [scenario, "--what", "selection", "--trials", "0", "--design", "设计", "--truth", "DLT rate 0.30"]
    result = succeed(*arguments, "--output", tmp_path / "figure.png")
    assert "the font lacks 计设; an .svg shows them" in result.stderr
    assert succeed(*arguments, "--output", tmp_path / "figure.svg").stderr == ""
    assert "设计" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
