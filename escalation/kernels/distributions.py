"""How often each count occurs among weighted endings of trials."""

import numpy as np

from escalation.kernels.exact_states import cell
from escalation.kernels.jit import at, kernel


@kernel
def tally(patients, dlts, recommended, declared, reason, weight, above, correct, laws):
    """Add up the weights of endings, float64[E], by their counts, in `laws`.

    `above` and `correct`, bool[D]: whether a dose's true rate exceeds the target, and whether it is correct. Returns
    the first ending that the trial cannot have, where the tally ends; -1 when there is none.
    """
    levels, most = patients.shape[1], laws.at_correct.shape[0] - 1
    for ending in range(patients.shape[0]):
        share = weight[ending]
        if share == 0:
            continue
        chosen, first, why = recommended[ending], declared[ending], reason[ending]
        possible = -1 <= chosen < levels and -1 <= first < levels and 0 <= why < laws.reason.shape[0]
        size = toxicities = overdosed = at_correct = np.int64(0)
        for dose in range(at(levels)):
            n, y = np.int64(patients[ending, dose]), np.int64(dlts[ending, dose])
            possible = possible and 0 <= y <= n <= most - size
            if not possible:
                return ending
            laws.patients[dose, at(n)] += share
            laws.dlts[dose, at(y)] += share
            size += n
            toxicities += y
            overdosed += n if above[dose] else 0
            at_correct += n if correct[dose] else 0
        laws.size_dlts[at(size), at(toxicities)] += share
        laws.size_above[at(size), at(overdosed)] += share
        laws.at_correct[at(at_correct)] += share
        laws.recommended[at(chosen + 1)] += share
        laws.declared[at(first + 1)] += share
        laws.reason[at(why)] += share
        if chosen >= 0:
            n, y = np.int64(patients[ending, at(chosen)]), np.int64(dlts[ending, at(chosen)])
            laws.at_recommended[at(chosen), at(cell(n, y))] += share
    return -1
