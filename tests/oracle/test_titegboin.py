"""Simulated TITE-BOIN trials by effective sample size against those of the R package TITEgBOIN.

The package has conventions of its own, in which it is followed here event by event; without them the same trials are
ours, so that the records hold these too.
"""

import numpy as np
import pytest

from escalation import BOIN, Trial, exact
from escalation.designs.pending import Weigh
from escalation.kernels.codes import DE_ESCALATE, SUSPEND
from escalation.plans.pending import within
from escalation.trial.calendar import DAYS_PER_MONTH
from tests.naive.late_onset import LateTrial
from tests.naive.test_late_onset import differences, simulated
from tests.oracle.test_late_onset import apart
from tests.oracle.test_tite_keyboard import WINDOW, compared, trials_of
from tests.support import each, levels, records

RULE = Weigh(method="ess", most_pending=0.5, fewest_complete=0)
WEIGHED = [one for one in records("titegboin_oc") if not one["waits"]]
WAITING = [one for one in records("titegboin_oc") if one["waits"]]


class AsThePackage(LateTrial):
    """Conventions of TITEgBOIN.

    More than half of the patients pending suspend before anything else, also a de-escalation for certain; and so does
    any pending patient at the lowest dose where it would be de-escalated. A trial lasts until a whole window after its
    last entry, also one that is stopped.
    """

    def decide(self, patients, dlts, shares, is_lowest, is_highest):
        pending = len(shares)
        wanted = self.rule.decide(patients, dlts, shares).wanted
        if 2 * pending > patients or (wanted == DE_ESCALATE and is_lowest and pending):
            return SUSPEND
        return within(wanted, lowest=is_lowest, highest=is_highest)

    @property
    def duration(self) -> float:
        return self.patients[-1].entry + self.window


def design_of(record: dict) -> BOIN:
    return BOIN(stop_at=record["stop_at"])


def trial_of(record: dict) -> Trial:
    """With the record's window taken for 28 days."""
    return Trial(
        doses=levels(len(record["p_true"])),
        target=record["target"],
        max_patients=record["cohorts"] * record["cohort_size"],
        cohort_size=record["cohort_size"],
        dlt_window_days=WINDOW,
        time={
            "accrual_per_month": record["accrual_rate"] * record["window"] * DAYS_PER_MONTH / WINDOW,
            "while_closed": "lost",
            "onset": {"kind": "weibull", "late_share": record["late_share"]},
        },
    )


def played(record: dict, trials: int) -> dict[str, np.ndarray]:
    ours = trials_of(record, trial_of(record), design_of(record), RULE, AsThePackage, trials)
    del ours["turned_away"]  # the package counts something else
    return ours


@each(WEIGHED)
def test_by_the_conventions_of_the_package(record):
    """Selection, patients, DLTs and durations."""
    assert apart(compared(record, played(record, 200))) == []


@pytest.mark.long
@each(WEIGHED)
def test_by_the_conventions_of_the_package_in_many_trials(record):
    assert apart(compared(record, played(record, 400))) == []


@each(WEIGHED)
def test_without_them_trials_are_ours(record):
    trial, design = trial_of(record), design_of(record)
    rule = RULE.plan(design, trial)
    outcomes = simulated(design, rule, trial, record["p_true"], 60, 21)
    assert not list(differences(outcomes, design, rule, trial, 21))
    if record["p_true"][0] >= 0.05:  # else the lowest dose is hardly left for another reason than to go up
        assert any(differences(outcomes, design, rule, trial, 21, AsThePackage))


@each(WAITING)
def test_that_wait(record):
    """Selection and patients are exact; the package's days are not those of complete follow-up."""
    outcomes = exact(design_of(record), trial_of(record).model_copy(update={"time": None})).outcomes(record["p_true"])
    places = outcomes.recommended[:, None] == np.arange(-1, len(record["p_true"]))
    for name, values in (("selection_none_then_doses", places), ("patients", outcomes.patients)):
        errors = record["selection_se" if name.startswith("selection") else "patients_se"]
        for mean, recorded, error in zip(outcomes.probability @ values, record[name], errors, strict=True):
            assert abs(mean - recorded) <= 4 * max(error, 1 / record["trials"])
