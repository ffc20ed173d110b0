"""`escalation paths`, and `escalation run --from`."""

import json
from math import comb
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation import InterimData, exact, load_scenario, operating_characteristics
from escalation.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")


def invoke(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def succeed(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("design", ["3+3", "boin", "crm"])
@pytest.mark.parametrize("after", ["", "1NNN 2NNT"])
def test_json(design, after):
    truths = ("--truth", "MTD at 300", "--truth", "all too toxic")
    arguments = ("--design", design, "--from", after, "--cohorts", "2", *truths)
    tree = json.loads(succeed("paths", LUCAR, *arguments, "--format", "json"))
    assert tree["from"] == after
    assert tree["truths"] == ["MTD at 300", "all too toxic"]
    for number, name in enumerate(tree["truths"]):
        assert sum(path["probability"][name] for path in tree["paths"]) == pytest.approx(1, abs=1e-12)
        assert leaf_probability(tree["root"], number) == pytest.approx(1, abs=1e-12)
    for path in tree["paths"]:
        assert path["stop"] == (path["next_dose"] is None)
        assert path["outcomes"] == " ".join(
            f"{one['dose']}{'N' * (one['patients'] - one['dlts'])}{'T' * one['dlts']}" for one in path["cohorts"]
        )
        followed = invoke("next", LUCAR, "--design", design, f"{after} {path['outcomes']}".strip(), "--format", "json")
        then = json.loads(followed.stdout)
        assert then["next_dose"] == path["next_dose"]
        assert not then["warnings"]
        if path["stop"]:
            assert then["recommended_dose"] == path["recommended_dose"]


def leaf_probability(node: dict, truth: int) -> float:
    if not node["branches"]:
        return node["probability"][truth]
    return sum(leaf_probability(branch, truth) for branch in node["branches"])


def test_probability_of_a_path():
    tree = json.loads(succeed("paths", LUCAR, "--design", "boin", "--truth", "MTD at 300", "--format", "json"))
    (path,) = [path for path in tree["paths"] if path["outcomes"] == "1NNN 2NNT 1NTT"]
    expected = 0.95**3 * comb(3, 1) * 0.12 * 0.88**2 * comb(3, 2) * 0.05**2 * 0.95
    assert path["probability"]["MTD at 300"] == pytest.approx(expected, rel=1e-12)


def test_page():
    page = succeed("paths", LUCAR, "--design", "3+3", "--cohorts", "2", "--truth", "MTD at 300")
    assert "├─ 0 DLTs → dose 2, 3 patients   85.7" in page
    assert "│  └─ 3 DLTs → dose 1, 3 patients   0.1" in page
    assert "1NTT                  stop: too toxic, no RP2D" in page
    assert "P %" not in succeed("paths", LUCAR, "--design", "3+3", "--cohorts", "1")
    markdown = succeed("paths", LUCAR, "--design", "3+3", "--cohorts", "1", "--format", "markdown")
    assert "| 1NNN | dose 2, 3 patients |" in markdown
    assert "└─ 3 DLTs → stop: too toxic, no RP2D" in markdown


def test_a_trial_that_has_ended():
    page = succeed("paths", LUCAR, "--design", "boin", "--from", "1TTT")
    assert page == "boin: the next 3 cohorts after 1TTT\nstop: too toxic, no RP2D\n"


def test_expansion():
    page = succeed("paths", TAK, "--design", "3+3 lead-in", "--from", "1NNN 1NNT", "--cohorts", "1")
    assert "expansion at dose 1 (800 million cells), 3 patients" in page
    assert "3 DLTs → stop: expansion stopped, no RP2D" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cohorts", "12"], "have more than 55,222 paths; at most 10,000 are listed: 7 would do"),
        (
            ["--from", "1NNN 2NX"],
            "'X' should be N (no DLT), T (DLT), P (pending) or I (inevaluable)\nerror:   1NNN 2NX\nerror:          ^",
        ),
    ],
)
def test_errors(arguments, message):
    result = invoke("paths", LUCAR, "--design", "crm", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


class TestRunFrom:
    """Conditional operating characteristics."""

    def test_json(self):
        after, arguments = "1NNN 2NTT 1NNN", ("--truth", "MTD at 150", "--trials", "2000", "--format", "json")
        tree = json.loads(succeed("run", LUCAR, "--from", after, *arguments))
        scenario = load_scenario(LUCAR)
        assert tree["after"]["patients"] == [6, 3, 0, 0]
        for result in tree["results"]:
            design = scenario.designs[result["design"]]
            endings = exact(design, scenario.trial, after=InterimData.from_outcomes(after, 4))
            oc = operating_characteristics(endings.outcomes(result["dlt_rates"]))
            assert tuple(result["exact"]["selection"]) == oc.selection
            further = result["exact"]["further"]
            assert further["patients"]["mean"] == pytest.approx(oc.sample_size.mean - 9, abs=1e-9)
            assert further["dlts"]["mean"] == pytest.approx(oc.total_dlts.mean - 2, abs=1e-9)
            assert sum(p for _, p in further["patients"]["distribution"]) == pytest.approx(1, abs=1e-12)
            assert result["simulated"]["further"]["patients"]["mean"] == pytest.approx(
                further["patients"]["mean"], abs=0.5
            )
        assert tree["agreement"]["agrees"]

    def test_without_data_there_is_nothing_further(self):
        tree = json.loads(succeed("run", TAK, "--trials", "0", "--format", "json", "--design", "boin"))
        assert tree["after"] is None
        assert all(result["exact"]["further"] is None for result in tree["results"])

    def test_page(self):
        page = succeed("run", LUCAR, "--from", "1NNN 2NTT", "--truth", "MTD at 150", "--trials", "0")
        assert "Given the data so far: 1NNN 2NTT" in page
        assert "patients +" in page
        assert "no trials were simulated" in page

    def test_departures(self):
        result = invoke("run", LUCAR, "--from", "1NNN 3NNN", "--truth", "all safe", "--trials", "0", "--design", "boin")
        assert result.exit_code == 0
        warning = "design 'boin': cohort 2 (3NNN): the design gives dose level 2, not 3"
        assert f"warning: {LUCAR}: {warning}" in result.stderr
        assert warning in " ".join(result.stdout.split())

    def test_bad_outcomes(self):
        result = invoke("run", LUCAR, "--from", "7NNN")
        assert result.exit_code == 2
        assert "dose level 7 does not exist" in result.stderr
