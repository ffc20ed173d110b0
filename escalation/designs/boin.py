"""The Bayesian optimal interval design.

With target phi, phi1 < phi the highest rate deemed too low and phi2 > phi the lowest deemed too high, the dose for the
next cohort goes up when the observed rate y/n is at most lambda_e, down when it is above lambda_d:

    lambda_e = ln((1 - phi1) / (1 - phi)) / ln(phi (1 - phi1) / (phi1 (1 - phi)))
    lambda_d = ln((1 - phi) / (1 - phi2)) / ln(phi2 (1 - phi) / (phi (1 - phi2)))

At y/n = lambda_d the paper de-escalates and the R package BOIN (2.7.2) stays; so does this one.

Source: Liu S, Yuan Y (2015) JRSS C 64:507-523; Yan F et al. (2020) J Stat Softw 94(13).
"""

from collections.abc import Iterator
from math import inf, log
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from escalation.designs.base import Design, count_grid, decision_table, exceedance, never_reached
from escalation.designs.isotonic import closest_isotonic
from escalation.errors import DesignError
from escalation.fields import Count, Flag, Fraction, Real
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ESCALATE, SLACK
from escalation.plans import NO_LIMIT, TablePlan
from escalation.trial import Trial

FEWEST_TO_ELIMINATE = 3


class BOIN(Design):
    """The Bayesian optimal interval design (BOIN).

    A dose is eliminated, with all above, when at least 3 patients were treated there and
    P(rate > target | data) > cutoff_eli under a uniform prior. The recommended dose has the isotonic estimate closest
    to the target, among tried doses that are not eliminated.

    Parameters
    ----------
    p_saf : float, optional
        Highest DLT rate deemed too low; below the target. Default 0.6 x target.
    p_tox : float, optional
        Lowest DLT rate deemed too high; above the target. Default 1.4 x target.
    cutoff_eli : float, default 0.95
        Posterior probability of exceeding the target above which a dose is eliminated.
    extra_safe : bool, default False
        Eliminate the lowest dose, which ends the trial, already above cutoff_eli - offset.
    offset : float, default 0.05
        How much lower the cutoff of extra_safe is; between 0 and 0.5.
    stop_at : int, optional
        End the trial when a dose has this many patients and the next cohort would be given there again.
    bound_mtd : bool, default False
        Recommend only doses whose isotonic estimate is at most lambda_d.
    titration : bool, default False
        Treat one patient a dose, from the lowest, until the first DLT or the highest dose; then fill up the cohort.
    label : str, optional
        Name in tables. Default: the kind, then crm-2, crm-3 for repeats.
    """

    kind: Literal["boin"] = "boin"
    p_saf: Fraction | None = None
    p_tox: Fraction | None = None
    cutoff_eli: Fraction = 0.95
    extra_safe: Flag = False
    offset: Real = Field(default=0.05, gt=0, lt=0.5)
    stop_at: Count | None = None
    bound_mtd: Flag = False
    titration: Flag = False

    def boundaries(self, target: float) -> tuple[float, float]:
        """lambda_e and lambda_d for a target DLT rate (Liu & Yuan 2015).

        Raises
        ------
        DesignError
            A ValueError: p_saf, target and p_tox do not increase between 0 and 1.
        """
        low, high = self._limits(target)
        if not 0 < low < target < high < 1:
            raise DesignError(f"p_saf, target, p_tox: {low:g}, {target:g}, {high:g} should increase between 0 and 1")
        escalate = log((1 - low) / (1 - target)) / log(target * (1 - low) / (low * (1 - target)))
        de_escalate = log((1 - target) / (1 - high)) / log(high * (1 - target) / (target * (1 - high)))
        return escalate, de_escalate

    def problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Options that do not fit the trial: (name of the option, what is wrong)."""
        low, high = self._limits(trial.target)
        if low >= trial.target:
            yield "p_saf", f"{low:g} should be below the target of {trial.target:g}"
        if high <= trial.target:
            yield "p_tox", f"{high:g} should be above the target of {trial.target:g}"
        if high >= 1:
            yield "p_tox", f"needed, because 1.4 x target = {high:g} is not below 1"
        if self.extra_safe and self.offset >= self.cutoff_eli:
            yield "offset", f"{self.offset:g} should be below cutoff_eli = {self.cutoff_eli:g}"

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know about this design on this trial, although it can run."""
        if "offset" in self.model_fields_set and not self.extra_safe:
            yield "offset is not used without extra_safe"
        yield from never_reached("stop_at", self.stop_at, trial)
        if self.titration and trial.cohort_size == 1:
            yield "titration has no effect with cohorts of 1"
        elif self.titration and trial.start_dose > 1:
            yield f"titration starts at the lowest dose; start_dose = {trial.start_dose} is not used"

    def _limits(self, target: float) -> tuple[float, float]:
        low = 0.6 * target if self.p_saf is None else self.p_saf
        high = 1.4 * target if self.p_tox is None else self.p_tox
        return low, high

    def _plan(self, trial: Trial) -> TablePlan:
        escalate, de_escalate = self.boundaries(trial.target)
        above_target = exceedance(trial.target, trial.max_patients)
        titration = self.titration and trial.cohort_size > 1

        patients, dlts = count_grid(trial.max_patients)

        def table(levels: int, cutoff: float) -> NDArray[np.int8]:
            return decision_table(
                levels,
                [
                    ((patients >= FEWEST_TO_ELIMINATE) & (above_target > cutoff + SLACK), ELIMINATE),
                    (dlts <= escalate * patients + SLACK, ESCALATE),
                    (dlts > de_escalate * patients + SLACK, DE_ESCALATE),
                ],
            )

        codes = table(trial.levels, self.cutoff_eli)
        if self.extra_safe:
            codes[:1] = table(1, self.cutoff_eli - self.offset)

        return TablePlan(
            codes=codes,
            selection=closest_isotonic(trial.target, trial.max_patients, bound=de_escalate if self.bound_mtd else inf),
            cohort_size=trial.cohort_size,
            max_patients=trial.max_patients,
            start=0 if titration else trial.start_dose - 1,
            enough=NO_LIMIT if self.stop_at is None else self.stop_at,
            titration=titration,
        )
