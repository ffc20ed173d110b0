"""A fingerprint of a design's decision function on a trial.

All states that a trial can reach go into it, cohort by cohort: the patients and DLTs at each dose, the dose of the next
cohort or why the trial has ended, and the number of patient sequences that lead there; and every ending with its
recommendation. So it changes with any decision that a trial can come to. It does not see names, amounts of doses, nor
options without effect.

Of a design that decides by responses, whose states are too many, go into it what its decisions are looked up in, over
the counts that a dose can come to.
"""

import hashlib
from collections.abc import Iterator
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from escalation.designs import Design
from escalation.engines.exact import cohort_by_cohort, enumerated
from escalation.kernels.layout import StateArrays
from escalation.plans.joint import JointPlan
from escalation.running.start import start_of
from escalation.running.tables import numbers_of_patients
from escalation.studies.work.options import Limits, allowance
from escalation.trial.trial import Trial

SHOWN = 16
"""Hexadecimal digits that are enough for people to compare."""


def fingerprint(design: Design, trial: Trial, **limits: Unpack[Limits]) -> str:
    """SHA-256 of all decisions that a design can come to in a trial.

    Numbers of sequences are exact up to 2^53; larger ones are rounded, in the same way at each run.

    Parameters
    ----------
    design : Design
    trial : Trial
    max_states, max_seconds, max_memory : optional
        As for `escalation.exact`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial.
    StateSpaceError
        There may be more states than are allowed.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> fingerprint(BOIN(), trial) == fingerprint(BOIN(p_saf=0.15), trial)
    True
    >>> fingerprint(BOIN(), trial) == fingerprint(BOIN(cutoff_eli=0.9), trial)
    False
    """
    start = start_of(design, trial, None)
    if start.plan.joint is not None:
        return _of_joint(start.plan.joint)
    limit = allowance(limits).most_states(start.plan)
    digest = hashlib.sha256()
    columns = "<i1" if start.plan.conduct.runs == 1 else "<i2"

    def digested() -> Iterator[tuple[StateArrays, StateArrays]]:
        for states in cohort_by_cohort(start, limit):
            for part in states:
                for array, form in ((part.rows, "<u8"), (part.columns, columns), (part.sequences, "<f8")):
                    digest.update(np.array(array.shape, "<i8").tobytes())
                    digest.update(array.astype(form).tobytes())
            yield states

    endings = enumerated(start, digested(), limit)
    declared = endings.recommended if endings.declared is None else endings.declared
    patients = endings.patients.astype(np.int32)
    cells = patients * (patients + 1) // 2 + endings.dlts
    keys = np.column_stack([cells, endings.reason, endings.recommended, declared]).astype("<i4")
    digest.update(np.array(keys.shape, "<i8").tobytes())
    digest.update(keys.tobytes())
    digest.update(endings.sequences.astype("<f8").tobytes())
    return digest.hexdigest()


def _of_joint(plan: JointPlan) -> str:
    """The digest of what decides; the order of desirability is that among sums of utilities that can occur."""
    digest, conduct, at_doses = hashlib.sha256(), plan.conduct, numbers_of_patients(plan)
    numbers = sorted({0}.union(*at_doses))
    choices = plan.doses > 1  # of a single dose there is nothing to choose

    def add(*values: object) -> None:
        for value in values:
            array = np.asarray(value)
            digest.update(np.array(array.shape, "<i8").tobytes())
            digest.update(array.astype("<f8").tobytes())

    add(plan.doses, conduct.start, conduct.max_patients, conduct.sizes[:, numbers], numbers)
    add(() if conduct.trial_sizes is None else conduct.trial_sizes, plan.utilities, plan.limit, plan.ties * choices)
    order, sums = list[NDArray[np.int64]](), np.array([0])
    for n in range(numbers[-1] + 1):
        if n in numbers:
            add(plan.moves[n, : n + 1], plan.toxic[n, : n + 1], plan.futile[n, : n + 1])
            ends = plan.enough is not None and n >= plan.enough
            add(ends, choices and not ends and plan.explore_from is not None and n >= plan.explore_from)
            order.append(plan.ranks[n, sums // plan.unit])
        sums = np.unique(np.add.outer(sums, plan.utilities))
    add(np.unique(np.concatenate(order), return_inverse=True)[1] if choices else ())
    return digest.hexdigest()
