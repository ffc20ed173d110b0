"""Dose transition pathways: every way a trial can go over its next cohorts.

Source: Yap C, Billingham LJ, Cheung YK, Craddock C, O'Quigley J (2017) Dose transition pathways: the missing link
between complex dose-finding designs and simple decision-making. Clin Cancer Res 23:7440-7447.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike
from scipy import special

from escalation.designs import BOIN12, Design
from escalation.errors import OutcomesError, PathwayError
from escalation.kernels.codes import REASON_NAMES
from escalation.plans.clock import evaluated_rates
from escalation.plans.decision import State
from escalation.running.decider import Decider
from escalation.running.explanation import undecided
from escalation.running.response_paths import walk_by_responses
from escalation.running.standing import standing
from escalation.running.tree import Node, Pathways, check_number
from escalation.trial.data import Cohort, InterimData
from escalation.trial.joint import JointRates
from escalation.trial.rates import check_rates
from escalation.trial.trial import Trial

MOST_PATHS = 10_000
"""More paths than this are not listed."""

SECONDS = 10
"""So many times the decisions that a plan may be asked for in a part of a second are asked for to count paths, and for
those that are shown unasked."""

MOST_COUNTED = 20_000
"""States from which paths are counted."""


def paths(
    design: Design,
    trial: Trial,
    *,
    cohorts: int = 3,
    after: InterimData | str = "",
    truths: Mapping[str, ArrayLike | JointRates] | None = None,
    most: int = MOST_PATHS,
) -> Pathways:
    """Every path over the next cohorts.

    Parameters
    ----------
    design : Design
    trial : Trial
    cohorts : int
        How many to look ahead, at least 1.
    after : InterimData or str
        The data of a running trial; by default the trial begins.
    truths : mapping of str to sequences of float or JointRates, optional
        True DLT rates of each dose level, by name, under which the paths get a probability; or those of DLTs and
        responses, which a design needs that decides by responses.
    most : int
        Refuse more paths than this.

    Raises
    ------
    DesignError
        A ValueError: the design or a truth does not fit the trial.
    OutcomesError
        A ValueError: the data cannot be read, or leave open what the design looks at.
    PathwayError
        A ValueError: there are too many paths to list.

    Examples
    --------
    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> ahead = paths(BOIN(), trial, cohorts=2, truths={"rising": [0.05, 0.12, 0.25, 0.40]})
    >>> len(list(ahead.root.leaves)), ahead.root.branches[2].next_dose
    (13, 1)
    """
    if not isinstance(cohorts, int) or cohorts < 1:
        raise PathwayError(f"cohorts: {cohorts!r} should be a whole number, at least 1")
    if truths is not None and not isinstance(truths, Mapping):
        raise PathwayError("truths: should be DLT rates by the names of truths, such as {'MTD at 3': [0.1, 0.2, 0.3]}")
    data = InterimData.of(after, trial)
    given = list((truths or {}).values())
    dlt_rates = [check_rates(truth.dlt if isinstance(truth, JointRates) else truth, trial) for truth in given]
    if isinstance(design, BOIN12):
        root, departures = walk_by_responses(design, trial, data, cohorts, given, most)
        return Pathways(trial, cohorts, tuple(truths or ()), root, departures, by_responses=True)
    now = standing(design, trial, data)
    rates = [evaluated_rates(truth, trial).tolist() for truth in dlt_rates]
    _check_number(now.decider, now.state, cohorts, most)
    root = _node(now.decider, now.state, (), cohorts, rates, (1.0,) * len(rates))
    by = "exposures" if design.chooses_by_exposure else "responses" if design.optimal_dose is not None else None
    return Pathways(now.decider.trial, cohorts, tuple(truths or ()), root, now.departures, by)


def first_pathways(design: Design, trial: Trial, *, most: int = MOST_PATHS) -> Pathways | None:
    """The pathways of the first three cohorts, or of as many as have at most so many paths; None for none.

    Of a plan whose decisions take long no more than it may be asked for within some seconds.
    """
    few = min(most, SECONDS * design.plan(design.applied_to(trial)).most_decisions)
    for cohorts in (3, 2, 1):
        try:
            return paths(design, trial, cohorts=cohorts, most=few)
        except PathwayError:
            continue
    return None


def _node(
    decider: Decider,
    state: State,
    cohorts: tuple[Cohort, ...],
    ahead: int,
    rates: Sequence[Sequence[float]],
    probability: tuple[float, ...],
) -> Node:
    decision = decider.decide(state)
    if decision.is_open:
        raise OutcomesError(f"outcomes: {undecided(decider, state)}")
    dose = decision.next_dose
    if dose is None:
        recommended = decider.recommended(state)
        return Node(
            cohorts,
            next_dose=None,
            size=0,
            reason=REASON_NAMES[decision.reason],
            recommended=None if recommended is None else recommended + 1,
            expansion=decision.expanding,
            probability=probability,
            branches=(),
        )
    branches = []
    for dlts in range(decision.size + 1) if ahead else ():
        shares = (_binomial(decision.size, dlts, truth[dose]) for truth in rates)
        branches.append(
            _node(
                decider,
                decider.after(state, decision, dlts),
                (*cohorts, _cohort(decider.trial, dose + 1, decision.size, dlts)),
                ahead - 1,
                rates,
                tuple(before * share for before, share in zip(probability, shares, strict=True)),
            )
        )
    return Node(cohorts, dose + 1, decision.size, None, None, decision.expanding, probability, tuple(branches))


def _cohort(trial: Trial, dose: int, size: int, dlts: int) -> Cohort:
    """A cohort to come; whoever may respond, that is open, because it does not change the path."""
    if trial.efficacy is None:
        return Cohort(dose, size, dlts)
    return Cohort(dose, size, dlts, responses=(0, 0), response_pending=(size - dlts, dlts))


def _binomial(patients: int, dlts: int, rate: float) -> float:
    return float(special.comb(patients, dlts) * rate**dlts * (1 - rate) ** (patients - dlts))


def _check_number(decider: Decider, start: State, cohorts: int, most: int) -> None:
    """Refuse too many paths, saying how many there are and how far one can look instead.

    Paths that reach the same state go on alike: they are counted together.
    """
    living, ended, number, possible = Counter({start: 1}), 0, 1, 0
    for cohort in range(1, cohorts + 1):
        reached: Counter[State] = Counter()
        for state, ways in living.items():
            decision = decider.decide(state)
            if decision.next_dose is None:
                ended += ways
                continue
            for dlts in range(decision.size + 1):
                reached[decider.after(state, decision, dlts)] += ways
        living, number = reached, ended + reached.total()
        if number <= most:
            possible = cohort
        if not living or len(living) > min(MOST_COUNTED, SECONDS * decider.plan.most_decisions):
            break
    check_number(number, most, cohorts, possible, is_all=cohort == cohorts or not living)
