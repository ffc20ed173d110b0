"""Bayesian safety monitoring of a single dose.

After every cohort the dose is stopped when P(rate > limit | data) > threshold, the rate having a Beta(a, b) prior.

Source: Thall PF, Simon R (1994) Biometrics 50:337-349; Zhou H, Lee JJ, BTOX manual (MD Anderson).
"""

from collections.abc import Iterator
from typing import Literal

from escalation.counts import count_grid, exceedance
from escalation.designs.base import Design, decision_table, equal_cohorts, never_reached
from escalation.fields import Count, Fraction, Positive
from escalation.kernels.codes import ELIMINATE, SLACK
from escalation.plans import HighestCleared, TablePlan
from escalation.trial import Trial


class Monitoring(Design):
    """Bayesian monitoring of one dose, looked at after every cohort.

    A dose that is never stopped is recommended.

    Parameters
    ----------
    limit : float, optional
        DLT rate that should not be exceeded. Default: the trial's target.
    threshold : float, default 0.95
        Stop when P(rate > limit | data) exceeds this.
    prior : (float, float), default (1, 1)
        Parameters of the Beta prior of the DLT rate: prior DLTs, prior patients without.
    min_patients : int, default 1
        No stop before this many patients.
    """

    kind: Literal["monitoring"] = "monitoring"
    limit: Fraction | None = None
    threshold: Fraction = 0.95
    prior: tuple[Positive, Positive] = (1.0, 1.0)
    min_patients: Count = 1

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        if trial.levels > 1:
            yield "kind", f"monitoring is for a single dose; this trial has {trial.levels} dose levels"

    def _cautions(self, trial: Trial) -> Iterator[str]:
        yield from never_reached("min_patients", self.min_patients, trial)

    def _plan(self, trial: Trial) -> TablePlan:
        limit = trial.target if self.limit is None else self.limit
        patients, _ = count_grid(trial.max_patients)
        above_limit = exceedance(limit, trial.max_patients, self.prior)
        stops = (patients >= self.min_patients) & (above_limit > self.threshold + SLACK)
        codes = decision_table(trial.levels, [(stops, ELIMINATE)])
        return TablePlan(
            codes=codes,
            selection=HighestCleared(patients > 0),
            sizes=equal_cohorts(trial),
            max_patients=trial.max_patients,
            start=trial.start_dose - 1,
        )
