"""What limits the next cohort: how high its dose may be, and how large it is; see `plans.conduct.Conduct`.

Few arrays are passed, because each that is passed to a function takes time.
"""

from escalation.kernels.jit import at, kernel


@kernel
def highest_after(ceiling, tried_ceiling, dose, tried, toxicities):
    """Highest dose that may follow a dose, after so many DLTs in the trial; `tried` is the highest that was given."""
    if ceiling.shape[0] == 0:
        return ceiling.shape[1] - 1
    seen = min(toxicities, ceiling.shape[0] - 1)
    return min(ceiling[at(seen), at(dose)], tried_ceiling[at(tried)])


@kernel
def cohort_size(sizes, trial_sizes, dose, patients, enrolled, toxicities):
    """Size of the next cohort at a dose that has had so many patients, after patients and DLTs in the trial."""
    size = sizes[at(dose), at(patients)]
    if trial_sizes.shape[0] == 0:
        return size
    seen = min(toxicities, trial_sizes.shape[1] - 1)
    return max(size, trial_sizes[at(enrolled), at(seen)])
