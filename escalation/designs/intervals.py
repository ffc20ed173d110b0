"""What designs share that place a dose's DLT rate below, inside or above an interval about the target.

They escalate below, stay inside and de-escalate above. They differ in how the counts at the dose place its rate.
"""

from abc import abstractmethod
from collections.abc import Iterator
from math import inf
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from escalation.designs.base import Design, never_reached, patients_reach
from escalation.designs.isotonic import closest_isotonic, isotonic_in_words
from escalation.designs.words import above_limit, beside, beta, observed
from escalation.errors import DesignError
from escalation.fields import Count, Fraction
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ENOUGH_AT_DOSE, ESCALATE, SAME_DOSE, SLACK, STAY
from escalation.numbers import exceedance, fewest_dlts
from escalation.plans.conduct import Conduct
from escalation.plans.table import TablePlan
from escalation.trial.trial import Trial

Numbers = NDArray[np.int64] | NDArray[np.float64]
Moves = NDArray[np.int8]

MOVES = (ESCALATE, STAY, DE_ESCALATE)
A_MOVE = "should be 1 to escalate, 0 to stay or -1 to de-escalate"

Margin = Annotated[Fraction, Field(ge=0.0001)]
"""How far an interval reaches. In much narrower ones rounding errors would decide."""

MARGINS = tuple(percent / 100 for percent in range(1, 16))
"""What a calibration tries for how far an interval reaches: 0.01 to 0.15."""


class IntervalDesign(Design):
    """A design that moves by the counts at the dose just given, and eliminates and recommends as BOIN does.

    A class of one's own derives from it, has a `kind`, says in `moves` where the counts lead, and perhaps in `place`
    why and in `words` what a protocol says of it. A dose is eliminated, with all above, when P(rate > target | data) >
    cutoff_eli under a Beta prior. The recommended dose has the isotonic estimate closest to the target, among tried
    doses that are not eliminated.

    Parameters
    ----------
    cutoff_eli : float, default 0.95
        Posterior probability of exceeding the target above which a dose is eliminated.
    stop_at : int, optional
        End the trial when a dose has this many patients and the next cohort would be given there again.

    Examples
    --------
    >>> import numpy as np
    >>> class ByRate(IntervalDesign):
    ...     kind: str = "by-rate"
    ...
    ...     def moves(self, target, patients, dlts):
    ...         return np.sign(target * patients - dlts)
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> ByRate().grounds(trial, 0, 3, 1)
    '1 of 3 patients with a DLT is a rate of 0.333'
    """

    cutoff_eli: Fraction = 0.95
    stop_at: Count | None = None

    prior: ClassVar[tuple[float, float]] = (1.0, 1.0)
    """Parameters of the Beta prior of each dose's DLT rate."""
    fewest_to_eliminate: ClassVar[int] = 1
    """Patients at a dose before it can be eliminated."""

    @property
    def beta_prior(self) -> tuple[float, float]:
        """Parameters of the Beta prior of each dose's DLT rate."""
        return self.prior

    @abstractmethod
    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:
        """Where the counts at a dose lead: 1 to the dose above, 0 to the same, -1 to the dose below.

        Parameters
        ----------
        target : float
        patients, dlts : array
            At least one patient each, who need not be whole, and no more DLTs than patients. Where pending patients are
            weighed by their follow-up there may be less than one patient, but more than none.

        Returns
        -------
        array of the same shape
            Elimination goes before it.
        """

    def place(self, target: float, patients: int, dlts: int, move: int) -> str:  # noqa: ARG002
        """Why counts at a dose that do not eliminate it mean this move, as one clause of a sentence."""
        return f"{observed(patients, dlts)} is a rate of {beside(dlts / patients)[0]}"

    def words(self, trial: Trial) -> str:
        """How the counts at a dose decide, in the sentences of a protocol."""
        return (
            f"Doses are decided on by the design {self.label or self.kind!r} with a target DLT rate of "
            f"{trial.target:g}. After each cohort the numbers of patients and DLTs at the current dose decide, as in "
            "its table, whether the dose is escalated, given again or de-escalated."
        )

    def _cautions(self, trial: Trial) -> Iterator[str]:
        above = exceedance(trial.target, 1, 1, self.prior)
        if trial.cohort_size == 1 and self.fewest_to_eliminate == 1 and above > self.cutoff_eli + SLACK:
            yield "with cohorts of 1, a DLT in the first patient of a dose eliminates it"
        yield from never_reached("stop_at", self.stop_at, trial)

    def _most_recommended(self, target: float) -> float:  # noqa: ARG002
        """Largest isotonic estimate that may be recommended."""
        return inf

    def _cutoff(self, dose: int) -> float:  # noqa: ARG002
        """Posterior probability above which a dose, by its index, is eliminated."""
        return self.cutoff_eli

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:
        if code != ELIMINATE:
            return self.place(trial.target, patients, dlts, code)
        return above_limit(trial.target, patients, dlts, self.prior, self._cutoff(dose))

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        yield self.words(trial)
        fewest = self.fewest_to_eliminate
        enough = f"at least {fewest} patients have been treated there and " if fewest > 1 else ""
        yield (
            f"A dose and all above it are eliminated, whatever else the rules say, when {enough}P(DLT rate > "
            f"{trial.target:g} | data at the dose) > {self.cutoff_eli:g} under {beta(self.prior)}; the next cohort "
            "then gets the dose below."
        )
        if self._cutoff(0) != self.cutoff_eli:
            yield f"The lowest dose is eliminated as soon as that probability exceeds {self._cutoff(0):g}."
        yield "Elimination of the lowest dose ends the trial, and no dose is recommended."

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:
        yield isotonic_in_words(self._most_recommended(trial.target))

    def _plan(self, trial: Trial) -> TablePlan:
        table = self.moves_by_counts(trial)
        cutoffs = [self._cutoff(dose) for dose in range(trial.levels)]
        tables = {cutoff: self._eliminating(table, trial.target, cutoff) for cutoff in set(cutoffs)}
        return TablePlan(
            codes=np.stack([tables[cutoff] for cutoff in cutoffs]),
            selection=closest_isotonic(trial.target, trial.max_patients, self._most_recommended(trial.target)),
            conduct=Conduct.of(trial, stops=patients_reach(self.stop_at, SAME_DOSE, ENOUGH_AT_DOSE, trial)),
        )

    def moves_by_counts(self, trial: Trial) -> Moves:
        """Where the counts at a dose lead, whether or not they eliminate it, int8[N + 1, N + 1] by patients and DLTs.

        STAY where there can be no such counts.

        Raises
        ------
        DesignError
            `moves` of a class of one's own gives something else.
        """
        size = trial.max_patients + 1
        patients, dlts = (counts[1:] for counts in np.tril_indices(size))  # but for no patients
        for counts in (patients, dlts):
            counts.flags.writeable = False  # moves of somebody's own might change them
        table = np.full((size, size), STAY, np.int8)
        table[patients, dlts] = self._checked_moves(trial, patients, dlts)
        return table

    def _eliminating(self, table: Moves, target: float, cutoff: float) -> Moves:
        """A table of moves with the cells that eliminate: those with the most DLTs among as many patients."""
        numbers = np.arange(max(self.fewest_to_eliminate, 1), len(table))
        fewest = fewest_dlts(lambda n, y: exceedance(target, n, y, self.prior) > cutoff + SLACK, numbers)
        found = table.copy()
        for patients, dlts in zip(numbers.tolist(), fewest.tolist(), strict=True):
            found[patients, dlts : patients + 1] = ELIMINATE
        return found

    def _checked_moves(self, trial: Trial, patients: Numbers, dlts: Numbers) -> Moves:
        """The moves, unless a class of somebody's own gives something else."""
        found = np.asarray(self.moves(trial.target, patients, dlts))
        if found.shape != patients.shape or found.dtype.kind not in "iuf":
            given = f"{found.dtype} of shape {found.shape} for counts of shape {patients.shape}"
            raise DesignError(f"{self.kind}: moves: {given}; each {A_MOVE}")
        for wrong in np.flatnonzero(~np.isin(found, MOVES))[:1]:
            raise DesignError(f"{self.kind}: moves: {found[wrong]} after {dlts[wrong]} of {patients[wrong]}; {A_MOVE}")
        return found.astype(np.int8)


