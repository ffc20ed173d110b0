"""The next dose of a running trial whose design decides by responses beside DLTs.

Such a design waits until both outcomes of every patient are known, and until the last cohort is full: unless what is
not known cannot change the answer, or the DLTs that are known lead down already.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product
from math import prod

from escalation.designs.boin12 import BOIN12
from escalation.errors import OutcomesError
from escalation.kernels.codes import (
    BELOW,
    ENOUGH_AT_DOSE,
    FUTILE,
    FUTILITY,
    MAX_PATIENTS,
    NO_DOSE,
    NOTHING_TRIED,
    REASON_NAMES,
    TOO_TOXIC,
)
from escalation.plans.decision import Ruling, State
from escalation.plans.joint import JointPlan
from escalation.plans.reach import NO_RULING
from escalation.running.answer import Completion, Hold, NextDose, OptimalDose
from escalation.running.decider import Decider
from escalation.running.estimates import dose_estimates
from escalation.running.explanation import text_of
from escalation.running.holds import days_in_words
from escalation.running.responses import at_each_dose, listed
from escalation.running.standing import decider_for, too_many
from escalation.trial.data import NO_RESPONSES, InterimData
from escalation.trial.efficacy import Efficacy
from escalation.trial.trial import Trial

MOST_FILLINGS = 5_000
"""Ways in which what is pending can turn out that are looked at."""

Cell = tuple[int, int, int, int]
"""Patients with neither, a response only, a DLT only and both."""

ALL, RESPONDED, NO_DLT, DLT = (0, 1, 2, 3), (1, 3), (0, 1), (2, 3)
"""What can become of a patient of whom nothing is known, or that, by the place in a cell."""


@dataclass(frozen=True)
class Answer:
    """What follows where all outcomes are known."""

    state: State
    doses: tuple[int, ...]  # equally desirable ones, by index; empty where the trial ends
    size: int
    reason: int  # why it ends; 0 where it does not
    recommended: int  # index of the MTD, or NO_DOSE
    optimal: int  # that of the optimal dose, or a key of NO_OPTIMAL_DOSE
    completing: bool = False  # whether the next patients fill up the last cohort

    @property
    def essence(self) -> tuple[object, ...]:
        """What has to be the same whatever the outcomes; the doses that are chosen matter when the trial ends."""
        return self.doses, self.size, self.reason, (self.recommended, self.optimal) if self.reason else None


@dataclass(frozen=True, eq=False)
class Asked:
    """A design that is asked about one state after the other."""

    design: BOIN12
    decider: Decider
    plan: JointPlan
    efficacy: Efficacy

    @property
    def trial(self) -> Trial:
        """As the design runs it."""
        return self.decider.trial

    def planned(self, dose: int, patients: tuple[int, ...], dlts: tuple[int, ...]) -> int:
        """Patients of the next cohort at a dose."""
        left = self.plan.conduct.max_patients - sum(patients)
        return max(min(self.plan.conduct.size(dose, patients, dlts), left), 0)

    def answer(self, state: State, missing: int, ruling: Ruling) -> Answer:
        """What follows a cohort that lacks so many patients."""
        highest = self._highest(state, ruling)
        mtd, optimal = self.plan.chosen(state, None if ruling.closed_from is None else ruling.closed_from - 1)
        if state.dose is None:
            start = self.plan.conduct.start
            return Answer(state, (start,), self.planned(start, state.patients, state.dlts), 0, mtd, optimal)
        decision = self.plan.decide(state, highest=highest)
        doses = decision.tied or (() if decision.next_dose is None else (decision.next_dose,))
        n, t = state.patients[state.dose], state.dlts[state.dose]
        # What known DLTs say of a dose that is too toxic does not wait; that none has enough responses does.
        eliminated = self.plan.lowest_eliminated(state) <= state.dose
        down = self.plan.moves[n, t] == BELOW and doses and doses[0] < state.dose
        if missing and not (eliminated or down):
            if ruling.closed_from is not None and state.dose >= ruling.closed_from:
                raise _closed(self.trial, state.dose, "to fill up the last cohort")
            return Answer(state, (state.dose,), missing, 0, mtd, optimal, completing=True)
        if not doses:
            if self.plan.candidates(state)[0]:
                raise OutcomesError("ruled: no dose is left that may be given: what follows the design does not say")
            is_toxic = self.plan.lowest_eliminated(state) == 0
            return Answer(state, (), 0, TOO_TOXIC if is_toxic else FUTILITY, mtd, optimal if is_toxic else FUTILE)
        if self.plan.enough is not None and n >= self.plan.enough:
            return Answer(state, (), 0, ENOUGH_AT_DOSE, mtd, optimal)
        size = self.planned(doses[0], state.patients, state.dlts)
        if size == 0:
            return Answer(state, (), 0, MAX_PATIENTS, mtd, optimal)
        return Answer(state, doses, size, 0, mtd, optimal)

    def _highest(self, state: State, ruling: Ruling) -> int | None:
        """Index of the highest dose that a ruling lets be given."""
        limits = [] if ruling.closed_from is None else [ruling.closed_from - 1]
        limits += [state.last_dose] if ruling.stays and state.dose is not None else []
        return min(limits, default=None)


def next_by_responses(design: BOIN12, trial: Trial, data: InterimData, ruling: Ruling) -> NextDose:
    """What the design does next; raises OutcomesError as `next_dose` does."""
    decider = replace(decider_for(design, trial, data), ruling=ruling)
    asked = _asked(design, decider, data)
    last, missing, departures = _standing(asked, data)
    answers = [asked.answer(_state(cells, last), missing, ruling) for cells in _fillings(data)]
    first, pending = answers[0], data.responses_pending + sum(data.responded or ())
    settled = len({answer.essence for answer in answers}) == 1
    ends, tied = settled and not first.doses, settled and len(first.doses) > 1
    highest, hold = {answer.recommended for answer in answers}, _awaited(trial, data)
    return NextDose(
        next_dose=first.doses[0] + 1 if settled and not ends and not tied else None,
        cohort_size=first.size if settled else 0,
        stop=ends,
        stop_reason=REASON_NAMES[first.reason] if ends else None,
        expansion=False,
        reason=_in_words(asked, answers, pending, missing, None if settled else hold),
        recommended_dose=first.recommended + 1 if len(highest) == 1 and first.recommended != NO_DOSE else None,
        estimates=dose_estimates(_by_limit(decider), _known(data), data),
        prior=decider.prior(first.state),
        warnings=departures,
        pending=sum(data.pending),
        decided=settled and not tied,
        completions=tuple(dict.fromkeys(_completion(asked, answer) for answer in answers)) if pending else (),
        missing=missing,
        filled=tuple(_filled(asked, first)) if settled and not pending and first.completing else (),
        not_recommended=_why_no_mtd(first) if highest == {NO_DOSE} else None,
        hold=None if settled else hold,
        responses=tuple(at_each_dose(asked.efficacy, asked.plan.futile, data)),
        optimal_dose=_optimal(trial, answers, pending),
        tied=tuple(dose + 1 for dose in first.doses) if tied else (),
        toxicity_limit=asked.plan.limit,
    )


def _by_limit(decider: Decider) -> Decider:
    """The same, for which a DLT rate is too high above the highest acceptable one, as for the design."""
    assert decider.trial.efficacy is not None
    return replace(decider, trial=decider.trial.model_copy(update={"target": decider.trial.efficacy.max_toxicity}))


def _filled(asked: Asked, answer: Answer) -> Iterator[Completion]:
    """What follows when those whom the last cohort lacks have been treated, by their outcomes."""
    state, dose = answer.state, answer.state.last_dose
    for more in _added((0, 0, 0, 0), [(ALL, answer.size)]):
        cells = [*_cells_of(state)]
        none, eff, tox, both = (n + added for n, added in zip(cells[dose], more, strict=True))
        cells[dose] = none, eff, tox, both
        yield _completion(asked, asked.answer(_state(cells, dose), 0, asked.decider.ruling))


def _cells_of(state: State) -> Iterator[Cell]:
    """The patients of each outcome at each dose."""
    assert state.responses is not None
    for n, t, (well, ill) in zip(state.patients, state.dlts, state.responses, strict=True):
        yield n - t - well, well, t - ill, ill


def _awaited(trial: Trial, data: InterimData) -> Hold:
    """How long the design waits at most, where the windows and all follow-up are known."""
    why = "the design waits until both outcomes of every patient are known"
    window, dlt_window = None if trial.efficacy is None else trial.efficacy.window_days, trial.dlt_window_days
    if window is None or dlt_window is None or any(map(sum, data.response_pending or ())):
        return Hold(None, why)  # of N? and T? the data do not say since when
    followed = [
        (days, dlt_window if responded else window)
        for cohort in data.cohorts or ()
        for days, responded in zip(cohort.pending, cohort.responded or (), strict=True)
    ]
    left = [whole - days for days, whole in followed if days is not None]
    return Hold(max(left) if left and len(left) == len(followed) else None, why)


@dataclass(frozen=True)
class StandingByResponses:
    """Where a trial stands of which nothing is pending."""

    plan: JointPlan
    doses: tuple[int, ...]  # of which one is next, by index; empty where the trial has ended
    size: int  # of the next cohort
    completing: bool  # whether that only fills up the last one
    reason: int  # why the trial has ended; 0 where it has not
    recommended: int  # index of the MTD, or NO_DOSE
    optimal: int  # that of the optimal dose, or a key of NO_OPTIMAL_DOSE
    departures: tuple[str, ...]


def standing_by_responses(design: BOIN12, trial: Trial, data: InterimData) -> StandingByResponses:
    """Where a trial stands with these data; raises OutcomesError as `standing` does."""
    asked, state, missing, departures = standing_state(design, trial, data)
    now = asked.answer(state, missing, NO_RULING)
    told = now.doses, now.size, now.completing, now.reason, now.recommended, now.optimal
    return StandingByResponses(asked.plan, *told, departures)


def standing_state(design: BOIN12, trial: Trial, data: InterimData) -> tuple[Asked, State, int, tuple[str, ...]]:
    """The design to be asked, the state, patients whom the last cohort lacks, and departures; raises as `standing`."""
    asked = _asked(design, decider_for(design, trial, data), data)
    if pending := data.responses_pending + sum(data.responded or ()):
        who = "1 patient has" if pending == 1 else f"{pending} patients have"
        raise OutcomesError(
            f"outcomes: {who} an outcome that is pending, on which depends how the trial goes on; `next` shows what "
            "may follow"
        )
    last, missing, departures = _standing(asked, data)
    (cells,) = _fillings(data)
    return asked, _state(cells, last), missing, departures


def _asked(design: BOIN12, decider: Decider, data: InterimData) -> Asked:
    if data.responses is None:
        raise OutcomesError(f"outcomes: this design decides by responses, and {NO_RESPONSES}")
    assert decider.plan.joint is not None
    assert decider.trial.efficacy is not None
    return Asked(design, decider, decider.plan.joint, decider.trial.efficacy)


def _state(cells: Iterable[Cell], last: int | None) -> State:
    """Where the trial stands with so many patients of each outcome at each dose."""
    rows = tuple(cells)
    return State(
        patients=tuple(map(sum, rows)),
        dlts=tuple(toxic + both for _, _, toxic, both in rows),
        dose=last,
        responses=tuple((eff, both) for _, eff, _, both in rows),
    )


def _fillings(data: InterimData) -> Iterator[tuple[Cell, ...]]:
    """The cells that what is pending can turn out to; that of no DLT and no further response first."""
    assert data.complete is not None
    assert data.responded is not None
    assert data.response_pending is not None
    waiting = zip(data.complete, data.pending, data.responded, data.response_pending, strict=True)
    ways = [
        list(_added(cell, [(ALL, pending - responded), (RESPONDED, responded), (NO_DLT, without), (DLT, with_dlt)]))
        for cell, pending, responded, (without, with_dlt) in waiting
    ]
    if (number := prod(map(len, ways))) > MOST_FILLINGS:
        raise OutcomesError(
            f"outcomes: what is pending can turn out in {number:,} ways, and at most {MOST_FILLINGS:,} are looked at; "
            "ask again when more is known"
        )
    return product(*ways)


def _added(cell: Cell, unknown: list[tuple[tuple[int, ...], int]]) -> Iterator[Cell]:
    found: dict[Cell, None] = {}
    for ways in product(*(combinations_with_replacement(places, count) for places, count in unknown)):
        filled = list(cell)
        for place in (place for way in ways for place in way):
            filled[place] += 1
        found[filled[0], filled[1], filled[2], filled[3]] = None
    yield from found


def _standing(asked: Asked, data: InterimData) -> tuple[int | None, int, tuple[str, ...]]:
    """Index of the last dose, patients whom the last cohort lacks, and where the data depart from the design."""
    most = asked.trial.max_patients
    departures = [too_many(data.treated, most)] * (data.treated > most)
    if not data.treated:
        return None, 0, ()
    if data.cohorts:
        last, missing, found = _followed(asked, data)
        return last, missing, (*departures, *found)
    tried = [dose for dose in range(1, len(data.patients) + 1) if data.may_have_ended_at(dose)]
    if data.dose is None and len(tried) > 1:
        names = [asked.trial.level_names[dose - 1] for dose in tried]
        raise OutcomesError(f"dose of the last cohort: needed; it may have been dose level {listed(names, 'or')}")
    dose = (tried[0] if data.dose is None else data.dose) - 1
    if asked.plan.conduct.varies:
        raise OutcomesError(
            "outcomes: cohorts have several sizes, so that counts do not say whether the last one is full: give the "
            "outcomes cohort by cohort"
        )
    size = data.patients[dose] if data.last_cohort is None else data.last_cohort[0]
    before = tuple(n - size * (place == dose) for place, n in enumerate(data.patients))
    planned = asked.planned(dose, before, data.dlts)
    missing = -size % planned if data.last_cohort is None and planned else max(planned - size, 0)
    return dose, min(missing, max(most - data.treated, 0)), tuple(departures)


def _followed(asked: Asked, data: InterimData) -> tuple[int | None, int, list[str]]:
    """As `_standing`, cohort by cohort; what was pending may have been any of what it can turn out to."""
    levels, departures = asked.trial.levels, list[str]()
    last: int | None = None
    missing, seen = 0, InterimData.from_cohorts([], levels, efficacy=True)
    for number, cohort in enumerate((one for one in data.cohorts or () if one.patients), 1):
        dose, name = cohort.dose - 1, f"cohort {number} ({cohort.written(asked.trial.labels)})"
        answers = [asked.answer(_state(cells, last), missing, NO_RULING) for cells in _fillings(seen)]
        expected = {one for answer in answers for one in answer.doses}
        at = {answer.size for answer in answers if dose in answer.doses}
        if dose not in expected:
            given = listed([asked.trial.at_level(one) for one in sorted(expected)], "or")
            departures.append(f"{name}: the design {f'gives {given}' if expected else 'ends the trial'}")
        planned = max(at) if at else asked.planned(dose, seen.patients, seen.dlts)
        if cohort.patients > planned:
            departures.append(f"{name}: {cohort.patients} patients, where {planned} are planned")
        last, missing = dose, max(planned - cohort.patients, 0)
        seen = InterimData.from_cohorts([*(seen.cohorts or ()), cohort], levels, efficacy=True)
    return last, missing, departures


def _known(data: InterimData) -> State:
    """Where the trial stands by the patients whose DLT outcome is known."""
    patients = tuple(n - pending for n, pending in zip(data.patients, data.pending, strict=True))
    return State(patients, data.dlts, responses=data.responses)


def _in_words(asked: Asked, answers: list[Answer], pending: int, missing: int, hold: Hold | None) -> str:
    """Why, in a sentence; `hold` is None where the answer is settled."""
    first, trial = answers[0], asked.trial
    who = "1 patient has" if pending == 1 else f"{pending} patients have"
    if hold is not None:
        doses = sorted({dose for answer in answers for dose in answer.doses})
        ends = sorted({REASON_NAMES[answer.reason].replace("_", " ") for answer in answers if answer.reason})
        then = [trial.at_level(dose) for dose in doses] + [f"the end of the trial ({reason})" for reason in ends]
        wait = f"{who} an outcome that is pending: wait"
        if hold.days is not None:
            wait += f", {days_in_words(hold.days)} at most"
        return text_of([wait, f"it may be {listed(then, 'or')}"])
    clauses = list(_clauses(asked, first, missing))
    if pending:
        without = "with no DLT and no response among them"
        clauses.insert(0, f"{who} an outcome that is pending, which cannot change the answer; {without}")
    return text_of(clauses)


def _clauses(asked: Asked, answer: Answer, missing: int) -> Iterator[str]:
    """Why something follows, in clauses."""
    trial, state, plan = asked.trial, answer.state, asked.plan
    if state.dose is None:
        yield f"nobody was treated yet; the trial starts at {trial.at_level(answer.doses[0])}"
        return
    here, grounds = trial.at_level(state.dose), asked.design.grounds_of(trial, state.dose, state)
    if answer.completing:
        more = f"{missing} more {'fills' if missing == 1 else 'fill'} it up first"
        yield f"the last cohort, at {here}, is not full: {more}"
        return
    yield f"{here}: {grounds}"
    closed = [place for place, shut in enumerate(plan.closed(state)) if shut]
    if closed:
        names = [trial.level_names[place] for place in closed]
        yield f"dose level{'s' * (len(names) > 1)} {listed(names, 'and')} may not be given"
    found, explores = plan.candidates(state)
    if explores and answer.doses == found:
        above = trial.at_level(found[0])
        enough = f"with at least {plan.explore_from} patients at {here}"
        yield f"{enough} the next higher dose is explored: nobody was given {above}"
    elif answer.doses and plan.moves[state.patients[state.dose], state.dlts[state.dose]] != BELOW:
        shares = [f"{100 * plan.desirable(state, place):.1f} % at {trial.at_level(place)}" for place in found]
        benchmark = f"{asked.design.benchmark(asked.efficacy):g}"
        yield f"desirability, the probability that the mean utility exceeds {benchmark}: {listed(shares, 'and')}"
    alone = asked.answer(state, 0, NO_RULING)
    if answer.doses and alone.doses and answer.doses != alone.doses:
        wanted = listed([trial.at_level(place) for place in alone.doses], "or")
        yield f"by the design alone it would be {wanted}; those who conduct the trial let none so high follow"
    if missing:
        yield "this does not wait until the cohort is full; simulated trials of the design do"
    if len(answer.doses) > 1:
        names = [trial.level_names[place] for place in answer.doses]
        yield f"dose levels {listed(names, 'and')} are equally desirable: the design draws one of them by lot"
    if answer.reason:
        yield ENDINGS[answer.reason].format(here=here, most=plan.conduct.max_patients, enough=plan.enough)


ENDINGS = {
    TOO_TOXIC: "the trial ends as too toxic, recommending no dose",
    FUTILITY: "no dose that could be next has enough responses: the trial ends without an optimal dose",
    ENOUGH_AT_DOSE: "{here} has at least {enough} patients: the trial ends",
    MAX_PATIENTS: "all {most} patients have been treated",
}


def _completion(asked: Asked, answer: Answer) -> Completion:
    following = answer.doses[0] + 1 if len(answer.doses) == 1 else None
    reason = text_of(_clauses(asked, answer, answer.size if answer.completing else 0))
    return Completion(answer.state.dlts, following, bool(answer.reason), reason, answer.state.responses)


def _why_no_mtd(answer: Answer) -> str:
    return "too toxic: the lowest dose is eliminated" if any(answer.state.patients) else "nobody has been treated"


def _optimal(trial: Trial, answers: list[Answer], pending: int) -> OptimalDose:
    """The optimal dose if the trial ended now."""
    found = sorted({max(answer.optimal, NO_DOSE) for answer in answers})
    possible = (*(dose + 1 for dose in found if dose != NO_DOSE), *[None] * (NO_DOSE in found))
    if len(possible) == 1:
        reasons = dict.fromkeys(_why_optimal(answer) for answer in answers)
        return OptimalDose(possible[0], True, " or ".join(reasons), possible, ())
    names = [trial.level_names[dose - 1] for dose in possible if dose is not None]
    none = " or none" * (None in possible)
    waiting = f"not decided while the outcome{'s' * (pending > 1)} of {pending} patient{'s' * (pending > 1)} "
    reason = f"{waiting}{'are' if pending > 1 else 'is'} pending: dose level {listed(names, 'or')}{none}"
    return OptimalDose(None, False, reason, possible, ())


def _why_optimal(answer: Answer) -> str:
    """Why a dose is the optimal one, or none is."""
    return NOTHING_NEXT if answer.reason == FUTILITY else OPTIMAL.get(answer.optimal, CHOSEN)


NOTHING_NEXT = "no dose that could be next has enough responses"
CHOSEN = "the largest posterior mean utility, of the doses up to the MTD that are not futile"
OPTIMAL = {
    NO_DOSE: "no dose is recommended",
    FUTILE: "every dose up to the MTD is futile",
    NOTHING_TRIED: "no dose up to the MTD was given",
}


def _closed(trial: Trial, dose: int, whom: str) -> OutcomesError:
    return OutcomesError(
        f"closed: the next patients would be at {trial.at_level(dose)}, {whom}: what follows when that is closed the "
        "design does not say"
    )
