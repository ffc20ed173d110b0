"""What the kernels receive of a plan: named tuples of arrays and scalars. Imports no numba.

Shapes: D dose levels, N the largest number of patients in the trial, G curves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Packing(NamedTuple):
    """Where the cell of each dose is in a row of packed counts; see `kernels.exact_states`."""

    words: NDArray[np.int64]  # (D,)
    shifts: NDArray[np.uint64]  # (D,)
    mask: np.uint64


class Children(NamedTuple):
    """What the living states become by one cohort; `kernels.exact_states.merge_children` says what the fields mean."""

    rows: NDArray[np.uint64]  # (R, W)
    starts: NDArray[np.int64]  # (R + 1,)
    parents: NDArray[np.int32]  # (A,)
    toxic: NDArray[np.int8]  # (A,)


class StateArrays(NamedTuple):
    """States of trials."""

    rows: NDArray[np.uint64]  # (S, W), packed counts; see `kernels.exact_states`
    # (S,), dose of the next cohort times R, and the cohorts in a row that it has had, R being counted; or why the trial
    # has ended
    columns: NDArray[np.int16]
    sequences: NDArray[np.float64]  # (S,), patient sequences that lead to the state
    choices: NDArray[np.int8]  # (S,), what the model chooses; without meaning under a table plan


class CountTree(NamedTuple):
    """Endings as the leaves of a tree of M nodes; see `kernels.endings`.

    The nodes at depth d stand for endings that share the counts at the doses up to d.
    """

    cells: NDArray[np.int32]  # (M,), counts at the dose of the node's depth
    parents: NDArray[np.int32]  # (M,), the node one dose below
    starts: NDArray[np.int64]  # (D + 1,), first node of each depth, and M


class LawArrays(NamedTuple):
    """Probabilities of the counts in a trial; N is the largest number of patients, C the number of cells for it."""

    patients: NDArray[np.float64]  # (D, N + 1), by dose and patients there
    dlts: NDArray[np.float64]  # (D, N + 1), by dose and DLTs there
    size_dlts: NDArray[np.float64]  # (N + 1, N + 1), by patients and DLTs in the trial
    size_above: NDArray[np.float64]  # (N + 1, N + 1), by patients in the trial and at doses above the target
    at_correct: NDArray[np.float64]  # (N + 1,), by patients at correct doses
    recommended: NDArray[np.float64]  # (D + 1,), by recommended dose; none first
    declared: NDArray[np.float64]  # (D + 1,), by dose that dose escalation declared; none first
    reason: NDArray[np.float64]  # (R + 1,), by reason
    at_recommended: NDArray[np.float64]  # (D, C), by recommended dose and the cell of the counts there


class StopArrays(NamedTuple):
    """Rules that end trials and look at several doses, or ask for several things: S rules with A criteria in all.

    Of these B ask a model; see `plans.conduct.Belief`.
    """

    reasons: NDArray[np.int8]  # (S,)
    starts: NDArray[np.int64]  # (S + 1,), each rule's first criterion
    places: NDArray[np.int8]  # (A,)
    # (A, D), where in `holds` the counts at each dose are looked up; under BELIEF the first says where in `enough`.
    rows: NDArray[np.int64]
    holds: NDArray[np.bool_]  # (H, N + 1, N + 1), each table once
    enough: NDArray[np.float64]  # (B,)


class ConductArrays(NamedTuple):
    """What all kinds of plan say of a trial's conduct; `plans.conduct.Conduct` says what the fields mean."""

    sizes: NDArray[np.int64]  # (D, N + 1)
    trial_sizes: NDArray[np.int64]  # (N + 1, K); empty where they say nothing
    ceiling: NDArray[np.int64]  # (T, D); empty where neither this nor the next says anything
    tried_ceiling: NDArray[np.int64]  # (D,)
    floor: NDArray[np.int64]  # (D,)
    eliminates: NDArray[np.bool_]  # (D, N + 1, N + 1); empty where no counts eliminate a dose
    titration: bool
    max_patients: int
    start: int
    runs: int
    run: int
    reasons: NDArray[np.int8]  # (3, D, N + 1, N + 1) by STAY_AT, LEAVE or ARRIVE; empty when there are none
    joint: StopArrays


class TableArrays(NamedTuple):
    """A table plan as the kernels read it; `plans.table.TablePlan` says what the fields mean."""

    codes: NDArray[np.int8]  # (D, N + 1, N + 1), by dose, patients and DLTs there
    conduct: ConductArrays


