"""The course of one simulated trial with a calendar: who was treated when, when accrual was held, what was decided.

The kernels that simulate trials take notes of a trial behind its times, where there is room for them. So what is told
here is what was simulated, and not told by a second rendering of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from escalation.engines import patients as virtual
from escalation.engines.clock import NO_KEYS, keys_of, response_clock_arrays
from escalation.engines.joint import run_joint
from escalation.engines.outcomes import Outcomes
from escalation.engines.simulated import Simulation, run_with_notes, unfinished
from escalation.errors import OutcomesError
from escalation.kernels.clock import response_known, uniform
from escalation.kernels.codes import DECIDED, DLT, HELD, LEFT, NOTE, NOTES, TIMES
from escalation.plans.start import Start
from escalation.trial.joint import JointRates

MOST_NOTES = 20_000
"""Of a trial: patients, holds and decisions."""


@dataclass(frozen=True)
class Treated:
    """A patient: index of the dose, day of treatment, last day of observation, and how it ended."""

    dose: int
    day: float
    until: float
    has_dlt: bool
    left: bool  # before the end of the window and without a DLT: not evaluable
    answered: float | None = None  # day on which the response is known, where the trial waits for it


@dataclass(frozen=True)
class Decided:
    """A decision on the dose of those who are treated next."""

    dose: int  # its index
    known: float  # the day up to which outcomes count
    day: float  # of designs that wait, on which the cohort opens; of others, on which its first patient is treated


@dataclass(frozen=True, eq=False)
class Course:
    """One simulated trial, in days from its first arrival."""

    outcomes: Outcomes  # of this trial alone
    patients: tuple[Treated, ...]  # in the order of their treatment
    holds: tuple[tuple[float, float], ...]  # from when until when accrual was held
    decisions: tuple[Decided, ...]

    @property
    def end(self) -> float:
        """The day on which the last patient's outcome is known, or response where the trial waits for it."""
        return max(max(one.until, one.answered or 0.0) for one in self.patients)


def course_of(
    start: Start, rates: NDArray[np.float64], *, number: int, seed: int, joint: JointRates | None = None
) -> Course:
    """The course of the trial of a number, from 0, among those that are simulated under true DLT rates, float64[D].

    With `joint` rates, whose DLT rates these are, patients have responses.
    """
    block, place = divmod(number, virtual.BLOCK)
    this = slice(place, place + 1)
    outcomes = replace(unfinished(start, rates, 1), times=np.zeros((1, NOTES + 1 + NOTE * MOST_NOTES)))
    tolerances = virtual.tolerances(seed, block, start.trial.most_patients)[this]
    keys = keys_of(seed, block)[this], virtual.response_keys(seed, block)[this]
    if start.plan.joint is not None and joint is not None:
        responses, optimal = np.zeros((*outcomes.patients.shape, 2), np.int16), np.empty(1, np.int16)
        outcomes = replace(outcomes, responses=responses, optimal=optimal)
        run_joint(start, joint, tolerances, keys, outcomes)
    else:
        run_with_notes(Simulation(start, rates), tolerances, (*keys, NO_KEYS), (joint, None), outcomes)
    assert outcomes.times is not None
    taken, notes = int(outcomes.times[0, NOTES]), outcomes.times[0, NOTES + 1 :]
    if taken + NOTE > len(notes):
        raise OutcomesError(f"trial {number + 1}: more than {MOST_NOTES:,} patients, holds and decisions")
    patients, holds, decisions = list[Treated](), list[tuple[float, float]](), list[Decided]()
    calendar, opened = start.trial.time, 0.0  # when the last cohort of a design that waits could
    assert calendar is not None
    evaluable = False  # is anybody who was treated since the last decision
    answered = _answers(start, joint, keys[1][0])
    for entry in notes[:taken].reshape(-1, NOTE).tolist():
        what, dose, opening, day, until = entry
        if what == HELD:
            holds.append((day, until))
        elif what == DECIDED:
            decisions.append(Decided(int(dose), day, until))
        else:
            if opening != opened:
                if opening > patients[-1].day:
                    holds.append((patients[-1].day, opening))
                if evaluable:  # else a cohort is begun anew, and nothing was decided
                    decisions.append(Decided(int(dose), opening - calendar.review_days, opening))
                opened, evaluable = opening, False
            patients.append(Treated(int(dose), day, until, what == DLT, what == LEFT, answered(len(patients), entry)))
            evaluable = evaluable or what != LEFT
    trimmed = replace(outcomes, times=outcomes.times[:, :TIMES].copy())
    return Course(trimmed, tuple(patients), tuple(holds), tuple(decisions))


def _answers(start: Start, joint: JointRates | None, key: np.uint64) -> Callable[[int, Sequence[float]], float | None]:
    """From the number of a patient, from 0, and what was noted, the day on which the response is known."""
    nobody = np.zeros(start.trial.levels)
    clock = response_clock_arrays(start.responses, nobody if joint is None else joint.response)
    rates = nobody, nobody
    if joint is not None:
        rates = joint.response_given_no_dlt, joint.response_given_dlt

    def answered(number: int, entry: Sequence[float]) -> float | None:
        what, dose, _, day, _ = entry
        if start.responses is None or what == LEFT:
            return None
        drawn = uniform(key, np.uint64(number))
        return day + float(response_known(clock, int(dose), float(rates[int(what)][int(dose)]), drawn))

    return answered
