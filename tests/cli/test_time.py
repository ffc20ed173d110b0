"""`[trial.time]`: what can be said there, what cannot, and what a run says of it."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner

from escalation import BOIN, Trial, exact, simulate
from escalation.cli import main
from escalation.kernels.codes import END

SCENARIO = """
name = "timed"
[trial]
doses = [50, 150, 300, 600]
target = 0.25
max_patients = 18
dlt_window_days = 28
[trial.time]
accrual_per_month = 2.0
{more}
[[design]]
kind = "boin"
[[design]]
kind = "3+3"
[[truth]]
name = "MTD at 300"
dlt_rates = [0.05, 0.12, 0.25, {highest}]
"""


def called(tmp_path, *words, more="", highest=0.4, text=SCENARIO):
    path = tmp_path / "timed.toml"
    path.write_text(text.format(more=more, highest=highest))
    return CliRunner().invoke(main, [words[0], str(path), *words[1:]])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("accrual_per_month = 0", "trial.time.accrual_per_month: should be greater than or equal to 0.001"),
        ('arrivals = "weekly"', "trial.time.arrivals: should be 'poisson', 'fixed' or 'uniform'"),
        ('while_closed = "leave"', "trial.time.while_closed: should be 'wait', 'lost', 'ready' or 'queue'"),
        ("gap_days = [29]", "trial.time.gap_days: gap 1 of 29 days is longer than the window of 28 days"),
        ("gap_days = [-1]", "trial.time.gap_days[1]: should be greater than or equal to 0"),
        (
            'sentinel_dlt = "close"',
            'trial.time.sentinel_dlt: "close" needs gap_days: the first says how long',
        ),
        ("inevaluable = 1", "trial.time.inevaluable: should be less than or equal to 0.9"),
        ("max_enrolled = 17", "trial.time.max_enrolled: fewer than the 18 patients of the trial"),
        ('onset = { kind = "weibull" }', 'trial.time.onset.late_share: needed by kind = "weibull"'),
        ("onset = { late_share = 0.5 }", 'trial.time.onset.late_share: not an option of kind = "uniform"'),
        ('onset = { kind = "quantiles" }', 'trial.time.onset.quantiles: needed by kind = "quantiles"'),
        ("onset = { quantiles = [[7, 0.5]] }", 'trial.time.onset.quantiles: not an option of kind = "uniform"'),
        ('onset = { kind = "quantiles", quantiles = [[30, 0.5]] }', "trial.time.onset: quantiles: day 30 is after the"),
        ('onset = { kind = "quantiles", quantiles = [[28, 0.5]] }', "trial.time.onset: quantiles: by the end of the w"),
        ('onset = { kind = "quantiles", quantiles = [[9, 0.5], [9, 1]] }', "quantiles: the days should increase, from"),
        (
            'onset = { kind = "quantiles", quantiles = [[9, 0.5], [12, 0.4]] }',
            "quantiles: the shares should not",
        ),
        ("whileclosed = 2", "trial.time.whileclosed: unknown key; did you mean 'while_closed'?"),
    ],
)
def test_what_cannot_be_said(tmp_path, more, message):
    text = SCENARIO.replace("accrual_per_month = 2.0\n", "") if more.startswith("accrual_per") else SCENARIO
    result = called(tmp_path, "run", more=more, text=text)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_calendar_needs_a_window(tmp_path):
    result = called(tmp_path, "run", text=SCENARIO.replace("dlt_window_days = 28\n", ""))
    assert result.stderr.strip().endswith(
        "trial.time: needs dlt_window_days: how long a patient is observed decides how long a trial takes"
    )


def test_more_arrivals_than_can_be_followed(tmp_path):
    text = SCENARIO.replace("accrual_per_month = 2.0", "accrual_per_month = 10000").replace("days = 28", "days = 100")
    message = "trial.time.accrual_per_month: more than 10,000 patients arrive in the window of 100 days"
    assert message in called(tmp_path, "run", text=text).stderr


def test_a_rate_of_one_has_no_days_under_weibull(tmp_path):
    result = called(tmp_path, "run", more='onset = { kind = "weibull", late_share = 0.5 }', highest=1)
    assert "truth[1].dlt_rates: at a rate of 1 the day of a DLT has no weibull distribution" in result.stderr
    assert called(tmp_path, "run", "--trials", "0", highest=1).exit_code == 0


def test_an_expansion_beyond_those_enrolled(tmp_path):
    text = SCENARIO.replace("[trial.time]", "expansion = {{ patients = 6 }}\n[trial.time]")
    result = called(tmp_path, "run", more="max_enrolled = 20", text=text)
    assert "trial.expansion.patients: 24 patients in all; max_enrolled is 20" in result.stderr


def test_page(tmp_path):
    result = called(tmp_path, "run", "--trials", "2000", more='while_closed = "lost"')
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    head = next(line for line in lines if line[:2] == ["design", "months"])
    assert head == ["design", "months", "sd", "~", "5-95", "%", "enrolment", "on", "hold", "~", "holds", "~", "away"]
    trial = Trial(
        doses=[50, 150, 300, 600], target=0.25, max_patients=18, dlt_window_days=28,
        time={"accrual_per_month": 2.0, "while_closed": "lost"},
    )  # fmt: skip
    mean, sd = exact(BOIN(), trial).duration([0.05, 0.12, 0.25, 0.4])
    times = simulate(BOIN(), trial, [0.05, 0.12, 0.25, 0.4], trials=2000).times[:, END] / 30.4375
    row = next(line for line in lines if line[:1] == ["boin"] and len(line) == 8 and "-" in line[3])
    low, high = np.sort(times)[[int(0.05 * 2000) - 1, int(0.95 * 2000) - 1]]
    assert row[1:4] == [f"{mean / 30.4375:.1f}", f"{sd / 30.4375:.1f}", f"{low:.1f}-{high:.1f}"]
    assert "Months: of 30.4 days, from the first arrival" in result.stdout


def test_without_a_calendar_nothing_is_said_of_time(tmp_path):
    text = SCENARIO.replace("[trial.time]\naccrual_per_month = 2.0\n", "")
    result = called(tmp_path, "run", "--trials", "200", "--format", "json", text=text)
    found = json.loads(result.stdout)["results"][0]
    assert found["exact"]["time"] is found["simulated"]["time"] is None
    assert "months" not in called(tmp_path, "run", "--trials", "200", text=text).stdout


def test_json_and_csv(tmp_path):
    result = called(tmp_path, "run", "--trials", "500", "--format", "json")
    known, drawn = (json.loads(result.stdout)["results"][0][engine] for engine in ("exact", "simulated"))
    assert list(drawn["time"]) == [
        "duration", "last_enrolment", "hold_days", "holds", "enrolled", "turned_away", "waiting_days",
        "pending_at_decision", "decided_with_pending", "at_closed_dose", "gain",
    ]  # fmt: skip
    assert list(drawn["time"]["duration"]) == ["mean", "sd", "q05", "q50", "q95"]
    assert known["time"]["duration"]["q50"] is None
    assert known["time"]["holds"] is None
    error = drawn["mcse"]["time"]["duration"]["mean"]
    assert abs(known["time"]["duration"]["mean"] - drawn["time"]["duration"]["mean"]) < 4 * error
    rows = list(csv.DictReader(io.StringIO(called(tmp_path, "run", "--trials", "500", "--format", "csv").stdout)))
    durations = [float(row["value"]) for row in rows if row["quantity"] == "time.duration.mean"]
    assert known["time"]["duration"]["mean"] in durations
    assert drawn["time"]["duration"]["mean"] in durations


def test_what_days_cannot_be_exact_of_is_simulated(tmp_path):
    result = called(tmp_path, "run", "--trials", "500", more="gap_days = [7]")
    assert "boin ~" in result.stdout  # in the table of days alone: counts are exact
    found = json.loads(called(tmp_path, "run", "--trials", "500", "--format", "json", more="gap_days = [7]").stdout)
    assert found["results"][0]["exact"]["time"] is None
    assert found["results"][0]["exact"]["pcs"] > 0


def test_given_data_of_a_running_trial_nothing_is_said_of_time(tmp_path):
    result = called(tmp_path, "run", "--trials", "200", "--from", "1NNN")
    assert result.exit_code == 0
    assert "months" not in result.stdout


@pytest.mark.parametrize("more", ["inevaluable = 0.1", 'gap_days = [7]\nsentinel_dlt = "close"'])
def test_days_on_which_counts_depend_are_not_among_the_data(tmp_path, more):
    """A running trial's: neither engine may go on as if nobody could leave."""
    result = called(tmp_path, "run", "--trials", "200", "--from", "1NNN", more=more)
    assert result.exit_code == 2
    assert "outcomes: [trial.time] closes cohorts early or has patients leave" in result.stderr


