"""The modified toxicity probability interval design (mTPI).

The equivalence interval from phi - epsilon1 to phi + epsilon2 about the target phi divides the rates into three. Each
has a unit probability mass: its posterior probability under a uniform prior, divided by its length. The interval with
the largest decides: below, escalate; the equivalence interval, stay; above, de-escalate.

Source: Ji Y, Liu P, Li Y, Bekele BN (2010) Clin Trials 7:653-663.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np

from escalation.designs.intervals import (
    Cells,
    EquivalenceInterval,
    by_strongest,
    largest_of_three,
    masses_at,
    mean_densities,
)
from escalation.designs.words import observed
from escalation.trial.trial import Trial


class MTPI(EquivalenceInterval):
    """The modified toxicity probability interval design (mTPI).

    A dose is eliminated, with all above, when P(rate > target | data) > cutoff_eli under a uniform prior. The
    recommended dose has the isotonic estimate closest to the target, among tried doses that are not eliminated.
    """

    kind: Literal["mtpi"] = "mtpi"

    sources: ClassVar[tuple[str, ...]] = (
        "Ji Y, Liu P, Li Y, Bekele BN (2010). A modified toxicity probability interval method for dose-finding trials. "
        "Clin Trials 7:653-663.",
    )

    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        return by_strongest(mean_densities((0.0, *self._interval(target), 1.0), max_patients))

    def _place(self, target: float, patients: int, dlts: int, code: int) -> str:
        edges = (0.0, *self._interval(target), 1.0)
        densities = (masses_at(edges, patients, dlts) / np.diff(edges)).tolist()
        place = largest_of_three("unit probability mass", densities, code, "the equivalence interval")
        return f"{observed(patients, dlts)}: {place}"

    def _moves_in_words(self, trial: Trial) -> Iterator[str]:
        low, high = self._interval(trial.target)
        yield (
            "Dose escalation follows the modified toxicity probability interval (mTPI) design (Ji et al. 2010) with "
            f"a target DLT rate of {trial.target:g} and the equivalence interval from {low:g} to {high:g}."
        )
        yield (
            "After each cohort the unit probability mass at the current dose, the posterior probability of an "
            "interval under a uniform prior divided by its length, is compared between the rates below the interval, "
            "the interval and the rates above it."
        )
        yield (
            "The dose is escalated when it is largest below, given again when it is largest in the interval and "
            "de-escalated when it is largest above; at a tie the higher place counts."
        )
