"""Safety monitoring of a single dose.

After every cohort the dose is stopped when its DLTs are too many: under the Bayesian rule when
P(rate > limit | data) > threshold, the rate having a Beta(a, b) prior; under the other rules at a boundary that is
crossed with probability at most alpha when the rate equals the limit (see `boundaries`).

Source: Thall PF, Simon R (1994) Biometrics 50:337-349; Zhou H, Lee JJ, BTOX manual (MD Anderson); Ivanova A et al.
(2005) Biometrics 61:540-545; Martens MJ, Logan BR (2024) Clin Trials 21:152-161.
"""

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from escalation.designs import boundaries
from escalation.designs.base import Design, count_grid, decision_table, exceedance, never_reached
from escalation.errors import DesignError
from escalation.fields import Count, Fraction, Positive, Real
from escalation.kernels.codes import ELIMINATE, SLACK
from escalation.plans import HighestCleared, TablePlan
from escalation.trial import Trial

# The rules that read an option which not every rule reads.
CALIBRATED = ("pocock", "obrien-fleming", "wang-tsiatis", "sprt", "beta-binomial")
USED_BY = {
    "threshold": ("bayes",),
    "prior": ("bayes", "beta-binomial"),
    "alpha": CALIBRATED,
    "delta": ("wang-tsiatis",),
    "p1": ("sprt",),
}