def test_patients_treated_are_said_where_some_leave(tmp_path):
    result = called(tmp_path, "run", "--trials", "500", more="inevaluable = 0.3")
    assert "~ treated" in result.stdout
    assert "~ treated" not in called(tmp_path, "run", "--trials", "500").stdout
    found = json.loads(called(tmp_path, "run", "--trials", "500", "--format", "json", more="inevaluable = 0.3").stdout)
    time = found["results"][0]["simulated"]["time"]
    assert 22 < time["enrolled"] < 30


@pytest.mark.parametrize(
    ("more", "caution"),
    [
        ("replace = false", "time.replace has no effect: nobody leaves"),
        ('gap_at = "new_dose"', "time.gap_at has no effect: there are no gap_days"),
        ("max_enrolled = 30", "time.max_enrolled has no effect: nobody is replaced"),
        ('gap_days = [7]\nsentinel_dlt = "close"', "time.sentinel_dlt: a cohort that its first patient closes"),
    ],
)
def test_cautions(tmp_path, more, caution):
    assert f"trial: {caution}" in called(tmp_path, "run", "--trials", "10", more=more).stderr


def test_a_long_review_counts_as_a_window(tmp_path):
    text = SCENARIO.replace("accrual_per_month = 2.0", "accrual_per_month = 5000")
    result = called(tmp_path, "run", more='while_closed = "lost"\nreview_days = 1000', text=text)
    assert "more than 10,000 patients arrive in the window of 28 days and the review" in result.stderr
    many = SCENARIO.replace("accrual_per_month = 2.0", "accrual_per_month = 9000")
    refused = called(tmp_path, "run", "--trials", "1000000", more='while_closed = "lost"', text=many)
    assert "simulated trials of each design under each of 1 truths would take about" in refused.stderr


