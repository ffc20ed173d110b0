"""Whether a rule ends the trial after a cohort."""

from escalation.kernels.codes import (
    ALL_DOSES,
    FULL_AND_TOO_TOXIC,
    LAST_DOSE,
    MAX_PATIENTS,
    NEXT_DOSE,
    RULE_COMPLETE,
    SAME_DOSE,
    TOO_TOXIC,
)
from escalation.kernels.jit import kernel


@kernel
def criterion_holds(place, holds, patients, dlts, last, following):
    """Whether the counts at a place are among those of a criterion.

    Parameters
    ----------
    place : int
        NEXT_DOSE, SAME_DOSE, LAST_DOSE, ANY_DOSE or ALL_DOSES.
    holds : bool[D, N + 1, N + 1]
    patients, dlts : int[D]
        Counts at each dose.
    last, following : int
        Dose of the last cohort and of the one that would come next.
    """
    if place == NEXT_DOSE:
        return holds[following, patients[following], dlts[following]]
    if place == SAME_DOSE:
        return last == following and holds[last, patients[last], dlts[last]]
    if place == LAST_DOSE:
        return holds[last, patients[last], dlts[last]]
    if place == ALL_DOSES:
        return holds[0, patients.sum(), dlts.sum()]
    for dose in range(patients.shape[0]):
        if holds[dose, patients[dose], dlts[dose]]:
            return True
    return False


@kernel
def stop_reason(stops, patients, dlts, last, following, full):
    """Why the trial ends after a cohort, by a rule or because it is full; 0 when it goes on.

    The rules come in the order of `plans.Conduct.stops`; a trial that is full counts after those that are complete.
    """
    for rule in range(stops.reasons.shape[0]):
        ends = True
        for part in range(stops.starts[rule], stops.starts[rule + 1]):
            if not criterion_holds(stops.places[part], stops.holds[part], patients, dlts, last, following):
                ends = False
                break
        if ends:
            reason = stops.reasons[rule]
            if full and reason == TOO_TOXIC:
                return FULL_AND_TOO_TOXIC
            return MAX_PATIENTS if full and reason != RULE_COMPLETE else reason
    return MAX_PATIENTS if full else 0
