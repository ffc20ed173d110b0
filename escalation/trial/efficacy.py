"""What is asked of a dose beside its toxicity."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from escalation.fields import Fraction, Frozen, Whole

Worth = Annotated[Whole, Field(ge=0, le=100)]

UNUSED = "window_days", "response_seen", "onset"
"""Of responses in time."""


class Utility(Frozen):
    """What each outcome of a patient is worth, in whole numbers from 0 to 100: sums of them tie exactly.

    Parameters
    ----------
    eff : int, default 100
        A response without a DLT; no outcome is worth more.
    none : int, default 40
        Neither.
    both : int, default 60
        A response with a DLT.
    tox : int, default 0
        A DLT without a response; no outcome is worth less.

    Source of the defaults: Lin R, Zhou Y, Yan F, Li D, Yuan Y (2020) BOIN12. JCO Precis Oncol 4:1393-1402.
    """

    eff: Worth = 100
    none: Worth = 40
    both: Worth = 60
    tox: Worth = 0

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        for name, value in (("none", self.none), ("both", self.both)):
            if not self.tox <= value <= self.eff:
                raise ValueError(f"{name}: {value} should be from tox = {self.tox} to eff = {self.eff}")
        if self.tox == self.eff:
            raise ValueError(f"eff: {self.eff} should be more than tox")
        return self

    @property
    def of_outcomes(self) -> tuple[int, int, int, int]:
        """In the order of `trial.joint.OUTCOMES`: neither, response only, DLT only, both."""
        return self.none, self.eff, self.tox, self.both


class Efficacy(Frozen):
    """Responses, and what makes a dose acceptable and optimal.

    Parameters
    ----------
    min_response : float
        The lowest acceptable response rate.
    max_toxicity : float, optional
        The highest acceptable DLT rate. Designs that look for an optimal dose need it.
    utility : Utility, default { eff = 100, none = 40, both = 60, tox = 0 }
        What the outcomes of a patient are worth.
    """

    min_response: Fraction
    max_toxicity: Fraction | None = None
    utility: Utility = Utility()

    @model_validator(mode="before")
    @classmethod
    def _has_no_window(cls, value: Any) -> Any:
        given = [name for name in UNUSED if name in value] if isinstance(value, dict) else []
        if given:
            raise ValueError("\n".join(f"{name}: responses with a window are not simulated yet" for name in given))
        return value

    def problems(self, target: float) -> Iterator[tuple[str, str]]:
        """What does not fit a trial with such a target DLT rate: (name of the option, what is wrong)."""
        if self.max_toxicity is not None and self.max_toxicity < target:
            yield "max_toxicity", f"{self.max_toxicity:g} should be at least the target DLT rate, {target:g}"