class ReadingArrays(NamedTuple):
    """How a dose is preferred. Few arrays, because each that is passed to a function takes time.

    F functions of the curves, of which the posterior means are looked at: when `too_toxic` applies first that of the
    rule; then under PLUG_IN the parameter, under POSTERIOR_MEAN the rate at each dose, under INTERVALS for each dose
    `in_target` and `overdose`, under SCORE nothing.
    """

    kind: int
    functions: NDArray[np.float64]  # (F, G)
    cuts: NDArray[np.float64]  # (D - 1,), for PLUG_IN
    target: float
    ewoc: float
    too_toxic: bool
    too_toxic_threshold: float


class CurveArrays(NamedTuple):
    """A curve plan as the kernels read it; `plans.curves.CurvePlan` says what the fields mean."""

    weight: NDArray[np.float64]  # (G,), after the data that a trial begins with
    log_weight: NDArray[np.float64]  # (G,), before
    log_dlt: NDArray[np.float64]  # (D, G)
    log_no_dlt: NDArray[np.float64]  # (D, G)
    reading: ReadingArrays
    target: float
    coherent: int
    one_up_until_dlt: bool
    recommend_untried: bool
    beliefs: NDArray[np.float64]  # (B, D, G), functions of the curves whose posterior means are what rules ask for
    conduct: ConductArrays


class ClockArrays(NamedTuple):
    """The clock of a trial as the kernels read it; `plans.clock.Clock` says what the fields mean. Days throughout."""

    is_running: bool  # if not, nothing else is read
    mean_gap: float
    arrivals: int
    while_closed: int
    window: float
    review: float
    gaps: NDArray[np.float64]  # (K,)
    gaps_at_new_dose: bool
    singly: bool
    closes: bool
    inevaluable: float
    replaces: bool
    max_enrolled: float
    onset: int
    days: NDArray[np.float64]  # (Q,), with the next under BY_SHARES
    shares: NDArray[np.float64]  # (Q,)
    rates: NDArray[np.float64]  # (D,), with the next otherwise
    exponents: NDArray[np.float64]  # (D,)


class ResponseClockArrays(NamedTuple):
    """When responses are known as the kernels read it; `plans.clock.ResponseClock` says what the fields mean."""

    window: float
    at_end: bool
    onset: int
    days: NDArray[np.float64]  # (Q,), with the others as in `ClockArrays`
    shares: NDArray[np.float64]  # (Q,)
    rates: NDArray[np.float64]  # (D,), of responses
    exponents: NDArray[np.float64]  # (D,)


class PendingArrays(NamedTuple):
    """A rule for pending patients as the kernels read it; `plans.pending` says what the fields mean."""

    rule: int  # IMPUTED, EFFECTIVE, ROLLED, PREDICTED or LIKELIHOOD
    most_pending: float
    fewest_known: int  # before an escalation; under PREDICTED before they eliminate the dose
    least_follow_up: float
    target: float  # with the next two under IMPUTED
    lambda_e: float
    lambda_d: float
    escalate_from: NDArray[np.float64]  # (N + 1,), with the next under EFFECTIVE
    de_escalate_to: NDArray[np.float64]  # (N + 1,)
    states: NDArray[np.int8]  # (7, 7, 7), under ROLLED
    stay_from: NDArray[np.int64]  # (N + 1,), with the others under PREDICTED
    fall_from: NDArray[np.int64]  # (N + 1,)
    agrees: bool
    escalate_if: float
    stay_if: float


class StepArrays(NamedTuple):
    """A late-onset trial with a patient at each step as the kernels read it; `plans.steps` says what the fields mean.

    M steps are the window; Q nodes; B rows for the DLTs: one for each dose, or one for all.
    """

    decisions: NDArray[np.int8]  # (2, 2, N + 1, N + 1, 2 ** (M - 1)), by lowest, highest, patients, DLTs and who waits
    eliminates: NDArray[np.bool_]  # (2, N + 1, N + 1, M + 1), by lowest, patients, DLTs and pending patients
    everywhere: bool
    gap: float
    review: float
    toxic: NDArray[np.float64]  # (B, M + 1)
    nodes: NDArray[np.float64]  # (Q,)
    weights: NDArray[np.float64]  # (Q,)
    shown: NDArray[np.float64]  # (2, B, M, Q)
    complete: NDArray[np.float64]  # (M,)


class MergedStates(NamedTuple):
    """States that are found by their rows, with room for more; see `kernels.exact_steps`."""

    places: NDArray[np.int64]  # (P,), a power of two: where the state is that belongs here, from 1; 0 for none
    rows: NDArray[np.uint64]  # (R, W + 1), packed counts, and what else there is to a state
    sequences: NDArray[np.float64]  # (R,), patient sequences that lead to the state, each by the shares of its DLTs
    means: NDArray[np.float64]  # (R, K), of what is counted on the way
    used: NDArray[np.int64]  # (1,), states that there are


