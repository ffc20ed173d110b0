"""The data of a running trial: its cohorts, or counts by dose.

Counts by dose say less: not where the last cohort was treated, nor what happened in it. Both can be said beside them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import product
from math import inf, prod
from operator import index
from typing import Any, Self

import numpy as np

from escalation.defaults import MOST_PATIENTS
from escalation.errors import OutcomesError
from escalation.trial.notation import Patient, quoted, read_words
from escalation.trial.trial import Trial

MOST_COMPLETIONS = 1_000
"""Ways in which the outcomes of pending patients can turn out, at each dose or in each cohort."""

OF_RESPONSES = "responses", "response_pending", "responded", "dlt_day_responses"
"""What a cohort says of responses."""

NO_EXPOSURES = "the data have no exposures"
"""Why an optimal dose by exposure is not known from data."""

NO_RESPONSES = (
    "these counts say nothing of responses; give the outcomes cohort by cohort, with E for a response and B for one "
    "with a DLT"
)
"""What is wrong with data of which responses are asked."""

Pair = tuple[int, int]
"""Of patients without a DLT, and of those with one."""


@dataclass(frozen=True)
class Cohort:
    """Patients treated together.

    Attributes
    ----------
    dose : int
        Dose level, from 1.
    patients : int
        Who can be evaluated, those who are pending included.
    dlts : int
    pending : tuple of float or None
        For each patient whose outcome is not known yet the days of follow-up, None where they are not known.
    inevaluable : int, default 0
        Patients who were treated but cannot be evaluated; `patients` does not count them.
    dlt_days : tuple of float, default ()
        Days after the first dose on which DLTs came, of those of which the day is known.
    responses : (int, int) or None, default None
        Of patients without and with a DLT, those who have responded; None in a trial that does not look at responses,
        with all that follows.
    response_pending : (int, int) or None
        Of patients without and with a DLT, those whose response is not known yet; by default nobody.
    responded : tuple of bool or None
        For each of `pending` whether that patient has responded already; by default nobody has.
    dlt_day_responses : tuple of bool or None, or None
        For each of `dlt_days` whether that patient has responded, None while it is not known; by default nobody has.

    Raises
    ------
    OutcomesError
        A ValueError: no such cohort can be.
    """

    dose: int
    patients: int
    dlts: int
    pending: tuple[float | None, ...] = ()
    inevaluable: int = 0
    dlt_days: tuple[float, ...] = ()
    responses: Pair | None = None
    response_pending: Pair | None = None
    responded: tuple[bool, ...] | None = None
    dlt_day_responses: tuple[bool | None, ...] | None = None

    def __post_init__(self) -> None:
        for name, least in (("dose", 1), ("patients", 0), ("dlts", 0), ("inevaluable", 0)):
            object.__setattr__(self, name, _whole(getattr(self, name), f"cohort: {name}", least))
        if self.patients + self.inevaluable == 0:
            raise OutcomesError("cohort: patients: 0 should be at least 1")
        for name, given in (("pending", self.pending), ("dlt_days", self.dlt_days)):
            if isinstance(given, str) or not isinstance(given, Iterable):
                other = ", or None for each" if name == "pending" else ""
                raise OutcomesError(f"cohort: {name}: {given!r:.40} should be a list of days{other}")
        days = (one if one is None else _days(one, "cohort: pending: days") for one in self.pending)
        object.__setattr__(self, "pending", tuple(days))
        object.__setattr__(self, "dlt_days", tuple(_days(one, "cohort: dlt_days") for one in self.dlt_days))
        if self.dlts + len(self.pending) > self.patients:
            beside = f" and {len(self.pending)} pending" if self.pending else ""
            raise OutcomesError(f"cohort: {self.dlts} DLTs{beside} in only {self.patients} patients")
        if len(self.dlt_days) > self.dlts:
            raise OutcomesError(f"cohort: dlt_days: {len(self.dlt_days)} days of {self.dlts} DLTs")
        self._check_responses()

    def _check_responses(self) -> None:
        beside = OF_RESPONSES[1:]
        if self.responses is None:
            for name in beside:
                if getattr(self, name) is not None:
                    raise OutcomesError(f"cohort: {name}: needs responses beside it")
            return
        object.__setattr__(self, "responses", _pair(self.responses, "cohort: responses"))
        object.__setattr__(self, beside[0], _pair(self.response_pending or (0, 0), f"cohort: {beside[0]}"))
        for name, whose, kinds in (
            (beside[1], self.pending, (False, True)),
            (beside[2], self.dlt_days, (False, True, None)),
        ):
            given = getattr(self, name)
            known = tuple(given) if isinstance(given, Iterable) else (False,) * len(whose)
            if len(known) != len(whose) or not all(any(one is kind for kind in kinds) for one in known):
                raise OutcomesError(f"cohort: {name}: {given!r:.40} should be {len(whose)} times True or False")
            object.__setattr__(self, name, known)
        _check_known(self._known, "cohort")
        for kind, dated in Counter(self._dated).items():
            if dated > self._known[kind]:
                raise OutcomesError(f"cohort: dlt_day_responses: {dated} days of {self._known[kind]} patients {kind}")

    @property
    def _known(self) -> dict[str, int]:
        """Patients whose DLT outcome is known, by what is written of them."""
        without = self.patients - self.dlts - len(self.pending)
        return _by_letter((without, self.dlts), self.responses or (0, 0), self.response_pending or (0, 0))

    @property
    def _dated(self) -> list[str]:
        """What is written of each patient whose DLT has its day."""
        said = self.dlt_day_responses or (False,) * len(self.dlt_days)
        return ["T?" if responded is None else "B" if responded else "T" for responded in said]

    def __str__(self) -> str:
        return self.written()

    def written(self, labels: Sequence[str] | None = None) -> str:
        """The cohort as outcomes have it, such as 2NTT; with the dose's label where there are any."""
        dose = str(self.dose) if labels is None else quoted(labels[self.dose - 1])
        dated = self._dated
        known = "".join(kind * (number - dated.count(kind)) for kind, number in self._known.items())
        days = zip(dated, self.dlt_days, strict=True)
        toxic = "".join(f"{kind[0]}{_written(day)}{kind[1:]}" for kind, day in days)
        followed = zip(self.pending, self.responded or (False,) * len(self.pending), strict=True)
        pending = "".join(f"P{'' if day is None else _written(day)}{'E' * responded}" for day, responded in followed)
        return f"{dose}{known}{toxic}{pending}{'I' * self.inevaluable}"

    def filled_by(self, more: "Cohort") -> Self:
        """The cohort with the patients of another one at its dose; of responses if both say something of them."""
        beside: dict[str, Any] = dict.fromkeys(OF_RESPONSES)
        if self.responses is not None and more.responses is not None:
            pairs = [
                tuple(map(sum, zip(mine or (0, 0), added or (0, 0), strict=True)))
                for mine, added in (
                    (self.responses, more.responses),
                    (self.response_pending, more.response_pending),
                )
            ]
            responded = (*(self.responded or ()), *(more.responded or ()))
            dated = (*(self.dlt_day_responses or ()), *(more.dlt_day_responses or ()))
            beside = dict(zip(OF_RESPONSES, (*pairs, responded, dated), strict=True))
        return replace(
            self,
            patients=self.patients + more.patients,
            dlts=self.dlts + more.dlts,
            pending=self.pending + more.pending,
            inevaluable=self.inevaluable + more.inevaluable,
            dlt_days=self.dlt_days + more.dlt_days,
            **beside,
        )

    @classmethod
    def of(cls, dose: int, patients: Sequence[Patient], *, efficacy: bool) -> Self:
        """The cohort of patients as they are written; `efficacy` says whether responses are looked at."""
        letters = Counter(patient.letter for patient in patients)
        pending = [patient for patient in patients if patient.letter == "P"]
        dated = [patient for patient in patients if patient.letter in "TB" and patient.days is not None]
        cohort = cls(
            dose,
            len(patients) - letters["I"],
            letters["T"] + letters["B"],
            tuple(patient.days for patient in pending),
            letters["I"],
            tuple(patient.days for patient in dated if patient.days is not None),
        )
        if not efficacy:
            return cohort
        waiting = [patient.letter for patient in patients if patient.response_pending]
        return replace(
            cohort,
            responses=(letters["E"], letters["B"]),
            response_pending=(waiting.count("N"), waiting.count("T")),
            responded=tuple(patient.has_responded for patient in pending),
            dlt_day_responses=tuple(None if one.response_pending else one.letter == "B" for one in dated),
        )


