"""How designs do over many truths: on average, in the worst, and where the MTD is at each dose.

A table of operating characteristics under a few truths shows what its authors thought of. Over thousands of truths the
exact means of a design have a distribution of their own. Its mean says how good the design is when nothing is known of
the truth, its 5 % quantile and its worst value how much depends on the truth.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import combinations
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from escalation.characteristics.benchmark import optimal_pcs
from escalation.characteristics.many_responses import ResponseMeans
from escalation.characteristics.many_truths import Expectations
from escalation.errors import DesignError
from escalation.kernels.codes import NO_DOSE, SLACK
from escalation.names import choose
from escalation.numbers import quantile
from escalation.scenario.file import Scenario
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.evaluate import evaluate_designs
from escalation.studies.work.options import Work
from escalation.studies.work.pieces import EVALUATION, exact_expectations

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

BLOCK = 1000
"""Truths in a piece of work: some hundredths of a second."""

TAIL = 0.05
"""The share of truths that a quantile leaves on its bad side."""

ALL, NONE = "all", "none"
"""Positions of the MTD or OBD, beside dose levels: any, and at no dose."""


@dataclass(frozen=True)
class Spread:
    """A quantity over truths."""

    mean: float
    standard_error: float | None  # of the mean; None for a single truth, and for truths that are not a random sample
    # Where more is better the 5 % quantile: the smallest value such that at least 5 % of the truths have no larger one.
    # Where less is better the 95 % quantile, likewise.
    tail: float
    worst: float
    worst_truth: int  # which truth that is, from 0; the first of several


@dataclass(frozen=True)
class Summary:
    """A design over the truths with the MTD at one position."""

    design: str
    mtd: str  # dose level from 1, "none" or "all"
    truths: int  # how many there are
    pcs: Spread
    overdosing: Spread | None  # over the truths with a correct dose; None without any
    above_mtd: float  # `share_above_target` under an older name, which says MTD and means the target
    share_above_target: float  # mean over truths
    sample_size: float  # likewise
    # Mean PCS of the optimal benchmark, over the truths with a correct dose; None without any.
    optimal_pcs: float | None
    efficiency: float | None  # mean PCS over these truths, divided by `optimal_pcs`
    duration: float | None  # mean over truths of the mean days that a trial takes; None where they are not known


@dataclass(frozen=True)
class OptimalSummary:
    """A design that chooses an optimal dose, over the truths with theirs, the OBD, at one position."""

    design: str
    obd: str  # dose level from 1, "none" or "all"
    truths: int  # how many there are
    pcs_obd: Spread
    # Of these None where no truth has an optimal dose; of the first also where none has an MTD.
    favourable: Spread | None
    poor_allocation_obd: Spread | None
    too_toxic: Spread
    patients_at_obd: float | None  # mean over truths, None likewise
    mean_utility: float  # mean over truths


OPTIMAL = {"pcs_obd": True, "favourable": True, "too_toxic": False, "poor_allocation_obd": False}
"""Its quantities of which there is a spread; whether more is better."""


@dataclass(frozen=True)
class Contrast:
    """The PCS, or P(correct OBD), of a design minus that of another under the same truths."""

    design: str
    reference: str
    mtd: str  # dose level from 1, "none" or "all"; of P(correct OBD) the truth's OBD
    truths: int  # how many there are
    mean: float
    standard_error: float | None  # as for `Spread`
    better: float  # share of truths under which the design's is larger by more than 1e-9
    worse: float  # and smaller


@dataclass(frozen=True, eq=False)
class Robustness:
    """The designs of a scenario over a set of truths.

    Attributes
    ----------
    scenario : Scenario
    truths : TruthSet
    expectations : dict of str to Expectations
        By the designs' labels.
    optimal_pcs : float64[T]
        PCS of the non-parametric optimal benchmark; NaN where no dose is correct, and for a single dose.
    refusals : dict of str to str
        Designs for which the exact engine refused, and why.
    """

    scenario: Scenario
    truths: TruthSet
    expectations: dict[str, Expectations]
    optimal_pcs: Floats
    refusals: dict[str, str]

    def positions(self) -> dict[str, Places]:
        """The truths, from 0, with the MTD at each dose level, at none, and all; positions without truths left out."""
        return self._positions(self.truths.mtd)

    def obd_positions(self) -> dict[str, Places]:
        """The truths with the OBD at each dose level, likewise; none where the truths have no responses."""
        return {} if self.truths.obd is None else self._positions(self.truths.obd)

    def _positions(self, doses: Places) -> dict[str, Places]:
        found = {str(dose + 1): np.flatnonzero(doses == dose) for dose in range(self.scenario.trial.levels)}
        found |= {NONE: np.flatnonzero(doses == NO_DOSE), ALL: np.arange(len(doses))}
        return {name: places for name, places in found.items() if len(places)}

    @property
    def choosing(self) -> dict[str, ResponseMeans]:
        """What responses add, of the designs that choose an optimal dose, by label."""
        known = {label: one.responses for label, one in self.expectations.items()}
        return {label: one for label, one in known.items() if one is not None and one.chooses}

    def with_mtd(self, places: Places) -> Places:
        """Those of some truths in which a dose is correct, so that there are doses above the MTD or not."""
        return places[self.truths.mtd[places] != NO_DOSE]

    def summaries(self) -> Iterator[Summary]:
        """Each design at each position of the MTD; position by position."""
        for mtd, places in self.positions().items():
            optimal = self.optimal_pcs[places]
            known = ~np.isnan(optimal)
            best = float(optimal[known].mean()) if known.any() else None
            with_mtd = self.with_mtd(places)
            for label, found in self.expectations.items():
                pcs = found.pcs[places]
                share_above = float(found.share_above_target[places].mean())
                duration = float(found.duration[places].mean())
                yield Summary(
                    design=label,
                    mtd=mtd,
                    truths=len(places),
                    pcs=self._spread(pcs, places, more_is_better=True),
                    overdosing=self._spread(found.overdosing[with_mtd], with_mtd, more_is_better=False)
                    if len(with_mtd)
                    else None,
                    above_mtd=share_above,
                    share_above_target=share_above,
                    sample_size=float(found.sample_size[places].mean()),
                    optimal_pcs=best,
                    efficiency=None if not best else float(pcs[known].mean()) / best,
                    duration=None if math.isnan(duration) else duration,
                )

    def optimal_summaries(self) -> Iterator[OptimalSummary]:
        """Each design that chooses an optimal dose at each position of the OBD; position by position."""
        for obd, places in self.obd_positions().items():
            for label, found in self.choosing.items():
                values = found.by_quantity()
                spreads: dict[str, Any] = {
                    name: self._spread_of_known(values[name], places, more_is_better=more)
                    for name, more in OPTIMAL.items()
                }
                at_obd = found.patients_at_obd[places]
                yield OptimalSummary(
                    design=label,
                    obd=obd,
                    truths=len(places),
                    **spreads,
                    patients_at_obd=None if np.isnan(at_obd).all() else float(np.nanmean(at_obd)),
                    mean_utility=float(found.mean_utility[places].mean()),
                )

    def _spread_of_known(self, values: Floats, places: Places, *, more_is_better: bool) -> Spread | None:
        """Over those of some truths that have a value."""
        known = places[~np.isnan(values[places])]
        return self._spread(values[known], known, more_is_better=more_is_better) if len(known) else None

    def contrasts(self) -> Iterator[Contrast]:
        """Each design against every earlier one, position by position."""
        pcs = {label: found.pcs for label, found in self.expectations.items()}
        yield from self._contrasts(pcs, self.positions())

    def optimal_contrasts(self) -> Iterator[Contrast]:
        """Each design that chooses an optimal dose against every earlier one that does, by P(correct OBD)."""
        pcs = {label: found.pcs_obd for label, found in self.choosing.items() if found.pcs_obd is not None}
        yield from self._contrasts(pcs, self.obd_positions())

    def _contrasts(self, shares: dict[str, Floats], positions: dict[str, Places]) -> Iterator[Contrast]:
        for mtd, places in positions.items():
            for (reference, subtracted), (label, found) in combinations(shares.items(), 2):
                difference = found[places] - subtracted[places]
                yield Contrast(
                    design=label,
                    reference=reference,
                    mtd=mtd,
                    truths=len(places),
                    mean=float(difference.mean()),
                    standard_error=self._standard_error(difference),
                    better=float((difference > SLACK).mean()),
                    worse=float((difference < -SLACK).mean()),
                )

    def _spread(self, values: Floats, places: Places, *, more_is_better: bool) -> Spread:
        worst = float(values.min() if more_is_better else values.max())
        return Spread(
            mean=float(values.mean()),
            standard_error=self._standard_error(values),
            tail=float(quantile(values, TAIL if more_is_better else 1 - TAIL)),
            worst=worst,
            worst_truth=int(places[np.abs(values - worst) <= SLACK][0]),  # others may differ by rounding alone
        )

    def _standard_error(self, values: Floats) -> float | None:
        if not self.truths.drawn or len(values) < 2:
            return None
        return float(values.std(ddof=1)) / math.sqrt(len(values))


def robust(
    scenario: Scenario,
    truths: TruthSet,
    *,
    designs: Iterable[str] = (),
    **work: Unpack[Work],
) -> Robustness:
    """Evaluate the designs of a scenario exactly under many truths.

    Parameters
    ----------
    scenario : Scenario
    truths : TruthSet
        `drawn_truths` draws them, `drawn_joint_truths` with responses, `published_truths` has published ones.
    designs : iterable of str
        Labels of those to evaluate; all when empty.
    max_states, max_seconds, max_memory, progress, executor : optional
        As for every study; see `studies.work.options.Work`. A step is a design under 1,000 truths.

    Raises
    ------
    EscalationError
        An unknown label, truths of another number of dose levels, or no design that the exact engine does not refuse.

    Examples
    --------
    >>> from escalation import BOIN, Scenario, ThreePlusThree, Trial, Truth, drawn_truths
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> truth = Truth(name="MTD at 300", dlt_rates=[0.05, 0.12, 0.25, 0.40])
    >>> scenario = Scenario(name="example", trial=trial, design=[ThreePlusThree(), BOIN()], truth=[truth])
    >>> found = robust(scenario, drawn_truths("clertant", trial, count=2000, seed=1))
    >>> [(one.design, round(one.pcs.mean, 2)) for one in found.summaries() if one.mtd == "all"]
    [('3+3', 0.42), ('boin', 0.61)]
    """
    trial = scenario.trial
    chosen = {label: scenario.designs[label] for label in choose(designs, scenario.designs, "design")}
    if len(truths) == 0 or truths.rates.shape[1] != trial.levels:
        raise DesignError(f"truths: there should be at least one, with {trial.levels} rates: one for each dose level")
    parts = [(trial, truths.part(first, first + BLOCK)) for first in range(0, len(truths), BLOCK)]
    what, evaluation = f"designs x {BLOCK:,} truths", len(truths) * EVALUATION
    responses = len(truths) if truths.joint is not None else 0
    asked = partial(exact_expectations, timed=trial.time is not None, responses=responses)
    found, refusals = evaluate_designs(asked, chosen, parts, what, evaluation, **work)
    expectations = {label: _joined(own) for label, own in found.items()}
    # Among doses of which there is one the benchmark has nothing to choose.
    benchmark = optimal_pcs(truths.rates, truths.correct & (trial.levels > 1), trial)
    return Robustness(scenario, truths, expectations, benchmark, refusals)


def _joined(parts: list[Expectations]) -> Expectations:
    """Parts of a set of truths as one."""
    arrays = [field.name for field in fields(Expectations) if field.name not in ("trial", "responses")]
    responses = [part.responses for part in parts if part.responses is not None]
    return Expectations(
        trial=parts[0].trial,
        responses=ResponseMeans.joined(responses) if responses else None,
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays},
    )
