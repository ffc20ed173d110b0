"""What a plan takes, by estimate, before anything is worked out with it.

Measured on one core of 2.6 GHz: under the tables, CRM, BMA-CRM and BLRM of 1 to 50 doses and 20 to 1,000 patients
the estimates are between half and four times what is taken. They are the same on every machine.
"""

from dataclasses import dataclass

from escalation.plans.conduct import Conduct

STATE, STATE_AND_CURVE = 2e-7, 4e-9
"""Seconds for a state, and for each curve of a model that is weighed there."""

COUNT_AND_CURVE = 1e-8
"""Seconds for what a count at a dose says of a curve."""

COHORT, PATIENT = 5e-8, 9e-9
"""Seconds for a cohort of a simulated trial, beside what a model takes, and for a patient."""

CURVE, MEAN = 6e-10, 3.5e-10
"""Seconds for a curve in each decision of a simulated trial: to learn, and for each mean over the curves."""


@dataclass(frozen=True)
class Cost:
    """Processor seconds and bytes."""

    state: float  # seconds for a state of the exact engine
    trial: float  # and for a simulated trial
    making: float = 0.0  # seconds for the model's curves, which both need first
    counting: float = 0.0  # and for what the exact engine keeps of them
    curves: float = 0.0  # bytes of them
    counts: float = 0.0  # bytes that the exact engine keeps of them for every count at a dose
    cohorts: float = 0.0  # and the simulation for every outcome of a cohort


def cost_of(
    conduct: Conduct, levels: int, *, curves: float = 0, means: int = 0, tables: int = 0, making: float = 0.0
) -> Cost:
    """The cost of a plan whose model, if it has one, has so many curves.

    Each decision takes so many `means` over them; `tables` of numbers for each dose and curve are kept. `making` is the
    time for a number of one.
    """
    most, largest, smallest = conduct.max_patients, conduct.largest, int(conduct.sizes.min())
    cohorts = -(-most // max(smallest, 1))
    decision = curves * (CURVE + MEAN * means)
    column, counts = 8 * curves * levels, (most + 1) * (most + 2) / 2
    sizes = largest if conduct.varies else 2
    return Cost(
        state=STATE + STATE_AND_CURVE * curves,
        trial=most * PATIENT + cohorts * (COHORT + decision),
        making=making * curves * levels,
        curves=column * tables,
        counting=COUNT_AND_CURVE * curves * levels * counts,
        counts=column * counts,
        cohorts=column * sizes * (largest + 1),
    )
