"""What work may take, and what it would take by estimate: looked at before it starts, or on the way.

The exact engine counts its states; each takes a time and a memory that its plan knows. Simulated trials are known
beforehand. Estimates of time are the same on every machine, so that the same work is refused on each; of memory there
is as much as the machine has.
"""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass

from escalation.defaults import ALL_SECONDS, EXACT_SECONDS
from escalation.engines.packing import joint_state_bytes, late_state_bytes, state_bytes
from escalation.errors import CostError, DesignError, StateSpaceError
from escalation.memory import machine_memory
from escalation.numbers import is_whole
from escalation.plans.plan import Plan

MOST_STATES = 50_000_000
"""No more states than this are visited unless the caller allows it: they would take a quarter to one minute."""

MEMORY_SHARE = 0.5
"""Share of the memory that there is to use, which work may use unless the caller allows more."""

TIMED = 2.5
"""With a clock a state takes so much longer: it is visited again, with its days."""

LATE_STATE, LATE_DECISION = 3e-7, 1.5e-5
"""Seconds for a state of a late-onset design, for each way in which who comes in a window can be known, and for what is
decided on those who may be pending."""

JOINT_STATE, JOINT_TRUTH = 1.2e-7, 2.5e-8
"""Seconds for a state of a design that decides by responses, with a cohort of three, and for it under each truth."""

GB = 1e9


@dataclass(frozen=True)
class Allowance:
    """What a piece of work may take: None asks for the default.

    Attributes
    ----------
    states : int or None
        Of the exact engine, for a design: by default 50 million, or what the rest leaves if that is less.
    seconds : float or None
        By estimate: of the exact engine for all designs, and of all results and simulated trials. By default 60 each,
        and for a single design 10.
    memory : float or None
        GB, by default half of what there is. Where `states` is given, neither default counts for them.
    evaluation : float
        Seconds for which each state is looked at again, under all truths.
    designs : int
        Designs that share the seconds of the exact engine.
    at_once : int
        Pieces of work that share the memory.
    """

    states: int | None = None
    seconds: float | None = None
    memory: float | None = None
    evaluation: float = 0.0
    designs: int = 1
    at_once: int = 1

    def __post_init__(self) -> None:
        if self.states is not None and (not is_whole(self.states) or self.states < 1):
            raise DesignError(f"max_states: {self.states!r} should be a whole number, at least 1")
        for name, value, what in (("max_seconds", self.seconds, "seconds"), ("max_memory", self.memory, "GB")):
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not (0 < value < math.inf):
                raise DesignError(f"{name}: {value!r} should be a number of {what} above 0")

    @property
    def seconds_each(self) -> float:
        """Seconds that the exact engine may take for a design."""
        if self.seconds is None:
            return min(EXACT_SECONDS, ALL_SECONDS / self.designs)
        return self.seconds / self.designs

    @property
    def bytes(self) -> float:
        """Memory that a piece of work may use."""
        return (MEMORY_SHARE * machine_memory() if self.memory is None else self.memory * GB) / self.at_once

    def most_states(self, plan: Plan, timed: bool = False) -> "MostStates":
        """How many states of a plan's trials may be visited; StateSpaceError where what they need first is too much.

        With a clock, `timed`, they are visited twice, and take more memory.
        """
        cost = plan.cost
        kept = cost.curves + cost.counts
        if kept > self.bytes / 2:  # as much again is needed while it is made
            raise StateSpaceError(
                f"the likelihoods of up to {plan.conduct.max_patients} patients at {plan.levels} doses would take "
                f"{memory(kept)}; fewer patients need less{self._more('memory')}"
            )
        each = cost.state * (TIMED if timed else 1) + self.evaluation
        fewer = "larger cohorts, fewer patients or fewer doses"
        if self.evaluation > cost.state:
            fewer = f"fewer truths take less time for each; {fewer}"
        before = "the likelihoods of all counts", cost.making + cost.counting, "fewer patients have fewer"
        size = state_bytes(plan, timed)
        return MostStates(*self._most(before, each, size), each, fewer, size, kept)

    def most_late_states(self, plan: Plan, entries: int, window: int, kept: float) -> "MostStates":
        """How many states of a late-onset plan's trials may be visited, in which so many patients come in a window.

        Raises StateSpaceError where the `entries` of what is decided, which are needed first, are too many, or what is
        `kept` on those who may be pending, in bytes.
        """
        if kept > self.bytes / 2:
            raise StateSpaceError(
                f"what can be of the {window} patients who come in a window would take {memory(kept)}; a lower accrual "
                f"has fewer{self._more('memory')}"
            )
        each, size = LATE_STATE * 2.0**window + self.evaluation, late_state_bytes(plan)
        fewer = "fewer patients, fewer doses or a lower accrual"
        what = f"{entries:,} decisions on those who may be pending"
        before = what, LATE_DECISION * entries, "a lower accrual has fewer pending, which takes less"
        return MostStates(*self._most(before, each, size), each, fewer, size, kept)

    def most_joint_states(self, plan: Plan, truths: int) -> "MostStates":
        """How many states of a plan that decides by responses may be visited, under so many truths at once."""
        outcomes = (plan.conduct.largest + 1) ** 2 / 16
        each, size = (JOINT_STATE + JOINT_TRUTH * truths) * outcomes, joint_state_bytes(truths)
        fewer = "fewer patients at a dose, as by stop_at, fewer patients, doses or truths"
        return MostStates(*self._most(("", 0.0, ""), each, size), each, fewer, size)

    def _most(self, before: tuple[str, float, str], each: float, size: float) -> tuple[int, str]:
        """How many states that take so many seconds and bytes each, and what allows more.

        `before` is what needs time before them, how many seconds, and what needs less.
        """
        limits = [(MOST_STATES if self.states is None else self.states, "states")]
        if self.states is None or self.seconds is not None:
            what, needed, less = before
            seconds = self.seconds_each - needed
            if seconds <= 0:
                raise StateSpaceError(
                    f"{what} would take about {duration(needed)}, where {duration(self.seconds_each)} are allowed; "
                    f"{less}{self._more('seconds')}"
                )
            limits.append((int(seconds / each), "seconds"))
        if self.states is None or self.memory is not None:
            limits.append((int(self.bytes / size), "memory"))
        return min(limits)

    def _more(self, name: str) -> str:
        return f", a higher --max-{name} (in Python max_{name}) allows more"

    def check_trials(
        self,
        plans: Iterable[tuple[str, Plan]],
        *,
        trials: int,
        truths: int,
        timed: float = 0.0,
        further: float = 0.0,
    ) -> None:
        """Refuse, with a CostError, simulated trials of plans under truths that would take too much.

        `timed` is the time that a trial's calendar takes, `further` that for all that is made of them, in seconds.
        """
        cores = os.cpu_count() or 1
        total, longest = further, (0.0, "")
        for label, plan in plans if trials else ():
            self.check_memory(label, plan, trials)
            seconds = plan.cost.making + truths * trials * (plan.cost.trial + timed) / cores
            total, longest = total + seconds, max(longest, (seconds, label))
        allowed = ALL_SECONDS if self.seconds is None else self.seconds
        if total <= allowed:
            return
        what = f"{trials:,} simulated trials of each design under each of {truths:,} truths"
        less = "fewer --trials, designs or truths take"
        if further > total / 2:
            what, less = f"what is made of the results under {truths:,} truths", "fewer designs or truths take"
        most = f", most of it for '{longest[1]}'" if longest[0] > total / 2 else ""
        raise CostError(
            f"{what} would take about {duration(total)}{most}, where {duration(allowed)} are allowed; {less} less, "
            f"--max-seconds {math.ceil(total)} (in Python max_seconds) allows it"
        )

    def check_memory(self, label: str, plan: Plan, trials: int) -> None:
        """Refuse, with a CostError, simulated trials of a plan that would take too much memory."""
        cost, allowed = plan.cost, memory(self.bytes)
        model, outcomes = 2 * cost.curves + cost.cohorts, trials * (40 * plan.levels + 200)
        what, less = f"{trials:,} simulated trials of '{label}'", "fewer trials need"
        if model > outcomes:
            what = f"the likelihoods of cohorts of up to {plan.conduct.largest} patients under '{label}'"
            less = "smaller cohorts, or all of one size, need"
        if model + outcomes > self.bytes:
            raise CostError(
                f"{what} would take {memory(model + outcomes)}, where {allowed} are allowed; {less} less, --max-memory "
                f"{math.ceil((model + outcomes) / GB * 10) / 10:g} (in Python max_memory) allows it"
            )