class WeighedArrays(NamedTuple):
    """Curves that weigh pending patients, as the kernels read them; there are none under a table."""

    book: NDArray[np.float64]  # (3 + F + 4 D, G), see `kernels.weighed_posterior`
    reading: ReadingArrays  # of the sums of F functions over the posterior, as if each were a curve
    target: float
    coherent: int
    recommend_untried: bool
    beliefs: NDArray[np.float64]  # (B, D, G)
    adaptive: bool
    ordered: bool  # whether all rates fall from each curve to the next


class ExpansionArrays(NamedTuple):
    """An expansion cohort as the kernels read it; `plans.expansion.ExpansionPlan` says what the fields mean."""

    cohorts: NDArray[np.int64]  # (K,)
    rejects: NDArray[np.bool_]  # (M + 1, M + 1)
    own: bool


class ChoiceArrays(NamedTuple):
    """The choice of an optimal dose as the kernels read it; `plans.choice.ChoicePlan` says what the fields mean."""

    rule: int
    margin: float
    utilities: NDArray[np.int64]  # (4,): neither, response only, DLT only, both
    futile: NDArray[np.bool_]  # (N + 1, N + 1), by patients and responses at a dose


class JointArrays(NamedTuple):
    """Decisions by DLTs and responses together as the kernels read them; `plans.joint` says what the fields mean."""

    sizes: NDArray[np.int64]  # (D, N + 1)
    trial_sizes: NDArray[np.int64]
    most: int
    start: int
    moves: NDArray[np.int8]  # (M + 1, M + 1)
    toxic: NDArray[np.bool_]  # (M + 1, M + 1), by patients and DLTs at a dose
    futile: NDArray[np.bool_]  # (M + 1, M + 1), by patients and responses at a dose
    ranks: NDArray[np.int64]  # (M + 1, W), by patients and the sum of their utilities in units
    unit: int
    worth: NDArray[np.int64]  # (2, 2), of a patient in units, by DLT and response
    explore_from: int
    enough: int
    ties: int
    limit: float


class JointCells(NamedTuple):
    """The counts that a dose can come to, numbered, and the outcomes of a cohort; see `kernels.exact_joint`.

    Responses are those of patients without and with a DLT; where they need not be told apart all are of the first kind.
    """

    codes: NDArray[np.int32]  # (M + 1, M + 1, R), by patients, DLTs and responses; in the order of the patients
    split: int  # what a response with a DLT adds to the place of the responses
    firsts: NDArray[np.int64]  # (M + 2,), the first code by the patients, and that of the next number
    opens: NDArray[np.int64]  # (M + 1,), how many of them let a dose be given, which are the first
    widest: int  # most codes with the same patients
    patients: NDArray[np.int64]  # (C,), of each code
    dlts: NDArray[np.int64]  # (C,)
    responses: NDArray[np.int64]  # (C, 2)
    base: np.uint64  # how many of them a dose can have in a trial that goes on
    count_codes: NDArray[np.int32]  # (M + 1, M + 1), of any trial: by patients and DLTs
    count_cells: NDArray[np.int64]  # (B, 2)
    count_base: np.uint64  # B
    starts: NDArray[np.int64]  # (L + 2,), where the outcomes of a cohort begin, by its size
    toxic: NDArray[np.int64]  # (O,)
    responding: NDArray[np.int64]  # (O, 2)
    largest: int  # L, size of the largest cohort


class JointStates(NamedTuple):
    """States in groups, found by a key, with probabilities under V truths, and room for more; see the exact engine."""

    places: NDArray[np.int64]  # (P,), a power of two: where the group is that belongs here, from 1; 0 for none
    keys: NDArray[np.uint64]  # (G,)
    begins: NDArray[np.int64]  # (G,), where its probabilities begin
    mass: NDArray[np.float64]  # (R, V)
    used: NDArray[np.int64]  # (3,), groups and probabilities that there are, and how many more may come next


class JointSums(NamedTuple):
    """What is summed over the endings of trials, by truth."""

    responses: NDArray[np.float64]  # (V, D, N + 1), probability of so many responses at a dose
    at_chosen: NDArray[np.float64]  # (V, D, C), that it is optimal, by the cell of its patients and responses
    none: NDArray[np.float64]  # (V, 3), that none is, in the order of NO_OPTIMAL_DOSE


class RandomisedArrays(NamedTuple):
    """A randomised comparison as the kernels read it; `plans.randomised.RandomisedPlan` says what the fields mean."""

    arms: int
    patients: int
    rule: int
    max_dlts: int
    min_responses: int
    margin: float
    utilities: NDArray[np.int64]  # (4,): neither, response only, DLT only, both
    looks: NDArray[np.int64]  # (L,)
    many_dlts: NDArray[np.bool_]  # (L, n + 1)
    few_responses: NDArray[np.bool_]  # (L, n + 1)
    pools: bool
