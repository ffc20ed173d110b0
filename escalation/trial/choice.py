"""An optimal dose, chosen at the end of a trial whose own rules look at toxicity alone."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from escalation.fields import Frozen, Rate, Real
from escalation.trial.efficacy import Efficacy

By = Literal["max_response", "unimodal", "utility", "plateau", "exposure"]

RULES: dict[By, str] = {
    "max_response": "the one with the highest observed response rate",
    "unimodal": "the one with the highest response rate by a unimodal fit, the mean of the least-squares fits with "
    "each mode, weighted by their likelihoods",
    "utility": "the one with the largest posterior mean utility",
    "plateau": "the lowest one whose response rate by isotonic regression is no more than {margin:g} below the highest",
    "exposure": "the lowest one whose geometric mean exposure, by isotonic regression of the mean log exposures, is at "
    "least {ratio:g} times the largest",
}
"""What is chosen among the candidates, as a part of a sentence."""


class Choice(Frozen):
    """The choice of an optimal dose (OBD) at the end, among tried doses that are not futile, up to the RP2D.

    Parameters
    ----------
    by : {"max_response", "unimodal", "utility", "plateau", "exposure"}
        What is best: the observed response rate, that by a unimodal fit, the posterior mean utility, or the lowest dose
        on the plateau of an isotonic fit to response rates, or to exposures. The lowest of equal ones.
    margin : float, optional
        Of "plateau", which needs it: how far below the highest fitted response rate a dose may be; 0 for no difference.
    futility : float, default 0.9
        No candidate is a dose with P(response rate < min_response | data) above it, under a uniform prior. 1 is for no
        such rule. Not of "exposure", which looks at no responses.
    ratio : float, optional
        Of "exposure", which needs it: what share of the largest fitted geometric mean a dose has to have; above 0, at
        most 1.
    """

    by: By
    margin: Rate | None = None
    futility: Annotated[Real, Field(gt=0, le=1)] = 0.9
    ratio: Annotated[Real, Field(gt=0, le=1)] | None = None

    only_if_given: ClassVar[frozenset[str]] = frozenset({"ratio"})

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = super()._written(write)
        return {name: value for name, value in written.items() if not self.by_exposure or name in ("by", "ratio")}

    @model_validator(mode="after")
    def _has_margin(self) -> Self:
        if self.by == "plateau" and self.margin is None:
            raise ValueError('margin: needed by "plateau": how far below the highest response rate a dose may be')
        if self.by != "plateau" and self.margin is not None:
            raise ValueError(f'margin: not an option of by = "{self.by}"')
        if self.by_exposure and self.ratio is None:
            raise ValueError('ratio: needed by "exposure": what share of the largest geometric mean a dose has to have')
        if not self.by_exposure and self.ratio is not None:
            raise ValueError(f'ratio: not an option of by = "{self.by}"')
        if self.by_exposure and "futility" in self.model_fields_set:
            raise ValueError('futility: not an option of by = "exposure", which looks at no responses')
        return self

    @property
    def by_exposure(self) -> bool:
        """Whether exposures decide; else responses do."""
        return self.by == "exposure"

    def problems(self, efficacy: Efficacy | None) -> Iterator[tuple[str, str]]:
        """What does not fit a trial that has this, or nothing, in `[trial.efficacy]`: (name of the option, problem)."""
        if self.by_exposure:
            return
        if efficacy is None:
            yield "optimal_dose", "needs [trial.efficacy], which says which doses are acceptable"
        elif efficacy.max_toxicity is None:
            yield (
                "optimal_dose",
                "needs max_toxicity in [trial.efficacy]: the highest acceptable DLT rate of an optimal dose",
            )

    def words(self, efficacy: Efficacy | None) -> str:
        """The choice as sentences; empty where it does not fit a trial that has this, or nothing, for responses."""
        chosen = self.in_short
        if self.by_exposure:
            return (
                "The optimal dose is chosen when the trial is over, by the patients' exposure, among doses that have "
                f"been given and are not above the recommended dose: {chosen}. The regression is weighted by the "
                "patients at each dose and sees all doses that have been given; the largest is that among the doses "
                "up to the recommended one. Without such a dose, or without a recommended dose, there is none."
            )
        if efficacy is None:
            return ""
        if self.by == "utility":
            worth = efficacy.utility
            chosen += (
                f" (a response without a DLT is worth {worth.eff}, neither {worth.none}, both {worth.both}, a DLT "
                f"without a response {worth.tox})"
            )
        futile = ""
        if self.futility < 1:
            futile = (
                f" and for which the probability of a response rate below {efficacy.min_response:g} is at most "
                f"{self.futility:g} under a uniform prior"
            )
        waited = "" if efficacy.window_days is None else " and the responses of all patients are known"
        sentences = (
            f"The optimal dose is chosen when the trial is over{waited}, among doses that have been given, are not "
            f"above the recommended dose{futile}: {chosen}, of equal ones the lowest. Without such a dose, or without "
            "a recommended dose, there is none."
        )
        return f"{sentences} {efficacy.window_in_words}".rstrip()

    @property
    def in_short(self) -> str:
        """What is chosen among the candidates, as a part of a sentence."""
        return RULES[self.by].format(margin=self.margin or 0.0, ratio=self.ratio or 0.0)

    @property
    def references(self) -> tuple[str, ...]:
        """Where the rule comes from."""
        return REFERENCES[self.by]


BOIN_ET = (
    "Takeda K, Taguri M, Morita S (2018). BOIN-ET: Bayesian optimal interval design for dose finding based on both "
    "efficacy and toxicity outcomes. Pharm Stat 17:383-395."
)
BOIN12 = (
    "Lin R, Zhou Y, Yan F, Li D, Yuan Y (2020). BOIN12: Bayesian optimal interval phase I/II trial design for "
    "utility-based dose finding in immunotherapy and targeted therapies. JCO Precis Oncol 4:1393-1402."
)
OBD = (
    "Fraisse J, Dinart D, Tosi D, Bellera C, Mollevi C (2021). Optimal biological dose: a systematic review in cancer "
    "phase I clinical trials. BMC Cancer 21:60."
)
REFERENCES: dict[By, tuple[str, ...]] = {
    "max_response": (OBD, BOIN_ET),
    "unimodal": (BOIN_ET,),
    "utility": (BOIN12,),
    "plateau": (OBD,),
    "exposure": (),
}
