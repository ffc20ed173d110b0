"""The next dose of a running trial, and what is known of the doses so far."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from escalation.designs import Design, ModelDesign
from escalation.kernels.codes import REASON_NAMES
from escalation.numbers import clopper_pearson
from escalation.plans.decision import State
from escalation.running.decider import Decider
from escalation.running.explanation import explanation
from escalation.running.recommendation import why_none
from escalation.running.standing import standing
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial


@dataclass(frozen=True)
class DoseEstimate:
    """What is known of a dose.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients, dlts : int
    estimate : float or None
        Of the DLT rate, as the design estimates it: the isotonic estimate, the model's fitted rate or, for designs that
        estimate none, the observed rate. None where nothing is known.
    lower, upper : float or None
        A model's 95 % credible interval (by maximum likelihood: likelihood-ratio interval); for other designs the
        Clopper-Pearson interval of the dose's own patients.
    above_target : float or None
        P(rate > target | data): under the model; for other designs from the dose's own patients under the Beta prior of
        their elimination rule, in an expansion that of its monitoring, or else a uniform one.
    eliminated : bool
        Eliminated, or excluded as a probable overdose.
    """

    dose: int
    patients: int
    dlts: int
    estimate: float | None
    lower: float | None
    upper: float | None
    above_target: float | None
    eliminated: bool


@dataclass(frozen=True)
class NextDose:
    """What a design says of a running trial.

    Attributes
    ----------
    next_dose : int or None
        Dose level of the next cohort, from 1; None when the trial stops.
    cohort_size : int
        Patients of the next cohort; 0 when the trial stops.
    stop : bool
    stop_reason : str or None
        A key of the operating characteristics' `stop_reasons`.
    expansion : bool
        Whether the next cohort is one of the expansion, or the trial stops in it.
    reason : str
        The rule that decided, in words.
    recommended_dose : int or None
        The RP2D if the trial ended now.
    estimates : tuple of DoseEstimate
    prior : (float, float) or None
        Parameters of the Beta prior of `above_target`; None under a model.
    warnings : tuple of str
        Where the data are not what the design would have done.
    not_recommended : str or None
        Why no dose would be recommended, in words; None where one would.
    """

    next_dose: int | None
    cohort_size: int
    stop: bool
    stop_reason: str | None
    expansion: bool
    reason: str
    recommended_dose: int | None
    estimates: tuple[DoseEstimate, ...]
    prior: tuple[float, float] | None
    warnings: tuple[str, ...]
    not_recommended: str | None = None


def next_dose(design: Design, trial: Trial, data: InterimData | str) -> NextDose:
    """What a design does next in a running trial.

    Parameters
    ----------
    design : Design
    trial : Trial
    data : InterimData or str
        Outcomes such as "1NNN 2NTT", or counts.

    Raises
    ------
    DesignError
        A ValueError: the design does not fit the trial.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> after = next_dose(BOIN(), trial, "1NNN 2NTT")
    >>> after.next_dose, after.recommended_dose
    (1, 1)
    """
    now = standing(design, trial, InterimData.of(data, trial.levels))
    decision = now.decision
    recommended = now.decider.recommended(now.state)
    return NextDose(
        next_dose=None if decision.next_dose is None else decision.next_dose + 1,
        cohort_size=decision.size,
        stop=decision.next_dose is None,
        stop_reason=REASON_NAMES[decision.reason] if decision.next_dose is None else None,
        expansion=decision.expanding,
        reason=explanation(now.decider, now.state, decision),
        recommended_dose=None if recommended is None else recommended + 1,
        estimates=dose_estimates(now.decider, now.state),
        prior=None if isinstance(design, ModelDesign) else now.decider.prior(now.state),
        warnings=now.departures,
        not_recommended=why_none(now.decider, now.state, decision),
    )


def dose_estimates(decider: Decider, state: State) -> tuple[DoseEstimate, ...]:
    """What is known of each dose."""
    if isinstance(decider.design, ModelDesign):
        columns = np.array(decider.design.estimates(decider.trial, state.patients, state.dlts))
    else:
        columns = _from_counts(decider, state)
    known = [[None if np.isnan(number) else number for number in column] for column in columns.tolist()]
    rows = zip(state.patients, state.dlts, *known, decider.closed(state), strict=True)
    return tuple(DoseEstimate(dose, *row) for dose, row in enumerate(rows, 1))


def _from_counts(decider: Decider, state: State) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Estimate, 95 % limits and P(rate > target) of each dose, float64[4, D], NaN where nobody was treated."""
    n, y = np.array(state.patients), np.array(state.dlts)
    tried = n > 0
    found = np.full((4, len(n)), np.nan)
    if tried.any():
        table = decider.plan.table
        found[0, tried] = y[tried] / n[tried] if table is None else table.selection.rates(n[tried], y[tried])
    lower, upper = clopper_pearson(int(n.max()))
    found[1], found[2] = lower[n, y], upper[n, y]
    a, b = decider.prior(state)
    found[3, tried] = special.betaincc(a + y[tried], b + (n - y)[tried], decider.trial.target)
    return found
