"""Wait for every outcome: what any design does that says nothing else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from escalation.designs.pending.base import PendingRule, Problems
from escalation.plans.pending import Waited
from escalation.trial.trial import Trial

if TYPE_CHECKING:
    from escalation.designs.base import Design


class Complete(PendingRule):
    """Nothing is decided before every patient has had a DLT or finished the DLT window.

    It fits every design. The next cohort waits, also where no pending outcome could change the decision.
    """

    rule: Literal["complete"] = "complete"

    def problems(self, design: "Design", trial: Trial) -> Problems:  # noqa: ARG002
        """None."""
        yield from ()

    def cautions(self, design: "Design", trial: Trial) -> Iterator[str]:  # noqa: ARG002
        """None."""
        yield from ()

    def words(self, design: "Design", trial: Trial) -> str:  # noqa: ARG002
        """The rule, in the sentences of a protocol."""
        return (
            "The next cohort is enrolled when each patient before has had a DLT or has been followed for the whole "
            "DLT window."
        )

    def _plan(self, design: "Design", trial: Trial) -> Waited:  # noqa: ARG002
        return Waited(most=trial.max_patients)
