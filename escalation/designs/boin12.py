"""The BOIN12 design, which looks for the optimal dose by a utility of DLT and response.

Each outcome of a patient has a utility from 0 to 100; n patients with a sum of 100 x at a dose leave its mean utility,
as a share of 100, with the distribution Beta(1 + x, 1 + n - x). A dose is the more desirable the more probable it is
that this exceeds the benchmark

    u_b = u + (100 - u) / 2,    u the mean utility at the limits phi_T of DLTs and phi_E of responses, if independent.

After each cohort, with t DLTs in n patients at its dose and the interval (lambda_e, lambda_d) of BOIN about phi_T: down
when t/n >= lambda_d; else to the most desirable of the dose below, this one and, unless t/n is in the interval and n at
least `confine_from`, the dose above.

Source: Lin R, Zhou Y, Yan F, Li D, Yuan Y (2020) JCO Precis Oncol 4:1393-1402.
"""

from collections.abc import Iterator
from math import gcd
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from escalation.designs.base import Design, never_reached, with_room
from escalation.designs.boin import BOIN
from escalation.designs.words import beside, deciding, observed
from escalation.fields import LARGEST_COUNT, Count, Fraction
from escalation.kernels.codes import ABOVE, BELOW, BESIDE, HIGHEST, LOWEST, RANDOM, SLACK
from escalation.numbers import count_grid, exceedance
from escalation.plans.conduct import Conduct
from escalation.plans.decision import State
from escalation.plans.joint import JointPlan, desirability_table
from escalation.trial.choice import BOIN12 as SOURCE
from escalation.trial.efficacy import Efficacy
from escalation.trial.trial import Trial

MOST_SUMS = 20_000_000
"""Sums of utilities, by patients at a dose, whose desirability is worked out."""

FEWEST = 3
"""Patients at a dose before it can be closed."""


def _count_or_never(value: object) -> object:
    if value != "never" and not (type(value) is int and 1 <= value <= LARGEST_COUNT):
        raise ValueError(f"should be a whole number from 1 to {LARGEST_COUNT:,}, or 'never'")
    return value


