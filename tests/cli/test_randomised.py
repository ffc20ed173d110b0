"""What commands say of doses that are compared in randomised patients, and the search for the size of a comparison."""

import csv
import io
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from escalation import EscalationError, Hypotheses, find_merit
from escalation.cli import main
from escalation.studies.merit import sizes_between
from tests.support import RESPONDING

SCENARIO = (
    """
name = "example"

[trial]
doses = [50, 150, 300]
target = 0.25
max_patients = 12

[trial.efficacy]
min_response = 0.25
max_toxicity = 0.35

[trial.randomised]
patients_per_dose = 12
rule = "merit"
max_dlts = 4
min_responses = 4
interim = { after = [6], dlt_limit = 0.3, dlt_threshold = 0.8 }

[[design]]
kind = "boin"

[[design]]
kind = "3+3"
"""
    + RESPONDING
)
ASKED = ["--dlt-rates", "0.4", "0.2", "--response-rates", "0.2", "0.4", "--alpha", "0.1", "--power", "0.6"]


def invoke(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], env={"COLUMNS": "120"})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(SCENARIO)
    return path


def printed(*arguments):
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_page(file):
    page = printed("run", file, "--trials", "500", "--seed", "1")
    for line in (
        "then 12 at each of up to 2 randomised doses",
        "boin randomised",
        "boin closed, DLTs %",
        "0 arms %   1 arm %   2 arms %   randomised",
        "boin OBD %",
        "No OBD: safety, no RP2D; no dose, no arm acceptable.",
        "Randomised: new patients of the comparison",
        "Exact; 500 simulated trials (seed 1) agree.",
    ):
        assert line in page, line
    assert "futility" not in page


def test_json_and_csv_have_the_same_numbers(file):
    options = ["--trials", "500", "--seed", "1"]
    tree = json.loads(printed("run", file, *options, "--format", "json"))
    assert tree["trial"]["randomised"]["patients_per_dose"] == 12
    rows = list(csv.DictReader(io.StringIO(printed("run", file, *options, "--format", "csv"))))
    first = tree["results"][0]
    for engine in ("exact", "simulated"):
        stage = first[engine]["randomised"]
        own = [one for one in rows if (one["design"], one["truth"], one["engine"]) == ("boin", "plateau", engine)]
        found = {(one["quantity"], one["dose"]): float(one["value"]) for one in own}
        assert found["randomised.reached", ""] == stage["reached"]
        assert found["randomised.arms.2", ""] == stage["arms"]["2"]
        assert [found["randomised.patients", str(dose)] for dose in (1, 2, 3)] == stage["patients"]
        assert found["randomised.patients_in_all", ""] == stage["patients_in_all"]
    assert first["simulated"]["mcse"]["randomised"]["total_dlts"] > 0


def test_comparing_designs(file):
    found = json.loads(printed("compare", file, "--trials", "500", "--seed", "1", "--format", "json"))
    assert [one["quantity"] for one in found["differences"]].count("pcs_obd") == 2
    assert found["agreement"]["agrees"]


def test_a_report(file, tmp_path):
    path = tmp_path / "report.md"
    printed("report", file, "--trials", "200", "--output", path, "--format", "md")
    text = path.read_text()
    for words in (
        "12 new patients each are randomised to that dose and the next lower one",
        "compared in at most 24 new patients, who come on top of",
        "with the randomised comparison, mean sample size",
        "randomised comparison",
        "plateau: randomised patients at each dose",
        "randomised patients: 150",
        "Yang P, Li D, Lin R",
        "given how dose escalation has ended, its arms are independent",
    ):
        assert words in text, words


def test_what_follows_a_trial(file):
    over = "1NNN 2NNN 3NNN 3NNN"
    told = printed("next", file, over, "--design", "boin")
    assert "Then 12 new patients each, randomised to 2: 150 and 3: 300." in told
    assert json.loads(printed("next", file, over, "--design", "boin", "--format", "json"))["randomised_doses"] == [2, 3]
    low = printed("next", file, "1NNT 1NNT 1NNN 1NNT", "--design", "boin")
    assert "Then 12 new patients at 1: 50; no lower dose that was given is there to be compared with it." in low
    for going in ("1NNN", "1TTT"):
        assert "Then 12" not in printed("next", file, going, "--design", "boin")
        found = json.loads(printed("next", file, going, "--design", "boin", "--format", "json"))
        assert found["randomised_doses"] == []


def test_what_goes_on_without_the_comparison(file, tmp_path):
    bare = tmp_path / "bare.toml"
    before, _, rest = SCENARIO.partition("[trial.randomised]")
    bare.write_text(before + rest[rest.index("[[design]]") :])
    for command, *options in (["paths", "--design", "boin", "--cohorts", "2"], ["table", "--design", "boin"]):
        one, other = (json.loads(printed(command, path, *options, "--format", "json")) for path in (file, bare))
        if command == "table":
            assert one["trial"].pop("randomised")["patients_per_dose"] == 12
            *rules, last = one["designs"][0]["rules"]
            assert last.startswith("When dose escalation has recommended a dose, 12 new patients each are randomised")
            one["designs"][0]["rules"] = rules
        assert one == other


