"""Every state of a CRM trial, with all decisions by adaptive quadrature.

The walk through the trial is written apart from the package's engines, too: from the first cohort on, by the model's
choice that the quadrature gives. What it shares with the package is the skeleton.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quadrature import Counts, Curve, Floats, Posterior, posterior, together
from escalation import CRM, Trial

TIE = 1e-9
"""Doses whose distances from the target differ by less are equally good."""

NONE = -1
"""The choice where the trial is too toxic."""


class State(NamedTuple):
    """Where a trial stands: the counts, and the next cohort's dose."""

    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    dose: int


class Ending(NamedTuple):
    """How a trial ends."""

    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    recommended: int


@dataclass(frozen=True, eq=False)
class Walk:
    """All states of a trial.

    Attributes
    ----------
    patients, dlts : int64[S, D]
        Counts after which a decision is made, each once.
    posterior : Posterior
        What the quadrature says of them.
    choices : int64[S]
        Index of the dose that the model then prefers; NONE where the trial is too toxic.
    states : int
        Number of states, each next dose apart, from the start to the endings.
    endings : dict of Ending to float
        With the number of patient sequences that lead there.
    """

    patients: Counts
    dlts: Counts
    posterior: Posterior
    choices: NDArray[np.int64]
    states: int
    endings: dict[Ending, float]

    def selection(self, rates: tuple[float, ...]) -> Floats:
        """Probability that each dose is recommended, float64[D], under a truth."""
        p = np.array(rates)
        n, y = (np.array([getattr(ending, name) for ending in self.endings]) for name in ("patients", "dlts"))
        weights = np.array(list(self.endings.values())) * np.prod(p**y * (1 - p) ** (n - y), axis=1)
        recommended = np.array([ending.recommended for ending in self.endings])
        return np.array([weights[recommended == dose].sum() for dose in range(len(p))])


def curve_of(design: CRM, trial: Trial) -> Curve:
    """The design's curves, for the quadrature."""
    return Curve(design.model, design.prior_rates(trial), design.prior_sd)


def fitted_rates(design: CRM, curve: Curve, found: Posterior) -> Floats:
    """The rates by which the design chooses, float64[S, D]."""
    return curve.rates(found.parameter) if design.estimate == "plugin" else found.rates


def walk(design: CRM, trial: Trial) -> Walk:
    """Follow a trial through all its states, deciding by quadrature.

    Parameters
    ----------
    design : CRM
        With a normal prior, `no_skip`, `coherent` for cohorts, a stop for toxicity, and no other.
    trial : Trial
        Starting at the lowest dose.
    """
    stop, cohort_size = design.stop_if_too_toxic, trial.equal_cohorts
    assert stop is not None
    assert cohort_size is not None
    curve, limit = curve_of(design, trial), trial.target + stop.margin
    none = (0,) * trial.levels
    living = {State(none, none, 0): 1.0}
    endings: dict[Ending, float] = {}
    seen: list[tuple[Counts, Counts, Posterior, NDArray[np.int64]]] = []
    states, treated = 1, 0
    while living:
        size = min(cohort_size, trial.max_patients - treated)
        treated += size
        grown = [
            (after, state.dose, toxic, ways * _ways(size, toxic))
            for state, ways in living.items()
            for toxic in range(size + 1)
            for after in [(_added(state.patients, state.dose, size), _added(state.dlts, state.dose, toxic))]
        ]
        distinct = list(dict.fromkeys(after for after, *_ in grown))
        patients, dlts = (np.array([after[place] for after in distinct]) for place in (0, 1))
        found = posterior(curve, patients, dlts, limit)
        distances = np.abs(fitted_rates(design, curve, found) - trial.target)
        choices = np.where(found.above > stop.threshold, NONE, np.argmin(distances, axis=1))
        seen.append((patients, dlts, found, choices))
        choice_after = dict(zip(distinct, choices.tolist(), strict=True))
        living = {}
        ended: dict[Ending, float] = {}
        for after, dose, toxic, ways in grown:
            choice = choice_after[after]
            if choice == NONE or treated == trial.max_patients:
                tried = [level for level, n in enumerate(after[0]) if n > 0 and level <= choice]
                ending = Ending(*after, max(tried, default=NONE))
                ended[ending] = ended.get(ending, 0.0) + ways
                continue
            highest = dose if toxic >= trial.target * size - TIE else dose + 1
            state = State(*after, min(choice, highest))
            living[state] = living.get(state, 0.0) + ways
        states += len(living) + len(ended)
        endings |= ended
    patients, dlts, choices = (np.concatenate([part[place] for part in seen]) for place in (0, 1, 3))
    return Walk(patients, dlts, together([part[2] for part in seen]), choices, states, endings)


def _added(counts: tuple[int, ...], dose: int, more: int) -> tuple[int, ...]:
    return (*counts[:dose], counts[dose] + more, *counts[dose + 1 :])


def _ways(size: int, toxic: int) -> float:
    ways = 1.0
    for place in range(toxic):
        ways = ways * (size - place) / (place + 1)
    return ways