CountOrNever = Annotated[Count | Literal["never"], BeforeValidator(_count_or_never)]

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
    explore_from: CountOrNever = 9
    stop_at: CountOrNever = 12
    ties: Literal["random", "lowest", "highest"] = "random"

    looks_at_responses: ClassVar[bool] = True
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

    def problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Options that do not fit the trial, as of every design; and what it does not take."""
        yield from super().problems(trial)
        for option in ("titration", "stop_when", "restrict", "expansion", "optimal_dose"):
            if getattr(self, option):
                yield option, f"is not taken by the design '{self.kind}', which has rules of its own"
        if self.is_late_onset:
            yield "pending", f"the design '{self.kind}' waits for the outcomes of all patients"

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        efficacy = trial.efficacy
        if efficacy is None:
            yield "kind", "needs [trial.efficacy], with min_response and max_toxicity"
        elif efficacy.max_toxicity is None:
            yield "kind", "needs max_toxicity in [trial.efficacy], the highest acceptable DLT rate"
        else:
            yield from self._limit_problems(efficacy.max_toxicity)
        if efficacy is not None:
            unit, most = gcd(*efficacy.utility.of_outcomes), self._most_at_dose(trial, 0)
            if (sums := most * (100 // unit * most + 1)) > MOST_SUMS:
                yield (
                    "stop_at",
                    f"with utilities in steps of {unit} and up to {most} patients at a dose there are {sums:,} sums of "
                    f"utilities, more than {MOST_SUMS:,}; a lower stop_at, or utilities in larger steps, have fewer",
                )
        if trial.expansion is not None:
            yield "kind", "is not followed by an expansion: leave out [trial.expansion]"

    def _most_at_dose(self, trial: Trial, treated: int) -> int:
        """The most patients that a dose can have."""
        most = max(trial.max_patients, treated)
        if self.stop_at == "never" or treated > 0:
            return most
        return min(most, self.stop_at - 1 + Conduct.of(trial).largest)

    def _limit_problems(self, limit: float) -> Iterator[tuple[str, str]]:
        """What does not fit the highest acceptable DLT rate."""
        low, high = (0.6 * limit, 1.4 * limit)
        low, high = (low if self.p_saf is None else self.p_saf, high if self.p_tox is None else self.p_tox)
        if low >= limit:
            yield "p_saf", f"{low:g} should be below max_toxicity = {limit:g}"
        if high <= limit:
            yield "p_tox", f"{high:g} should be above max_toxicity = {limit:g}"
        if high >= 1:
            yield "p_tox", f"needed, because 1.4 x max_toxicity = {high:g} is not below 1"

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if trial.efficacy is not None and trial.efficacy.max_toxicity not in (None, trial.target):
            yield (
                f"the RP2D is the dose whose DLT rate is closest to max_toxicity = {trial.efficacy.max_toxicity:g}; "
                f"which doses are correct, and PCS, go by target = {trial.target:g}"
            )
        for option in ("confine_from", "explore_from", "stop_at", "dlts_to_eliminate"):
            value = getattr(self, option)
            if isinstance(value, int):
                yield from never_reached(option, value, trial)
        if (
            isinstance(self.stop_at, int)
            and isinstance(self.explore_from, int)
            and (self.stop_at <= self.explore_from <= trial.max_patients)
        ):
            yield f"explore_from = {self.explore_from} is never reached: trials end with {self.stop_at} at a dose"

    def parameters(self, trial: Trial) -> dict[str, float]:
        """lambda_e, lambda_d and u_b."""
        assert trial.efficacy is not None
        low, high = self.boundaries(_limit(trial.efficacy))
        return {"lambda_e": low, "lambda_d": high, "u_b": self.benchmark(trial.efficacy)}

    def grounds_of(self, trial: Trial, dose: int, state: State) -> str:
        """Where the counts at a dose, by index, lead, as one clause of a sentence."""
        assert trial.efficacy is not None
        n, t = state.patients[dose], state.dlts[dose]
        rate, low, high = beside(t / n, *self.boundaries(_limit(trial.efficacy)))
        clause = f"{observed(n, t)} is a rate of {rate}"
        if t / n >= self.boundaries(_limit(trial.efficacy))[1] - SLACK:
            return f"{clause}, at least lambda_d = {high}: down"
        if t / n <= self.boundaries(_limit(trial.efficacy))[0] + SLACK:
            return f"{clause}, at most lambda_e = {low}"
        if n < self.confine_from:
            return f"{clause}, below lambda_d = {high} with fewer than {self.confine_from} patients"
        return f"{clause}, above lambda_e = {low} and below lambda_d = {high}: not up"

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:
        assert trial.efficacy is not None
        efficacy, limit = trial.efficacy, _limit(trial.efficacy)
        low, high = (deciding(bound, trial.max_patients) for bound in self.boundaries(limit))
        worth = efficacy.utility
        yield (
            "Dose escalation follows the BOIN12 design (Lin et al. 2020), which looks for the optimal dose. A response "
            f"without a DLT is worth {worth.eff}, neither {worth.none}, both {worth.both}, a DLT without a "
            f"response {worth.tox}. The highest acceptable DLT rate is {limit:g}, the lowest acceptable response rate "
            f"{efficacy.min_response:g}."
        )
        yield (
            "A dose is the more desirable the higher the probability is that its mean utility exceeds "
            f"{self.benchmark(efficacy):g}, given the outcomes of its patients; a dose that nobody was given has that "
            "of no data."
        )
        tie = {"random": "one of them at random", "lowest": "the lowest", "highest": "the highest"}[self.ties]
        yield (
            f"After each cohort, when the observed DLT rate at its dose is at least {high} (lambda_d), the next cohort "
            "gets the next lower dose that may be given. Otherwise it gets the most desirable of that dose, the "
            f"current one and the next higher one that may be given, the last not when the rate is above {low} "
            f"(lambda_e) with at least {self.confine_from} patients at the dose; of equally desirable ones {tie}."
        )

        if efficacy.window_days is not None:
            yield f"A decision waits until DLT and response of every patient are known. {efficacy.window_in_words}"

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:
        assert trial.efficacy is not None
        efficacy, limit = trial.efficacy, _limit(trial.efficacy)
        if self.explore_from != "never":
            yield (
                f"With at least {self.explore_from} patients at a dose whose observed DLT rate does not lead down, the "
                "next higher dose that may be given is next if nobody was given it."
            )
        yield (
            f"With at least {FEWEST} patients and {self.dlts_to_eliminate} "
            f"{'DLT' if self.dlts_to_eliminate == 1 else 'DLTs'} a dose is eliminated, with all above, when "
            f"P(DLT rate > {limit:g} | data) exceeds {self.cutoff_eli:g} under a uniform prior."
        )
        if self.futility < 1:
            yield (
                f"With at least {FEWEST} patients a dose is no longer given when P(response rate < "
                f"{efficacy.min_response:g} | data) exceeds {self.futility:g} under a uniform prior."
            )
        yield "The trial ends without an optimal dose when no dose may be given."
        if self.stop_at != "never":
            yield f"It ends when the last cohort's dose has at least {self.stop_at} patients."

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        yield (
            "At the end the MTD is the dose whose DLT rate, estimated by isotonic regression of the observed rates, is "
            "closest to the highest acceptable one, among doses that have been given and are not eliminated, of "
            "equally close ones the highest. The optimal dose is the one with the largest posterior mean utility among "
            "those up to the MTD that have been given and may be given, of equal ones the lowest."
        )

    def _plan(self, trial: Trial) -> JointPlan:
        return self._plan_with_room(trial, 0)

    def _plan_with_room(self, trial: Trial, treated: int) -> JointPlan:
        assert trial.efficacy is not None
        efficacy, limit = trial.efficacy, _limit(trial.efficacy)
        conduct, enough = Conduct.of(with_room(trial, treated)), None if self.stop_at == "never" else self.stop_at
        most = self._most_at_dose(trial, treated)
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
