"""Plans: what passes from designs to the engines.

A design is data. Two kinds of plan cover the field: a *table plan* decides on the counts at the dose just given, a
*curve plan* on a posterior over dose-toxicity curves. The engines read plans and never see a design.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from escalation.kernels.codes import COHERENT_COHORT
from escalation.kernels.layout import CurveArrays, TableArrays

Floats = NDArray[np.float64]

NO_LIMIT = np.iinfo(np.int32).max
"""In place of a number of patients that no dose can reach."""


@dataclass(frozen=True, eq=False)
class ClosestIsotonic:
    """Recommend the tried dose, below eliminated ones, whose isotonic estimate is closest to the target.

    Attributes
    ----------
    estimates, precisions : float64[N + 1, N + 1]
        Estimated DLT rate, and its weight in the isotonic regression, by patients and DLTs at a dose.
    target : float
    bound : float
        Doses with a larger isotonic estimate are not recommended.
    """

    estimates: Floats
    precisions: Floats
    target: float
    bound: float = np.inf


@dataclass(frozen=True, eq=False)
class HighestCleared:
    """Recommend the highest cleared dose below the eliminated ones.

    Attributes
    ----------
    cleared : bool[N + 1, N + 1]
        Whether a dose with so many patients and DLTs may be recommended.
    """

    cleared: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TablePlan:
    """A design whose decisions look up the counts at the dose just given.

    ELIMINATE overrides everything: the dose and all above are closed for good and the next cohort gets the dose below;
    at the lowest dose the trial ends with no recommendation. Escalation to a closed or missing dose is a stay, and so
    is de-escalation below the lowest.

    Attributes
    ----------
    codes : int8[D, N + 1, N + 1]
        ESCALATE, STAY, DE_ESCALATE or ELIMINATE, by dose, patients and DLTs there.
    selection : ClosestIsotonic or HighestCleared
        The recommendation at the end.
    cohort_size, max_patients : int
    start : int
        Dose index of the first cohort.
    completes : bool[D, N + 1, N + 1], optional
        Cells after whose decision the design has its answer and the trial ends.
    cap : int
        The trial ends when the next cohort would go to a dose with this many patients.
    enough : int
        The trial ends when the next cohort would stay at a dose with this many patients.
    titration : bool
        One patient a dose until the first DLT or the highest dose; then that dose's cohort is filled up. For cohorts of
        two or more.
    """

    codes: NDArray[np.int8]
    selection: ClosestIsotonic | HighestCleared
    cohort_size: int
    max_patients: int
    start: int
    completes: NDArray[np.bool_] | None = None
    cap: int = NO_LIMIT
    enough: int = NO_LIMIT
    titration: bool = False

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.codes)

    def arrays(self) -> TableArrays:
        """The plan as the kernels read it."""
        completes = np.zeros(self.codes.shape, np.bool_) if self.completes is None else self.completes
        return TableArrays(
            codes=np.ascontiguousarray(self.codes, np.int8),
            completes=np.ascontiguousarray(completes, np.bool_),
            cap=int(self.cap),
            enough=int(self.enough),
            titration=bool(self.titration),
            cohort_size=int(self.cohort_size),
            max_patients=int(self.max_patients),
            start=int(self.start),
        )


@dataclass(frozen=True, eq=False)
class CurvePlan:
    """A design whose decisions come from a posterior over dose-toxicity curves.

    The posterior is discrete: a prior weight for each of G curves. Decisions after a cohort: the trial ends with no
    recommendation when the lowest dose is too toxic; else the next cohort gets the dose that the model holds closest to
    the target (the lower of two), but not above what `no_skip` and `coherent` allow.

    Attributes
    ----------
    log_dlt, log_no_dlt : float64[D, G]
        Log probability of a DLT, and of none, at each dose under each curve.
    weight : float64[G]
        Prior weight of each curve; they sum to 1.
    target : float
    cohort_size, max_patients : int
    start : int
        Dose index of the first cohort.
    parameter, cuts : float64[G], float64[D - 1], optional
        For a plug-in decision: each curve's parameter, and the values above which the posterior mean of the parameter
        means the next higher dose. Without them the posterior mean of each dose's DLT rate decides.
    too_toxic : float64[G], optional
        The trial ends when the posterior mean of this exceeds `too_toxic_threshold`.
    too_toxic_threshold : float
    no_skip : bool
        The next dose is at most one level above the last.
    coherent : int
        COHERENT_OFF, COHERENT_COHORT or COHERENT_DOSE.
    stop_at : int
        The trial ends when the next cohort would go to a dose with this many patients.
    recommend_untried : bool
        Whether the recommendation is the model's choice even where nobody was treated; if not, it is the highest tried
        dose not above the model's choice.
    """

    log_dlt: Floats
    log_no_dlt: Floats
    weight: Floats
    target: float
    cohort_size: int
    max_patients: int
    start: int
    parameter: Floats | None = None
    cuts: Floats | None = None
    too_toxic: Floats | None = None
    too_toxic_threshold: float = 1.0
    no_skip: bool = True
    coherent: int = COHERENT_COHORT
    stop_at: int = NO_LIMIT
    recommend_untried: bool = False

    @property
    def levels(self) -> int:
        """Number of dose levels."""
        return len(self.log_dlt)

    def arrays(self) -> CurveArrays:
        """The plan as the kernels read it."""
        nothing = np.empty(0)
        plugin = self.parameter is not None and self.cuts is not None
        return CurveArrays(
            rates=np.ascontiguousarray(np.exp(self.log_dlt)),
            weight=np.ascontiguousarray(self.weight, np.float64),
            parameter=np.ascontiguousarray(self.parameter if plugin else nothing, np.float64),
            cuts=np.ascontiguousarray(self.cuts if plugin else nothing, np.float64),
            plugin=plugin,
            too_toxic=np.ascontiguousarray(nothing if self.too_toxic is None else self.too_toxic, np.float64),
            too_toxic_threshold=float(self.too_toxic_threshold),
            target=float(self.target),
            no_skip=bool(self.no_skip),
            coherent=int(self.coherent),
            stop_at=int(self.stop_at),
            recommend_untried=bool(self.recommend_untried),
            cohort_size=int(self.cohort_size),
            max_patients=int(self.max_patients),
            start=int(self.start),
        )

    def likelihood(self, patients: NDArray[np.integer], dlts: NDArray[np.integer]) -> Floats:
        """Likelihood of counts at each dose under each curve.

        A posterior needs it only to a constant factor: each is divided by its largest value over the curves, so that
        no count, however unlikely, underflows everywhere.

        Parameters
        ----------
        patients, dlts : int[C]

        Returns
        -------
        float64[D, C, G]
        """
        log = np.empty((self.levels, len(patients), len(self.weight)))
        for dose in range(self.levels):
            log[dose] = np.outer(dlts, self.log_dlt[dose]) + np.outer(patients - dlts, self.log_no_dlt[dose])
        log -= log.max(axis=-1, keepdims=True)
        return np.exp(log, out=log)


Plan = TablePlan | CurvePlan
