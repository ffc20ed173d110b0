"""Probability of every ending of a trial under a truth."""

from escalation.kernels.jit import kernel


@kernel
def ending_probabilities(patients, dlts, sequences, pattern_probability, probability):
    """Multiply out the probability of each ending.

    Parameters
    ----------
    patients, dlts : int16[E, D]
        Counts at the end.
    sequences : float64[E]
        Number of patient sequences that lead there.
    pattern_probability : float64[D, N + 1, N + 1]
        p_d^y (1 - p_d)^(n - y): probability of one sequence of n patients with y DLTs at dose d.
    probability : float64[E]
        Output.
    """
    for ending in range(patients.shape[0]):
        product = sequences[ending]
        for dose in range(patients.shape[1]):
            product *= pattern_probability[dose, patients[ending, dose], dlts[ending, dose]]
        probability[ending] = product
