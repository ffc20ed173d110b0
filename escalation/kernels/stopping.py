"""Whether a rule ends the trial after a cohort.

Reasons are numbered from 1, in the order in which they count but for that a dose is too toxic, which counts second; 0
says that the trial goes on.
"""

import numpy as np

from escalation.kernels.codes import (
    ALL_DOSES,
    ANY_DOSE,
    BELIEF,
    DOSE_TOO_TOXIC,
    FULL_AND_DOSE_TOO_TOXIC,
    FULL_AND_TOO_TOXIC,
    LAST_DOSE,
    MAX_PATIENTS,
    NEXT_DOSE,
    SAME_DOSE,
    TOO_TOXIC,
    UNCHANGED,
)
from escalation.kernels.jit import kernel


@kernel
def sooner(reason, other):
    """The one of two reasons that counts."""
    if reason == DOSE_TOO_TOXIC:
        return other if other == TOO_TOXIC else reason
    if other == DOSE_TOO_TOXIC:
        return reason if reason == TOO_TOXIC else other
    return other if reason == 0 or 0 < other < reason else reason


@kernel
def final_reason(reason, full):
    """The reason that counts when the trial may be full as well."""
    if not full:
        return reason
    if reason == TOO_TOXIC:
        return FULL_AND_TOO_TOXIC
    return FULL_AND_DOSE_TOO_TOXIC if reason == DOSE_TOO_TOXIC else sooner(reason, np.int64(MAX_PATIENTS))


@kernel
def joint_reason(stops, patients, dlts, last, following, run, believed):
    """Why a rule that looks at several doses, or asks for several things, ends a trial with these counts, int16[D].

    `last` is the dose of the last of `run` cohorts in a row, `following` the one that would come next; `believed`,
    bool[B], whether a model says enough of that.
    """
    found = np.int64(0)  # not 0: what is called with a literal is compiled once more
    for rule in range(stops.reasons.shape[0]):
        ends = True
        for part in range(stops.starts[rule], stops.starts[rule + 1]):
            place, rows = stops.places[part], stops.rows[part]
            if place == BELIEF:
                holds = believed[rows[0]]
            elif place == UNCHANGED:
                holds = last == following and stops.holds[rows[0], run, 0]
            elif place == ALL_DOSES:
                holds = stops.holds[rows[0], patients.sum(), dlts.sum()]
            elif place == ANY_DOSE:
                holds = False
                for dose in range(patients.shape[0]):
                    holds = holds or stops.holds[rows[dose], patients[dose], dlts[dose]]
            elif place == NEXT_DOSE:
                holds = stops.holds[rows[following], patients[following], dlts[following]]
            else:
                holds = stops.holds[rows[last], patients[last], dlts[last]]
                holds = holds and (place == LAST_DOSE or (place == SAME_DOSE and last == following))
            ends = ends and holds
        if ends:
            found = sooner(found, np.int64(stops.reasons[rule]))
    return found


@kernel
def next_run(last, following, run, runs):
    """Cohorts in a row that the next dose has had, counted up to `runs` - 1, when the last dose has had `run`."""
    return min(run, runs - 1) if last == following else 0