@dataclass(frozen=True)
class MostStates:
    """How many states may be visited."""

    states: int
    by: str = "states"  # what allows more: "states", "seconds" or "memory"
    each: float = 0.0  # seconds that each takes
    fewer: str = "larger cohorts, fewer patients or fewer doses"  # what needs fewer
    size: float = 0.0  # bytes that each takes
    kept: float = 0.0  # and all together

    @property
    def advice(self) -> str:
        """The limit, and what to change; the end of a sentence."""
        size = memory(self.states * self.size + self.kept)
        seconds = self.states * self.each
        long = f", about {duration(seconds)}" if seconds > 1 else ""
        return (
            f"where at most {self.states:,} ({size}{long}) are allowed; {self.fewer} "
            f"need fewer, a higher --max-{self.by} (in Python max_{self.by}) allows more"
        )


def too_many(plan: Plan, limit: MostStates, treated: int, further: str = "") -> StateSpaceError:
    """The error when more states were found after `treated` patients than `limit`, and what `further` says."""
    return StateSpaceError(
        f"more than {limit.states:,} states after {treated} of {plan.conduct.max_patients} patients{further}, "
        f"{limit.advice}"
    )


def memory(size: float) -> str:
    """Bytes for people."""
    return f"{size / 1e9:,.1f} GB" if size > 1e8 else f"{size / 1e6:,.1f} MB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    for most, unit, name in ((300, 1, "s"), (7200, 60, "minutes"), (172_800, 3600, "hours")):
        if seconds < most:
            return f"{max(seconds / unit, 1):,.0f} {name}"
    return f"{seconds / 86400:,.0f} days"
