"""The choice of an optimal dose, compiled: what is looked at when a trial is over."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from escalation.kernels.codes import BY_RESPONSE, BY_UNIMODAL, BY_UTILITY, ON_PLATEAU, SLACK
from escalation.kernels.layout import ChoiceArrays
from escalation.numbers import count_grid
from escalation.trial.choice import By, Choice
from escalation.trial.efficacy import Efficacy

RULES: dict[By, int] = {
    "max_response": BY_RESPONSE,
    "unimodal": BY_UNIMODAL,
    "utility": BY_UTILITY,
    "plateau": ON_PLATEAU,
}


@dataclass(frozen=True, eq=False)
class ChoicePlan:
    """The choice of an optimal dose among doses that were tried and are not above the recommended one."""

    rule: int  # BY_RESPONSE, BY_UNIMODAL, BY_UTILITY or ON_PLATEAU
    margin: float  # of ON_PLATEAU
    utilities: tuple[int, int, int, int]  # from 0 to 100, in the order of `trial.joint.OUTCOMES`
    futile: NDArray[np.bool_]  # bool[N + 1, N + 1], by patients and responses at a dose: whether it is no candidate

    @property
    def looks_at_doses_apart(self) -> bool:
        """Whether the doses are scored each by its own data, and the best score wins."""
        return self.rule in (BY_RESPONSE, BY_UTILITY)

    @property
    def arrays(self) -> ChoiceArrays:
        """The plan as the kernels read it."""
        return ChoiceArrays(self.rule, float(self.margin), np.array(self.utilities, np.int64), self.futile)


def choice_plan(choice: Choice, efficacy: Efficacy, most_patients: int) -> ChoicePlan:
    """The plan of a choice in trials of at most so many patients, expansion included."""
    patients, responses = count_grid(most_patients)
    without = np.where(responses <= patients, 1 + patients - responses, np.nan)
    below = np.asarray(special.betainc(1.0 + responses, without, efficacy.min_response))
    futile = (patients > 0) & (below > choice.futility + SLACK)
    return ChoicePlan(RULES[choice.by], choice.margin or 0.0, efficacy.utility.of_outcomes, futile)