def test_data_of_a_running_trial_are_refused(file):
    result = invoke("run", file, "--from", "1NNN")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: trial.randomised: a comparison is not gone on with from the data")


def test_a_search():
    page = printed("randomised", *ASKED, "--correlation", "0.5", "--from", "24")
    for line in (
        "MERIT: 2 arms, alpha 10.0 %",
        "DLT and response: latent correlation 0.5",
        "26 patients in each arm",
        "A dose is acceptable with at most 7 DLTs and at least 9 responses.",
        "*26              7              9       9.5        53.4         60.3       12.3",
        "Stat Med 43:2972-2986.",
    ):
        assert line in page, line
    tree = json.loads(printed("randomised", *ASKED, "--correlation", "0.5", "--from", "24", "--format", "json"))
    assert tree["found"]["patients_per_dose"] == 26
    assert [one["patients_per_dose"] for one in tree["sizes"]] == [24, 25, 26]
    assert max(one["alpha"] for one in tree["configurations"] if "alpha" in one) == tree["found"]["alpha"]
    assert min(one["power_ii"] for one in tree["configurations"] if "power_ii" in one) == tree["found"]["power_ii"]
    rows = list(csv.DictReader(io.StringIO(printed("randomised", *ASKED, "--correlation", "0.5", "--format", "csv"))))
    assert [row["found"] for row in rows[-2:]] == ["false", "true"]
    assert float(rows[-1]["alpha_if_independent"]) == tree["found"]["alpha_if_independent"]
    assert "independent" in printed("randomised", *ASKED, "--from", "33")


def test_no_size_will_do():
    result = invoke("randomised", *ASKED, "--to", "12")
    assert result.exit_code == 2
    told = "no number of patients in each arm from 10 to 12 has a power II of 60 % at alpha 10 %"
    assert result.stderr == f"error: {told}\n"
    assert f"{told}." in result.stdout


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--dlt-rates": ("0.2", "0.4")}, "dlt_rates: the unacceptable rate, 0.2, should be above the acceptable, 0.4"),
        ({"--response-rates": ("0.4", "0.2")}, "response_rates: the unacceptable rate, 0.4, should be below"),
        ({"--dlt-rates": ("0.4", "0")}, "dlt_rates: 0 should be above 0 and below 1"),
        ({"--alpha": ("1",)}, "alpha: 1 should be above 0 and below 1"),
        ({"--power": ("nan",)}, "power: nan should be above 0 and below 1"),
        ({"--correlation": ("1",)}, "correlation: 1 should be above -1 and below 1"),
        ({"--from": ("30",), "--to": ("20",)}, "sizes: from 30 to 20 there are none"),
        ({"--to": ("500",)}, "should be from 1 to 157 patients in each of 2 arms"),
        ({"--arms": ("3",), "--from": ("41",)}, "should be from 1 to 40 patients in each of 3 arms"),
    ],
)
def test_what_cannot_be_asked_for(changed, message):
    given = {
        "--dlt-rates": ("0.4", "0.2"),
        "--response-rates": ("0.2", "0.4"),
        "--alpha": ("0.1",),
        "--power": ("0.6",),
    }
    result = invoke("randomised", *(word for name, values in (given | changed).items() for word in (name, *values)))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def test_in_python():
    asked = Hypotheses((0.4, 0.2), (0.2, 0.4))
    first = find_merit(asked, alpha=0.2, power=0.5, power_type="I", sizes=[8, 16, 24, 32])
    assert first.found.power("I") == first.found.power_i >= 0.5
    assert first.unmet is None
    assert find_merit(Hypotheses([0.4, 0.2], [0.2, 0.4]), alpha=0.2, power=0.5, sizes=[8]).designs
    few = find_merit(asked, alpha=0.0001, power=0.5, sizes=[1, 2])
    assert (few.designs, few.configurations) == ((), ())
    assert sizes_between(None, None, 2) is None
    assert sizes_between(70, None, 2) == range(70, 71)
    for wrong in ({"sizes": []}, {"sizes": [12, 11]}, {"sizes": [0]}, {"power_type": "III"}):
        with pytest.raises(EscalationError):
            find_merit(asked, alpha=0.1, power=0.6, **wrong)
    with pytest.raises(EscalationError, match="arms: 4 should be 2 or 3"):
        find_merit(replace(asked, arms=4), alpha=0.1, power=0.6)
    with pytest.raises(EscalationError, match="dlt_rates: should be the unacceptable rate and the acceptable one"):
        find_merit(Hypotheses((0.4,), (0.2, 0.4)), alpha=0.1, power=0.6)