@dataclass(frozen=True)
class InterimData:
    """What has been seen in a running trial.

    Attributes
    ----------
    patients, dlts : tuple of int
        At each dose level. Patients who are pending are counted, those who cannot be evaluated are not.
    dose : int or None
        Dose level of the last cohort, from 1; None when it is not known or nobody was treated.
    last_cohort : (int, int) or None
        Patients and DLTs of the last cohort.
    cohorts : tuple of Cohort or None
        All cohorts in order; None when only counts are known.
    pending, inevaluable : tuple of int
        Patients whose outcome is not known yet, and who cannot be evaluated, at each dose level. Default: none.
    responses : tuple of (int, int), or None
        At each dose level, of patients without and with a DLT, those who have responded. None, with all that follows,
        in a trial without [trial.efficacy], and for counts that say nothing of responses.
    response_pending : tuple of (int, int), or None
        At each dose level, of patients without and with a DLT, those whose response is not known yet. Default: nobody.
    responded : tuple of int, or None
        At each dose level, of `pending` those who have responded already. Neither `responses` nor `complete` counts
        them. Default: nobody.

    Raises
    ------
    OutcomesError
        A ValueError: the parts contradict each other.
    """

    patients: tuple[int, ...]
    dlts: tuple[int, ...]
    dose: int | None = None
    last_cohort: tuple[int, int] | None = None
    cohorts: tuple[Cohort, ...] | None = None
    pending: tuple[int, ...] = ()
    inevaluable: tuple[int, ...] = ()
    responses: tuple[Pair, ...] | None = None
    response_pending: tuple[Pair, ...] | None = None
    responded: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        levels = len(self.patients)
        for name in ("patients", "dlts", "pending", "inevaluable"):
            counts = _counts(getattr(self, name), name)
            if not counts and name in ("pending", "inevaluable"):
                counts = (0,) * levels
            object.__setattr__(self, name, counts)
            if len(counts) != levels:
                raise OutcomesError(f"{name}: {len(counts)} numbers, but {levels} numbers of patients")
        counts_by_level = zip(self.patients, self.dlts, self.pending, strict=True)
        for level, (treated, toxic, open_) in enumerate(counts_by_level, 1):
            if toxic + open_ > treated:
                beside = f" and {open_} pending" if open_ else ""
                raise OutcomesError(f"dose level {level}: {toxic} DLTs{beside} in only {treated} patients")
        self._check_responses()
        if self.treated > MOST_PATIENTS:
            raise OutcomesError(f"{self.treated} patients; at most {MOST_PATIENTS} are possible")
        if self.treated == 0 and (self.dose is not None or self.last_cohort is not None):
            raise OutcomesError("dose, last cohort: nobody was treated yet")
        if self.dose is not None:
            object.__setattr__(self, "dose", _whole(self.dose, "dose", 1))
            if self.dose > levels:
                raise OutcomesError(f"dose: {self.dose}, but the dose levels are 1 to {levels}")
            if self.patients[self.dose - 1] == 0:
                raise OutcomesError(f"dose: nobody was treated at dose level {self.dose}")
        if self.last_cohort is not None:
            self._check_last_cohort()

    def _check_responses(self) -> None:
        if self.responses is None:
            for name in ("response_pending", "responded"):
                if getattr(self, name) is not None:
                    raise OutcomesError(f"{name}: needs responses beside it")
            return
        levels = len(self.patients)
        responses = _pairs(self.responses, "responses")
        waiting = _pairs(
            [(0, 0)] * levels if self.response_pending is None else self.response_pending, "response_pending"
        )
        responded = _counts([0] * levels if self.responded is None else self.responded, "responded")
        for name, values in (("responses", responses), ("response_pending", waiting), ("responded", responded)):
            if len(values) != levels:
                raise OutcomesError(f"{name}: {len(values)} dose levels, but {levels} numbers of patients")
            object.__setattr__(self, name, values)
        for level in range(levels):
            _check_known(self._known(level), f"dose level {level + 1}")
            if responded[level] > self.pending[level]:
                raise OutcomesError(
                    f"dose level {level + 1}: {responded[level]} responded of {self.pending[level]} pending"
                )

    def _known(self, level: int) -> dict[str, int]:
        """Patients at a dose whose DLT outcome is known, by what is written of them."""
        assert self.responses is not None
        assert self.response_pending is not None
        toxic = self.dlts[level]
        without = self.patients[level] - toxic - self.pending[level]
        return _by_letter((without, toxic), self.responses[level], self.response_pending[level])

    def _check_last_cohort(self) -> None:
        last = _counts(self.last_cohort, "last cohort")
        if len(last) != 2 or not 0 <= last[1] <= last[0] or last[0] == 0:
            raise OutcomesError("last cohort: should be two numbers, its patients and its DLTs, such as 3, 1")
        object.__setattr__(self, "last_cohort", last)
        if not any(self.may_have_ended_at(level) for level in range(1, len(self.patients) + 1)):
            where = "no dose level has" if self.dose is None else f"dose level {self.dose} does not have"
            raise OutcomesError(f"last cohort: {where} {last[0]} patients of whom {last[1]} had a DLT")

    @classmethod
    def of(cls, data: object, trial: Trial) -> "InterimData":
        """The data that a user gives: outcomes as text, or data as they are; OutcomesError for anything else."""
        efficacy = trial.efficacy is not None
        if isinstance(data, str):
            return cls.from_outcomes(data, trial.levels, labels=trial.labels, efficacy=efficacy)
        if not isinstance(data, InterimData):
            raise OutcomesError(f"outcomes: should be a text such as '1NNN 2NTT', or InterimData, not {data!r:.40}")
        if data.responses is not None and not efficacy:
            raise OutcomesError("outcomes: responses need [trial.efficacy] in the trial, which has none")
        return data

    @property
    def treated(self) -> int:
        """Patients at all doses, but for those who cannot be evaluated."""
        return sum(self.patients)

    @property
    def complete(self) -> tuple[tuple[int, int, int, int], ...] | None:
        """At each dose level the patients of whom both outcomes are known, in the order of `trial.joint.OUTCOMES`.

        That is neither, response only, DLT only, both; None where `responses` is.
        """
        if self.responses is None:
            return None
        known = (self._known(level) for level in range(len(self.patients)))
        return tuple((one["N"], one["E"], one["T"], one["B"]) for one in known)

    @property
    def responses_pending(self) -> int:
        """Patients at all doses whose response is not known yet; of `pending` those who have not responded."""
        waiting = sum(map(sum, self.response_pending or ()))
        return waiting + (0 if self.responded is None else sum(self.pending) - sum(self.responded))

    def to_dict(self) -> dict[str, Any]:
        """As nested dictionaries and tuples, without what they do not say of responses."""
        tree = asdict(self)
        for part in (tree, *(tree["cohorts"] or ())):
            for name in {*OF_RESPONSES} & {*part}:
                if part[name] is None:
                    del part[name]
        return tree

    def without_pending(self) -> Self:
        """The data were those who are pending known to have no DLT; they say nothing of responses."""
        return self._of_dlts([0] * len(self.patients if self.cohorts is None else self.cohorts))

    def _of_dlts(self, more: Sequence[int]) -> Self:
        """The data with so many DLTs among the pending, by cohort or dose, and with nothing of responses.

        Cohorts of which all was known before stay as they are, because messages show them.
        """
        if self.cohorts is None:
            dlts = tuple(map(sum, zip(self.dlts, more, strict=True)))
            return replace(self, dlts=dlts, pending=(), responses=None, response_pending=None, responded=None)
        nothing: dict[str, Any] = dict.fromkeys(OF_RESPONSES)
        known = [
            replace(cohort, dlts=cohort.dlts + added, pending=(), **nothing) if cohort.pending else cohort
            for cohort, added in zip(self.cohorts, more, strict=True)
        ]
        return self.from_cohorts(known, len(self.patients), efficacy=False)

    def completions(self) -> Iterator["InterimData"]:
        """The data that these can become when no DLT outcome is pending any more, from no further DLT to the most.

        Cohort by cohort where cohorts are known, else dose by dose. They say nothing of responses: whose DLT it is
        among those who are pending is left open.

        Raises
        ------
        OutcomesError
            A ValueError: there are too many.
        """
        open_ = self.pending if self.cohorts is None else [len(cohort.pending) for cohort in self.cohorts]
        if (ways := prod(number + 1 for number in open_)) > MOST_COMPLETIONS:
            raise OutcomesError(
                f"{sum(self.pending)} patients are pending: their outcomes can turn out in {ways:,} ways, and at most "
                f"{MOST_COMPLETIONS:,} are looked at"
            )
        for more in product(*(range(number + 1) for number in open_)):
            yield self._of_dlts(more)

    def possible_responses(self) -> Iterator[tuple[frozenset[Pair], ...]]:
        """Beside each of `completions` the responses there can be at each dose, of patients without and with a DLT."""
        assert self.responses is not None
        nobody = frozenset({(0, 0)})
        open_ = [*zip(self.pending, self.responded or (), range(len(self.patients)), strict=True)]
        if self.cohorts is not None:
            open_ = [(len(one.pending), sum(one.responded or ()), one.dose - 1) for one in self.cohorts]
        for more in product(*(range(number + 1) for number, *_ in open_)):
            found = [nobody] * len(self.patients)
            for dlts, (pending, responded, dose) in zip(more, open_, strict=True):
                if pending:
                    found[dose] = _sums(found[dose], _responses_of(pending, responded, dlts))
            known = zip(found, self.responses, self.response_pending or (), strict=True)
            yield tuple(
                _sums(added, frozenset(product(range(well, well + wait + 1), range(ill, ill + ill_wait + 1))))
                for added, (well, ill), (wait, ill_wait) in known
            )

    @classmethod
    def from_outcomes(
        cls, text: str, levels: int, *, labels: Sequence[str] | None = None, efficacy: bool = False
    ) -> Self:
        """Read outcomes such as `1NNN 2NTP`; an empty text for a trial that has not begun.

        A word for each cohort: the dose level, then a letter for each patient: N for no DLT, T for a DLT, P for an
        outcome that is pending, perhaps with the days of follow-up, as in P14, and I for a patient who cannot be
        evaluated. A DLT may have the day on which it came, as in T9. Days may be fractions, as in P0.5.

        In a trial that looks at responses N is neither, T a DLT only, E a response only and B both. N? and T? have the
        response pending; P has both pending, and P14E has responded already.

        Parameters
        ----------
        text : str
        levels : int
            Number of dose levels of the trial.
        labels : sequence of str, optional
            What the doses are called: the words then begin with a label, in quotation marks unless it is an unsigned
            whole number, as in '"-1"NNN 1NNT'.
        efficacy : bool, default False
            Whether the trial looks at responses, which is whether it has `efficacy`.

        Raises
        ------
        OutcomesError
            A ValueError that shows the bad character.

        Examples
        --------
        >>> InterimData.from_outcomes("1NNN 2NTT", levels=4).dlts
        (0, 2, 0, 0)
        >>> InterimData.from_outcomes("1NNE 2EBT", levels=4, efficacy=True).responses
        ((1, 0), (1, 1), (0, 0), (0, 0))
        """
        words = read_words(text, levels, labels, efficacy=efficacy)
        cohorts = [Cohort.of(level, patients, efficacy=efficacy) for level, patients in words]
        return cls.from_cohorts(cohorts, levels, efficacy=efficacy)

    @classmethod
    def from_cohorts(cls, cohorts: Sequence[Cohort], levels: int, *, efficacy: bool | None = None) -> Self:
        """Data known cohort by cohort.

        Parameters
        ----------
        cohorts : sequence of Cohort
        levels : int
            Number of dose levels of the trial.
        efficacy : bool, optional
            Whether the data say something of responses; by default they do if a cohort does.

        Raises
        ------
        OutcomesError
            A ValueError: there are more patients than any trial has, or a cohort says nothing of responses.
        """
        if efficacy is None:
            efficacy = any(cohort.responses is not None for cohort in cohorts)
        counts = [[0] * levels for _ in range(4)]
        for cohort in cohorts:
            if cohort.dose > levels:
                raise OutcomesError(f"cohort: dose level {cohort.dose}, but the dose levels are 1 to {levels}")
            added = cohort.patients, cohort.dlts, len(cohort.pending), cohort.inevaluable
            for numbers, number in zip(counts, added, strict=True):
                numbers[cohort.dose - 1] += number
            if efficacy and cohort.responses is None:
                raise OutcomesError(f"cohort: {cohort}: responses are needed, because other cohorts have them")
        patients, dlts, pending, inevaluable = map(tuple, counts)
        evaluable = [cohort for cohort in cohorts if cohort.patients]
        last = evaluable[-1] if evaluable else None
        return cls(
            patients,
            dlts,
            None if last is None else last.dose,
            None if last is None else (last.patients, last.dlts),
            tuple(cohorts),
            pending,
            inevaluable,
            *(_responses_by_dose(cohorts, levels) if efficacy else ()),
        )

    @classmethod
    def from_counts(
        cls,
        patients: Sequence[int],
        dlts: Sequence[int],
        levels: int,
        *,
        dose: int | None = None,
        last_cohort: tuple[int, int] | None = None,
        pending: Sequence[int] = (),
        responses: Sequence[Pair] | None = None,
    ) -> Self:
        """Data known as counts.

        Parameters
        ----------
        patients, dlts : sequence of int
            At each dose level from the lowest; none at those left out.
        levels : int
            Number of dose levels of the trial.
        dose : int, optional
            Dose level of the last cohort, from 1.
        last_cohort : (int, int), optional
            Patients and DLTs of the last cohort.
        pending : sequence of int, optional
            Of the patients, those whose outcome is not known yet, at each dose level from the lowest.
        responses : sequence of (int, int), optional
            Of the patients without and with a DLT, those who have responded, at each dose level from the lowest. Left
            out, nothing is known of responses; given, all are known but for those of `pending`.

        Raises
        ------
        OutcomesError
            A ValueError: the counts contradict each other or the trial.
        """
        n, y = _counts(patients, "patients"), _counts(dlts, "dlts")
        if len(y) != len(n):
            raise OutcomesError(f"dlts: {len(y)} numbers, but {len(n)} numbers of patients")
        if len(n) > levels:
            raise OutcomesError(f"patients: {len(n)} numbers, but there are only {levels} dose levels")
        open_ = _counts(pending, "pending")
        if len(open_) > len(n):
            raise OutcomesError(f"pending: {len(open_)} numbers, but {len(n)} numbers of patients")
        if any(open_) and last_cohort is not None:
            raise OutcomesError(
                "last cohort: with patients pending its DLTs are not known; give the outcomes cohort by cohort"
            )
        if responses is not None:
            responses = _pairs(responses, "responses")
            if len(responses) > len(n):
                raise OutcomesError(f"responses: {len(responses)} dose levels, but {len(n)} numbers of patients")
            responses = (*responses, *((0, 0),) * (levels - len(responses)))
        n, y, open_ = ((*counts, *(0,) * (levels - len(counts))) for counts in (n, y, open_))
        return cls(n, y, dose, last_cohort, None if any(n) else (), open_, responses=responses)

    def may_have_ended_at(self, level: int) -> bool:
        """Whether the last cohort may have been treated at a dose level, from 1."""
        if self.dose not in (None, level):
            return False
        n, y = self.patients[level - 1], self.dlts[level - 1]
        size, toxic = self.last_cohort or (1, min(y, 1))
        return size <= n and 0 <= y - toxic <= n - size


