"""The course of one simulated trial with a calendar: who was treated when, when accrual was held, what was decided.

The kernels that simulate trials take notes of a trial behind its times, where there is room for them. So what is told
here is what was simulated, and not told by a second rendering of it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from escalation.engines import patients as virtual
from escalation.engines.clock import keys_of
from escalation.engines.outcomes import Outcomes
from escalation.engines.simulated import Simulation, unfinished
from escalation.errors import OutcomesError
from escalation.kernels.codes import DECIDED, DLT, HELD, LEFT, NOTE, NOTES, TIMES
from escalation.plans.start import Start

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


def course_of(start: Start, rates: NDArray[np.float64], *, number: int, seed: int) -> Course:
    """The course of the trial of a number, from 0, among those that are simulated under true DLT rates, float64[D]."""
    block, place = divmod(number, virtual.BLOCK)
    this = slice(place, place + 1)
    outcomes = replace(unfinished(start, rates, 1), times=np.zeros((1, NOTES + 1 + NOTE * MOST_NOTES)))
    tolerances = virtual.tolerances(seed, block, start.trial.most_patients)
    Simulation(start, rates).run(tolerances[this], keys_of(seed, block)[this], outcomes)
    assert outcomes.times is not None
    taken, notes = int(outcomes.times[0, NOTES]), outcomes.times[0, NOTES + 1 :]
    if taken + NOTE > len(notes):
        raise OutcomesError(f"trial {number + 1}: more than {MOST_NOTES:,} patients, holds and decisions")
    patients, holds, decisions = list[Treated](), list[tuple[float, float]](), list[Decided]()
    calendar, opened = start.trial.time, 0.0  # when the last cohort of a design that waits could
    assert calendar is not None
    evaluable = False  # is anybody who was treated since the last decision
    for what, dose, opening, day, until in notes[:taken].reshape(-1, NOTE).tolist():
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
            patients.append(Treated(int(dose), day, until, what == DLT, what == LEFT))
            evaluable = evaluable or what != LEFT
    trimmed = replace(outcomes, times=outcomes.times[:, :TIMES].copy())
    return Course(trimmed, tuple(patients), tuple(holds), tuple(decisions))
