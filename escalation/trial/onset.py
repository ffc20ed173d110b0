"""When a DLT occurs, given that it occurs in the window; `plans.clock` has what follows from it.

Sources: Cheung YK, Chappell R (2000) Biometrics 56:1177-1182 (uniform); Yuan Y et al. (2018) Clin Cancer Res
24:4921-4930 (Weibull); Lin R, Yuan Y (2020) Biostatistics 21:807-824 (Weibull and log-logistic).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from escalation.fields import FitsTogether, Fraction, Rate, Real

MOST_POINTS = 100
"""Points of the distribution of the day of a DLT; the work of exact durations grows with them."""


class Onset(FitsTogether):
    """The day of a DLT, given that it occurs in the window.

    Parameters
    ----------
    kind : {"uniform", "weibull", "loglogistic", "quantiles"}, default "uniform"
        "weibull" and "loglogistic" are of the time to toxicity without an end, of which the true rate of a dose is the
        part in the window; their shape depends on that rate.
    late_share : float, optional
        Of "weibull" and "loglogistic": share of DLTs in the second half of the window.
    quantiles : sequence of (float, float), optional
        Of "quantiles": days and the share of DLTs by then, both increasing; linear between, from (0, 0), and up to all
        DLTs at the end of the window.
    """

    kind: Literal["uniform", "weibull", "loglogistic", "quantiles"] = "uniform"
    late_share: Fraction | None = None
    quantiles: Annotated[tuple[tuple[Real, Rate], ...], Field(max_length=MOST_POINTS)] | None = None

    def _problems(self) -> Iterator[str]:
        if self.depends_on_rate:
            if self.late_share is None:
                yield f'late_share: needed by kind = "{self.kind}": the share in the second half of the window'
        elif self.late_share is not None:
            yield f'late_share: not an option of kind = "{self.kind}"'
        if self.kind != "quantiles":
            if self.quantiles is not None:
                yield f'quantiles: not an option of kind = "{self.kind}"'
            return
        if not self.quantiles:
            yield 'quantiles: needed by kind = "quantiles": [day, share by then] pairs'
            return
        points = [(0.0, 0.0), *(point for point in self.quantiles if point != (0.0, 0.0))]
        if any(early[0] >= late[0] for early, late in pairwise(points)):
            yield "quantiles: the days should increase, from above 0"
        if any(early[1] > late[1] for early, late in pairwise(points)):
            yield "quantiles: the shares should not decrease"

    def problems(self, window: float) -> Iterator[str]:
        """What does not fit a window of so many days."""
        if not self.quantiles:
            return
        day, share = self.quantiles[-1]
        if day > window:
            yield f"quantiles: day {day:g} is after the window of {window:g} days"
        elif day == window and share < 1:
            yield f"quantiles: by the end of the window, day {window:g}, the share is 1, not {share:g}"

    @property
    def depends_on_rate(self) -> bool:
        """Whether the days depend on the true rate of the dose."""
        return self.kind in ("weibull", "loglogistic")
