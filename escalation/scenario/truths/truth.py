"""A truth: one vector of true DLT rates, and of response rates and exposures beside them."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from escalation.fields import Count, Frozen, Rate, Text
from escalation.trial.efficacy import Efficacy
from escalation.trial.exposure import Exposure
from escalation.trial.joint import INDEPENDENT, Association, JointRates, joint_rates
from escalation.trial.rates import correct_doses


class Truth(Frozen):
    """One vector of true DLT rates.

    Parameters
    ----------
    name : str
    dlt_rates : sequence of float
        One rate in [0, 1] for each dose level.
    rp2d : int, sequence of int or "none", optional
        The correct dose level or levels, 1-based. By default those whose rate is closest to the target, none when even
        the lowest rate exceeds it by more than 0.10.
    response_rates : sequence of float, optional
        One rate in [0, 1] for each dose level.
    association : Association, optional
        How a patient's DLT and response go together. Default: they are independent.
    obd : int or "none", optional
        The optimal dose level, 1-based. By default the lowest one with the largest mean utility among those that are
        acceptable for toxicity and response, none where no dose is. Needed where a design chooses by exposure: which
        dose is right is the truth's, and not what one design or another takes for a plateau.
    exposure : Exposure, optional
        Patients' exposure at each dose, for designs that choose an optimal dose by it.
    """

    name: Text
    dlt_rates: tuple[Rate, ...] = Field(min_length=1)
    rp2d: Count | Annotated[tuple[Count, ...], Field(min_length=1)] | Literal["none"] | None = None
    response_rates: Annotated[tuple[Rate, ...], Field(min_length=1)] | None = None
    association: Association | None = None
    obd: Count | Literal["none"] | None = None
    exposure: Exposure | None = None

    only_if_given: ClassVar[frozenset[str]] = frozenset({"response_rates", "association", "obd", "exposure"})

    @model_validator(mode="after")
    def _has_responses(self) -> Self:
        problems = []
        if self.response_rates is None:
            problems += ["association: needs response_rates"] * (self.association is not None)
            problems += ["obd: needs response_rates or exposure"] * (self.obd is not None and self.exposure is None)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def correct_doses(self, target: float) -> tuple[int, ...]:
        """The correct dose levels, 1-based; empty when none is."""
        if self.rp2d is None:
            return correct_doses(self.dlt_rates, target)
        if self.rp2d == "none":
            return ()
        return (self.rp2d,) if isinstance(self.rp2d, int) else tuple(sorted(set(self.rp2d)))

    @property
    def joint(self) -> JointRates | None:
        """DLTs and responses at each dose; None without response rates."""
        if self.response_rates is None:
            return None
        return joint_rates(self.dlt_rates, self.response_rates, self.association or INDEPENDENT)

    def knows_optimal_dose(self, efficacy: Efficacy | None) -> bool:
        """Whether it says, or has it follow from responses in a trial that has this, or nothing, for them."""
        follows = self.response_rates is not None and efficacy is not None and efficacy.max_toxicity is not None
        return self.obd is not None or follows

    def optimal_dose(self, efficacy: Efficacy | None) -> int | None:
        """The optimal dose level, 1-based, of a truth that knows it; None when no dose is acceptable."""
        if self.obd is not None:
            return None if self.obd == "none" else self.obd
        joint = self.joint
        assert joint is not None
        assert efficacy is not None
        return joint.optimal_dose(efficacy)
