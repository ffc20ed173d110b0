"""What is asked of a dose beside its toxicity."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from escalation.fields import Fraction, Frozen, Real, Whole
from escalation.trial.onset import Onset

Worth = Annotated[Whole, Field(ge=0, le=100)]


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
    window_days : float, optional
        Days after the first dose in which a response counts, at least those of a DLT; needs `[trial.time]`. Without it
        responses are known when the DLT window ends.
    response_seen : {"window_end", "when_it_occurs"}, optional
        When the response of a patient is known: at the end of the window, whatever it is, which is the default; or on
        its day, and that there is none at the end of the window.
    onset : Onset, optional
        Of "when_it_occurs": the day of a response, given that it occurs in the window. Default uniform.
    """

    min_response: Fraction
    max_toxicity: Fraction | None = None
    utility: Utility = Utility()
    window_days: Real | None = Field(default=None, gt=0, le=100_000)
    response_seen: Literal["window_end", "when_it_occurs"] | None = None
    onset: Onset | None = None

    only_if_given: ClassVar[frozenset[str]] = frozenset({"window_days", "response_seen", "onset"})

    def problems(self, target: float, dlt_window: float | None, *, timed: bool) -> Iterator[tuple[str, str]]:
        """What does not fit a trial with such a target DLT rate and DLT window: (name of the option, what is wrong)."""
        if self.max_toxicity is not None and self.max_toxicity < target:
            yield "max_toxicity", f"{self.max_toxicity:g} should be at least the target DLT rate, {target:g}"
        window = self.window_days
        if window is None:
            for name in ("response_seen", "onset"):
                if getattr(self, name) is not None:
                    yield name, "needs window_days: the days in which a response counts"
            return
        if not timed:
            yield "window_days", "needs [trial.time]: it says when the responses of patients are known"
        if dlt_window is not None and window < dlt_window:
            yield "window_days", f"{window:g} should be at least dlt_window_days = {dlt_window:g}"
        if self.onset is None:
            return
        if not self.seen_when_it_occurs:
            yield "onset", 'needs response_seen = "when_it_occurs"; responses are known at the end of the window'
        yield from (("onset", problem) for problem in self.onset.problems(window))

    @property
    def window_in_words(self) -> str:
        """When responses count and are known, as a sentence; empty without a window of their own."""
        if self.window_days is None:
            return ""
        known = "known when these are over"
        if self.seen_when_it_occurs:
            known = "known when it occurs; that there is none is known when these are over"
        return f"A response counts within {self.window_days:g} days of the first dose, and is {known}."

    @property
    def seen_when_it_occurs(self) -> bool:
        """Whether a response is known on its day."""
        return self.response_seen == "when_it_occurs"

    @property
    def inexact_days(self) -> str | None:
        """Why the end of a trial that waits for responses cannot be worked out exactly, if so."""
        if self.window_days is not None and self.seen_when_it_occurs:
            return 'with response_seen = "when_it_occurs" days are simulated'
        return None
