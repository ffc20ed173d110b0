"""The cumulative cohort design (CCD).

With target phi and half-width Delta, after y DLTs in n patients at a dose: escalate when y/n <= phi - Delta,
de-escalate when y/n >= phi + Delta, else stay.

Source: Ivanova A, Flournoy N, Chung Y (2007) J Stat Plan Inference 137:2316-2327.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.intervals import MARGINS, Cells, IntervalDesign, Margin, margin_problems
from escalation.designs.words import beside, observed
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK
from escalation.numbers import count_grid
from escalation.trial.trial import Trial

HALF_WIDTHS = ((0.3, 0.09), (0.4, 0.10), (0.45, 0.12), (1.0, 0.13))
"""Recommended half-widths, each for targets below a limit (Ivanova et al. 2007, for targets from 0.1 to 0.5)."""


class CCD(IntervalDesign):
    """The cumulative cohort design (CCD), with the safety rule of BOIN.

    A dose is eliminated, with all above, when at least 3 patients were treated there and
    P(rate > target | data) > cutoff_eli under a uniform prior. The recommended dose has the isotonic estimate closest
    to the target, among tried doses that are not eliminated.

    Parameters
    ----------
    half_width : float, optional
        Escalate at target - half_width or below, de-escalate at target + half_width or above. Default: as recommended
        for the target, from 0.09 to 0.13.
    """

    kind: Literal["ccd"] = "ccd"
    half_width: Margin | None = None

    fewest_to_eliminate: ClassVar[int] = 3
    sources: ClassVar[tuple[str, ...]] = (
        "Ivanova A, Flournoy N, Chung Y (2007). Cumulative cohort design for dose-finding. J Stat Plan Inference "
        "137:2316-2327.",
    )

    def tuning(self, trial: Trial) -> dict[str, tuple[float, ...]]:  # noqa: ARG002
        """The half width."""
        return {"half_width": MARGINS}

    def parameters(self, trial: Trial) -> dict[str, float]:
        """The observed DLT rates up to which the design escalates, and from which on it de-escalates."""
        low, high = self._interval(trial.target)
        return {"interval_low": low, "interval_high": high}

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        half_width = self._half_width(trial.target)
        yield from margin_problems(trial.target, ("half_width", half_width), ("half_width", half_width))

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if self.half_width is None and not 0.1 - SLACK <= trial.target <= 0.5 + SLACK:
            yield f"half_width: {self._half_width(trial.target):g} is recommended for targets from 0.1 to 0.5 only"
        yield from super()._cautions(trial)

    def _half_width(self, target: float) -> float:
        if self.half_width is not None:
            return self.half_width
        return next(half_width for limit, half_width in HALF_WIDTHS if target < limit - SLACK)

    def _interval(self, target: float) -> tuple[float, float]:
        half_width = self._half_width(target)
        return target - half_width, target + half_width

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        patients, dlts = count_grid(max_patients)
        low, high = self._interval(target)
        return dlts <= low * patients + SLACK, dlts >= high * patients - SLACK

    def _place(self, target: float, patients: int, dlts: int, code: int) -> str:
        rate, low, high = beside(dlts / patients, *self._interval(target))
        clause = f"{observed(patients, dlts)} is a rate of {rate}"
        if code == ESCALATE:
            return f"{clause}, at most {low}"
        if code == DE_ESCALATE:
            return f"{clause}, at least {high}"
        return f"{clause}, above {low} and below {high}"

    def _moves_in_words(self, trial: Trial) -> Iterator[str]:
        low, high = self._interval(trial.target)
        yield (
            "Dose escalation follows the cumulative cohort design (Ivanova et al. 2007) with a target DLT rate of "
            f"{trial.target:g} and a half-width of {self._half_width(trial.target):g}."
        )
        yield (
            "After each cohort the dose is escalated when the observed DLT rate at the current dose is at most "
            f"{low:g}, de-escalated when it is at least {high:g}, and otherwise given again."
        )
