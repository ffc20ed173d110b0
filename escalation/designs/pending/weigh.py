"""Weigh pending patients by how long they have been followed: TITE-BOIN, TITE-Keyboard, TITE-mTPI, TITE-CRM.

- BOIN imputes the DLTs of pending patients (Yuan et al. 2018). At y/n = target de-escalation is possible, as in the
  paper's tables; its equation (5) and the MD Anderson application ask for more. De-escalation for certain goes before
  the limit of pending patients; the R package TITEgBOIN suspends first, and its TITE-BOIN is method = "ess" here.
- Interval designs decide on an effective sample size (Lin & Yuan 2020). The paper asks for two known outcomes before an
  escalation, its program for three, and its printed tables only at three patients; here it is the paper's rule.
- Models weigh the likelihood of patients without a DLT, as Cheung & Chappell (2000) that of the CRM. Its adaptive
  weights are those of the R package dfcrm, but for its division by zero at DLTs on the same day, or the last.

Source: Yuan Y, Lin R, Li D, Nie L, Warren KE (2018) Clin Cancer Res 24:4921-4930; Lin R, Yuan Y (2020) Biostatistics
21:807-824; Cheung YK, Chappell R (2000) Biometrics 56:1177-1182.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from escalation.designs.pending.base import (
    PendingRule,
    Problems,
    count_cuts,
    falls_with_dlts,
    rises_with_patients,
)
from escalation.errors import DesignError
from escalation.fields import Real, Whole
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, STAY
from escalation.numbers import Floats, halved
from escalation.plans.curves import CurvePlan, LaterPlan
from escalation.plans.pending import Effective, Imputed, Limits, PendingPlan
from escalation.plans.weighed_curves import WeighedCurves
from escalation.trial.trial import Trial

if TYPE_CHECKING:
    from escalation.designs.base import Design
    from escalation.designs.boin import BOIN
    from escalation.designs.intervals import IntervalDesign

Method = Literal["imputation", "ess", "likelihood"]

SOURCES: dict[Method, str] = {
    "imputation": "Yuan Y, Lin R, Li D, Nie L, Warren KE (2018). Time-to-event Bayesian optimal interval design to "
    "accelerate phase I trials. Clin Cancer Res 24:4921-4930.",
    "ess": "Lin R, Yuan Y (2020). Time-to-event model-assisted designs for dose-finding trials with delayed toxicity. "
    "Biostatistics 21:807-824.",
    "likelihood": "Cheung YK, Chappell R (2000). Sequential designs for phase I clinical trials with late-onset "
    "toxicities. Biometrics 56:1177-1182.",
}

PUBLISHED = ("boin", "keyboard", "mtpi", "mtpi2")
"""Interval designs of whose effective sample size something is published."""

OF_INTERVALS = ("method", "fewest_complete", "least_follow_up")
"""Options of interval designs alone."""


class Weigh(PendingRule):
    """Pending patients are weighed by the share of the DLT window for which they have been followed.

    It fits BOIN, the other interval designs, and those with a model's posterior: BLRM, BMA-CRM, CRM with method =
    "bayes".

    Parameters
    ----------
    method : {"imputation", "ess"}, optional
        Of interval designs: impute the DLTs of pending patients, BOIN only (TITE-BOIN); or decide as if there were as
        many patients as the effective sample size, known outcomes plus shares of the window. Default: "imputation" for
        BOIN, "ess" for others.
    most_pending : float, optional
        Largest share of the patients at the current dose that may be pending. With more, enrolment waits, unless the
        dose has to be de-escalated whatever their outcomes. Default: 0.5 with "imputation", else 1, which is no limit.
    fewest_complete : int, optional
        Known outcomes at the dose before it is escalated while others are pending. Default: 2 with "ess", else 0.
    least_follow_up : float, optional
        Share of the window for which each pending patient at the dose has to be followed before it is escalated.
        Default: 0.
    weights : {"linear", "adaptive"}, optional
        Of models: weights that rise with time alone, or with the times at which DLTs have come. Default: "linear".

    Examples
    --------
    Of six patients one has had a DLT, two are pending after 20 and 6 of 28 days.

    >>> from escalation import BOIN, Trial
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.3, max_patients=36)
    >>> said = Weigh().plan(BOIN(), trial).decide(6, 1, [20 / 28, 6 / 28])
    >>> said.code, f"STFT {said.follow_up:.2f}, escalate from {said.escalate_from:.2f}"
    (1, 'STFT 0.93, escalate from 0.60')
    """

    rule: Literal["weigh"] = "weigh"
    method: Literal["imputation", "ess"] | None = None
    most_pending: Annotated[Real, Field(gt=0, le=1)] | None = None
    fewest_complete: Annotated[Whole, Field(ge=0, le=1000)] | None = None
    least_follow_up: Annotated[Real, Field(ge=0, lt=1)] | None = None
    weights: Literal["linear", "adaptive"] | None = None

    sources: ClassVar[tuple[str, ...]] = tuple(SOURCES.values())

    def problems(self, design: "Design", trial: Trial) -> Problems:
        """A design that cannot be weighed, and options of another."""
        from escalation.designs.intervals import IntervalDesign  # see `pending.base`
        from escalation.designs.model_based import ModelDesign

        if isinstance(design, ModelDesign):
            if not design.has_posterior:
                yield "rule", '"weigh" needs method = "bayes": before the first DLT no curve is the most likely'
            for option in OF_INTERVALS:
                if getattr(self, option) is not None:
                    yield option, f"an option of interval designs; {design.kind!r} weighs a likelihood"
        elif isinstance(design, IntervalDesign):
            yield from self._interval_problems(design, trial)
        else:
            fitting = 'interval designs, such as kind = "boin", and the CRM, BMA-CRM and BLRM'
            yield "rule", f'"weigh" is for {fitting}; not for {design.kind!r}'

    def _interval_problems(self, design: "IntervalDesign", trial: Trial) -> Problems:
        from escalation.designs.boin import BOIN  # see `pending.base`

        if self.weights is not None:
            yield "weights", f"an option of models; {design.kind!r} weighs pending patients by their follow-up"
        if self.method == "imputation" and not isinstance(design, BOIN):
            yield "method", f'"imputation" is for kind = "boin"; {design.kind!r} has "ess"'
        elif not any(design.problems(trial)):
            moves = design.moves_by_counts(trial)
            if not falls_with_dlts(moves) or not rises_with_patients(moves):
                needed = "a design that more DLTs never lead higher and more patients never lead lower"
                yield "rule", f'"weigh" needs {needed}; {design.kind!r} does not fit'

    def cautions(self, design: "Design", trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """What fast enrolment can do, and designs that nothing is published on."""
        method = self._method(design)
        if self._most_pending(method) == 1 and self._fewest_complete(method) == 0:
            options = "without most_pending"
            if method != "likelihood":
                options = "with most_pending = 1 and fewest_complete = 0"
            yield f"pending: {options} the dose may go up before any outcome is known there"
        if method == "ess" and design.kind not in PUBLISHED:
            yield f"pending: nothing is published on the effective sample size with {design.kind!r}"
        if method == "likelihood" and design.kind != "crm":
            yield f"pending: the weights are published for the CRM, not for {design.kind!r}"

    def words(self, design: "Design", trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        method = self._method(design)
        how = {"imputation": self._imputing, "ess": self._counting, "likelihood": self._weighing}[method]
        return " ".join((how(trial), *self._limits_in_words(method)))

    def references(self, design: "Design") -> tuple[str, ...]:
        """Full references of what the rule is with a design."""
        return (SOURCES[self._method(design)],)

    def _method(self, design: "Design") -> Method:
        from escalation.designs.boin import BOIN  # see `pending.base`
        from escalation.designs.model_based import ModelDesign

        if isinstance(design, ModelDesign):
            return "likelihood"
        return self.method or ("imputation" if isinstance(design, BOIN) else "ess")

    def _most_pending(self, method: Method) -> float:
        return self.most_pending if self.most_pending is not None else 0.5 if method == "imputation" else 1.0

    def _fewest_complete(self, method: Method) -> int:
        return self.fewest_complete if self.fewest_complete is not None else 2 if method == "ess" else 0

    def _imputing(self, trial: Trial) -> str:
        return (
            "While patients are pending, their expected DLTs count as well (TITE-BOIN; Yuan et al. 2018). With y DLTs "
            "in n patients of whom c are pending, and S the sum of the shares of the DLT window for which these have "
            f"been followed, p = (y + {trial.target / 2:g}) / (n - c + 1) and the DLT rate is estimated as "
            "(y + (c - S) p / (1 - p)) / n. It is compared with lambda_e and lambda_d: the dose is escalated only if "
            f"y/n is below {trial.target:g}, and de-escalated only if it is not."
        )

    def _counting(self, trial: Trial) -> str:  # noqa: ARG002
        return (
            "While patients are pending, the effective sample size takes the place of the number of patients: the "
            "known outcomes plus the shares of the DLT window for which pending patients have been followed (Lin & "
            "Yuan 2020). While it is zero, enrolment waits."
        )

    def _weighing(self, trial: Trial) -> str:  # noqa: ARG002
        weight = "the share of the DLT window that has passed"
        if self.weights == "adaptive":
            weight = "that share of the DLT window, adapted to the times of the DLTs"
        return (
            "While patients are pending, such a patient has the likelihood 1 - w p at a dose with DLT rate p, where, "
            f"as in TITE-CRM (Cheung & Chappell 2000), the weight w is {weight}."
        )

    def _limits_in_words(self, method: Method) -> Iterator[str]:
        most = self._most_pending(method)
        if method != "likelihood":
            yield (
                "A dose that would be de-escalated or eliminated with all pending patients counted as without a DLT "
                "is, whatever the follow-up."
            )
        if most < 1:
            yield f"Enrolment waits while more than {100 * most:g} % of the patients at the current dose are pending."
        if self._fewest_complete(method):
            yield f"Escalation waits for {self._fewest_complete(method)} known outcomes at the dose."
        if self.least_follow_up:
            yield (
                "Escalation waits until each pending patient at the dose has been followed for "
                f"{self.least_follow_up:g} of the DLT window."
            )

    def _plan(self, design: "Design", trial: Trial) -> PendingPlan | WeighedCurves:
        method = self._method(design)
        if method == "likelihood":
            plan = cast("CurvePlan | LaterPlan", design.plan(trial))
            plan = plan.whole if isinstance(plan, LaterPlan) else plan
            return WeighedCurves(plan, adaptive=self.weights == "adaptive", most_pending=self._most_pending(method))
        interval = cast("IntervalDesign", design)
        limits = Limits(self._most_pending(method), self._fewest_complete(method), self.least_follow_up or 0.0)
        cuts = count_cuts(interval, trial)
        if method == "imputation":
            escalate, de_escalate = cast("BOIN", design).boundaries(trial.target)
            return Imputed(cuts, limits, target=trial.target, lambda_e=escalate, lambda_d=de_escalate)
        up, down = follow_up_cuts(interval, trial)
        return Effective(cuts, limits, escalate_from=up, de_escalate_to=down)


LEAST = 1e-6
"""Without a DLT cuts are looked for from a millionth of a patient on."""


def follow_up_cuts(design: "IntervalDesign", trial: Trial) -> tuple[Floats, Floats]:
    """The least patients with whom a design escalates, and the most with whom it de-escalates, by DLTs, float64[N + 1].

    Patients need not be whole. Infinite, or minus infinity, where it does so with no number of patients.

    Raises
    ------
    DesignError
        A class of one's own decides otherwise on patients who are not whole.
    """
    dlts = np.arange(trial.max_patients + 1)
    fewest, most = np.maximum(dlts, LEAST), np.full(len(dlts), float(trial.max_patients))

    def moves(patients: Floats) -> NDArray[np.int8]:
        return np.asarray(design.moves(trial.target, patients, dlts), np.int8)

    first, last = moves(fewest), moves(most)
    from_here = halved(lambda patients: moves(patients) == ESCALATE, fewest, most)
    up = np.where(first == ESCALATE, dlts, np.where(last == ESCALATE, from_here, np.inf))
    no_longer = halved(lambda patients: moves(patients) != DE_ESCALATE, fewest, most)
    to_here = np.where(last == DE_ESCALATE, most, np.nextafter(no_longer, 0.0))
    down = np.where(first == DE_ESCALATE, to_here, -np.inf)
    for patients, row in enumerate(design.moves_by_counts(trial)[1:], 1):
        for y in np.flatnonzero(row[: patients + 1] != _between(patients, up, down)[: patients + 1])[:1].tolist():
            needed = "a design whose decision never falls as patients, who need not be whole, are added"
            raise DesignError(
                f'pending: rule: "weigh" needs {needed}; {design.kind!r} does not fit at {y} of {patients}'
            )
    return up, down


def _between(patients: int, up: Floats, down: Floats) -> NDArray[np.int8]:
    """What cuts say of a number of patients, by DLTs."""
    return np.where(patients >= up, ESCALATE, np.where(patients <= down, DE_ESCALATE, STAY)).astype(np.int8)