def test_least_favourable_truths_are_of_evaluable_patients(tmp_path):
    result = called(tmp_path, "worst", more="inevaluable = 0.1")
    assert result.exit_code == 2
    assert "time.inevaluable: should be 0 here" in result.stderr


@pytest.mark.parametrize("command", [("table",), ("next", "1NNN", "--design", "boin"), ("paths", "--design", "boin")])
def test_other_commands_read_it(tmp_path, command):
    assert called(tmp_path, *command).exit_code == 0


def test_report(tmp_path):
    output = tmp_path / "report.md"
    result = called(tmp_path, "report", "--trials", "200", "--format", "md", "--output", str(output))
    assert result.exit_code == 0
    text = output.read_text()
    assert "how long the trials take" in text
    assert "accrual" in text


def test_a_design_that_does_not_wait(tmp_path):
    """What is pending at decisions is in a table and in the JSON; only what is simulated is said of it."""
    path = tmp_path / "late.toml"
    path.write_text(
        'name = "late"\n[trial]\ndoses = [1, 2, 3]\ntarget = 0.25\nmax_patients = 18\ndlt_window_days = 28\n'
        '[trial.time]\naccrual_per_month = 4\n[[design]]\nkind = "boin"\n[[design]]\nkind = "boin"\nlabel = "TITE"\n'
        'pending = { rule = "weigh" }\n[[truth]]\nname = "a"\ndlt_rates = [0.1, 0.25, 0.4]\n'
    )
    printed = CliRunner().invoke(main, ["run", str(path), "--trials", "2000"])
    assert printed.exit_code == 0, printed.output
    text = " ".join(printed.output.split())
    assert "~ pending ~ closed" in text
    reason = 'with arrivals = "poisson", not "fixed", what is known when a dose is decided on depends on days'
    assert f"TITE: not exact: late-onset: {reason}: simulated only." in text
    given = CliRunner().invoke(main, ["run", str(path), "--trials", "2000", "--format", "json"])
    waiting, late = (result["simulated"]["time"] for result in json.loads(given.stdout)["results"])
    assert waiting["pending_at_decision"] == waiting["decided_with_pending"] == waiting["at_closed_dose"] == 0
    assert late["pending_at_decision"] > 1
    assert 0.5 < late["decided_with_pending"] <= 1
    assert 0 < late["at_closed_dose"] < 3
    assert late["duration"]["mean"] < waiting["duration"]["mean"]


