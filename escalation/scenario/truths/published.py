"""Truths that papers compare designs by."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PublishedTruths:
    """Truths that papers on interval designs compare designs by."""

    target: float
    rates: NDArray[np.float64]  # [T, D]
    name: str  # in short, the paper they are from; or the collection, where it names none


@cache
def published_lists() -> tuple[PublishedTruths, ...]:
    """All published lists of truths: one for each target and number of dose levels."""
    content = json.loads(resources.files("escalation.scenario.truths").joinpath("published_truths.json").read_bytes())
    return tuple(
        PublishedTruths(part["target"], np.array(part["truths"], np.float64), part["name"]) for part in content["lists"]
    )
