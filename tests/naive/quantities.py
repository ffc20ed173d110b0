"""What is counted in single trials, trial by trial, in plain numpy."""

import numpy as np

from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import (
    DOSE_TOO_TOXIC,
    ENOUGH_AT_DOSE,
    EXPANSION_STOPPED,
    FUTILITY,
    NO_DOSE,
    REASON_NAMES,
    SLACK,
    STOPPING_RULE,
    TOO_TOXIC,
)


def overdosing(outcomes: Outcomes, correct: tuple[int, ...]) -> float:
    """Probability that more than 60 % of a trial's patients are at doses above the MTD."""
    above = [
        dose
        for dose, rate in enumerate(outcomes.rates.tolist())
        if rate > outcomes.trial.target + SLACK and dose + 1 not in correct
    ]
    overdosed = [10 * sum(counts[dose] for dose in above) > 6 * sum(counts) for counts in outcomes.patients.tolist()]
    return float(outcomes.probability[overdosed].sum())


def quantities(outcomes: Outcomes, correct: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Each quantity of every ending, by name; `correct` are the correct doses, 1-based."""
    trial = outcomes.trial
    patients, dlts = outcomes.patients.astype(int), outcomes.dlts.astype(int)
    total, toxic = patients.sum(axis=1), dlts.sum(axis=1)
    over = patients[:, outcomes.rates > trial.target + SLACK].sum(axis=1)
    doses = range(trial.levels)
    indices = [dose - 1 for dose in correct]
    found = {f"selection.{d + 1}": outcomes.recommended == d for d in doses}
    found["no_selection"] = outcomes.recommended == NO_DOSE
    found["pcs"] = np.isin(outcomes.recommended, indices or [NO_DOSE])
    found |= {f"patients.{d + 1}": patients[:, d] for d in doses}
    found |= {f"dlts.{d + 1}": dlts[:, d] for d in doses}
    found |= {"sample_size": total, "total_dlts": toxic, "mean_of_rates": toxic / total, "above_target": over}
    found |= {"overdosing_60": 5 * over > 3 * total, "overdosing_80": 5 * over > 4 * total}
    if indices:
        found["poor_allocation"] = patients[:, indices].sum(axis=1) * trial.levels < trial.max_patients
    found["early_stop"] = np.isin(
        outcomes.reason, (TOO_TOXIC, DOSE_TOO_TOXIC, ENOUGH_AT_DOSE, STOPPING_RULE, EXPANSION_STOPPED)
    )
    found["stop_toxic"] = np.isin(outcomes.reason, (TOO_TOXIC, DOSE_TOO_TOXIC, EXPANSION_STOPPED))
    found["stop_enough"] = (outcomes.reason == ENOUGH_AT_DOSE) | (outcomes.reason == STOPPING_RULE)
    found |= {
        f"stop_reasons.{name}": outcomes.reason == code for code, name in REASON_NAMES.items() if code != FUTILITY
    }
    if outcomes.declared is not None:
        found |= {f"declared.{d + 1}": outcomes.declared == d for d in doses}
        found["none_declared"] = outcomes.declared == NO_DOSE
    return found
