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
from typing import ClassVar, Literal

from pydantic import Field

from escalation.designs.intervals import IntervalDesign, Moves, Numbers, moves_where
from escalation.designs.words import beside, deciding, observed
from escalation.errors import DesignError
from escalation.fields import Flag, Fraction, Real
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK
from escalation.trial.trial import Trial

TOO_LOW, TOO_HIGH = (0.5, 0.6, 0.7, 0.8, 0.9), (1.1, 1.2, 1.3, 1.4, 1.5)
"""Times the target, what a calibration tries for p_saf and p_tox; the defaults are among them."""


class BOIN(IntervalDesign):
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
    extra_safe : bool, default False
        Eliminate the lowest dose, which ends the trial, already above cutoff_eli - offset.
    offset : float, default 0.05
        How much lower the cutoff of extra_safe is; between 0 and 0.5.
    bound_mtd : bool, default False
        Recommend only doses whose isotonic estimate is at most lambda_d.
    """

    kind: Literal["boin"] = "boin"
    p_saf: Fraction | None = None
    p_tox: Fraction | None = None
    extra_safe: Flag = False
    offset: Real = Field(default=0.05, gt=0, lt=0.5)
    bound_mtd: Flag = False

    fewest_to_eliminate: ClassVar[int] = 3
    sources: ClassVar[tuple[str, ...]] = (
        "Liu S, Yuan Y (2015). Bayesian optimal interval designs for phase I clinical trials. JRSS C 64:507-523.",
        "Yan F, Zhang L, Zhou Y, Pan H, Liu S, Yuan Y (2020). BOIN: an R package for designing single-agent and "
        "drug-combination dose-finding trials using Bayesian optimal interval designs. J Stat Softw 94(13).",
    )

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

    def tuning(self, trial: Trial) -> dict[str, tuple[float, ...]]:
        """Shares and multiples of the target for p_saf and p_tox; and cutoff_eli."""
        low, high = ([round(times * trial.target, 6) for times in factors] for factors in (TOO_LOW, TOO_HIGH))
        return {"p_saf": tuple(low), "p_tox": tuple(high), "cutoff_eli": (0.85, 0.9, 0.95)}

    def parameters(self, trial: Trial) -> dict[str, float]:
        """lambda_e and lambda_d."""
        return dict(zip(("lambda_e", "lambda_d"), self.boundaries(trial.target), strict=True))

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        low, high = self._limits(trial.target)
        if low >= trial.target:
            yield "p_saf", f"{low:g} should be below the target of {trial.target:g}"
        if high <= trial.target:
            yield "p_tox", f"{high:g} should be above the target of {trial.target:g}"
        if high >= 1:
            yield "p_tox", f"needed, because 1.4 x target = {high:g} is not below 1"
        if self.extra_safe and self.offset >= self.cutoff_eli:
            yield "offset", f"{self.offset:g} should be below cutoff_eli = {self.cutoff_eli:g}"

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if "offset" in self.model_fields_set and not self.extra_safe:
            yield "offset is not used without extra_safe"
        yield from super()._cautions(trial)

    def _limits(self, target: float) -> tuple[float, float]:
        low = 0.6 * target if self.p_saf is None else self.p_saf
        high = 1.4 * target if self.p_tox is None else self.p_tox
        return low, high

    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:
        """By the observed rate."""
        escalate, de_escalate = self.boundaries(target)
        return moves_where(dlts <= escalate * patients + SLACK, dlts > de_escalate * patients + SLACK)

    def _most_recommended(self, target: float) -> float:
        return self.boundaries(target)[1] if self.bound_mtd else inf

    def _cutoff(self, dose: int) -> float:
        return self.cutoff_eli - self.offset if self.extra_safe and dose == 0 else self.cutoff_eli

    def place(self, target: float, patients: int, dlts: int, move: int) -> str:
        """Where the observed rate is."""
        rate, low, high = beside(dlts / patients, *self.boundaries(target))
        clause = f"{observed(patients, dlts)} is a rate of {rate}"
        if move == ESCALATE:
            return f"{clause}, at most lambda_e = {low}"
        if move == DE_ESCALATE:
            return f"{clause}, above lambda_d = {high}"
        return f"{clause}, above lambda_e = {low} and at most lambda_d = {high}"

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        low, high = self._limits(trial.target)
        escalate, de_escalate = (deciding(limit, trial.max_patients) for limit in self.boundaries(trial.target))
        return (
            "Dose escalation follows the Bayesian optimal interval (BOIN) design (Liu & Yuan 2015) with a target DLT "
            f"rate of {trial.target:g}; a DLT rate of {low:g} is deemed too low and one of {high:g} too high. After "
            "each cohort the dose is escalated when the observed DLT rate at the current dose is at most "
            f"{escalate} (lambda_e), de-escalated when it is above {de_escalate} (lambda_d), and otherwise "
            "given again."
        )
