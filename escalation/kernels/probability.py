"""Probability of every ending of a trial under a truth."""

from escalation.kernels.jit import kernel


@kernel
def ending_probabilities(cells, sequences, pattern_probability, probability):
    """Multiply out the probability of each ending.

    Parameters
    ----------
    cells : int32[E, D]
        Counts at the end; see `kernels.states`.
    sequences : float64[E]
        Number of patient sequences that lead there.
    pattern_probability : float64[D, C]
        p_d^y (1 - p_d)^(n - y): probability of one sequence of n patients with y DLTs at dose d, by its cell.
    probability : float64[E]
        Output.
    """
    for ending in range(cells.shape[0]):
        product = sequences[ending]
        for dose in range(cells.shape[1]):
            product *= pattern_probability[dose, cells[ending, dose]]
        probability[ending] = product
