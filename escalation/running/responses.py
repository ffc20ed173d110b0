"""Responses in a running trial, and the optimal dose as it stands.

It is decided only where nothing that is pending can change it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.designs import Design
from escalation.kernels.codes import BY_UTILITY, FUTILE, NO_DOSE, NOTHING_TRIED
from escalation.kernels.optimal import choose_in_trials
from escalation.plans.choice import ChoicePlan, choice_plan
from escalation.running.answer import DoseResponses, NextDose, OptimalDose
from escalation.trial.choice import Choice
from escalation.trial.data import NO_EXPOSURES, NO_RESPONSES, InterimData, Pair
from escalation.trial.efficacy import Efficacy
from escalation.trial.trial import Trial

MOST_FILLINGS = 200_000
"""Ways in which pending outcomes can turn out for which an optimal dose is looked for."""

Recommended = Sequence[tuple[tuple[int, ...], int | None]]
"""For each completion of the data its DLTs at each dose, and the index of the dose that is recommended then."""


def with_responses(
    answer: NextDose, design: Design, trial: Trial, data: InterimData, recommended: Recommended | None
) -> NextDose:
    """The answer with what is known of responses, and the optimal dose if the trial ended now.

    `recommended` is None where it is not known what each completion recommends.
    """
    if design.chooses_by_exposure:
        answer = replace(answer, optimal_dose=_undecided(f"not decided here: it is by exposure, and {NO_EXPOSURES}"))
    if trial.efficacy is None:
        return answer
    futile, optimal = None, answer.optimal_dose
    if design.optimal_dose is not None and not design.chooses_by_exposure:
        plan = choice_plan(design.optimal_dose, trial.efficacy, max(data.treated, trial.max_patients))
        futile, optimal = plan.futile, _optimal_dose(design.optimal_dose, trial, plan, data, recommended)
    return replace(
        answer,
        responses=None if data.responses is None else tuple(at_each_dose(trial.efficacy, futile, data)),
        optimal_dose=optimal,
    )


def at_each_dose(efficacy: Efficacy, futile: NDArray[np.bool_] | None, data: InterimData) -> Iterator[DoseResponses]:
    """What is known of the responses at each dose; `futile`, bool[N + 1, N + 1], is by patients and responses."""
    assert data.complete is not None
    assert data.responded is not None
    waiting = zip(data.pending, data.responded, data.response_pending or (), strict=True)
    for dose, (counts, (pending, responded, known)) in enumerate(zip(data.complete, waiting, strict=True), 1):
        none, eff, tox, both = counts
        n, e = none + eff + tox + both, eff + both
        worth = sum(count * value for count, value in zip(counts, efficacy.utility.of_outcomes, strict=True))
        yield DoseResponses(
            dose=dose,
            patients=n,
            responses=e,
            with_dlt=both,
            pending=pending - responded + sum(known),
            responded=responded,
            observed=e / n if n else None,
            utility=(100 + worth) / (2 + n) if n else None,
            below_min=float(special.betainc(1 + e, 1 + n - e, efficacy.min_response)) if n else None,
            futile=None if futile is None else bool(futile[n, e]),
        )


def _optimal_dose(
    choice: Choice, trial: Trial, plan: ChoicePlan, data: InterimData, recommended: Recommended | None
) -> OptimalDose:
    if data.responses is None or data.responded is None:
        return _undecided(f"not known, because {NO_RESPONSES}")
    open_ = data.responses_pending + sum(data.responded)
    pending = "the outcome of 1 patient" if open_ == 1 else f"the outcomes of {open_} patients"
    waiting = f"not decided while {pending} {'is' if open_ == 1 else 'are'} pending"
    if recommended is None:
        return _undecided(f"{waiting}: the recommended dose comes from complete data")
    by_completion = [[_apart(plan, pairs) for pairs in found] for found in data.possible_responses()]
    if (ways := sum(prod(map(len, found)) for found in by_completion)) > MOST_FILLINGS:
        looked_at = f"they can turn out in {ways:,} ways, and at most {MOST_FILLINGS:,} are looked at"
        return _undecided(f"{waiting}: {looked_at}")
    fillings = _fillings(recommended, by_completion)
    chosen = np.empty(len(fillings.highest), np.int16)
    patients = np.tile(np.array(data.patients, np.int16), (len(chosen), 1))
    choose_in_trials(plan.arrays, patients, fillings.dlts, fillings.responses, fillings.highest, chosen)
    doses = np.maximum(chosen, NO_DOSE)
    found = np.unique(doses).tolist()
    possible = (*(dose + 1 for dose in found if dose != NO_DOSE), *[None] * (NO_DOSE in found))
    if len(possible) == 1:
        reasons = " or ".join(_reason(choice, key) for key in np.unique(chosen)[::-1].tolist())
        whatever = f"whatever {pending} who {'is' if open_ == 1 else 'are'} pending, " if open_ else ""
        return OptimalDose(possible[0], True, f"{whatever}{reasons}", possible, ())
    decisive = tuple(_decisive(fillings, doses))
    names = [trial.level_names[dose - 1] for dose in possible if dose is not None]
    named = f"dose level {listed(names, 'or')}" + " or none" * (None in possible)
    at = listed([trial.level_names[dose - 1] for dose in decisive], "and")
    where = f"dose level{'s' * (len(decisive) > 1)} {at}"
    by = f", by {'that' if open_ == 1 else 'those'} at {where}" if decisive else ""
    return OptimalDose(None, False, f"{waiting}: {named}{by}", possible, decisive)


def _undecided(reason: str) -> OptimalDose:
    return OptimalDose(None, False, reason, (), ())


def _reason(choice: Choice, key: int) -> str:
    """Why a dose is chosen, or none by a key of NO_OPTIMAL_DOSE."""
    if key >= 0:
        return (
            f"{choice.in_short}, of the doses up to the recommended one{' that are not futile' * (choice.futility < 1)}"
        )
    return {
        NO_DOSE: "no dose is recommended",
        FUTILE: "every dose up to the recommended one is futile",
        NOTHING_TRIED: "no dose up to the recommended one was given",
    }[key]


def _apart(plan: ChoicePlan, pairs: frozenset[Pair]) -> list[Pair]:
    """Of responses without and with a DLT at a dose those among which the choice can tell."""
    none, eff, tox, both = plan.utilities
    kinds: dict[tuple[int, int], Pair] = {}
    for well, ill in sorted(pairs):
        worth = (eff - none) * well + (both - tox) * ill if plan.rule == BY_UTILITY else 0
        kinds.setdefault((well + ill, worth), (well, ill))
    return list(kinds.values())


class _Fillings(NamedTuple):
    """Ways in which all that is pending can turn out, F of them."""

    dlts: NDArray[np.int16]  # int16[F, D]
    responses: NDArray[np.int16]  # int16[F, D, 2], without and with a DLT
    highest: NDArray[np.int16]  # int16[F], index of the recommended dose, NO_DOSE for none


def _fillings(recommended: Recommended, by_completion: Sequence[Sequence[Sequence[Pair]]]) -> _Fillings:
    parts = []
    for (dlts, highest), responses in zip(recommended, by_completion, strict=True):
        places = np.indices([len(pairs) for pairs in responses]).reshape(len(responses), -1)
        at_doses = [np.array(pairs, np.int16)[place] for pairs, place in zip(responses, places, strict=True)]
        ways = places.shape[1]
        parts.append(
            _Fillings(
                np.tile(np.array(dlts, np.int16), (ways, 1)),
                np.stack(at_doses, axis=1),
                np.full(ways, NO_DOSE if highest is None else highest, np.int16),
            )
        )
    return _Fillings(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _decisive(fillings: _Fillings, chosen: NDArray[np.int16]) -> Iterator[int]:
    """Dose levels, from 1, at which outcomes change the optimal dose while those at the others stay as they are."""
    outcomes = np.concatenate([fillings.dlts[:, :, None], fillings.responses], axis=2)
    for dose in range(outcomes.shape[1]):
        if (outcomes[:, dose] == outcomes[0, dose]).all():
            continue
        others = np.delete(outcomes, dose, axis=1).reshape(len(outcomes), -1)
        _, group = np.unique(others, axis=0, return_inverse=True)
        least, most = np.full(group.max() + 1, np.iinfo(np.int16).max), np.full(group.max() + 1, NO_DOSE)
        np.minimum.at(least, group.ravel(), chosen)
        np.maximum.at(most, group.ravel(), chosen)
        if (least < most).any():
            yield dose + 1


def listed(names: Sequence[str], word: str) -> str:
    """Names as a sentence lists them."""
    return f" {word} ".join([", ".join(names[:-1]), *names[-1:]][len(names) < 2 :])
