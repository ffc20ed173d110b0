"""What the designs share that decide by a model of the dose-toxicity curve."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from escalation.designs.base import Design, equal_cohorts
from escalation.fields import Flag, Fraction, Frozen, Real
from escalation.kernels.codes import COHERENT_COHORT, COHERENT_DOSE, COHERENT_OFF
from escalation.plans import CurvePlan, Intervals, MaximumLikelihood, PlugIn, PosteriorMean
from escalation.rules import NeverSkip
from escalation.trial import Trial

Floats = NDArray[np.float64]

COHERENT = {"cohort": COHERENT_COHORT, "dose": COHERENT_DOSE, "off": COHERENT_OFF}


class TooToxic(Frozen):
    """End the trial when P(rate at the lowest dose > target + margin | data) > threshold.

    Parameters
    ----------
    threshold : float
        Posterior probability above which the trial ends.
    margin : float, default 0
        How far above the target a rate is too toxic.
    """

    threshold: Fraction
    margin: Real = Field(default=0.0, gt=-1, lt=1)

    def words(self, trial: Trial) -> str:
        """The rule, as a sentence."""
        return (
            "The trial ends, and no dose is recommended, when P(DLT rate at the lowest dose > "
            f"{trial.target + self.margin:g} | data) > {self.threshold:g} under the model."
        )

    def misfits(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """What does not fit the trial: (name of the design's option, what is wrong)."""
        if not 0 < trial.target + self.margin < 1:
            yield "stop_if_too_toxic.margin", "target + margin should be strictly between 0 and 1"


class ModelDesign(Design):
    """A design that decides by a model of the dose-toxicity curve.

    Parameters
    ----------
    no_skip : bool, default True
        Give at most the dose one above the last.
    coherent : {"cohort", "dose", "off"}
        No escalation when the DLT rate of the last cohort is at or above the target ("cohort"), or when the rate among
        all patients at the current dose is above it ("dose").
    recommend_untried : bool, default False
        Recommend the model's choice even where nobody was treated; if not, the highest tried dose not above it.
    """

    no_skip: Flag = True
    coherent: Literal["cohort", "dose", "off"] = "off"
    recommend_untried: Flag = False

    def _limits_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        if self.no_skip:
            yield "No dose level is skipped on the way up."
        else:
            yield "The design itself lets dose levels be skipped."
        if self.coherent == "cohort":
            yield "There is no escalation when the DLT rate of the last cohort is at or above the target."
        elif self.coherent == "dose":
            yield (
                "There is no escalation when the DLT rate among all patients at the current dose is above the target."
            )

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        if self.recommend_untried:
            yield "At the end the model's choice is recommended, whether or not it has been given."
        else:
            yield "At the end the highest dose that has been given and is not above the model's choice is recommended."

    def _curve_plan(
        self,
        trial: Trial,
        *,
        log_rates: tuple[Floats, Floats],
        weight: Floats,
        reading: PlugIn | PosteriorMean | Intervals | MaximumLikelihood,
        stop: TooToxic | None = None,
        too_toxic: Floats | None = None,
    ) -> CurvePlan:
        """The plan of a set of curves; `too_toxic` as in the plan, if there is such a stop."""
        return CurvePlan(
            log_dlt=log_rates[0],
            log_no_dlt=log_rates[1],
            weight=weight,
            target=trial.target,
            reading=reading,
            sizes=equal_cohorts(trial),
            max_patients=trial.max_patients,
            start=trial.start_dose - 1,
            ceiling=NeverSkip().ceiling(trial) if self.no_skip else None,
            too_toxic=too_toxic,
            too_toxic_threshold=1.0 if stop is None else stop.threshold,
            coherent=COHERENT[self.coherent],
            recommend_untried=self.recommend_untried,
        )
