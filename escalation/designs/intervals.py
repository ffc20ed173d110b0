"""What designs share that place a dose's DLT rate below, inside or above an interval about the target.

They escalate below, stay inside and de-escalate above. They differ in how the counts at the dose place its rate: by the
observed rate, or by which of three adjacent intervals has the largest posterior probability or mean posterior density.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from math import inf
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from escalation.designs.base import Design, decision_table, never_reached, patients_reach
from escalation.designs.isotonic import closest_isotonic, isotonic_in_words
from escalation.designs.words import beside, beta, observed, ranked
from escalation.fields import Count, Fraction
from escalation.kernels.codes import DE_ESCALATE, ELIMINATE, ENOUGH_AT_DOSE, ESCALATE, SAME_DOSE, SLACK
from escalation.numbers import count_grid, exceedance
from escalation.plans.conduct import Conduct
from escalation.plans.table import TablePlan
from escalation.trial.trial import Trial

Cells = NDArray[np.bool_]
"""Cells of a decision table, bool[N + 1, N + 1], by patients and DLTs at a dose."""

Floats = NDArray[np.float64]

Margin = Annotated[Fraction, Field(ge=0.0001)]
"""How far an interval reaches. In much narrower ones rounding errors would decide."""

MARGINS = tuple(percent / 100 for percent in range(1, 16))
"""What a calibration tries for how far an interval reaches: 0.01 to 0.15."""


class IntervalDesign(Design):
    """A design that moves by the place of a dose's DLT rate, and eliminates and recommends as BOIN does.

    Parameters
    ----------
    cutoff_eli : float, default 0.95
        Posterior probability of exceeding the target above which a dose is eliminated.
    stop_at : int, optional
        End the trial when a dose has this many patients and the next cohort would be given there again.
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

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if trial.cohort_size == 1 and self._eliminates(trial.target, 1)[1, 1]:
            yield "with cohorts of 1, a DLT in the first patient of a dose eliminates it"
        yield from never_reached("stop_at", self.stop_at, trial)

    @abstractmethod
    def _moves(self, target: float, max_patients: int) -> tuple[Cells, Cells]:
        """Cells in which to escalate and, of the others, those in which to de-escalate."""

    def _eliminates(self, target: float, max_patients: int) -> Cells:
        patients, _ = count_grid(max_patients)
        too_toxic: Cells = exceedance(target, max_patients, self.prior) > self.cutoff_eli + SLACK
        return too_toxic & (patients >= self.fewest_to_eliminate)

    def _most_recommended(self, target: float) -> float:  # noqa: ARG002
        """Largest isotonic estimate that may be recommended."""
        return inf

    def _cutoff(self, dose: int) -> float:  # noqa: ARG002
        """Posterior probability above which a dose, by its index, is eliminated."""
        return self.cutoff_eli

    @abstractmethod
    def _place(self, target: float, patients: int, dlts: int, code: int) -> str:
        """Why the counts at a dose, which do not eliminate it, mean this code; as `grounds`."""

    @abstractmethod
    def _moves_in_words(self, trial: Trial) -> Iterator[str]:
        """Sentences on how the design places a dose's DLT rate."""

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:
        if code != ELIMINATE:
            return self._place(trial.target, patients, dlts, code)
        above = special.betainc(self.prior[1] + patients - dlts, self.prior[0] + dlts, 1 - trial.target)
        probability, cutoff = beside(float(above), self._cutoff(dose))
        return f"P(DLT rate > {trial.target:g} | {dlts} of {patients}) = {probability} exceeds {cutoff}"

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        yield from self._moves_in_words(trial)
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
        bound = self._most_recommended(trial.target)
        yield isotonic_in_words(bound)

    def _plan(self, trial: Trial) -> TablePlan:
        escalates, de_escalates = self._moves(trial.target, trial.max_patients)
        return TablePlan(
            codes=decision_table(
                trial.levels,
                [
                    (self._eliminates(trial.target, trial.max_patients), ELIMINATE),
                    (escalates, ESCALATE),
                    (de_escalates, DE_ESCALATE),
                ],
            ),
            selection=closest_isotonic(trial.target, trial.max_patients, self._most_recommended(trial.target)),
            conduct=Conduct.of(trial, stops=patients_reach(self.stop_at, SAME_DOSE, ENOUGH_AT_DOSE, trial)),
        )


class EquivalenceInterval(IntervalDesign):
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

    def tuning(self, trial: Trial) -> dict[str, tuple[float, ...]]:  # noqa: ARG002
        """The equivalence interval."""
        return {"epsilon1": MARGINS[:10], "epsilon2": MARGINS[:10]}

    def parameters(self, trial: Trial) -> dict[str, float]:
        """The limits of the equivalence interval."""
        low, high = self._interval(trial.target)
        return {"interval_low": low, "interval_high": high}

    def _interval(self, target: float) -> tuple[float, float]:
        return target - self.epsilon1, target + self.epsilon2

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        yield from margin_problems(trial.target, ("epsilon1", self.epsilon1), ("epsilon2", self.epsilon2))


