"""Predict the pending outcomes: PoD-TPI, the probability of each decision once all outcomes are known.

The rule for complete data decides for each number of DLTs that the pending patients may have; each number has a
posterior probability under a uniform prior of the DLT rate and a uniform time to DLT. The most probable decision
counts, the lower one at a tie, unless it is waited for.

The public program POD-TPI averages each pending patient's probability on its own where the paper averages that of the
decision, and its Metropolis step compares with the wrong state: its probabilities are off by up to 0.09. With nobody
known at the dose it suspends, as here.

Source: Zhou T, Guo W, Ji Y (2020) Stat Biosci 12:124-145.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field

from escalation.designs.pending.base import PendingRule, Problems, count_cuts, falls_with_dlts
from escalation.fields import Count, Real
from escalation.plans.pending import Predicted
from escalation.trial.trial import Trial

if TYPE_CHECKING:
    from escalation.designs.base import Design
    from escalation.designs.intervals import IntervalDesign

PUBLISHED = ("mtpi2", "i3+3")
"""Designs that the paper predicts the decisions of."""


class Predict(PendingRule):
    """The most probable decision once all outcomes are known (PoD-TPI).

    It fits interval designs; the paper has mTPI-2 and i3+3. While patients are pending, a dose is eliminated by its
    known outcomes alone; the lowest only if the design would do so with pending patients counted as without a DLT, else
    enrolment waits.

    Parameters
    ----------
    suspend : {"probability", "half", "disagreement", "off"}
        When enrolment waits: by the probabilities of the next two options; while more than half of the patients at the
        dose are pending; while pending outcomes can change the decision; or never. With no outcome known at the dose it
        always does.
    least_escalation : float, default 1
        Of "probability": escalate only when escalation is at least so probable.
    most_de_escalation : float, default 0.15
        Of "probability": stay only when de-escalation is at most so probable.
    fewest_known : int, default 3
        Known outcomes before they eliminate a dose while others are pending.
    """

    rule: Literal["predict"] = "predict"
    suspend: Literal["probability", "half", "disagreement", "off"] = "probability"
    least_escalation: Real = Field(default=1.0, ge=0, le=1)
    most_de_escalation: Real = Field(default=0.15, ge=0, le=1)
    fewest_known: Count = 3

    sources: ClassVar[tuple[str, ...]] = (
        "Zhou T, Guo W, Ji Y (2020). PoD-TPI: probability-of-decision toxicity probability interval design to "
        "accelerate phase I trials. Stat Biosci 12:124-145.",
    )

    def problems(self, design: "Design", trial: Trial) -> Problems:
        """Another design than an interval design, or one of one's own that more DLTs lead higher."""
        from escalation.designs.intervals import IntervalDesign  # see `pending.base`

        if not isinstance(design, IntervalDesign):
            yield "rule", f'"predict" is for interval designs, such as kind = "mtpi2"; not for {design.kind!r}'
        elif not any(design.problems(trial)) and not falls_with_dlts(design.moves_by_counts(trial)):
            yield "rule", f'"predict" needs a design that more DLTs never lead higher; {design.kind!r} does not fit'

    def cautions(self, design: "Design", trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """Options that are not used, and designs that nothing is published on."""
        for option in ("least_escalation", "most_de_escalation"):
            if option in self.model_fields_set and self.suspend != "probability":
                yield f'pending: {option} is not used with suspend = "{self.suspend}"'
        if self.suspend == "off":
            yield 'pending: with suspend = "off" a dose may be escalated on the prediction of all but one outcome'
        if design.kind not in PUBLISHED:
            yield f"pending: the paper on predicted decisions has no {design.kind!r}"

    def words(self, design: "Design", trial: Trial) -> str:  # noqa: ARG002
        """The rule, in the sentences of a protocol."""
        waits = {
            "probability": f"Escalation takes a probability of at least {self.least_escalation:g}, and the same dose "
            f"is given again only while de-escalation has a probability of at most {self.most_de_escalation:g}; else "
            "enrolment waits.",
            "half": "Enrolment waits while more than half of the patients at the dose are pending.",
            "disagreement": "Enrolment waits while pending outcomes can change the decision.",
            "off": "",
        }[self.suspend]
        sentences = (
            "While patients are pending, the probability of each decision once their outcomes are known is computed "
            "under a uniform prior of the DLT rate and a uniform time to DLT (PoD-TPI; Zhou et al. 2020), and the most "
            "probable decision is taken, the lower one at a tie.",
            waits,
            "With no outcome known at the dose enrolment waits.",
            f"From {self.fewest_known} known outcomes on, these alone eliminate a dose; the lowest dose is eliminated "
            "only if it would be with all pending patients counted as without a DLT, else enrolment waits.",
        )
        return " ".join(sentence for sentence in sentences if sentence)

    def _plan(self, design: "Design", trial: Trial) -> Predicted:
        by_probability = self.suspend == "probability"
        return Predicted(
            cuts=count_cuts(cast("IntervalDesign", design), trial),
            fewest_known=self.fewest_known,
            halves=self.suspend == "half",
            agrees=self.suspend == "disagreement",
            escalate_if=self.least_escalation if by_probability else 0.0,
            stay_if=self.most_de_escalation if by_probability else 1.0,
        )
