"""Work in pieces, for whatever runs them: threads, other processes, other machines.

A piece is a function of this package with its arguments: a design, a trial, truths. These are some kilobytes of data,
which any executor can send. Results do not depend on what ran them, nor on the order in which they were finished.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

from escalation.characteristics.many_responses import response_means
from escalation.characteristics.many_truths import Expectations, expectations, expectations_of
from escalation.designs import Design
from escalation.engines.allowance import Allowance
from escalation.engines.endings import Enumeration
from escalation.engines.joint import exact_outcomes
from escalation.engines.optimal import ExactChoice, exact_choice
from escalation.engines.outcomes import Outcomes
from escalation.errors import StateSpaceError
from escalation.plans.joint import NEEDS_RESPONSES
from escalation.running.start import start_of
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.one_design import endings_within
from escalation.trial.trial import Trial

Result = TypeVar("Result")

IN_FLIGHT = 256
"""Pieces that are handed over and not finished: enough for as many processors, and there may be millions to come."""

EVALUATION = 5e-9
"""Seconds for which a state is looked at again for the exact means under a truth."""

DEFAULT = Allowance()

BY_EXPOSURE = "it chooses an optimal dose by exposure, which is simulated only; without optimal_dose the rest is exact"
"""Why there are no exact means of a design under many truths."""

TOGETHER = 16
"""Truths under which the states of a design that decides by responses are gone through together."""

KEPT = 2
"""Enumerations that a process keeps: the pieces of one design come one after the other."""


def exact_expectations(
    design: Design,
    trial: Trial,
    truths: TruthSet,
    *,
    timed: bool = False,
    responses: int = 0,
    allowance: Allowance = DEFAULT,
) -> Expectations:
    """Exact means of a design's trials under a set of truths, mean durations included if they are asked for.

    `responses` says of how many truths those are, parts included, whose responses and optimal doses are asked for; 0 is
    for no responses. Raises StateSpaceError where that takes too much, or the design chooses a dose by exposure.
    """
    if design.chooses_by_exposure:
        raise StateSpaceError(BY_EXPOSURE)
    if design.looks_at_responses:
        return by_responses(design, trial, truths, replace(allowance, designs=allowance.designs * max(responses, 1)))
    allowed = replace(allowance, evaluation=max(allowance.evaluation, len(truths) * EVALUATION))
    means = expectations(endings_of(design, trial, allowed), truths.rates, truths.correct, timed=timed)
    if not responses or truths.joint is None or truths.obd is None:
        return means
    kept = _Endings(design, trial, allowed)
    told = truths.joint, truths.obd, truths.correct, (means.patients, means.dlts)
    return replace(means, responses=response_means(kept.found(), *told, kept.choice(responses)))


def by_responses(design: Design, trial: Trial, truths: TruthSet, allowance: Allowance) -> Expectations:
    """Exact means of a design that decides by responses, whose trials go some truths at a time through the same states.

    Raises StateSpaceError where the truths have no responses, or that takes more than the allowance of each of them.
    """
    if truths.joint is None or truths.obd is None:
        raise StateSpaceError(f"{NEEDS_RESPONSES}, and these truths have none")
    start, found = start_of(design, trial, None), list[Outcomes]()
    for first in range(0, len(truths), TOGETHER):
        joints = [truths.joint.of(at) for at in range(first, min(first + TOGETHER, len(truths)))]
        found += exact_outcomes(start, joints, replace(allowance, designs=max(allowance.designs // len(joints), 1)))
    return expectations_of(found, truths.joint, truths.obd, truths.correct)


def endings_of(design: Design, trial: Trial, allowance: Allowance = DEFAULT) -> Enumeration:
    """The endings of a design's trials as `exact` gives them; the last few are kept."""
    return _Endings(design, trial, allowance).found()


@lru_cache(maxsize=KEPT)
class _Endings:
    """Endings that are enumerated, or refused, once, also where several threads ask for them at the same time.

    So is what all truths share of the choice of an optimal dose.
    """

    def __init__(self, design: Design, trial: Trial, allowance: Allowance) -> None:
        self._enumerate = partial(endings_within, design, trial, None, allowance)
        self._choosing, self._seconds = partial(design.choice_plan, trial), allowance.seconds_each
        self._lock = Lock()
        self._found: Enumeration | StateSpaceError | None = None
        self._choice: ExactChoice | StateSpaceError | None = None

    def found(self) -> Enumeration:
        with self._lock:
            if self._found is None:
                try:
                    self._found = self._enumerate()
                    _ = self._found.tree  # or every thread would make its own
                except StateSpaceError as refusal:
                    self._found = refusal
            return _unless_refused(self._found)

    def choice(self, truths: int) -> ExactChoice | None:
        """The choice over the endings, for so many truths; None where the design makes none."""
        endings, plan = self.found(), self._choosing()
        if plan is None:
            return None
        with self._lock:
            if self._choice is None:
                try:
                    self._choice = exact_choice(endings, plan, self._seconds, truths)
                except StateSpaceError as refusal:
                    self._choice = refusal
            return _unless_refused(self._choice)


def _unless_refused(found: Result | StateSpaceError) -> Result:
    if isinstance(found, StateSpaceError):
        raise StateSpaceError(str(found))  # anew: several threads raise it
    return found


def finished(
    work: Callable[..., Result], pieces: Iterable[tuple[Any, ...]], executor: Executor | None = None
) -> Iterator[tuple[int, Result]]:
    """Run pieces of work and give, as they come, the number of each, from 0, and what its work returned.

    The work is a function at the top level of a module, so that executors can send it by its name; the pieces are its
    arguments, taken one by one, so that there may be millions. The executor is left open. By default it is threads of
    this process, one for each processor: the kernels do not hold Python's lock.

    An error of the work is raised here; what has not begun by then, or when the caller stops, is cancelled.
    """
    if executor is None:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            yield from finished(work, pieces, threads)
        return
    waiting: dict[Future[Result], int] = {}
    numbered = enumerate(pieces)

    def hand_over(most: int) -> None:
        for number, piece in islice(numbered, most):
            waiting[executor.submit(work, *piece)] = number

    try:
        hand_over(IN_FLIGHT)
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=waiting.__getitem__):
                number = waiting.pop(future)
                hand_over(1)
                yield number, future.result()
    finally:
        for future in waiting:
            future.cancel()
