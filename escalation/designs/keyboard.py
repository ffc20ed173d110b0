"""The Keyboard design.

The target key, from phi - Delta to phi + Delta about the target phi, and keys as wide as it on both sides divide the
rates. The strongest key, the most probable under the posterior from a uniform prior, decides: to the left of the target
key, escalate; the target key itself, stay; to the right, de-escalate.

Source: Yan F, Mandrekar SJ, Yuan Y (2017) Clin Cancer Res 23:3994-4003.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.intervals import Cells, IntervalDesign, Margin, by_strongest_key, margin_problems
from escalation.trial import Trial


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

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        yield from margin_problems(trial.target, ("half_width", self.half_width), ("half_width", self.half_width))

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        return by_strongest_key(target - self.half_width, target + self.half_width, max_patients)
