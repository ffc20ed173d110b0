"""Curve plans: decisions by a posterior over dose-toxicity curves. Kernels are imported where they are called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import SLACK
from escalation.kernels.layout import Children, ClockArrays, CurveArrays, Packing, ReadingArrays, StateArrays
from escalation.numbers import binomials
from escalation.plans.conduct import Belief
from escalation.plans.cost import Cost, cost_of
from escalation.plans.decision import State
from escalation.plans.model import ModelPlan
from escalation.plans.plan import Block, Escalate, Settle
from escalation.plans.reach import after, escalated
from escalation.plans.readings import Intervals, Judgement, MaximumLikelihood, PlugIn, PosteriorMean, Reading, mean_over

Floats = NDArray[np.float64]

MAKING = 1e-6
"""Seconds in which a curve of a BLRM is made at a dose."""

MOST_REMEMBERED = 64
"""Judgements that a plan keeps: of one trial the same few are asked for time and again."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CurvePlan(ModelPlan):
    """A design whose decisions come from a posterior over dose-toxicity curves.

    The posterior is discrete: a prior weight for each of G curves.
    """

    # float64[D, G], log probability of a DLT, and of none, at each dose under each curve. No curves under
    # MaximumLikelihood.
    log_dlt: Floats
    log_no_dlt: Floats
    # float64[G], logarithm of the prior weight of each curve, to an additive constant: a weight itself may be too small
    # for a floating-point number, and yet all that the data leave. Under MaximumLikelihood nothing is read of it.
    log_weight: Floats
    reading: Reading  # what the model prefers
    # float64[G], the trial ends when the posterior mean of this exceeds `too_toxic_threshold`.
    too_toxic: Floats | None = None
    too_toxic_threshold: float = 1.0
    # float64[D, G], functions whose posterior means are what rules ask of a dose.
    believing: Mapping[Belief, Floats] = field(default_factory=dict)
    judged: dict[tuple[tuple[int, ...], ...], Judgement] = field(default_factory=dict, init=False, repr=False)

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.log_dlt)

    @property
    def one_up_until_dlt(self) -> bool:
        """Whether the dose goes up one level at a time until the first DLT: until then no curve is the most likely."""
        return self.reading.slopes is not None

    @property
    def prefers_closest(self) -> bool:
        """Whether it prefers the dose closest to the target."""
        return not isinstance(self.reading, Intervals)

    @property
    def most_decisions(self) -> int:
        """Fewer than of a table: each takes a posterior."""
        return 300

    @property
    def is_ordered(self) -> bool:
        """Whether the course without any DLT gives doses at least as high as any other, until the trial ends.

        So it is when the curves are ordered by all rates at once, and a patient without a DLT says the more for low
        rates the higher the dose: then the posteriors of that course and of another, after as many patients, are
        ordered by likelihood ratio, and so are the doses that are preferred, and those that may follow.
        """
        slopes = self.reading.slopes
        if not isinstance(self.reading, (PlugIn, PosteriorMean, MaximumLikelihood)):
            return False
        conduct, ceiling = self.conduct, self.conduct.ceiling
        # Both courses are to have as many patients, and no counts without a DLT are to eliminate a dose.
        by_outcome = np.any(np.diff(conduct.sizes, axis=0)) or (
            conduct.trial_sizes is not None and conduct.trial_sizes.shape[1] > 1
        )
        if by_outcome or (conduct.eliminates is not None and conduct.eliminates[:, :, 0].any()):
            return False
        rising = (ceiling, conduct.tried_ceiling, conduct.floor)
        if any(bound is not None and np.any(np.diff(bound) < 0) for bound in rising):
            return False
        if ceiling is not None and np.any(np.diff(ceiling, axis=0) > 0):  # further up after more DLTs
            return False
        if slopes is not None:  # before the first DLT the dose goes up by one: nothing may be faster
            one_up = ceiling is not None and np.all(ceiling <= np.arange(self.levels) + 1)
            return bool(one_up and np.all(np.diff(slopes[1], axis=0) >= -SLACK) and np.all(slopes[0] <= slopes[1]))
        apart = np.diff(self.log_no_dlt, axis=0)
        return bool(np.all(np.diff(self.log_dlt, axis=1) <= SLACK) and np.all(np.diff(apart, axis=1) >= -SLACK))

    def never_rises_to(self, dose: int, most: int) -> bool:
        """Whether the course without any DLT, and without stops, does not come to a dose, and all others stay below."""
        if self.is_barred(dose):
            return True
        if not self.is_ordered:
            return False
        free = self.conducted(stops=(), max_patients=most)
        state = State((0,) * self.levels, (0,) * self.levels)
        for _ in range(self.most_decisions):
            _, decision = escalated(free, state)
            if decision.next_dose is None:
                return True
            if decision.next_dose >= dose:
                return False
            state = after(free, state, decision, 0)
        return False

    @property
    def weight(self) -> Floats:
        """Prior weight of each curve, float64[G], summing to 1; under MaximumLikelihood slopes before any patient."""
        if self.reading.slopes is not None:
            return np.zeros(self.levels - 1)
        return _normalised(self.log_weight)

    def arrays(self, known: NDArray[np.int64] | None = None) -> CurveArrays:
        """The plan as the kernels read it, for trials that begin with known counts at each dose, int64[2, D]."""
        return CurveArrays(
            weight=np.ascontiguousarray(self.weight if known is None else self.learned(*known), np.float64),
            log_weight=np.ascontiguousarray(self.log_weight, np.float64),
            log_dlt=np.ascontiguousarray(self.log_dlt, np.float64),
            log_no_dlt=np.ascontiguousarray(self.log_no_dlt, np.float64),
            reading=self._reading_arrays(),
            target=float(self.target),
            coherent=int(self.coherent),
            one_up_until_dlt=self.one_up_until_dlt,
            recommend_untried=bool(self.recommends_untried),
            beliefs=self._belief_functions(),
            conduct=self.conduct.arrays(self.levels),
        )

    def _belief_functions(self) -> Floats:
        """What rules ask the model, in the order in which they ask."""
        asked = self.conduct.beliefs
        found = np.empty((len(asked), *self.log_dlt.shape))
        for place, belief in enumerate(asked):
            found[place] = self.believing[belief]
        return found

    def _reading_arrays(self) -> ReadingArrays:
        functions = [self.reading.functions(self.log_dlt)]
        if self.too_toxic is not None:
            functions = [self.too_toxic[None], *functions]
        return ReadingArrays(
            kind=self.reading.kind,
            functions=np.ascontiguousarray(np.concatenate(functions), np.float64),
            cuts=np.ascontiguousarray(self.reading.limits, np.float64),
            target=float(self.target),
            ewoc=float(self.reading.most_overdosing),
            too_toxic=self.too_toxic is not None,
            too_toxic_threshold=float(self.too_toxic_threshold),
        )

    @property
    def cost(self) -> Cost:
        """Each state weighs each curve anew. Under MaximumLikelihood slopes are summed up instead."""
        functions = self.reading.functions(self.log_dlt)
        rows = len(functions) + (self.too_toxic is not None)
        return cost_of(
            self.conduct,
            self.levels,
            curves=max(functions.shape[1], self.levels - 1),
            means=rows + len(self.believing),
            tables=2 + rows // self.levels + len(self.believing),
        )

    def settler(self, packing: Packing, cells: NDArray[np.int16]) -> Settle:
        """One cohort more for many states."""
        from escalation.kernels.exact_curves import settle_curves

        arrays, ways = self.arrays(), binomials(self.conduct.largest)
        evidence = self.evidence(cells[0].astype(np.int64), cells[1].astype(np.int64))

        def settle(
            before: StateArrays, sizes: NDArray[np.int16], children: Children, living: StateArrays, endings: StateArrays
        ) -> tuple[int, int]:
            told = before.columns, sizes, before.sequences
            alive, ended = settle_curves(arrays, evidence, packing, cells, ways, *told, children, living, endings)
            return alive, ended

        return settle

    def escalation(self, counts: NDArray[np.int64], limits: NDArray[np.int64], clock: ClockArrays) -> Escalate:
        """Dose escalation of a block of trials."""
        from escalation.kernels.simulated_curves import run_curve_trials

        told = self.cohort_evidence(int(counts[0].sum()), varies=clock.is_running)
        arrays = self.arrays(counts if counts.any() else None)

        def escalate(block: Block) -> None:
            tolerances, keys, patients, dlts, recommended, reasons, times = block
            counts = patients, dlts
            run_curve_trials(arrays, clock, told, limits, tolerances, keys, *counts, recommended, reasons, times)

        return escalate

    def said(self, patients: tuple[int, ...], dlts: tuple[int, ...]) -> Judgement:
        """What the model says of counts at each dose."""
        if (patients, dlts) not in self.judged:
            if len(self.judged) == MOST_REMEMBERED:
                self.judged.clear()
            self.judged[patients, dlts] = self._judge(np.array(patients), np.array(dlts))
        return self.judged[patients, dlts]

    def _judge(self, n: NDArray[np.int64], y: NDArray[np.int64]) -> Judgement:
        if self.reading.slopes is not None:
            return Judgement(self.reading, self.levels, self.target, self.too_toxic_threshold, self.learned(n, y))
        return self.judged_by(self.posterior(n, y))

    def judged_by(self, posterior: Floats) -> Judgement:
        """What the model says when each curve has such a posterior probability, float64[G]."""
        return Judgement(
            *(self.reading, self.levels, self.target, self.too_toxic_threshold),
            means=self.reading.means(self.log_dlt, posterior),
            overdose=self.reading.overdosing(posterior),
            toxicity=0.0 if self.too_toxic is None else float(mean_over(posterior, self.too_toxic[None])[0]),
            believed={belief: mean_over(posterior, function) for belief, function in self.believing.items()},
        )

    def posterior(
        self, patients: NDArray[np.integer], dlts: NDArray[np.integer], further: Floats | None = None
    ) -> Floats:
        """Posterior probability of each curve, float64[G], after counts at each dose, int[D].

        `further` is the log likelihood of patients who are not among the counts, float64[G].
        """
        log = self.log_weight.copy() if further is None else self.log_weight + further
        for dose in np.flatnonzero(patients):
            log += dlts[dose] * self.log_dlt[dose] + (patients - dlts)[dose] * self.log_no_dlt[dose]
        return _normalised(log)

    def learned(self, patients: NDArray[np.integer], dlts: NDArray[np.integer]) -> Floats:
        """What takes the place of `weight` after counts at each dose, int[D]."""
        if self.reading.slopes is None:
            return self.posterior(patients, dlts)
        dlt, no_dlt = self.reading.slopes
        return dlts @ dlt + (patients - dlts) @ no_dlt

    def evidence(self, patients: NDArray[np.integer], dlts: NDArray[np.integer]) -> Floats:
        """What C counts at each dose say of each curve: their likelihood, float64[D, C, G], or slopes, [D, C, D - 1].

        Likelihoods are to be multiplied over doses, slopes added. A posterior needs the likelihood only to a constant
        factor: each is divided by its largest value over the curves, so that no count, however unlikely, underflows
        everywhere.
        """
        dlt, no_dlt = self.reading.slopes or (self.log_dlt, self.log_no_dlt)
        found = np.empty((self.levels, len(patients), dlt.shape[1]))
        for dose in range(self.levels):
            found[dose] = np.outer(dlts, dlt[dose]) + np.outer(patients - dlts, no_dlt[dose])
        if self.reading.slopes is not None:
            return found
        found -= found.max(axis=-1, keepdims=True)
        return np.exp(found, out=found)

    def cohort_evidence(self, treated: int = 0, *, varies: bool = False) -> tuple[Floats, NDArray[np.int64]]:
        """What each outcome of a cohort says of the curves, for all sizes that a cohort can have.

        By dose, place of the size, DLTs and curve, float64[D, P, m + 1, G]; and the place of each size, int64[m + 1].
        All trials begin with `treated` patients; `varies` if cohorts can be smaller than planned.
        """
        most, conduct = self.conduct.largest, self.conduct
        if varies or conduct.varies:
            sizes = np.arange(1, most + 1)  # what is left for the last cohort depends on the trial
        else:
            sizes = np.unique([most, (conduct.max_patients - treated) % most or most])
        places = np.zeros(most + 1, np.int64)
        places[sizes] = np.arange(len(sizes))
        patients = np.repeat(sizes, most + 1)
        dlts = np.minimum(np.tile(np.arange(most + 1), len(sizes)), patients)
        evidence = self.evidence(patients, dlts)
        return evidence.reshape(self.levels, len(sizes), most + 1, evidence.shape[2]), places


