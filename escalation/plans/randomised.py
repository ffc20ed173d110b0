"""The plan of a randomised comparison of doses after dose escalation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import BY_DIFFERENCE, BY_MEAN_UTILITY, SLACK, WITHIN_MARGINS
from escalation.kernels.layout import RandomisedArrays
from escalation.numbers import exceedance
from escalation.trial.randomised import Interim, Rule
from escalation.trial.trial import Trial

RULES: dict[Rule, int] = {"merit": WITHIN_MARGINS, "difference": BY_DIFFERENCE, "utility": BY_MEAN_UTILITY}


@dataclass(frozen=True, eq=False)
class RandomisedPlan:
    """A comparison of the recommended dose with the next lower ones that were tried."""

    arms: int  # at most
    patients: int  # in each arm
    rule: int  # WITHIN_MARGINS, BY_DIFFERENCE or BY_MEAN_UTILITY
    max_dlts: int  # of WITHIN_MARGINS, the most and the fewest of an acceptable dose
    min_responses: int
    margin: float  # of BY_DIFFERENCE
    utilities: tuple[int, int, int, int]  # from 0 to 100, in the order of `trial.joint.OUTCOMES`
    looks: NDArray[np.int64]  # int64[L], patients in each arm at each look
    # bool[L, n + 1], by DLTs, or by responses, in an arm at a look: whether it is closed, and then for DLTs those above
    many_dlts: NDArray[np.bool_]
    few_responses: NDArray[np.bool_]
    pools: bool  # whether patients of dose escalation count when the dose is chosen

    @property
    def counts_both(self) -> bool:
        """Whether it matters which patients with a DLT have a response, and not how many have either."""
        none, eff, tox, both = self.utilities
        return self.rule == BY_MEAN_UTILITY and eff + tox != none + both

    @property
    def arrays(self) -> RandomisedArrays:
        """The plan as the kernels read it."""
        return RandomisedArrays(
            self.arms,
            self.patients,
            self.rule,
            self.max_dlts,
            self.min_responses,
            float(self.margin),
            np.array(self.utilities, np.int64),
            self.looks,
            self.many_dlts,
            self.few_responses,
            bool(self.pools),
        )


def randomised_plan(trial: Trial) -> RandomisedPlan | None:
    """The plan of a trial's randomised comparison; None when it has none. Raises DesignError as its `margins` do."""
    given, efficacy = trial.randomised, trial.efficacy
    if given is None or efficacy is None:
        return None
    max_dlts, min_responses = given.margins if given.rule == "merit" else (0, 0)
    looks, many, few = _looks(given.interim, given.patients_per_dose)
    return RandomisedPlan(
        arms=given.doses,
        patients=given.patients_per_dose,
        rule=RULES[given.rule],
        max_dlts=max_dlts,
        min_responses=min_responses,
        margin=given.margin or 0.0,
        utilities=efficacy.utility.of_outcomes,
        looks=looks,
        many_dlts=many,
        few_responses=few,
        pools=given.pool_escalation,
    )


def _looks(interim: Interim | None, patients: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Patients at the looks, and with how many DLTs or responses an arm is closed."""
    looks = np.array(() if interim is None else interim.after, np.int64)
    many, few = np.zeros((2, len(looks), patients + 1), np.bool_)
    if interim is None:
        return looks, many, few
    seen = np.arange(patients + 1)
    for look, treated in enumerate(looks.tolist()):
        if interim.dlt_limit is not None:
            many[look] = exceedance(interim.dlt_limit, treated, seen, interim.prior) > interim.dlt_threshold + SLACK
        if interim.response_limit is not None:
            without = np.where(seen <= treated, interim.prior[1] + treated - seen, np.nan)
            below = special.betainc(interim.prior[0] + seen, without, interim.response_limit)
            few[look] = below > interim.response_threshold + SLACK
    return looks, many, few
