"""The BOIN12 design, which looks for the optimal dose by a utility of DLT and response.

Each outcome of a patient has a utility from 0 to 100; n patients with a sum of 100 x at a dose leave its mean utility, as
a share of 100, with the distribution Beta(1 + x, 1 + n - x). A dose is the more desirable the more probable it is that
this exceeds the benchmark

    u_b = u + (100 - u) / 2,    u the mean utility at the limits phi_T of DLTs and phi_E of responses, if independent.

After each cohort, with t DLTs in n patients at its dose and the interval (lambda_e, lambda_d) of BOIN about phi_T: down
when t/n >= lambda_d; else to the most desirable of the dose below, this one and, unless t/n is in the interval and n at
least `confine_from`, the dose above.

Source: Lin R, Zhou Y, Yan F, Li D, Yuan Y (2020) JCO Precis Oncol 4:1393-1402.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from escalation.designs.base import Design, never_reached, with_room
from escalation.designs.boin import BOIN
from escalation.errors import DesignError
from escalation.fields import Count, Fraction
from escalation.kernels.codes import ABOVE, BELOW, BESIDE, HIGHEST, LOWEST, RANDOM, SLACK
from escalation.numbers import count_grid, exceedance
from escalation.plans.conduct import Conduct
from escalation.plans.joint import JointPlan, desirability_table
from escalation.trial.choice import BOIN12 as SOURCE
from escalation.trial.efficacy import Efficacy
from escalation.trial.trial import Trial

FEWEST = 3
"""Patients at a dose before it can be closed."""

TIES = {"random": RANDOM, "lowest": LOWEST, "highest": HIGHEST}


class BOIN12(Design):
    """The BOIN12 design: dose escalation by toxicity and response to the optimal dose.

    `[trial.efficacy]` gives the limits phi_T = `max_toxicity` and phi_E = `min_response` and the utilities.

    Parameters
    ----------
    p_saf : float, optional
        Highest DLT rate deemed too low; below phi_T. Default 0.6 x phi_T.
    p_tox : float, optional
        Lowest DLT rate deemed too high; above phi_T. Default 1.4 x phi_T.
    cutoff_eli : float, default 0.95
        P(DLT rate > phi_T | data) above which a dose is eliminated, with all above, once it has 3 patients.
    dlts_to_eliminate : int, default 3
        And so many DLTs at least.
    futility : float, default 0.90
        P(response rate < phi_E | data) above which a dose with at least 3 patients is futile; 1 for no such rule.
    confine_from : int, default 6
        Patients at a dose from which an observed DLT rate inside the interval no longer leads up.
    explore_from : int or "never", default 9
        Patients at a dose from which an untried dose above is next, unless the observed DLT rate leads down.
    stop_at : int or "never", default 12
        End the trial when a dose has this many patients and a dose could be next.
    ties : "random", "lowest" or "highest", default "random"
        Which of equally desirable doses is next.
    """

    kind: Literal["boin12"] = "boin12"
    p_saf: Fraction | None = None
    p_tox: Fraction | None = None
    cutoff_eli: Fraction = 0.95
    dlts_to_eliminate: Count = 3
    futility: float = Field(default=0.90, gt=0, le=1)
    confine_from: Count = 6
    explore_from: Count | Literal["never"] = 9
    stop_at: Count | Literal["never"] = 12
    ties: Literal["random", "lowest", "highest"] = "random"

    sources: ClassVar[tuple[str, ...]] = (SOURCE,)

    def benchmark(self, efficacy: Efficacy) -> float:
        """u_b, from 0 to 100 (Lin et al. 2020)."""
        toxicity, response = _limit(efficacy), efficacy.min_response
        none, eff, tox, both = efficacy.utility.of_outcomes
        mean = (1 - toxicity) * (none * (1 - response) + eff * response)
        mean += toxicity * (tox * (1 - response) + both * response)
        return float(mean + (100 - mean) / 2)

    def boundaries(self, limit: float) -> tuple[float, float]:
        """lambda_e and lambda_d about the highest acceptable DLT rate; raises as `BOIN.boundaries`."""
        return self._interval.boundaries(limit)

    @property
    def _interval(self) -> BOIN:
        return BOIN(p_saf=self.p_saf, p_tox=self.p_tox)

    def _plan(self, trial: Trial) -> JointPlan:
        return self._plan_with_room(trial, 0)

    def _plan_with_room(self, trial: Trial, treated: int) -> JointPlan:
        assert trial.efficacy is not None
        efficacy, limit = trial.efficacy, _limit(trial.efficacy)
        conduct, enough = Conduct.of(with_room(trial, treated)), None if self.stop_at == "never" else self.stop_at
        most = max(trial.max_patients, treated)
        if enough is not None and treated == 0:
            most = min(most, enough - 1 + conduct.largest)
        n, seen = count_grid(most)
        low, high = self.boundaries(limit)
        below, above = seen >= high * n - SLACK, (seen <= low * n + SLACK) | (n < self.confine_from)
        enough_data = (n >= FEWEST) & (seen <= n)
        toxic = enough_data & (seen >= self.dlts_to_eliminate)
        toxic &= np.nan_to_num(exceedance(limit, n, seen)) > self.cutoff_eli + SLACK
        too_few = 1 - np.nan_to_num(exceedance(efficacy.min_response, n, seen), nan=1.0)
        return JointPlan(
            conduct=conduct,
            doses=trial.levels,
            moves=np.select([below, above], [BELOW, ABOVE], BESIDE).astype(np.int8),
            toxic=toxic,
            futile=enough_data & (too_few > self.futility + SLACK),
            desirability=desirability_table(efficacy.utility.of_outcomes, self.benchmark(efficacy), most),
            utilities=efficacy.utility.of_outcomes,
            limit=limit,
            explore_from=None if self.explore_from == "never" else self.explore_from,
            enough=enough,
            ties=TIES[self.ties],
        )


def _limit(efficacy: Efficacy) -> float:
    assert efficacy.max_toxicity is not None
    return efficacy.max_toxicity
