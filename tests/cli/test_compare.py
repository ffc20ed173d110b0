"""`escalation compare`: what it prints, its JSON and CSV, its exit codes."""

import csv
import doctest
import io
import json
import re
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation import Difference, __version__, compare, load_scenario
from escalation.cli import main
from escalation.report.pages.compare import plain_number, signed

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
NK = str(SCENARIOS / "nk010-nk042.toml")
PAGE = SCENARIOS.parent / "docs" / "comparison.md"
SHORT = [LUCAR, "--trials", "1000", "--truth", "MTD at 300"]


def run(*arguments: str):
    return CliRunner().invoke(main, ["compare", *arguments])


def succeed(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_table():
    table = succeed(LUCAR, "--truth", "MTD at 300", "--truth", "all too toxic", "--reference", "3+3")
    lines = [" ".join(line.split()) for line in table.splitlines()]
    assert "true DLT rates 5.0, 12.0, 25.0, 40.0 %; correct: 300" in lines
    assert "true DLT rates 45.0, 55.0, 65.0, 75.0 %; correct: none" in lines
    assert lines.count("boin - 3+3") == lines.count("crm - 3+3") == 2
    assert "crm - boin" not in lines
    assert "PCS % 60.3 - 34.7 +25.6 +26.3 (+25.1, +27.5)" in lines, "exact values as in the README"
    assert "Exact differences; 10,000 simulated trials (seed 20260901) agree." in lines
    assert any(re.fullmatch(r"Largest \|z\| \d\.\d\d, p = [\d.]+\.", line) for line in lines)
    assert "takes more trials, median times: PCS" in " ".join(lines)


def test_picture_in_the_docs(monkeypatch):
    monkeypatch.chdir(SCENARIOS.parent)
    command, _, table = re.search(r"^```text\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1].partition("\n")
    assert command == "$ escalation compare scenarios/lucar-dks1.toml --truth 'MTD at 300' --reference 3+3"
    printed = succeed("scenarios/lucar-dks1.toml", "--truth", "MTD at 300", "--reference", "3+3")
    assert [line.rstrip() for line in printed.splitlines()] == table.splitlines()


def test_python_example_in_the_docs(monkeypatch):
    monkeypatch.chdir(SCENARIOS.parent)
    code = re.search(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]
    runner = doctest.DocTestRunner()
    runner.run(doctest.DocTestParser().get_doctest(code, {}, "comparison", str(PAGE), 0))
    assert runner.tries
    assert not runner.failures


def test_keys_are_documented():
    tree = json.loads(succeed(*SHORT, "--format", "json"))
    for key in [*tree, *tree["agreement"], *tree["differences"][0]]:
        assert f"`{key}`" in PAGE.read_text(), key


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_tables_fit_80_columns(path):
    table = succeed(str(path), "--trials", "1000")
    assert max(map(len, table.splitlines())) <= 80
    truths = len(load_scenario(path).truth)
    assert sum(line.startswith("design - reference") for line in table.splitlines()) == truths, "none is folded"


def test_without_simulation():
    table = succeed(TAK, "--trials", "0", "--truth", "DLT rate 0.30", "--reference", "monitoring")
    assert "3+3 lead-in: then 14 at the RP2D" in " ".join(table.split())
    assert "simulated (" not in table
    assert "Exact differences; no trials were simulated." in table
    assert table.isascii() or set(table) - set(map(chr, range(128))) == {"─"}


def test_text_as_dose_name():
    table = succeed(NK, "--trials", "100", "--truth", "DLT rate 0.20", "--truth", "DLT rate 0.30")
    assert "true DLT rates 20.0 %; correct: NK cells + rituximab" in table
    assert "true DLT rates 30.0 %; correct: none" in table, "as the file says"


def test_fifty_doses(tmp_path):
    file = tmp_path / "fifty.toml"
    file.write_text(
        'name = "fifty"\n[trial]\n'
        f"doses = {[f'level {number}' for number in range(1, 51)]}\n"
        "target = 0.25\nmax_patients = 12\n"
        '[[design]]\nkind = "3+3"\n[[design]]\nkind = "3+3"\nsix_at_top = false\nde_escalate = false\n'
        f'[[truth]]\nname = "t"\ndlt_rates = {[number / 100 for number in range(50)]}\n'
    )
    assert "correct: level 26" in succeed(str(file), "--trials", "100")


def test_json_contract():
    tree = json.loads(succeed(*SHORT, "--format", "json"))
    assert set(tree) == {
        *("version", "scenario", "target", "warnings", "designs", "trials", "seed", "agreement", "gains", "differences")
    }
    assert tree["version"] == __version__
    assert tree["scenario"] == "lucar-dks1"
    assert tree["target"] == 0.25
    assert tree["designs"] == ["3+3", "boin", "crm", "tite-boin"]
    assert (tree["trials"], tree["seed"]) == (1000, 20260901)
    assert set(tree["agreement"]) == {"max_abs_z", "p_value", "worst", "agrees"}
    assert tree["agreement"]["agrees"] is True
    assert set(tree["gains"]) == {*("pcs", "patients_above_mtd", "sample_size", "total_dlts", "stop_toxic", "duration")}
    found = compare(load_scenario(LUCAR), truths=["MTD at 300"], trials=1000)
    older = [one for one in tree["differences"] if one["quantity"] != "patients_above_target"]
    assert older == [asdict(one) for one in found.differences], "to the last digit"
    newer = [one | {"quantity": "patients_above_mtd"} for one in tree["differences"] if one not in older]
    assert newer == [one for one in older if one["quantity"] == "patients_above_mtd"], "under both names"


def test_csv_is_the_differences_of_the_json():
    text = succeed(*SHORT, "--format", "csv")
    differences = json.loads(succeed(*SHORT, "--format", "json"))["differences"]
    names = [field.name for field in fields(Difference)]
    assert text.splitlines()[0] == ",".join(["scenario", *names])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(differences) == 6 * 7, "six pairs of designs, seven quantities"
    for row, one in zip(rows, differences, strict=True):
        assert row.pop("scenario") == "lucar-dks1"
        for name, number in one.items():
            assert row[name] == ("" if number is None else str(number))


def test_markdown():
    lines = succeed(*SHORT, "--format", "markdown").splitlines()
    assert "### MTD at 300" in lines
    assert "| design - reference | values | difference | simulated (95 % CI) |" in lines
    assert "| boin - 3+3 |  |  |  |" in lines
    assert {line.count(" | ") for line in lines if line.startswith("| ")} == {3}


def test_refusal_leaves_the_simulated_difference_and_says_so():
    table = succeed(LUCAR, "--trials", "1000", "--max-states", "30000", "--truth", "MTD at 300", "--design", "3+3",
                    "--design", "crm", "--design", "boin")  # fmt: skip
    assert "boin - 3+3 ~\n" in re.sub(" +\n", "\n", table)
    assert "~ no exact difference; values are means of 1,000 simulated trials" in table
    assert "boin: not exact: up to 36,412 states (" in table
    tree = json.loads(succeed(*SHORT, "--max-states", "30000", "--format", "json"))
    assert {one["exact"] is None for one in tree["differences"] if "boin" in (one["design"], one["reference"])} == {
        True
    }
    assert tree["agreement"]["worst"].endswith("crm - 3+3, MTD at 300")
    assert any("boin" in warning and "not exact" in warning for warning in tree["warnings"])


def test_refused_designs_are_left_out_where_nothing_is_simulated():
    exact = [LUCAR, "--trials", "0", "--max-states", "30000", "--truth", "MTD at 300"]
    table = succeed(*exact)
    pairs = [line.strip() for line in table.splitlines() if " - " in line and not line.startswith(("  ", "design - "))]
    assert pairs == ["crm - 3+3"]
    words = " ".join(table.split())
    assert "boin: left out: up to 36,412 states (" in words
    assert (
        'tite-boin: left out: late-onset: with arrivals = "poisson", not "fixed", what is known when a dose is decided '
        "on depends on days: simulated only." in words
    )
    tree = json.loads(succeed(*exact, "--format", "json"))
    assert tree["designs"] == ["3+3", "crm"]
    assert {(one["design"], one["reference"]) for one in tree["differences"]} == {("crm", "3+3")}
    for label in ("boin", "tite-boin"):
        assert sum(warning.startswith(f"design '{label}': left out: ") for warning in tree["warnings"]) == 1
    result = run(*exact, "--design", "boin", "--reference", "3+3")
    assert result.exit_code == 2
    assert "up to 36,412 states" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([LUCAR, "--reference", "cmr"], "no design 'cmr'; did you mean 'crm'?"),
        ([LUCAR, "--design", "boin"], "two designs are needed for a comparison; there is only 'boin'"),
        ([LUCAR, "--design", "boin", "--reference", "boin"], "two designs are needed"),
        ([LUCAR, TAK], "unexpected extra argument"),
    ],
)
def test_bad_usage(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_one_design_in_the_file(tmp_path):
    file = tmp_path / "one.toml"
    file.write_text(
        'name = "one"\n[trial]\ndoses = [1]\ntarget = 0.25\nmax_patients = 6\n'
        '[[design]]\nkind = "3+3"\n[[truth]]\nname = "t"\ndlt_rates = [0.1]\n'
    )
    result = run(str(file))
    assert result.exit_code == 2
    assert result.stderr == "error: two designs are needed for a comparison; there is only '3+3'\n"


def test_disagreement_is_loud(monkeypatch):
    """Tolerances 10 % too low in the simulation: the table says so, and so do the exit code and the JSON."""
    from escalation.engines import simulated as simulation

    original = simulation.virtual.tolerances
    monkeypatch.setattr(simulation.virtual, "tolerances", lambda *arguments: original(*arguments) // 10 * 9)
    result = run(TAK)
    assert result.exit_code == 1
    assert "simulated trials (seed 20260901) DISAGREE in " in " ".join(result.stdout.split())
    assert "simulated and exact differences DISAGREE" in result.stderr
    tree = json.loads(run(TAK, "--truth", "DLT rate 0.30", "--format", "json").stdout)
    assert tree["agreement"]["agrees"] is False


@pytest.mark.parametrize(
    ("value", "quantity", "plain", "difference"),
    [
        (0.603487, "pcs", "60.3", "+60.3"),
        (0.0, "pcs", "0.0", "0.0"),
        (1e-17, "sample_size", "<0.01", "0.00"),
        (1e-6, "pcs", "<0.1", "+0.0"),
        (0.004, "total_dlts", "<0.01", "+0.00"),
        (20.636, "sample_size", "20.64", "+20.64"),
    ],
)
def test_numbers_for_people(value, quantity, plain, difference):
    assert plain_number(value, quantity) == plain
    assert signed(value, quantity) == difference
    assert signed(-value, quantity) == difference.replace("+", "-")