def _normalised(log: Floats) -> Floats:
    """What sums to 1, from its logarithm to an additive constant."""
    found: Floats = np.exp(log - log.max())
    return found / found.sum()


@dataclass(frozen=True, eq=False, kw_only=True)
class LaterPlan(ModelPlan):
    """A curve plan whose curves are made when an engine asks for them.

    Curves that carry every posterior a large trial can give are many; a question about one trial needs one posterior.
    """

    doses: int
    curves: Callable[[], CurvePlan]  # the plan, but for its conduct; remembered by who gives it
    size: Callable[[], float]  # about how many curves it has
    answer: Callable[[tuple[int, ...], tuple[int, ...]], Judgement]  # what the model says, without the curves

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return self.doses

    @property
    def whole(self) -> CurvePlan:
        """The plan with its curves."""
        return self.curves().conducted(**vars(self.conduct))

    @property
    def most_decisions(self) -> int:
        """Fewer than of a curve plan: each takes a posterior of its own, and the more doses the longer."""
        return 1000 // self.doses

    @property
    def cost(self) -> Cost:
        """That of the curves, which need not be made to know it."""
        beliefs = len(self.conduct.beliefs)
        return cost_of(
            self.conduct,
            self.levels,
            curves=self.size(),
            means=2 * self.levels + beliefs,  # of each dose's probabilities of the target interval, and of an overdose
            tables=4 + beliefs,
            making=MAKING,
        )

    def settler(self, packing: Packing, cells: NDArray[np.int16]) -> Settle:
        """One cohort more for many states."""
        return self.whole.settler(packing, cells)

    def escalation(self, counts: NDArray[np.int64], limits: NDArray[np.int64], clock: ClockArrays) -> Escalate:
        """Dose escalation of a block of trials."""
        return self.whole.escalation(counts, limits, clock)

    def said(self, patients: tuple[int, ...], dlts: tuple[int, ...]) -> Judgement:
        """What the model says of counts at each dose."""
        return self.answer(patients, dlts)