def _whole(value: object, name: str, least: int) -> int:
    """A whole number; numpy's are welcome, truth values are not."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise OutcomesError(f"{name}: {value!r:.40} should be a whole number")
    number = index(value)
    if number < least:
        raise OutcomesError(f"{name}: {number} should be at least {least}")
    return number


def _days(value: object, name: str) -> float:
    """A number of days, whole where it is given so."""
    if isinstance(value, float | np.floating):
        if not 0 <= value < inf:
            raise OutcomesError(f"{name}: {value:g} should be a number of days, at least 0")
        return float(value)
    return _whole(value, name, 0)


def _written(days: float) -> str:
    """Days as outcomes have them: in decimals, as many as are needed."""
    return f"{Decimal(repr(days)):f}" if isinstance(days, float) else str(days)


def _pair(values: object, name: str) -> Pair:
    """Numbers of patients without and with a DLT."""
    counts = _counts(values, name)
    if len(counts) != 2:
        raise OutcomesError(f"{name}: {values!r:.40} should be two numbers, of patients without and with a DLT")
    return counts[0], counts[1]


def _pairs(values: object, name: str) -> tuple[Pair, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise OutcomesError(f"{name}: {values!r:.40} should be two numbers for each dose level")
    return tuple(_pair(one, name) for one in values)


def _by_letter(patients: Pair, responses: Pair, waiting: Pair) -> dict[str, int]:
    """Patients without and with a DLT by what is written of them."""
    (well, ill), (eff, both), (well_waiting, ill_waiting) = patients, responses, waiting
    return {
        "N": well - eff - well_waiting,
        "N?": well_waiting,
        "E": eff,
        "T": ill - both - ill_waiting,
        "T?": ill_waiting,
        "B": both,
    }


def _responses_of(pending: int, responded: int, dlts: int) -> frozenset[Pair]:
    """The responses of so many pending patients, some of whom have responded, once so many have had a DLT."""
    silent = pending - responded
    return frozenset(
        (responded - ill + well_more, ill + ill_more)
        for ill in range(max(dlts - silent, 0), min(dlts, responded) + 1)  # who have responded and have a DLT
        for ill_more in range(dlts - ill + 1)
        for well_more in range(silent - (dlts - ill) + 1)
    )


def _sums(first: frozenset[Pair], second: frozenset[Pair]) -> frozenset[Pair]:
    return frozenset((a + c, b + d) for a, b in first for c, d in second)


def _check_known(known: dict[str, int], where: str) -> None:
    """Refuse more responses, known or pending, than there are patients."""
    for letters, whose in (("N", "N?", "E"), "without"), (("T", "T?", "B"), "with"):
        none, waiting, responses = (known[letter] for letter in letters)
        if none < 0:
            beside = f" and {waiting} pending" if waiting else ""
            total = none + waiting + responses
            raise OutcomesError(f"{where}: {responses} responses{beside} in only {total} patients {whose} a DLT")


def _responses_by_dose(
    cohorts: Iterable[Cohort], levels: int
) -> tuple[tuple[Pair, ...], tuple[Pair, ...], tuple[int, ...]]:
    """Responses, those that are pending, and pending patients who have responded, at each dose."""
    counts = np.zeros((levels, 5), np.int64)
    for cohort in cohorts:
        parts = *(cohort.responses or (0, 0)), *(cohort.response_pending or (0, 0)), sum(cohort.responded or ())
        counts[cohort.dose - 1] += parts
    known, waiting = ([(well, ill) for well, ill in part.tolist()] for part in (counts[:, :2], counts[:, 2:4]))
    return tuple(known), tuple(waiting), tuple(counts[:, 4].tolist())


def _counts(values: object, name: str) -> tuple[int, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise OutcomesError(f"{name}: {values!r:.40} should be a list of whole numbers")
    return tuple(_whole(value, name, 0) for value in values)
