"""Recommending the dose whose isotonic estimate is closest to the target."""

from math import inf

import numpy as np

from escalation.numbers import count_grid
from escalation.plans.table import ClosestIsotonic


def isotonic_in_words(bound: float = inf) -> str:
    """The recommendation of `closest_isotonic`, as a sentence."""
    limit = "" if bound == inf else f" and whose estimate is at most {bound:g}"
    return (
        "At the end the recommended dose is the one whose DLT rate, estimated by isotonic regression, is closest to "
        f"the target, among doses that have been given and are not eliminated{limit}; of equally close ones the "
        "highest below the target, else the lowest."
    )


def closest_isotonic(target: float, max_patients: int, bound: float = inf) -> ClosestIsotonic:
    """Recommendation by isotonic regression of posterior means under a Beta(0.05, 0.05) prior, up to a bound.

    The means are weighted by the posterior precisions, as BOIN::select.mtd has them.
    """
    patients, dlts = count_grid(max_patients)
    n, y = patients + 0.1, np.minimum(dlts, patients) + 0.05
    return ClosestIsotonic(estimates=y / n, precisions=n**2 * (n + 1) / (y * (n - y)), target=target, bound=bound)
