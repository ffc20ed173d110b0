"""The cumulative cohort design (CCD).

With target phi and half-width Delta, after y DLTs in n patients at a dose: escalate when y/n <= phi - Delta,
de-escalate when y/n >= phi + Delta, else stay.

Source: Ivanova A, Flournoy N, Chung Y (2007) J Stat Plan Inference 137:2316-2327.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.intervals import MARGINS, Margin, Moves, Numbers, TargetInterval, moves_where
from escalation.designs.words import beside, observed
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK
from escalation.trial.trial import Trial

HALF_WIDTHS = ((0.3, 0.09), (0.4, 0.10), (0.45, 0.12), (1.0, 0.13))
"""Recommended half-widths, each for targets below a limit (Ivanova et al. 2007, for targets from 0.1 to 0.5)."""


class CCD(TargetInterval):
    """The cumulative cohort design (CCD), with the safety rule of BOIN.

    Eliminates from 3 patients at a dose on and recommends as BOIN does.

    Parameters
    ----------
    half_width : float, optional
        Escalate at target - half_width or below, de-escalate at target + half_width or above. Default: as recommended
        for the target, from 0.09 to 0.13.
    """

    kind: Literal["ccd"] = "ccd"
    half_width: Margin | None = None

    fewest_to_eliminate: ClassVar[int] = 3
    tuned: ClassVar[dict[str, tuple[float, ...]]] = {"half_width": MARGINS}
    sources: ClassVar[tuple[str, ...]] = (
        "Ivanova A, Flournoy N, Chung Y (2007). Cumulative cohort design for dose-finding. J Stat Plan Inference "
        "137:2316-2327.",
    )

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if self.half_width is None and not 0.1 - SLACK <= trial.target <= 0.5 + SLACK:
            yield f"half_width: {self._half_width(trial.target):g} is recommended for targets from 0.1 to 0.5 only"
        yield from super()._cautions(trial)

    def _half_width(self, target: float) -> float:
        if self.half_width is not None:
            return self.half_width
        return next(half_width for limit, half_width in HALF_WIDTHS if target < limit - SLACK)

    def reach(self, target: float) -> tuple[tuple[str, float], tuple[str, float]]:
        """How far the interval reaches to either side."""
        return ("half_width", self._half_width(target)), ("half_width", self._half_width(target))

    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:
        """By the observed rate."""
        low, high = self.interval(target)
        return moves_where(dlts <= low * patients + SLACK, dlts >= high * patients - SLACK)

    def place(self, target: float, patients: int, dlts: int, move: int) -> str:
        """Where the observed rate is."""
        rate, low, high = beside(dlts / patients, *self.interval(target))
        clause = f"{observed(patients, dlts)} is a rate of {rate}"
        if move == ESCALATE:
            return f"{clause}, at most {low}"
        if move == DE_ESCALATE:
            return f"{clause}, at least {high}"
        return f"{clause}, above {low} and below {high}"

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        low, high = self.interval(trial.target)
        return (
            "Dose escalation follows the cumulative cohort design (Ivanova et al. 2007) with a target DLT rate of "
            f"{trial.target:g} and a half-width of {self._half_width(trial.target):g}. After each cohort the dose is "
            f"escalated when the observed DLT rate at the current dose is at most {low:g}, de-escalated when it is at "
            f"least {high:g}, and otherwise given again."
        )
