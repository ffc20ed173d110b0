"""Compiled loops, the only room that imports numba. They know plans as tuples of arrays, and nothing else of ours.

What an argument is called it is in every kernel. D dose levels, N the largest number of patients, E endings, T trials
or truths, S states, C cells, G curves; arrays after the inputs are outputs, written to.

    packing : Packing                   where the cell of each dose is in a row of packed counts
    cells : int16[2, C]                 patients and DLTs of each cell
    binomials : float64[m + 1, m + 1]   [n, y]: sequences of n patients with y DLTs
    rows : uint64[S, W]                 counts at each dose, packed
    doses : int8[S]                     where each living state gives its next cohort
    sizes : int16[S]                    size of that cohort, at least 1
    sequences : float64[S] or [E]       number of patient sequences that lead to a state or an ending
    children : Children                 what living states become by one cohort
    led : int32[A]                      the column of `exact_states.keep` that each of their ways leads to
    living, endings : StateArrays       states that go on, with their next dose, and that have ended, with the reason
    limits : int64[D]                   a patient has a DLT at a dose when the patient's tolerance is below its limit
    tolerances : uint32[T, N]           row t is trial t, in order of enrolment
    patients, dlts : int16[E or T, D]   counts at each dose, at the end of each trial
    recommended : int16[E or T]         index of the recommended dose, or NO_DOSE; `declared` that of dose escalation
    reasons : int8[E or T]              why each trial ended
    codes : int8[D, N + 1, N + 1]       decision table; an ELIMINATE cell excludes its dose and all above
    evidence : float64[D, ..., G]       what outcomes say of each curve; see `plans.curves.CurvePlan.evidence`
    tree : CountTree                    endings as the leaves of a tree
    seen : int64[2, D]                  patients and DLTs that all endings begin with: they have no probability
    rates : float64[D] or [T, D]        true DLT rates
"""
