"""Late-onset designs by their names: which design each is, and what is wrong in a line."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

import escalation
from escalation import BOIN, CRM, MTPI, MTPI2, TITEBOIN, Keyboard, ScenarioError, ThreePlusThree, Trial, simulate
from escalation.cli import main
from escalation.designs import REGISTRY
from escalation.designs.pending import Complete
from escalation.errors import DesignError
from escalation.scenario.file import load_designs, load_scenario
from tests.conformance.test_every_design import LATE_ONSET, SETTINGS
from tests.support import levels

RATES = [0.05, 0.15, 0.3, 0.5]
TRIAL = Trial(
    doses=levels(4), target=0.3, max_patients=24, dlt_window_days=28, time={"accrual_per_month": 3, "arrivals": "fixed"}
)
IN_FULL = {
    "tite-boin": (BOIN, "weigh"),
    "tite-keyboard": (Keyboard, "weigh"),
    "tite-mtpi": (MTPI, "weigh"),
    "tite-mtpi2": (MTPI2, "weigh"),
    "tite-crm": (CRM, "weigh"),
    "rolling-six": (ThreePlusThree, "roll"),
    "pod-tpi": (MTPI2, "predict"),
}


def settings():
    return [(kind, options) for kind in LATE_ONSET for options in SETTINGS[kind]]


def both(kind: str, options: dict):
    """A design by its name, and written in full."""
    base, rule = IN_FULL[kind]
    in_full = options | {"pending": {"rule": rule} | options.get("pending", {})}
    return REGISTRY[kind](**options), base(**in_full)


def test_each_has_a_design_and_a_rule():
    assert set(IN_FULL) == set(LATE_ONSET)
    for kind, (base, rule) in IN_FULL.items():
        design = REGISTRY[kind]
        assert design.waits_as is base
        assert design.model_fields["pending"].default.rule == rule
        assert getattr(escalation, design.__name__) is design
        assert design.__name__ in escalation.__all__


@pytest.mark.parametrize(("kind", "options"), settings())
def test_it_is_the_design_in_full(kind, options):
    """Described, cautioned and cited alike, and simulated trial by trial where it is."""
    named, in_full = both(kind, options)
    assert named.is_late_onset
    assert named.pending == in_full.pending
    assert named.waiting == in_full.waiting
    assert named.waiting.pending == Complete()
    assert named.waiting.model_fields_set - {"pending"} == in_full.waiting.model_fields_set - {"pending"}
    assert named.description(TRIAL) == in_full.description(TRIAL)
    assert set(named.references()) == set(in_full.references())
    own = [caution for caution in in_full.cautions(TRIAL) if not caution.startswith("3+3 treats cohorts")]
    assert list(named.cautions(TRIAL)) == own
    if kind == "tite-crm":
        return
    ours, theirs = (simulate(one, TRIAL, RATES, trials=300, seed=4) for one in (named, in_full))
    assert np.array_equal(ours.patients, theirs.patients)
    assert np.array_equal(ours.recommended, theirs.recommended)
    assert np.array_equal(ours.times, theirs.times)


def test_trials_that_are_not_simulated_are_refused_in_a_line():
    without = TRIAL.model_copy(update={"time": None})
    with pytest.raises(DesignError) as refused:
        simulate(TITEBOIN(), without, RATES, trials=10)
    assert str(refused.value) == (
        'tite-boin: pending: kind = "tite-boin" needs [trial.time]: how long patients are pending decides'
    )
    with pytest.raises(DesignError, match="not simulated with titration"):
        TITEBOIN(titration=True).plan(TRIAL)


FILE = """name = "late"
[trial]
doses = [1, 2, 3]
target = 0.3
max_patients = 12
dlt_window_days = 28
{time}
[[design]]
{design}
[[truth]]
name = "a"
dlt_rates = [0.1, 0.3, 0.5]
"""
TIME = "[trial.time]\naccrual_per_month = 2"


@pytest.mark.parametrize(
    ("design", "line"),
    [
        ('kind = "titeboin"', "kind: unknown design 'titeboin'; did you mean 'tite-boin'?"),
        ('kind = "rolling6"', "kind: unknown design 'rolling6'; did you mean 'rolling-six'?"),
        ('kind = "podtpi"', "kind: unknown design 'podtpi'; did you mean 'pod-tpi'?"),
        ('kind = "tite_crm"', "kind: unknown design 'tite_crm'; did you mean 'tite-crm'?"),
        ('kind = "tite-boin"\npending = { rule = "predict" }', "pending.rule: should be 'weigh'"),
        ('kind = "rolling-six"\npending = { rule = "complete" }', "pending.rule: should be 'roll'"),
        ('kind = "tite-boin"\npending = "weigh"', "pending: should be a table"),
        (
            'kind = "tite-boin"\npending = { most_pendin = 0.4 }',
            "pending.most_pendin: unknown key; did you mean 'most_pending'?",
        ),
        (
            'kind = "tite-boin"\npending = { most_pending = 2 }',
            "pending.most_pending: should be less than or equal to 1",
        ),
        ('kind = "rolling-six"\npending = { most_pending = 0.5 }', "pending.most_pending: unknown key"),
        ('kind = "rolling-six"\nsix_at_top = false', 'pending: "roll" needs six_at_top = true'),
        (
            'kind = "tite-keyboard"\npending = { method = "imputation" }',
            'pending.method: "imputation" is for kind = "boin"; \'keyboard\' has "ess"',
        ),
        ('kind = "tite-boin"\npending = { weights = "linear" }', "pending.weights: an option of"),
        (
            'kind = "tite-crm"\nskeleton = [0.1, 0.3, 0.5]\nmethod = "mle"',
            'pending: "weigh" needs method = "bayes"',
        ),
        ('kind = "pod-tpi"\ntitration = true', "pending: late-onset trials are not simulated with titration"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, design, line):
    path = tmp_path / "late.toml"
    path.write_text(FILE.format(time=TIME, design=design))
    with pytest.raises(ScenarioError) as error:
        load_designs(path)
    assert f"design[1].{line}" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_without_time_has_tables_and_a_next_dose_but_no_simulated_trials(tmp_path):
    path = tmp_path / "late.toml"
    path.write_text(FILE.format(time="", design='kind = "tite-boin"\npending = { most_pending = 0.49 }'))
    assert load_designs(path).design[0].pending.most_pending == 0.49
    with pytest.raises(ScenarioError, match=re.escape('design[1].pending: kind = "tite-boin" needs [trial.time]')):
        load_scenario(path)
    for command in (["table", str(path)], ["next", str(path), "1NNN 2NNP14"]):
        assert CliRunner().invoke(main, command).exit_code == 0
    refused = CliRunner().invoke(main, ["run", str(path)])
    assert refused.exit_code == 2
    assert 'kind = "tite-boin" needs [trial.time]' in refused.output


@pytest.mark.parametrize("command", [["paths"], ["paths", "--from", "1NNN"], ["run", "--from", "1NNN"]])
@pytest.mark.parametrize("kind", [kind for kind in LATE_ONSET if kind != "tite-crm"])
def test_paths_of_complete_data_are_refused_in_a_line(tmp_path, kind, command):
    path = tmp_path / "late.toml"
    path.write_text(FILE.format(time=TIME, design=f'kind = "{kind}"'))
    found = CliRunner().invoke(main, [command[0], str(path), *command[1:]])
    assert found.exit_code == 2
    errors = [line for line in found.output.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    assert f"{kind}: pending: which dose follows depends on the days" in errors[0]
    assert f'"{REGISTRY[kind].waits_as.model_fields["kind"].default}"' in errors[0]


def test_a_report_has_their_tables(tmp_path):
    path, page = tmp_path / "late.toml", tmp_path / "late.md"
    designs = "\n[[design]]\n".join(f'kind = "{kind}"' for kind in ("tite-boin", "rolling-six", "pod-tpi"))
    path.write_text(FILE.format(time=TIME, design=designs))
    command = ["report", str(path), "--trials", "200", "--output", str(page)]
    assert CliRunner().invoke(main, command).exit_code == 0
    text = page.read_text()
    assert "while patients are pending, by STFT" in text
    assert "the follow-up of each of them decides" in text
