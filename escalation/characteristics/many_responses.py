"""What responses add to the exact means of a design's trials under many truths, and the optimal dose that it chooses.

`responses` answers everything about one truth. Here thousands are asked for what can be compared, and what is looked up
for one of them is looked up for many.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from escalation.engines.endings import Enumeration
from escalation.engines.optimal import ExactChoice, at_once
from escalation.engines.outcomes import Outcomes
from escalation.kernels.codes import NO_DOSE, NO_OPTIMAL_DOSE, SLACK
from escalation.trial.efficacy import Efficacy
from escalation.trial.joint import JointRates
from escalation.trial.trial import Trial

Floats = NDArray[np.float64]

FAVOURABLE = 0.05
"""A favourable dose has a mean utility of so much less than the optimal dose's, as a share of it, or more."""

TOO_TOXIC = 0.10
"""A dose that is too toxic has a DLT rate so much above `max_toxicity`."""


@dataclass(frozen=True, eq=False)
class ResponseMeans:
    """Exact means of a design's trials under T truths with responses.

    The names mean what they mean in `ResponseCharacteristics`; `favourable`, `too_toxic` and `poor_allocation_obd` are
    new.

    Attributes
    ----------
    obd : int64[T]
        Index of the truth's optimal dose; NO_DOSE where it has none.
    responses : float64[T, D]
    response_rate, mean_utility : float64[T]
    patients_at_obd : float64[T]
        NaN where the truth has no optimal dose.
    poor_allocation_obd : float64[T]
        Probability that fewer than max_patients / doses patients are at the truth's optimal dose, likewise.
    obd_selection : float64[T, D] or None
        None, with all that follows, where a design chooses no optimal dose.
    no_obd : float64[T, 3] or None
        By the reasons of `kernels.codes.NO_OPTIMAL_DOSE`.
    favourable : float64[T] or None
        Probability of choosing the truth's optimal dose, or another one up to the MTD whose mean utility is at most 5 %
        less; NaN where the truth has no optimal dose, or no correct dose.
    too_toxic : float64[T] or None
        Probability of choosing a dose whose DLT rate exceeds `max_toxicity` by more than 0.10.

    Source of the last two, and of poor allocation: the random truths of Shi H, Lin R and Lin X, as in `simprob` of the
    R package phase12designs 0.3.1.
    """

    obd: NDArray[np.int64]
    responses: Floats
    response_rate: Floats
    mean_utility: Floats
    patients_at_obd: Floats
    poor_allocation_obd: Floats
    obd_selection: Floats | None = None
    no_obd: Floats | None = None
    favourable: Floats | None = None
    too_toxic: Floats | None = None

    @property
    def chooses(self) -> bool:
        """Whether the design chooses an optimal dose."""
        return self.obd_selection is not None

    @cached_property
    def pcs_obd(self) -> Floats | None:
        """Probability of choosing the truth's optimal dose, or none where it has none, float64[T]."""
        if self.obd_selection is None or self.no_obd is None:
            return None
        right = self.obd_selection[np.arange(len(self.obd)), self.obd]
        return np.minimum(np.where(self.obd == NO_DOSE, self.no_obd.sum(axis=1), right), 1.0)

    def by_quantity(self) -> dict[str, Floats]:
        """Every quantity by name, float64[T] each; doses are numbered from 1."""
        found = {f"responses.{dose}": one for dose, one in enumerate(self.responses.T, 1)}
        found |= {
            "total_responses": self.responses.sum(axis=1),
            "response_rate": self.response_rate,
            "mean_utility": self.mean_utility,
            "patients_at_obd": self.patients_at_obd,
            "poor_allocation_obd": self.poor_allocation_obd,
        }
        if self.pcs_obd is None or self.obd_selection is None or self.no_obd is None:
            return found
        assert self.favourable is not None
        assert self.too_toxic is not None
        return {
            **found,
            "pcs_obd": self.pcs_obd,
            **{f"obd_selection.{dose}": one for dose, one in enumerate(self.obd_selection.T, 1)},
            **{f"no_obd.{why}": one for why, one in zip(NO_OPTIMAL_DOSE.values(), self.no_obd.T, strict=True)},
            "favourable": self.favourable,
            "too_toxic": self.too_toxic,
        }

    @classmethod
    def joined(cls, parts: "list[ResponseMeans]") -> "ResponseMeans":
        """Parts of a set of truths as one."""
        names = [field.name for field in fields(cls) if getattr(parts[0], field.name) is not None]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def response_names(levels: int, *, chooses: bool) -> tuple[str, ...]:
    """The names of `by_quantity` for a design that chooses an optimal dose, or does not."""
    none, doses = np.ones(0), np.ones((0, levels))
    more = (doses, np.ones((0, len(NO_OPTIMAL_DOSE))), none, none) if chooses else ()
    return tuple(ResponseMeans(np.ones(0, np.int64), doses, *[none] * 4, *more).by_quantity())