class TargetInterval(IntervalDesign):
    """An interval design with an interval about the target that does not depend on the counts."""

    @abstractmethod
    def reach(self, target: float) -> tuple[tuple[str, float], tuple[str, float]]:
        """How far the interval reaches below the target and above it, each with the name of the option."""

    def interval(self, target: float) -> tuple[float, float]:
        """The ends of the interval."""
        (_, below), (_, above) = self.reach(target)
        return target - below, target + above

    def parameters(self, trial: Trial) -> dict[str, float]:
        """The ends of the interval about the target."""
        return dict(zip(("interval_low", "interval_high"), self.interval(trial.target), strict=True))

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        (name_below, below), (name_above, above) = self.reach(trial.target)
        if trial.target - below <= SLACK:
            yield name_below, f"{below:g} should be less than the target of {trial.target:g}"
        if trial.target + above >= 1 - SLACK:
            yield name_above, f"{above:g} should be less than 1 - target = {1 - trial.target:g}"


class EquivalenceInterval(TargetInterval):
    """An interval design with an equivalence interval about the target.

    Parameters
    ----------
    epsilon1 : float, default 0.05
        How far the equivalence interval reaches below the target.
    epsilon2 : float, default 0.05
        How far the equivalence interval reaches above the target.
    """

    epsilon1: Margin = 0.05
    epsilon2: Margin = 0.05

    tuned: ClassVar[dict[str, tuple[float, ...]]] = {"epsilon1": MARGINS[:10], "epsilon2": MARGINS[:10]}

    def reach(self, target: float) -> tuple[tuple[str, float], tuple[str, float]]:  # noqa: ARG002
        """How far the equivalence interval reaches below the target and above it."""
        return ("epsilon1", self.epsilon1), ("epsilon2", self.epsilon2)


def moves_where(escalate: NDArray[np.bool_], de_escalate: NDArray[np.bool_]) -> Moves:
    """Escalate where the first holds, of the rest de-escalate where the second does, else stay."""
    return np.where(escalate, np.int8(ESCALATE), np.where(de_escalate, np.int8(DE_ESCALATE), np.int8(STAY)))
