"""The numbers by which plans, kernels and outcomes name actions, endings and rules. Imports no numba."""

from typing import Final

# What a decision table says about the dose just given.
ESCALATE: Final = 1
STAY: Final = 0
DE_ESCALATE: Final = -1
ELIMINATE: Final = -2
UNDECIDED: Final = 2  # nothing: a table of a user's own has no row for these counts
# What a rule for pending patients says beside these.
SUSPEND: Final = 3  # nobody is enrolled before more is known

# Why a trial ended. Fingerprints are made of these numbers: one that is new comes last, wherever it counts.
TOO_TOXIC: Final = 1
RULE_COMPLETE: Final = 2
MAX_PATIENTS: Final = 3
ENOUGH_AT_DOSE: Final = 4
STOPPING_RULE: Final = 5
EXPANSION_STOPPED: Final = 6
DOSE_TOO_TOXIC: Final = 8
FUTILITY: Final = 11  # of designs that look at responses: every dose that could be next is futile
# In the order in which they count.
REASON_NAMES: Final = {
    TOO_TOXIC: "too_toxic",
    DOSE_TOO_TOXIC: "dose_too_toxic",
    RULE_COMPLETE: "rule_complete",
    MAX_PATIENTS: "max_patients",
    ENOUGH_AT_DOSE: "enough_at_dose",
    STOPPING_RULE: "stopping_rule",
    EXPANSION_STOPPED: "expansion_stopped",
    FUTILITY: "futility",
}
RANK: Final = {reason: place for place, reason in enumerate(REASON_NAMES)}
# In the engines only: full, and too toxic by a stopping rule. The outcomes say max_patients, and recommend no dose, or
# one below.
FULL_AND_TOO_TOXIC: Final = 7
FULL_AND_DOSE_TOO_TOXIC: Final = 9
# In the kernels only: at counts that the table does not decide on. There are no outcomes then.
NOT_DECIDED: Final = 10
REASONS: Final = 11  # numbered from 1

# Places in the reasons for which rules end a trial by the counts at one dose.
STAY_AT: Final = 0  # the dose that would be given again
LEAVE: Final = 1  # the dose that would not
ARRIVE: Final = 2  # the dose that would be given instead

# Whose counts a stopping rule looks at.
NEXT_DOSE: Final = 0  # the dose that the next cohort would get
SAME_DOSE: Final = 1  # that dose, if it is the last cohort's as well
LAST_DOSE: Final = 2  # the dose of the last cohort
ANY_DOSE: Final = 3  # at least one dose
ALL_DOSES: Final = 4  # the sums over all doses
UNCHANGED: Final = 5  # the cohorts in a row at the dose that the next cohort would get again
BELIEF: Final = 6  # no counts, but what a model says of the dose that the next cohort would get

# How a model-based design reads its posterior.
PLUG_IN: Final = 0
POSTERIOR_MEAN: Final = 1
INTERVALS: Final = 2
SCORE: Final = 3

# When a model-based design may not escalate.
COHERENT_OFF: Final = 0
COHERENT_COHORT: Final = 1
COHERENT_DOSE: Final = 2
COHERENT_RECENT: Final = 3

# In place of a dose index: no dose is recommended.
NO_DOSE: Final = -1
# In place of the index of an optimal dose. Without a recommended dose there is none, NO_DOSE, either.
FUTILE: Final = -2  # all that may be chosen have too few responses
NOTHING_TRIED: Final = -3  # there are none that may be chosen
NO_OPTIMAL_DOSE: Final = {NO_DOSE: "safety", FUTILE: "futility", NOTHING_TRIED: "nothing_acceptable"}

# How an optimal dose is chosen.
BY_RESPONSE: Final = 0
BY_UNIMODAL: Final = 1
BY_UTILITY: Final = 2
ON_PLATEAU: Final = 3

# Where the counts at a dose lead that looks for an optimal one: below; to the better of it and the one below; or to the
# best of these and the one above.
BELOW: Final = -1
BESIDE: Final = 0
ABOVE: Final = 1
# Which of equally desirable doses is next.
RANDOM: Final = 0
LOWEST: Final = 1
HIGHEST: Final = 2
# How one is chosen between randomised doses.
WITHIN_MARGINS: Final = 0
BY_DIFFERENCE: Final = 1
BY_MEAN_UTILITY: Final = 2

# What has become of an arm.
GOES_ON: Final = 0
CLOSED_FOR_DLTS: Final = 1
CLOSED_FOR_RESPONSES: Final = 2

# Every comparison of computed reals that decides something allows for this much rounding error.
SLACK: Final = 1e-9

# When patients arrive, what happens to them while accrual is held, and when a DLT occurs.
POISSON: Final = 0
FIXED: Final = 1
UNIFORM: Final = 2
WAIT: Final = 0
LOST: Final = 1
READY: Final = 2
QUEUE: Final = 3
BY_SHARES: Final = 0
WEIBULL: Final = 1
LOGLOGISTIC: Final = 2

# The times of a simulated trial, in days from its first arrival, and counts: columns of one array.
END: Final = 0  # the last completion so far
LAST_ENROLMENT: Final = 1
HOLD_DAYS: Final = 2
HOLDS: Final = 3
TURNED_AWAY: Final = 4
WAITING_DAYS: Final = 5
ENROLLED: Final = 6
OPEN: Final = 7  # when the next cohort may begin
ARRIVAL: Final = 8  # of the last arrival, where arrivals go on while accrual is held
ARRIVALS: Final = 9
PENDING: Final = 10  # patients whose outcome was not known at a decision, summed over decisions
DECISIONS: Final = 11  # on the dose of a cohort that was treated; of designs that do not wait
DECIDED_WITH_PENDING: Final = 12
AT_CLOSED_DOSE: Final = 13  # patients treated at a dose that the outcomes of all before them close
TIMES: Final = 14

# What becomes of a patient, and is known at the end of the observation.
NO_DLT: Final = 0
DLT: Final = 1
LEFT: Final = 2  # not evaluable
# Beside these, what is noted of a single trial of designs that do not wait.
HELD: Final = 3  # accrual is, before the next patient
DECIDED: Final = 4  # on the dose of the next patient

# Notes follow the times of a trial, where there is room: how many numbers they are, and of each one of the above, index
# of the dose, the day on which the cohort could open (of designs that wait), and the days from which and until which;
# of a decision the day up to which outcomes count, and that on which its patient is treated.
NOTES: Final = TIMES
NOTE: Final = 5

# What is decided while patients are pending; see `plans.pending`.
IMPUTED: Final = 0
EFFECTIVE: Final = 1
ROLLED: Final = 2
PREDICTED: Final = 3
LIKELIHOOD: Final = 4  # of a model
# What lifts a hold of accrual.
NOT_HELD: Final = 0
OUTCOME: Final = 1  # that becomes known
LEAST_FOLLOW_UP: Final = 2  # or that each pending patient has been followed for long enough
ANY_FOLLOW_UP: Final = 3  # or that one has been followed at all
ESCALATION_IMPROBABLE: Final = 4  # or probabilities that change with the follow-up
DE_ESCALATION_PROBABLE: Final = 5