def largest_of_three(what: str, strengths: Sequence[float], code: int, middle: str) -> str:
    """That something is largest below, in or above the middle one of three intervals, as a clause with the numbers."""
    below, inside, above = ranked(strengths)
    where = {ESCALATE: "below", DE_ESCALATE: "above"}.get(code, "in")
    return f"the {what} is largest {where} {middle} ({below} below, {inside} in, {above} above)"


def margin_problems(target: float, below: tuple[str, float], above: tuple[str, float]) -> Iterator[tuple[str, str]]:
    """Problems of an interval that reaches from below the target to above it.

    Parameters
    ----------
    target : float
    below, above : (str, float)
        Name of the option and its value: how far the interval reaches.
    """
    if target - below[1] <= SLACK:
        yield below[0], f"{below[1]:g} should be less than the target of {target:g}"
    if target + above[1] >= 1 - SLACK:
        yield above[0], f"{above[1]:g} should be less than 1 - target = {1 - target:g}"


def posterior_masses(
    edges: Sequence[float | Floats], max_patients: int, prior: tuple[float, float] = (1.0, 1.0)
) -> Floats:
    """Posterior probabilities of adjacent intervals of the DLT rate under a Beta prior, by patients and DLTs at a dose.

    Parameters
    ----------
    edges : sequence of K + 1 float or float64[N + 1, N + 1]
        Ends of the intervals, in increasing order; they may depend on the counts.

    Returns
    -------
    float64[K, N + 1, N + 1]
        Without meaning where DLTs exceed patients.
    """
    patients, dlts = count_grid(max_patients)
    possible = dlts <= patients
    a, b = (prior[0] + dlts)[possible], (prior[1] + patients - dlts)[possible]
    below = np.empty((len(edges), *patients.shape))
    for row, edge in zip(below, edges, strict=True):
        row[:] = edge
        row[possible] = special.betainc(a, b, row[possible])
    return np.diff(below, axis=0)


def masses_at(
    edges: Sequence[float], patients: int, dlts: int, prior: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.float64]:
    """As `posterior_masses`, after one pair of counts: float64[K]."""
    return np.diff(special.betainc(prior[0] + dlts, prior[1] + patients - dlts, np.array(edges)))


def mean_densities(edges: Sequence[float], max_patients: int) -> Floats:
    """Unit probability masses of adjacent intervals: their posterior probability, under a uniform prior, by length.

    Parameters
    ----------
    edges : sequence of K + 1 float
        Ends of the intervals, in increasing order.

    Returns
    -------
    float64[K, N + 1, N + 1]
        Without meaning where DLTs exceed patients.
    """
    return posterior_masses(edges, max_patients) / np.diff(edges)[:, None, None]


def by_strongest(strengths: Floats) -> tuple[Cells, Cells]:
    """Escalate where the lowest of three intervals is the strongest, de-escalate where the highest is.

    A tie goes to the higher interval, the more cautious choice.

    Parameters
    ----------
    strengths : float64[3, N + 1, N + 1]
    """
    below, inside, above = strengths
    return below > np.maximum(inside, above) + SLACK, above >= np.maximum(below, inside) - SLACK


def by_strongest_key(low: float, high: float, max_patients: int) -> tuple[Cells, Cells]:
    """Escalate where the strongest of equally wide keys is below the target key; of the rest, de-escalate where above.

    Keys as wide as the target key, [low, high], cover all rates; what is left at 0 and at 1 makes shorter ones. The
    strongest has the largest mean posterior density. The density rises up to its mode, y/n, and falls beyond it, and so
    do its means over adjacent keys: the strongest key is below the target key if and only if the target key's lower
    neighbour is stronger than the target key, and likewise above. Where the mode is beyond a neighbour no comparison is
    needed, and none could be made: all three may be too weak for floating-point numbers.

    Parameters
    ----------
    low, high : float
        The target key, strictly between 0 and 1.
    max_patients : int
    """
    patients, dlts = count_grid(max_patients)
    first, last = neighbours(low, high)
    escalates, de_escalates = by_strongest(mean_densities((first, low, high, last), max_patients))
    # At the end of a neighbour the mode and the densities say the same, so that these comparisons need no slack.
    return escalates | (dlts <= first * patients), de_escalates | (dlts >= last * patients)


def neighbours(low: float, high: float) -> tuple[float, float]:
    """Where the key below the target key begins, and where the one above it ends."""
    return max(2 * low - high, 0.0), min(2 * high - low, 1.0)


def place_by_key(low: float, high: float, patients: int, dlts: int, code: int, name: str) -> str:
    """Why the strongest key is where `by_strongest_key` finds it, as a clause; `name` is that of the target key."""
    first, last = neighbours(low, high)
    seen, rate, noun = observed(patients, dlts), dlts / patients, name.rsplit(maxsplit=1)[-1]
    if code == ESCALATE and dlts <= first * patients:
        shown, limit = beside(rate, first)
        return f"{seen} is a rate of {shown}, at most {limit}, where the {noun} below {name} begins"
    if code == DE_ESCALATE and dlts >= last * patients:
        shown, limit = beside(rate, last)
        return f"{seen} is a rate of {shown}, at least {limit}, where the {noun} above {name} ends"
    edges = (first, low, high, last)
    densities = masses_at(edges, patients, dlts) / np.diff(edges)
    return f"{seen}: {largest_of_three('mean posterior density', densities.tolist(), code, name)}"
