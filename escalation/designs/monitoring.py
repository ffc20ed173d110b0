"""Safety monitoring of a single dose: after every cohort the dose is stopped when its DLTs are too many.

Source: Thall PF, Simon R (1994) Biometrics 50:337-349; Zhou H, Lee JJ, BTOX manual (MD Anderson); Ivanova A et al.
(2005) Biometrics 61:540-545; Martens MJ, Logan BR (2024) Clin Trials 21:152-161.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from escalation.designs.base import Design, by_first_rule, with_room
from escalation.designs.words import MONITORING_REFERENCES, above_limit, monitoring_clause, observed
from escalation.errors import DesignError
from escalation.kernels.codes import ELIMINATE
from escalation.numbers import count_grid
from escalation.plans.conduct import Conduct
from escalation.plans.table import HighestCleared, TablePlan
from escalation.trial import boundaries
from escalation.trial.cohorts import Cohorts
from escalation.trial.safety import SafetyRule
from escalation.trial.trial import Trial


class Monitoring(SafetyRule, Design):
    """Safety monitoring of one dose, looked at after every cohort.

    A dose that is never stopped is recommended. The options are those of `SafetyRule`.
    """

    kind: Literal["monitoring"] = "monitoring"

    @property
    def beta_prior(self) -> tuple[float, float]:
        """Parameters of the Beta prior of the DLT rate."""
        return self.prior

    sources: ClassVar[tuple[str, ...]] = tuple(
        dict.fromkeys(source for sources in MONITORING_REFERENCES.values() for source in sources)
    )

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        if trial.levels > 1:
            yield "kind", f"monitoring is for a single dose; this trial has {trial.levels} dose levels"
        elif trial.planned_cohorts is None:
            yield "kind", "monitoring needs cohort sizes that are planned: not by DLTs"
        yield from self.misfits(trial.target)

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if trial.planned_cohorts is not None:
            yield from self.caveats(trial.target, trial.planned_cohorts, trial.max_patients)

    def crossing_probability(self, trial: Trial, rate: float) -> float:
        """Probability that the dose is stopped at any look, the last included.

        Parameters
        ----------
        trial : Trial
        rate : float
            True DLT rate.

        Raises
        ------
        DesignError
            A ValueError: the design does not fit the trial, or the rate is not between 0 and 1.

        Examples
        --------
        What is left of alpha = 0.05 when DLTs are counted in whole numbers, and the probability of stopping at 0.5.

        >>> trial = Trial(doses=[800], target=0.25, max_patients=20)
        >>> design = Monitoring(rule="pocock")
        >>> [round(design.crossing_probability(trial, rate), 4) for rate in (0.25, 0.5)]
        [0.0455, 0.6797]
        """
        if not 0 <= rate <= 1:
            raise DesignError(f"rate: {rate:g} should be between 0 and 1")
        plan = self.plan(trial).table
        assert plan is not None
        return boundaries.crossing_probability(plan.codes[0] == ELIMINATE, _cohorts(trial), rate)

    def tuning(self, trial: Trial) -> dict[str, tuple[float, ...]]:  # noqa: ARG002
        """The threshold of the Bayesian rule, or the alpha of the others."""
        if self.rule == "bayes":
            return {"threshold": tuple(percent / 100 for percent in range(70, 100))}
        return {"alpha": tuple(percent / 100 for percent in range(1, 21))}

    def parameters(self, trial: Trial) -> dict[str, float]:
        """The limit of the DLT rate, and the threshold or alpha."""
        limit = {"limit": self._limit(trial.target)}
        return limit | ({"threshold": self.threshold} if self.rule == "bayes" else {"alpha": self._alpha})

    def _references(self) -> tuple[str, ...]:
        return MONITORING_REFERENCES[self.rule]

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:  # noqa: ARG002
        seen = observed(patients, dlts)
        if patients < self.min_patients:
            return f"{seen}: the dose is not stopped before {self.min_patients} patients"
        if self.rule == "bayes":
            relation = "exceeds" if code == ELIMINATE else "does not exceed"
            return above_limit(self._limit(trial.target), patients, dlts, self.prior, self.threshold, relation)
        stops = self.rejects(trial.target, _cohorts(trial), trial.max_patients)[min(patients, trial.max_patients)]
        between = ""
        if patients > trial.max_patients:
            between = f" (more patients than planned: as many as after {trial.max_patients})"
        elif patients not in boundaries.looks(_cohorts(trial), trial.max_patients):
            between = f" (no look is planned after {patients}: the evidence that the looks ask for decides)"
        if not stops.any():
            return f"{seen}: after {patients} no number of DLTs stops the dose{between}"
        relation = "at least" if code == ELIMINATE else "fewer than"
        return f"{seen}, {relation} the {int(stops.argmax())} that stop the dose{between}"

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        yield f"One dose is given. After each cohort {monitoring_clause(self, trial.target)}."

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        yield "When the dose is stopped the trial ends and no dose is recommended; else the dose is recommended."

    def _plan(self, trial: Trial) -> TablePlan:
        stops = self.rejects(trial.target, _cohorts(trial), trial.max_patients)
        patients, _ = count_grid(trial.max_patients)
        return TablePlan(
            codes=by_first_rule(trial.levels, [(stops, ELIMINATE)]),
            selection=HighestCleared(patients > 0),
            conduct=Conduct.of(trial),
        )

    def _plan_with_room(self, trial: Trial, treated: int) -> TablePlan:
        """Calibrated to the looks that were planned; after more patients as many DLTs stop the dose as at the last."""
        plan, beyond = self._plan(with_room(trial, treated)), treated - trial.max_patients
        if self.rule == "bayes" or beyond <= 0:
            return plan
        codes = np.pad(self._plan(trial).codes, ((0, 0), (0, beyond), (0, beyond)), mode="edge")
        return replace(plan, codes=codes)


def _cohorts(trial: Trial) -> Cohorts:
    """The cohorts of a trial that the design fits."""
    assert trial.planned_cohorts is not None
    return trial.planned_cohorts
