"""How often each count occurs among weighted endings of trials."""

import numpy as np

from escalation.kernels.jit import at, kernel
from escalation.kernels.states import cell


@kernel
def tally(patients, dlts, recommended, declared, reason, weight, above, correct, laws):
    """Add up the weights of endings by their counts.

    Parameters
    ----------
    patients, dlts : int16[E, D]
        Counts at each dose at each ending.
    recommended, declared : int16[E]
        Dose that is recommended at the end, and that dose escalation declared; indices or NO_DOSE.
    reason : int8[E]
        Why the trial ended.
    weight : float64[E]
    above, correct : bool[D]
        Whether a dose's true rate exceeds the target, and whether it is correct.
    laws : LawArrays
        Input and output: what is added to.
    """
    for ending in range(at(patients.shape[0])):
        share = weight[ending]
        if share == 0:
            continue
        size = toxicities = overdosed = at_correct = np.int64(0)
        for dose in range(at(patients.shape[1])):
            n, y = np.int64(patients[ending, dose]), np.int64(dlts[ending, dose])
            laws.patients[dose, at(n)] += share
            laws.dlts[dose, at(y)] += share
            size += n
            toxicities += y
            overdosed += n if above[dose] else 0
            at_correct += n if correct[dose] else 0
        laws.size_dlts[at(size), at(toxicities)] += share
        laws.size_above[at(size), at(overdosed)] += share
        laws.at_correct[at(at_correct)] += share
        chosen = np.int64(recommended[ending])
        laws.recommended[at(chosen + 1)] += share
        laws.declared[at(declared[ending] + 1)] += share
        laws.reason[at(reason[ending])] += share
        if chosen >= 0:
            n, y = np.int64(patients[ending, chosen]), np.int64(dlts[ending, chosen])
            laws.at_recommended[chosen, at(cell(n, y))] += share
