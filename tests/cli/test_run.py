"""`escalation run`: what it prints, its JSON, its exit codes."""

import json
from pathlib import Path

from click.testing import CliRunner

from escalation import __version__, exact, load_scenario, operating_characteristics
from escalation.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")

OC_KEYS = {
    "selection", "no_selection", "pcs", "patients", "dlts", "sample_size", "total_dlts", "dlt_rate", "above_mtd",
    "share_above_target", "patients_above_target",
    "overdosing_60", "overdosing_80", "poor_allocation", "early_stop", "stop_toxic", "stop_enough",
    "stop_reasons", "estimate",
    "patients_above_mtd", "expansion", "further", "time", "efficiency",
}  # fmt: skip
TIME_KEYS = {
    "duration", "last_enrolment", "hold_days", "holds", "enrolled", "turned_away", "waiting_days",
    "pending_at_decision", "decided_with_pending", "at_closed_dose", "gain",
}  # fmt: skip
ANCHORED = {
    "selection", "no_selection", "pcs", "patients", "dlts", "sample_size", "total_dlts", "patients_above_target",
    "stop_toxic", "duration", "last_enrolment",
}  # fmt: skip


def run(*arguments: str):
    return CliRunner().invoke(main, ["run", *arguments])


def succeed(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_json_contract():
    tree = json.loads(succeed(LUCAR, "--trials", "500", "--format", "json"))
    assert tree["version"] == __version__
    assert tree["scenario"] == "lucar-dks1"
    assert tree["target"] == 0.25
    assert tree["doses"] == [50, 150, 300, 600]
    assert len(tree["results"]) == 4 * 8
    assert [result["design"] for result in tree["results"][:4]] == ["3+3", "boin", "crm", "tite-boin"]
    for result in tree["results"]:
        assert set(result) == {
            *("design", "truth", "dlt_rates", "correct_doses", "optimal", "exact", "simulated", "anchored")
        }
        assert set(result["optimal"]) == {"selection", "pcs"}
        assert set(result["simulated"]) == OC_KEYS | {"trials", "seed", "mcse", "max_abs_z", "p_value"}
        assert set(result["simulated"]["time"]) == TIME_KEYS
        assert result["simulated"]["trials"] == 500
        if result["design"] == "tite-boin":
            assert result["exact"] is result["simulated"]["max_abs_z"] is result["simulated"]["p_value"] is None
            assert set(result["anchored"]) == ANCHORED | {"mcse", "gain"}
            assert set(result["anchored"]["mcse"]) == set(result["anchored"]["gain"]) == ANCHORED
            continue
        assert result["anchored"] is None
        assert set(result["exact"]) == OC_KEYS
        assert result["exact"]["time"] is None, "with gap_days days are only simulated"
        assert len(result["exact"]["selection"]) == 4
        for count in ("sample_size", "total_dlts", "patients_above_mtd", "patients_above_target"):
            assert set(result["exact"][count]) == {"mean", "sd", "q05", "q50", "q95", "distribution"}
        assert set(result["exact"]["dlt_rate"]) == {"mean_of_rates", "rate_of_means"}
        assert set(result["exact"]["stop_reasons"]) == {
            "max_patients",
            "rule_complete",
            "too_toxic",
            "dose_too_toxic",
            "enough_at_dose",
            "stopping_rule",
            "expansion_stopped",
        }
        assert result["exact"]["expansion"] is None
        assert set(result["exact"]["estimate"]) == {"bias", "rmse", "coverage"}
        assert result["simulated"]["p_value"] > 1e-4
        assert (result["exact"]["poor_allocation"] is None) == (result["correct_doses"] == [])
        assert (result["exact"]["efficiency"] is None) == (result["correct_doses"] == [])


def test_json_has_full_precision():
    tree = json.loads(succeed(LUCAR, "--trials", "0", "--design", "boin", "--truth", "MTD at 300", "--format", "json"))
    (result,) = tree["results"]
    scenario = load_scenario(LUCAR)
    oc = operating_characteristics(exact(scenario.designs["boin"], scenario.trial).outcomes(result["dlt_rates"]))
    assert tuple(result["exact"]["selection"]) == oc.selection
    assert result["correct_doses"] == [3]
    assert result["simulated"] is None


def test_several_files_give_a_list():
    trees = json.loads(succeed(LUCAR, TAK, "--trials", "0", "--format", "json"))
    assert [tree["scenario"] for tree in trees] == ["lucar-dks1", "tak-007"]


def test_no_exact():
    (tree,) = [json.loads(succeed(TAK, "--no-exact", "--trials", "100", "--format", "json"))]
    assert all(result["exact"] is None for result in tree["results"])
    assert all(result["simulated"]["max_abs_z"] is None for result in tree["results"])
    assert "~ not exact but the mean of 100 simulated trials" in succeed(TAK, "--no-exact", "--trials", "100")


def test_seed_changes_only_the_simulation():
    one, other = (
        json.loads(succeed(TAK, "--trials", "200", "--seed", seed, "--format", "json"))["results"][3] for seed in "12"
    )
    assert one["exact"] == other["exact"]
    assert one["simulated"] != other["simulated"]
    assert one["simulated"]["seed"] == 1


def test_table():
    table = succeed(LUCAR, "--trials", "1000")
    assert "true DLT rate %" in table
    assert "300*" in table
    assert "none*" in table, "the truth in which every dose is too toxic"
    assert "Exact; 1,000 simulated trials (seed 20260901) agree.\nLargest |z|" in table
    assert "60.3" in table, "BOIN's PCS at 300"
    assert "…" not in table
    assert max(map(len, table.splitlines())) <= 100


def test_table_without_simulation():
    assert "no trials were simulated" in succeed(LUCAR, "--trials", "0", "--design", "3+3")


def test_nothing_to_compute():
    result = run(LUCAR, "--trials", "0", "--no-exact")
    assert result.exit_code == 2
    assert "nothing to compute" in result.stderr
    assert result.stdout == ""


def test_warnings_go_to_standard_error(tmp_path):
    file = tmp_path / "warned.toml"
    text = Path(LUCAR).read_text().replace("cohort_size = 3\n", "cohort_size = 2\n")
    file.write_text(text.replace("[0.05, 0.12, 0.25, 0.40]", "[0.15, 0.12, 0.25, 0.40]"))
    result = run(str(file), "--trials", "0", "--design", "3+3", "--truth", "MTD at 300", "--format", "json")
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "3+3 treats cohorts of 3" in result.stderr
    assert "'MTD at 300': the DLT rate decreases" in result.stderr
    assert len(json.loads(result.stdout)["warnings"]) == 2


def test_disagreement_is_loud(monkeypatch):
    """Tolerances 10 % too low in the simulation: the table says so, and so do the exit code and the JSON."""
    from escalation.engines import simulated as simulation

    original = simulation.virtual.tolerances
    monkeypatch.setattr(simulation.virtual, "tolerances", lambda *arguments: original(*arguments) // 10 * 9)
    result = run(TAK)
    assert result.exit_code == 1
    assert "simulated trials (seed 20260901) DISAGREE in " in result.stdout
    assert "DISAGREE" in result.stderr
    tree = json.loads(run(TAK, "--format", "json").stdout)
    assert tree["agreement"]["agrees"] is False
    assert tree["agreement"]["p_value"] < 1e-3


def test_verdict_covers_the_whole_run():
    """Its p value is corrected for the number of results, each of which is corrected for its own comparisons."""
    tree = json.loads(succeed(TAK, "--format", "json"))
    compared = [result["simulated"] for result in tree["results"] if result["exact"] is not None]
    assert len(compared) == 5 * 8, "all but the one that is only simulated"
    assert tree["agreement"]["p_value"] == min(1, len(compared) * min(one["p_value"] for one in compared))
    assert tree["agreement"]["max_abs_z"] == max(one["max_abs_z"] or 0 for one in compared)
    assert tree["agreement"]["agrees"] is True


def test_too_few_trials_to_compare():
    assert "are too few, or vary too little, for |z|" in " ".join(succeed(TAK, "--trials", "2").split())


def test_json_holds_what_the_results_came_from():
    tree = json.loads(succeed(LUCAR, "--trials", "0", "--format", "json"))
    assert tree["trial"]["max_patients"] == 36
    assert tree["designs"]["crm"]["half_width"] == 0.06
    assert tree["agreement"] is None


def test_refusal_falls_back_to_simulation_and_says_so():
    table = succeed(LUCAR, "--trials", "100", "--max-states", "20000")
    for label in ("boin", "crm", "tite-boin"):
        assert f"\n{label} ~ RP2D" in table
        assert f"\n{label} RP2D" not in table
    assert "\n3+3 RP2D" in table
    assert "\n3+3 ~ RP2D" not in table
    assert "boin: not exact: up to 36,412 states (" in table
    assert "crm: not exact: more than 20,000 states after 36 of 36 patients" in table
    late = 'tite-boin: not exact: late-onset: with arrivals = "poisson", not "fixed", what is known when a dose'
    assert late in " ".join(table.split())
    for label, reason in (("boin", "up to 36,412 states"), ("tite-boin", "depends on days: simulated only")):
        result = run(LUCAR, "--trials", "0", "--design", label, "--max-states", "30000")
        assert result.exit_code == 2
        assert reason in result.stderr
        assert result.stdout == ""


def test_refused_designs_are_left_out_where_nothing_is_simulated():
    table = succeed(LUCAR, "--trials", "0", "--max-states", "30000", "--truth", "MTD at 300")
    assert "Exact; no trials were simulated." in table
    assert [line.split(" RP2D")[0] for line in table.splitlines() if " RP2D % " in line] == ["optimal", "3+3", "crm"]
    assert "boin: left out: up to 36,412 states (" in table
    assert "tite-boin: left out: late-onset: with arrivals" in table
