"""`escalation calibrate`: what it prints, the scenario that it writes, and what it refuses."""

import csv
import io
import json
import tomllib
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from escalation.cli import main
from escalation.errors import EscalationError
from escalation.scenario.file import load_scenario, parse_scenario
from escalation.scenario.grid import changed
from escalation.scenario.rewrite import retuned
from tests.exact.test_calibrate import Elsewhere

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
GRID = ["--design", "boin", "--grid", "p_tox=0.3,0.35,0.4", "--grid", "boin.cutoff_eli=0.9,0.95"]
FEW = ["--truth", "MTD at 300", "--truth", "all too toxic"]


def calibrate(*arguments: object):
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)], env={"COLUMNS": "80"})


def run(file: Path, *arguments: str) -> dict:
    result = CliRunner().invoke(main, ["run", str(file), "--trials", "0", "--format", "json", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_written_scenario_runs_to_the_numbers_of_the_calibration(tmp_path):
    file = tmp_path / "chosen.toml"
    result = calibrate(LUCAR, *GRID, *FEW, "--max-overdosing", "0.5", "--output", file, "--format", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    chosen = found["chosen"]
    assert load_scenario(file) == changed(load_scenario(LUCAR), {f"boin.{k}": v for k, v in chosen["values"].items()})
    again = run(file, "--design", "boin", *FEW)
    assert {name: again["designs"]["boin"][name] for name in chosen["values"]} == chosen["values"]
    pcs = [one["exact"]["pcs"] for one in again["results"]]
    assert chosen["mean_pcs"] == pytest.approx(sum(pcs) / 2, abs=1e-12)
    assert chosen["worst_pcs"] == pytest.approx(min(pcs), abs=1e-12)
    assert chosen["overdosing"] == pytest.approx(again["results"][0]["exact"]["overdosing_60"], abs=1e-12)
    text = file.read_text()
    assert text.startswith("#:schema scenario.schema.json\n\n# Design 'boin' was calibrated with escalation ")
    assert "largest mean PCS; overdosing at most 50 %; 2 truths of the" in text
    assert "# LUCAR-DKS1: CAR-NK cells in relapsed or refractory autoimmune disease." in text


def test_formats_agree():
    arguments = [LUCAR, *GRID, *FEW, "--objective", "worst-pcs"]
    tree = json.loads(calibrate(*arguments, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(calibrate(*arguments, "--format", "csv").stdout)))
    assert len(rows) == len(tree["settings"]) == 6
    for row, one in zip(rows, tree["settings"], strict=True):
        assert float(row["mean_pcs"]) == one["mean_pcs"]
        assert float(row["p_tox"]) == one["values"]["p_tox"]
        assert row["front"] == str(one["front"]).lower()
        assert row["chosen"] == str(one["setting"] == tree["chosen"]["setting"]).lower()
    assert tree["chosen"]["worst_pcs"] == max(one["worst_pcs"] for one in tree["settings"])
    page = calibrate(*arguments).stdout
    assert "largest worst PCS\n2 truths of the scenario" in page
    assert f"{100 * tree['chosen']['worst_pcs']:.1f}" in page
    assert "| chosen |" in calibrate(*arguments, "--format", "markdown").stdout
    assert max(map(len, page.splitlines())) <= 80


def test_nothing_finished_is_lost_when_no_setting_will_do(tmp_path):
    file, figure = tmp_path / "chosen.toml", tmp_path / "front.svg"
    arguments = [LUCAR, *GRID, *FEW, "--max-overdosing", "0.001", "--output", file, "--figure", figure]
    result = calibrate(*arguments, "--format", "csv")
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 7
    assert result.stderr.startswith(f"error: {LUCAR}: no setting has overdosing at most 0.1 %: the nearest has ")
    assert result.stderr.endswith(f"; {file} is not written\n")
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["front.svg"]
    assert "no setting has overdosing" in " ".join(calibrate(*arguments).stdout.split())


def test_type_one_error_and_power_of_a_single_dose():
    truths = ["--truth", "DLT rate 0.25", "--truth", "DLT rate 0.50"]
    limits = ["--max-false-stopping", "0.12", "--min-power", "0.8"]
    result = calibrate(TAK, "--design", "monitoring", *truths, *limits, "--format", "json")
    found = json.loads(result.stdout)
    assert found["chosen"]["false_stopping"] <= 0.12
    assert found["chosen"]["power"] >= 0.8
    assert len(found["settings"]) == 30
    assert calibrate(TAK, "--design", "monitoring", *truths, "--min-power", "0.99999").exit_code == 2


@pytest.mark.parametrize("source", [["--generator", "clertant", "--count", "20"], ["--odds-ratio", "2"]])
def test_other_truths(source):
    found = json.loads(calibrate(LUCAR, *GRID, *source, "--format", "json").stdout)
    assert found["truths"]["count"] == (20 if "--count" in source else 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([LUCAR], "--design is needed; there are '3+3', 'boin', 'crm'"),
        ([LUCAR, "--design", "3+3"], "error: grid: needed: '3+3' has no options that are usually tuned"),
        ([LUCAR, "--design", "boin", "--grid", "p_tax=1"], "grid: boin.p_tax: unknown option; did you mean 'p_tox'"),
        ([LUCAR, "--design", "boin", "--grid", "p_tox"], "should be a key and its values"),
        ([LUCAR, "--design", "boin", "--grid", "crm.half_width=0.1"], "should be an option of 'boin'"),
        ([LUCAR, "--design", "boin", "--grid", "trial.target=0.2"], "should be an option of 'boin'"),
        ([LUCAR, "--design", "boin", "--grid", "p_tox=0.3", "--grid", "boin.p_tox=0.4"], "p_tox: is given twice"),
        ([LUCAR, "--design", "boin", "--grid", "p_tox=0.1"], "no setting of the grid is possible"),
        ([LUCAR, "--design", "boin", "--grid", 'p_tox="a"'], "no setting of the grid is possible"),
        ([LUCAR, "--design", "boin", "--max-overdosing", "10"], "overdosing: 10.0 should be a probability"),
        ([LUCAR, "--design", "boin", "--odds-ratio", "1"], "odds_ratio: 1.0 should be a number above 1"),
        ([LUCAR, "--design", "boin", "--odds-ratio", "2", *FEW], "--odds-ratio: not with --truth"),
    ],
)
def test_refused_in_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = calibrate(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert result.stderr.count("error: ") + result.stderr.count("Error: ") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_could_not_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("escalation.studies.calibrate.calibrate", None)
    (tmp_path / "rows.csv").write_text("patients,dlts,decision\n1-6,0,E\n1-6,1-6,DU\n")
    (tmp_path / "else").mkdir()
    scenario = tmp_path / "s.toml"
    scenario.write_text(
        'name = "s"\n[trial]\ndoses = [1, 2]\ntarget = 0.25\nmax_patients = 6\n[[design]]\nkind = "boin"\n'
        '[[design]]\nkind = "table"\nfile = "rows.csv"\n[[truth]]\nname = "t"\ndlt_rates = [0.1, 0.2]\n'
    )
    result = calibrate(scenario, "--design", "boin", "--output", tmp_path / "else" / "chosen.toml")
    assert result.exit_code == 2
    assert "chosen.toml: cannot be written: the scenario cannot be written to this folder" in result.stderr
    assert list((tmp_path / "else").iterdir()) == []


def test_a_cluster_does_the_work(monkeypatch):
    used = []

    @contextmanager
    def cluster_executor(address):
        used.append((address, Elsewhere()))
        yield used[0][1]

    here = calibrate(LUCAR, *GRID, *FEW, "--format", "csv").stdout
    monkeypatch.setattr("escalation.studies.work.cluster.cluster_executor", cluster_executor)
    assert calibrate(LUCAR, *GRID, *FEW, "--format", "csv", "--cluster", "tcp://there:1").stdout == here
    ((address, executor),) = used
    assert address == "tcp://there:1"
    assert executor.most_bytes > 0


def test_figure(tmp_path):
    figure = tmp_path / "front.svg"
    assert calibrate(LUCAR, *GRID, *FEW, "--figure", figure).exit_code == 0
    shown = "".join(ET.parse(figure).getroot().itertext())
    assert "mean probability of overdosing" in shown
    assert "LUCAR-DKS1" in shown


TRIAL = 'name = "x"\n[trial]\ndoses = [1, 2]\ntarget = 0.25\nmax_patients = 12\n'
TRUTH = '[[truth]]\nname = "a"\ndlt_rates = [0.1, 0.2]\n'
CRM = '[[design]]\nkind = "crm"\n'


@pytest.mark.parametrize(
    ("text", "values", "lines"),
    [
        (
            TRIAL + CRM + "half_width = 0.05 # narrow\nprior_mtd = 1\n\n" + TRUTH,
            {"half_width": 0.06, "prior_mtd": 1, "coherent": "dose"},
            ["half_width = 0.06 # calibrated; was 0.05", "prior_mtd = 1", 'coherent = "dose" # calibrated'],
        ),
        (
            TRIAL + CRM + "skeleton = [0.1,\n  0.3] # ours\n[design.stop_if_too_toxic]\nthreshold = 0.9\n" + TRUTH,
            {"skeleton": None, "half_width": 0.05, "prior_mtd": 2, "stop_if_too_toxic.threshold": 0.8},
            ["half_width = 0.05 # calibrated", "threshold = 0.8 # calibrated; was 0.9"],
        ),
        (
            TRIAL + CRM + "half_width = 0.05\nprior_mtd = 1\nstop_if_too_toxic = { threshold = 0.9 }\n" + TRUTH,
            {"stop_if_too_toxic.threshold": 0.8},
            ["stop_if_too_toxic = { threshold = 0.8 } # calibrated; was { threshold = 0.9 }"],
        ),
        (
            TRIAL + CRM + "half_width = 0.05\nprior_mtd = 1\nstop_if_too_toxic.threshold = 0.9\n" + TRUTH,
            {"stop_if_too_toxic.threshold": 0.9, "stop_if_too_toxic.margin": 0.05},
            ["stop_if_too_toxic.threshold = 0.9"],
        ),
        (
            TRIAL + CRM + "half_width = 0.05\nprior_mtd = 1\nstop_if_too_toxic = { threshold = 0.9 }\n" + TRUTH,
            {"stop_if_too_toxic": {"threshold": 0.8, "margin": 0.05}},
            ["stop_if_too_toxic = {threshold = 0.8, margin = 0.05} # calibrated; was { threshold = 0.9 }"],
        ),
        (
            TRIAL + TRUTH + CRM + "half_width = 0.05\nprior_mtd = 1\n",
            {"stop_if_too_toxic.threshold": 0.9},
            ["stop_if_too_toxic = {threshold = 0.9} # calibrated"],
        ),
        (
            'design = [{ kind = "boin" }, { kind = "crm", half_width = 0.05, prior_mtd = 1 }]\n' + TRIAL + TRUTH,
            {"prior_mtd": 2},
            ['design = [{ kind = "boin" }, { kind = "crm", half_width = 0.05, prior_mtd = 2 }]'],
        ),
        (
            TRIAL + CRM + "half_width = 0.05\nprior_mtd = 1\n" + TRUTH + '[[design]]\nkind = "boin"\n',
            {"half_width": 0.07},
            ["half_width = 0.07 # calibrated; was 0.05"],
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_layouts_of_a_file(text, values, lines, end):
    def read(content: str):
        return parse_scenario(tomllib.loads(content))

    scenario = read(text)
    written = retuned(text.replace("\n", end), scenario, "crm", values, ["for this", "and that"], Path())
    assert read(written) == changed(scenario, {f"crm.{option}": value for option, value in values.items()})
    assert written.startswith(f"# for this{end}# and that{end}{end}")
    assert set(lines) <= set(written.splitlines())
    assert written.count("\n") == written.count(end)
    assert "narrow" not in written


def test_a_layout_that_cannot_be_changed_is_refused():
    text = 'design = [{ kind = "crm", stop_if_too_toxic.threshold = 0.9, half_width = 0.05, prior_mtd = 1 }]\n'
    text += TRIAL + TRUTH
    scenario = parse_scenario(tomllib.loads(text))
    with pytest.raises(EscalationError, match=r"write each design as \[\[design\]\]"):
        retuned(text, scenario, "crm", {"stop_if_too_toxic.threshold": 0.8}, [], Path())


def test_a_file_that_changed_meanwhile_is_refused():
    text = TRIAL + CRM + "half_width = 0.05\nprior_mtd = 1\n" + TRUTH
    scenario = parse_scenario(tomllib.loads(text))
    for other in (text.replace("max_patients = 12", "max_patients = 15"), "", "["):
        with pytest.raises(EscalationError, match="has changed since it was read"):
            retuned(other, scenario, "crm", {"half_width": 0.06}, [], Path())


def test_names_from_the_file_cannot_break_its_comments(tmp_path):
    """What a comment repeats is printable: no line of it can end early."""
    scenario = tmp_path / "s.toml"
    label = 'crm "#" 設計'
    scenario.write_text(
        TRIAL + f"[[design]]\nkind = 'crm'\nlabel = '{label}'\nhalf_width = 0.05\nprior_mtd = 1\n" + TRUTH,
        encoding="utf-8",
    )
    file = tmp_path / "chosen.toml"
    assert calibrate(scenario, "--grid", "half_width=0.04,0.06", "--output", file).exit_code == 0
    assert label in load_scenario(file).designs