def test_a_design_that_does_not_wait_at_fixed_steps(tmp_path):
    """Exact values beside simulated ones; without these nothing is marked as simulated but quantiles."""
    path = tmp_path / "late.toml"
    path.write_text(
        'name = "late"\n[trial]\ndoses = [1, 2, 3]\ntarget = 0.25\nmax_patients = 12\ndlt_window_days = 28\n'
        '[trial.time]\naccrual_per_month = 3\narrivals = "fixed"\nwhile_closed = "lost"\n[[design]]\nkind = "boin"\n'
        'pending = { rule = "weigh" }\n[[truth]]\nname = "a"\ndlt_rates = [0.1, 0.25, 0.4]\n'
    )
    given = CliRunner().invoke(main, ["run", str(path), "--trials", "4000", "--format", "json"])
    assert given.exit_code == 0, given.output
    tree = json.loads(given.stdout)
    exact, simulated = (tree["results"][0][engine]["time"] for engine in ("exact", "simulated"))
    errors = tree["results"][0]["simulated"]["mcse"]["time"]
    for name in ("hold_days", "holds", "turned_away", "pending_at_decision", "decided_with_pending", "at_closed_dose"):
        assert exact[name] == pytest.approx(simulated[name], abs=4 * errors[name]), name
    assert tree["agreement"]["agrees"]
    assert tree["warnings"] == []
    printed = CliRunner().invoke(main, ["run", str(path), "--trials", "0"])
    text = " ".join(printed.output.split())
    assert "enrolment on hold holds away" in text
    assert "~ holds" not in text
    assert "Exact; no trials were simulated." in text


def test_a_report_does_not_say_that_late_onset_designs_wait(tmp_path):
    output = tmp_path / "report.md"
    waits = "No cohort begins before the DLTs of the one before are known"
    words = "report", "--trials", "200", "--format", "md", "--output", str(output)
    assert called(tmp_path, *words).exit_code == 0
    assert f"{waits}." in output.read_text()
    assert "all known before the next cohort is treated. When patients arrive, when DLTs occur" in output.read_text()
    assert "late toxicities are not modelled" not in output.read_text()
    late = SCENARIO.replace('kind = "3+3"', 'kind = "boin"\nlabel = "TITE-BOIN"\npending = {{ rule = "weigh" }}')
    assert called(tmp_path, *words, text=late).exit_code == 0
    assert "are all known before the next cohort is treated, but under TITE-BOIN. When" in output.read_text()
    assert f"{waits}, but under TITE-BOIN, where doses are decided on while outcomes are pending." in output.read_text()