def response_means(
    endings: Enumeration,
    joint: JointRates,
    obd: NDArray[np.int64],
    correct: NDArray[np.bool_],
    counts: tuple[Floats, Floats],
    choice: ExactChoice | None,
) -> ResponseMeans:
    """Exact means under T truths; their trial has `[trial.efficacy]`.

    `obd` are indices of their optimal doses, `correct`, bool[T, D], the correct ones, and `counts` mean patients and
    DLTs, float64[T, D] each. Raises StateSpaceError where the choice of an optimal dose would take too long.
    """
    trial = endings.trial
    assert trial.efficacy is not None
    patients, dlts = counts
    rates = joint.response_given_no_dlt, joint.response_given_dlt
    responses = (patients - dlts) * rates[0] + dlts * rates[1]
    size, truths = patients.sum(axis=1), len(obd)
    none, eff, tox, both = trial.efficacy.utility.of_outcomes
    worth = (patients - dlts) * (none + (eff - none) * rates[0]) + dlts * (tox + (both - tox) * rates[1])
    known = obd != NO_DOSE
    at_obd = patients[np.arange(truths), obd]
    poor, selection = np.empty(truths), np.empty((truths, trial.levels))
    reasons = np.empty((truths, len(NO_OPTIMAL_DOSE)))
    few = trial.levels * endings.patients.astype(np.int64) < trial.max_patients
    together = at_once(endings)
    for first in range(0, truths, together):
        part = slice(first, first + together)
        probability = np.stack([endings.probabilities(one) for one in joint.dlt[part]], axis=1)
        poor[part] = (probability * few[:, obd[part]]).sum(axis=0)
        if choice is not None:
            law = choice.laws(probability, joint.of(part))
            selection[part], reasons[part] = law.selection, law.none
    means = ResponseMeans(
        obd=obd,
        responses=responses,
        response_rate=responses.sum(axis=1) / size,
        mean_utility=worth.sum(axis=1) / size,
        patients_at_obd=np.where(known, at_obd, np.nan),
        poor_allocation_obd=np.where(known, np.minimum(poor, 1.0), np.nan),
    )
    return means if choice is None else chosen(means, np.minimum(selection, 1.0), reasons, joint, correct, trial)


def response_means_of(
    outcomes: Sequence[Outcomes], joint: JointRates, obd: NDArray[np.int64], correct: NDArray[np.bool_]
) -> ResponseMeans:
    """The same of a design that decides by responses, by its exact outcomes under each of T truths."""
    trial, truths = outcomes[0].trial, len(outcomes)
    assert trial.efficacy is not None
    sums = [one.response_sums for one in outcomes if one.response_sums is not None]
    patients = np.stack([one.probability @ one.patients for one in outcomes])
    responses = np.stack([one.by_dose @ np.arange(one.by_dose.shape[1]) for one in sums])
    size, known = patients.sum(axis=1), obd != NO_DOSE
    # Patients at a dose are alike, whenever it is given: Wald's identity.
    worth = (patients * joint.mean_utility(trial.efficacy.utility)).sum(axis=1)
    few = [
        float(one.probability @ (trial.levels * one.patients[:, dose].astype(np.int64) < trial.max_patients))
        for one, dose in zip(outcomes, obd, strict=True)
    ]
    means = ResponseMeans(
        obd=obd,
        responses=responses,
        response_rate=responses.sum(axis=1) / size,
        mean_utility=worth / size,
        patients_at_obd=np.where(known, patients[np.arange(truths), obd], np.nan),
        poor_allocation_obd=np.where(known, np.minimum(few, 1.0), np.nan),
    )
    selection = np.stack([one.optimal.selection for one in sums])
    return chosen(
        means, np.minimum(selection, 1.0), np.stack([one.optimal.none for one in sums]), joint, correct, trial
    )


def chosen(
    means: ResponseMeans,
    selection: Floats,
    reasons: Floats,
    joint: JointRates,
    correct: NDArray[np.bool_],
    trial: Trial,
) -> ResponseMeans:
    """Means with the optimal doses that are chosen, float64[T, D], and why none is, float64[T, 3]."""
    assert trial.efficacy is not None
    good = are_favourable(joint, means.obd, correct, trial.efficacy)
    favourable = np.where(good.any(axis=1), (selection * good).sum(axis=1), np.nan)
    toxic = (selection * are_too_toxic(joint, trial.efficacy)).sum(axis=1)
    before = {field.name: getattr(means, field.name) for field in fields(ResponseMeans)}
    more = {"obd_selection": selection, "no_obd": reasons, "favourable": favourable, "too_toxic": toxic}
    return ResponseMeans(**{**before, **more})


def are_favourable(
    joint: JointRates, obd: NDArray[np.int64], correct: NDArray[np.bool_], efficacy: Efficacy
) -> NDArray[np.bool_]:
    """Whether each dose is favourable, bool[T, D]: not above the highest correct dose, and hardly worse than the OBD.

    None is where a truth has no optimal dose, or no correct one.
    """
    utility = joint.mean_utility(efficacy.utility)
    best = utility[np.arange(len(obd)), obd]
    dose, levels = np.arange(utility.shape[1]), utility.shape[1]
    mtd = np.where(correct.any(axis=1), levels - 1 - correct[:, ::-1].argmax(axis=1), NO_DOSE)
    hardly_worse = utility >= ((1 - FAVOURABLE) * best)[:, None] - SLACK
    return (obd != NO_DOSE)[:, None] & (dose <= mtd[:, None]) & hardly_worse


def are_too_toxic(joint: JointRates, efficacy: Efficacy) -> NDArray[np.bool_]:
    """Whether each dose is too toxic to be an optimal one, bool[T, D]."""
    assert efficacy.max_toxicity is not None
    return joint.dlt > efficacy.max_toxicity + TOO_TOXIC + SLACK
