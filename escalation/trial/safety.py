"""Safety rules for a single dose: after how many DLTs, in how many patients, it is stopped.

Under the Bayesian rule when P(rate > limit | data) > threshold, the rate having a Beta(a, b) prior; under the other
rules at a boundary that is crossed with probability at most alpha when the rate equals the limit (see `boundaries`).

Source: Thall PF, Simon R (1994) Biometrics 50:337-349; Ivanova A et al. (2005) Biometrics 61:540-545; Martens MJ,
Logan BR (2024) Clin Trials 21:152-161.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from escalation.errors import DesignError
from escalation.fields import Count, Fraction, Frozen, Positive, Real
from escalation.kernels.codes import SLACK
from escalation.numbers import Floats, count_grid, exceedance, fewest_dlts
from escalation.trial import boundaries
from escalation.trial.cohorts import Cohorts, in_words

# The rules that read an option which not every rule reads.
CALIBRATED = ("pocock", "obrien-fleming", "wang-tsiatis", "sprt", "beta-binomial")
USED_BY = {
    "threshold": ("bayes",),
    "prior": ("bayes", "beta-binomial"),
    "alpha": CALIBRATED,
    "delta": ("wang-tsiatis",),
    "p1": ("sprt",),
}


class SafetyRule(Frozen):
    """A rule that stops a dose with too many DLTs, looked at after every cohort.

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
    """

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

    def rejects(self, target: float, cohort_size: Cohorts, max_patients: int) -> NDArray[np.bool_]:
        """Counts at which the dose is stopped, bool[N + 1, N + 1] by patients and DLTs.

        Parameters
        ----------
        target : float
            The limit, if the rule has none of its own.
        cohort_size : int or tuple of int
            Of a tuple the last value holds for all further cohorts.
        max_patients : int
            The dose is looked at after every cohort, the last of which may be smaller. The Bayesian rule does not
            depend on the looks. The others are calibrated to them; between them the same evidence decides, should a
            trial be looked at there.

        Raises
        ------
        DesignError
            A ValueError; p1 is not above the limit.

        Examples
        --------
        Fewest DLTs that stop after 6, 9 and 10 patients; after 3, none do.

        >>> stops = SafetyRule(rule="obrien-fleming").rejects(0.25, cohort_size=3, max_patients=10)
        >>> [(n, int(stops[n].argmax())) for n in (3, 6, 9, 10) if stops[n].any()]
        [(6, 5), (9, 5), (10, 6)]
        """
        for option, problem in self.misfits(target):
            raise DesignError(f"{option}: {problem}")
        return _remembered(self, target, cohort_size, max_patients).copy()

    def _rejects(self, target: float, cohort_size: int, max_patients: int) -> NDArray[np.bool_]:
        limit = self._limit(target)
        if self.rule == "bayes":
            patients, dlts = count_grid(max_patients)
            fewest = fewest_dlts(
                lambda n, y: exceedance(limit, n, y, self.prior) > self.threshold + SLACK, patients[:, 0]
            )
            return (patients >= self.min_patients) & (dlts >= fewest[:, None]) & (dlts <= patients)
        evidence = self._evidence(limit, max_patients)
        return boundaries.calibrated(
            evidence, limit, self._alpha, cohort_size=cohort_size, min_patients=self.min_patients
        )

    def caveats(self, target: float, cohort_size: Cohorts, max_patients: int) -> Iterator[str]:
        """What a user should know about the rule at these looks, although it can run."""
        for option in ("threshold", "prior"):
            if option in self.model_fields_set and self.rule not in USED_BY[option]:
                yield f'{option} is not used by rule = "{self.rule}"'
        if self.min_patients > max_patients:
            yield f"min_patients = {self.min_patients} is never reached: there are at most {max_patients} patients"
        elif not any(self.misfits(target)) and not self.rejects(target, cohort_size, max_patients).any():
            size = f"in {in_words(cohort_size)} and at most {max_patients} patients"
            reason = f"threshold = {self.threshold:g}" if self.rule == "bayes" else f"alpha = {self._alpha:g}"
            yield f"the dose is never stopped, whatever the DLTs: {reason} cannot be met {size}"

    @property
    def _alpha(self) -> float:
        return 0.05 if self.alpha is None else self.alpha

    def _limit(self, target: float) -> float:
        return target if self.limit is None else self.limit

    def misfits(self, target: float) -> Iterator[tuple[str, str]]:
        """Options that do not fit the target: (name of the option, what is wrong)."""
        limit = self._limit(target)
        if self.p1 is not None and self.p1 <= limit:
            yield "p1", f"{self.p1:g} should be above the limit of {limit:g}"

    def _evidence(self, limit: float, max_patients: int) -> Floats:
        """By patients and DLTs, float64[N + 1, N + 1]; nothing is said of more DLTs than patients."""
        patients, dlts = np.tril_indices(max_patients + 1)
        found = np.zeros((max_patients + 1, max_patients + 1))
        found[patients, dlts] = self._evidence_of(limit, (patients, dlts))
        return found

    def _evidence_of(self, limit: float, counts: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Floats:
        if self.rule == "pocock":
            return boundaries.pocock(limit, *counts)
        if self.rule == "sprt":
            assert self.p1 is not None
            return boundaries.sprt(limit, *counts, self.p1)
        if self.rule == "beta-binomial":
            return boundaries.beta_binomial(limit, *counts, self.prior)
        return boundaries.wang_tsiatis(limit, *counts, 0.0 if self.delta is None else self.delta)


@lru_cache(maxsize=4)
def _remembered(rule: SafetyRule, target: float, cohort_size: int, max_patients: int) -> NDArray[np.bool_]:
    """What a rule rejects: a decision, its grounds and cautions ask for the same."""
    return rule._rejects(target, cohort_size, max_patients)
