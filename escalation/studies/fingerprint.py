"""A fingerprint of a design's decision function on a trial.

All states that a trial can reach go into it, cohort by cohort: the patients and DLTs at each dose, the dose of the next
cohort or why the trial has ended, and the number of patient sequences that lead there; and every ending with its
recommendation. So it changes with any decision that a trial can come to. It does not see names, amounts of doses, nor
options without effect.
"""

import hashlib
from collections.abc import Iterator
from typing import Unpack

import numpy as np

from escalation.designs import Design
from escalation.engines.exact import cohort_by_cohort, enumerated
from escalation.kernels.layout import StateArrays
from escalation.running.start import start_of
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