class Monitoring(Design):
    """Safety monitoring of one dose, looked at after every cohort.

    A dose that is never stopped is recommended.

    Parameters
    ----------
    rule : {"bayes", "pocock", "obrien-fleming", "wang-tsiatis", "sprt", "beta-binomial"}
        A threshold for the posterior probability, or one of the boundaries that are calibrated to alpha.
    limit : float, optional
        DLT rate that should not be exceeded. Default: the trial's target.
    threshold : float, default 0.95
        Of "bayes": stop when P(rate > limit | data) exceeds this.
    prior : (float, float), default (1, 1)
        Of "bayes" and "beta-binomial": the Beta prior of the DLT rate, as prior DLTs and prior patients without.
    min_patients : int, default 1
        No stop before this many patients.
    alpha : float, optional
        Of every rule but "bayes": the highest probability of stopping, over all looks, when the rate is the limit.
        Default 0.05.
    delta : float, optional
        Of "wang-tsiatis": shape of the boundary, from 0 (O'Brien-Fleming) to 0.5 (Pocock).
    p1 : float, optional
        Of "sprt": a DLT rate that is too high; above the limit.
    label : str, optional
        Name in tables. Default: the kind, then crm-2, crm-3 for repeats.
    """

    kind: Literal["monitoring"] = "monitoring"
    rule: Literal["bayes", "pocock", "obrien-fleming", "wang-tsiatis", "sprt", "beta-binomial"] = "bayes"
    limit: Fraction | None = None
    threshold: Fraction = 0.95
    prior: tuple[Positive, Positive] = (1.0, 1.0)
    min_patients: Count = 1
    alpha: Fraction | None = None
    delta: Real | None = Field(default=None, ge=0, le=0.5)
    p1: Fraction | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = {"alpha": self.alpha, "delta": self.delta, "p1": self.p1}
        problems = [
            f'{option}: not an option of rule = "{self.rule}"'
            for option, value in given.items()
            if value is not None and self.rule not in USED_BY[option]
        ]
        problems += [
            f'{option}: needed by rule = "{self.rule}"'
            for option in ("delta", "p1")
            if given[option] is None and self.rule in USED_BY[option]
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Options that do not fit the trial: (name of the option, what is wrong)."""
        if trial.levels > 1:
            yield "kind", f"monitoring is for a single dose; this trial has {trial.levels} dose levels"
        yield from self._misfits(trial.target)

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know about this design on this trial, although it can run."""
        for option in ("threshold", "prior"):
            if option in self.model_fields_set and self.rule not in USED_BY[option]:
                yield f'{option} is not used by rule = "{self.rule}"'
        yield from never_reached("min_patients", self.min_patients, trial)
        if self.min_patients <= trial.max_patients and not any(self.problems(trial)):
            size = f"in cohorts of {trial.cohort_size} and at most {trial.max_patients} patients"
            if not self.rejects(trial.target, trial.cohort_size, trial.max_patients).any():
                reason = f"threshold = {self.threshold:g}" if self.rule == "bayes" else f"alpha = {self._alpha:g}"
                yield f"the dose is never stopped, whatever the DLTs: {reason} cannot be met {size}"

    def rejects(self, target: float, cohort_size: int, max_patients: int) -> NDArray[np.bool_]:
        """Counts at which the dose is stopped, without a trial: bool[N + 1, N + 1] by patients and DLTs.

        Parameters
        ----------
        target : float
            The limit, if the design has none of its own.
        cohort_size, max_patients : int
            The dose is looked at after every cohort, the last of which may be smaller. The Bayesian rule does not
            depend on the looks and is given for every number of patients; of the others there is nothing between looks.

        Raises
        ------
        DesignError
            A ValueError; p1 is not above the limit.

        Examples
        --------
        Fewest DLTs that stop after 3, 6, 9 and 10 patients; after 3, none do.

        >>> stops = Monitoring(rule="obrien-fleming").rejects(0.25, cohort_size=3, max_patients=10)
        >>> [(n, int(stops[n].argmax())) for n in range(11) if stops[n].any()]
        [(6, 5), (9, 5), (10, 6)]
        """
        for option, problem in self._misfits(target):
            raise DesignError(f"{option}: {problem}")
        limit = self._limit(target)
        if self.rule == "bayes":
            patients, _ = count_grid(max_patients)
            above_limit = exceedance(limit, max_patients, self.prior)
            return (patients >= self.min_patients) & (above_limit > self.threshold + SLACK)
        return boundaries.calibrated(
            self._evidence(limit, max_patients),
            limit,
            self._alpha,
            cohort_size=cohort_size,
            min_patients=self.min_patients,
        )

    def crossing_probability(self, trial: Trial, rate: float) -> float:
        """Probability that the dose is stopped at any look, the last included.

        Parameters
        ----------
        trial : Trial
        rate : float
            True DLT rate.

        Raises
        ------
        DesignError
            A ValueError: the design does not fit the trial, or the rate is not between 0 and 1.

        Examples
        --------
        What is left of alpha = 0.05 when DLTs are counted in whole numbers, and the probability of stopping at 0.5.

        >>> trial = Trial(doses=[800], target=0.25, max_patients=20)
        >>> design = Monitoring(rule="pocock")
        >>> [round(design.crossing_probability(trial, rate), 4) for rate in (0.25, 0.5)]
        [0.0455, 0.6797]
        """
        if not 0 <= rate <= 1:
            raise DesignError(f"rate: {rate:g} should be between 0 and 1")
        plan = self.plan(trial)
        assert isinstance(plan, TablePlan)
        return boundaries.crossing_probability(plan.codes[0] == ELIMINATE, trial.cohort_size, rate)

    @property
    def _alpha(self) -> float:
        return 0.05 if self.alpha is None else self.alpha

    def _limit(self, target: float) -> float:
        return target if self.limit is None else self.limit

    def _misfits(self, target: float) -> Iterator[tuple[str, str]]:
        limit = self._limit(target)
        if self.p1 is not None and self.p1 <= limit:
            yield "p1", f"{self.p1:g} should be above the limit of {limit:g}"

    def _evidence(self, limit: float, max_patients: int) -> NDArray[np.float64]:
        if self.rule == "pocock":
            return boundaries.pocock(limit, max_patients)
        if self.rule == "sprt":
            assert self.p1 is not None
            return boundaries.sprt(limit, max_patients, self.p1)
        if self.rule == "beta-binomial":
            return boundaries.beta_binomial(limit, max_patients, self.prior)
        return boundaries.wang_tsiatis(limit, max_patients, 0.0 if self.delta is None else self.delta)

    def _plan(self, trial: Trial) -> TablePlan:
        stops = self.rejects(trial.target, trial.cohort_size, trial.max_patients)
        patients, _ = count_grid(trial.max_patients)
        return TablePlan(
            codes=decision_table(trial.levels, [(stops, ELIMINATE)]),
            selection=HighestCleared(patients > 0),
            cohort_size=trial.cohort_size,
            max_patients=trial.max_patients,
            start=trial.start_dose - 1,
        )
