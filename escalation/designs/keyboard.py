"""The Keyboard design.

The target key, from phi - Delta to phi + Delta about the target phi, and keys as wide as it on both sides divide the
rates. The strongest key, the most probable under the posterior from a uniform prior, decides: to the left of the target
key, escalate; the target key itself, stay; to the right, de-escalate.

Source: Yan F, Mandrekar SJ, Yuan Y (2017) Clin Cancer Res 23:3994-4003.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.intervals import (
    MARGINS,
    Cells,
    IntervalDesign,
    Margin,
    by_strongest_key,
    margin_problems,
    place_by_key,
)
from escalation.trial.trial import Trial


class Keyboard(IntervalDesign):
    """The Keyboard design.

    A dose is eliminated, with all above, when at least 3 patients were treated there and
    P(rate > target | data) > cutoff_eli under a uniform prior. The recommended dose has the isotonic estimate closest
    to the target, among tried doses that are not eliminated.

    Parameters
    ----------
    half_width : float, default 0.05
        The target key reaches from target - half_width to target + half_width.
    """

    kind: Literal["keyboard"] = "keyboard"
    half_width: Margin = 0.05

    fewest_to_eliminate: ClassVar[int] = 3
    sources: ClassVar[tuple[str, ...]] = (
        "Yan F, Mandrekar SJ, Yuan Y (2017). Keyboard: a novel Bayesian toxicity probability interval design for "
        "phase I clinical trials. Clin Cancer Res 23:3994-4003.",
    )

    def tuning(self, trial: Trial) -> dict[str, tuple[float, ...]]:  # noqa: ARG002
        """The target key's half width."""
        return {"half_width": MARGINS}

    def parameters(self, trial: Trial) -> dict[str, float]:
        """The ends of the target key."""
        low, high = self._key(trial.target)
        return {"interval_low": low, "interval_high": high}

    def _key(self, target: float) -> tuple[float, float]:
        return target - self.half_width, target + self.half_width

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        yield from margin_problems(trial.target, ("half_width", self.half_width), ("half_width", self.half_width))

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        return by_strongest_key(*self._key(target), max_patients)

    def _place(self, target: float, patients: int, dlts: int, code: int) -> str:
        return place_by_key(*self._key(target), patients, dlts, code, "the target key")

    def _moves_in_words(self, trial: Trial) -> Iterator[str]:
        low, high = self._key(trial.target)
        yield (
            "Dose escalation follows the Keyboard design (Yan et al. 2017) with a target DLT rate of "
            f"{trial.target:g} and the target key from {low:g} to {high:g}; keys as wide as it divide the rates below "
            "and above."
        )
        yield (
            "After each cohort the strongest key at the current dose, the most probable one under a uniform prior, "
            "decides: the dose is escalated when it is below the target key, given again when it is the target key "
            "and de-escalated when it is above; at a tie the higher key counts."
        )
