"""What a rule for pending patients says, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

import numpy as np
from numpy.typing import NDArray

from escalation.errors import DesignError
from escalation.plans.readings import Judgement

Floats = NDArray[np.float64]

EXACT = 1e-12
"""Slack where counts are compared with a share of other counts: 3 DLTs in 15 patients are a rate of 0.2."""


class Why(Enum):
    """Why a verdict is what it is."""

    COMPLETE = auto()  # nobody is pending: the design for complete data decides
    ELIMINATED = auto()  # the DLTs eliminate the dose, whatever the pending outcomes
    CERTAIN = auto()  # the DLTs are too many for the dose to be given again, whatever the pending outcomes
    WAITING = auto()  # every outcome is waited for
    MOST_PENDING = auto()  # too large a share of the patients is pending
    NOTHING_KNOWN = auto()  # no outcome is known at the dose
    FEW_COMPLETE = auto()  # too few outcomes are known to escalate
    SHORT_FOLLOW_UP = auto()  # a pending patient has not been followed for long enough to escalate
    FOLLOW_UP = auto()  # the follow-up of the pending patients, compared with the cuts
    STATES = auto()  # the numbers of patients, DLTs and pending patients
    PREDICTED = auto()  # the most probable decision once all outcomes are known
    IMPROBABLE = auto()  # it is to escalate, but not probable enough
    RISKY = auto()  # it is to stay, but de-escalation is too probable
    DISAGREEING = auto()  # pending outcomes can change the decision
    TOO_TOXIC_IF_KNOWN = auto()  # the known outcomes eliminate the lowest dose, pending patients without a DLT do not
    MODEL = auto()  # what the model prefers


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rule for pending patients says, and what it rests on."""

    code: int  # ESCALATE, STAY, DE_ESCALATE, ELIMINATE or SUSPEND; UNDECIDED where it leaves that to the design's plan
    why: Why
    wanted: int  # ESCALATE, STAY or DE_ESCALATE before waiting and missing doses changed it, else as `code`
    follow_up: float = np.nan  # STFT, of `Effective` ESS
    escalate_from: float = inf  # the follow-up from which the dose is escalated; infinite for none
    de_escalate_to: float = -inf  # the follow-up up to which it is de-escalated; minus infinity for none
    # Probabilities of DE_ESCALATE, STAY and ESCALATE once all outcomes are known; of `Predicted` only.
    probabilities: tuple[float, float, float] | None = None
    choice: int | None = None  # index of the dose that a model prefers, or NO_DOSE; of `WeighedCurves` only
    judgement: Judgement | None = None  # what the model says


def verdict(code: int, why: Why) -> Verdict:
    """A verdict that rests on counts alone."""
    return Verdict(code=code, why=why, wanted=code)


def followed(patients: int, dlts: int, follow_up: Sequence[float] | Floats, most: int) -> Floats:
    """Shares of the window for which pending patients were followed, float64[c], unless they cannot be.

    Raises
    ------
    DesignError
        A ValueError: there can be no such counts, or who has been followed so long is not pending.
    """
    shares = np.asarray(follow_up, np.float64).reshape(-1)
    if not 1 <= patients <= most:
        raise DesignError(f"patients: {patients} should be from 1 to {most}")
    if not 0 <= dlts <= patients:
        raise DesignError(f"dlts: {dlts} should be from 0 to {patients}")
    if dlts + len(shares) > patients:
        raise DesignError(f"follow_up: {len(shares)} pending patients and {dlts} with a DLT are more than {patients}")
    for wrong in shares[~((shares >= 0) & (shares < 1))][:1]:
        raise DesignError(
            f"follow_up: {wrong:g} should be a share of the DLT window, at least 0 and below 1: after the whole window "
            "a patient is not pending"
        )
    return shares
