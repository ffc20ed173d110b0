"""The numbers by which plans, kernels and outcomes name actions, endings and rules. Imports no numba."""

from typing import Final

# What a decision table says about the dose just given.
ESCALATE: Final = 1
STAY: Final = 0
DE_ESCALATE: Final = -1
ELIMINATE: Final = -2

# Why a trial ended.
MAX_PATIENTS: Final = 1
RULE_COMPLETE: Final = 2
TOO_TOXIC: Final = 3
ENOUGH_AT_DOSE: Final = 4
REASON_NAMES: Final = {
    MAX_PATIENTS: "max_patients",
    RULE_COMPLETE: "rule_complete",
    TOO_TOXIC: "too_toxic",
    ENOUGH_AT_DOSE: "enough_at_dose",
}
REASONS: Final = len(REASON_NAMES)  # numbered from 1

# When a model-based design may not escalate.
COHERENT_OFF: Final = 0
COHERENT_COHORT: Final = 1
COHERENT_DOSE: Final = 2

# In place of a dose index: no dose is recommended.
NO_DOSE: Final = -1

# Every comparison of computed reals that decides something allows for this much rounding error.
SLACK: Final = 1e-9
