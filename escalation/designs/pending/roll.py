"""The rolling six: up to six patients at a dose are enrolled while others are pending.

With n patients, y DLTs and c pending patients at the current dose: two DLTs exclude it and all above; (n, y, c) =
(3, 0, 0), (4, 0, 0), (5, 0, 0), (6, 0, 0), (6, 0, 1) or (6, 1, 0) escalates; six other patients are waited for; else
the next patient is enrolled there. At the highest dose that may be given six patients are enrolled and waited for.

The program labja/RollingSix differs in four states, in which this follows the paper: it escalates at (4, 0, 1),
(5, 0, 1) and (5, 0, 2), and waits at (6, 0, 1).

Source: Skolnik JM, Barrett JS, Jayaraman B, Patel D, Adamson PC (2008) J Clin Oncol 26:190-195.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from escalation.designs.pending.base import PendingRule, Problems
from escalation.plans.pending import Rolled
from escalation.trial.trial import Trial

if TYPE_CHECKING:
    from escalation.designs.base import Design


class Roll(PendingRule):
    """Up to six patients at a dose are enrolled while others are pending (rolling six).

    It fits the 3+3 design that de-escalates and gives the highest dose to six patients.
    """

    rule: Literal["roll"] = "roll"

    sources: ClassVar[tuple[str, ...]] = (
        "Skolnik JM, Barrett JS, Jayaraman B, Patel D, Adamson PC (2008). Shortening the timeline of pediatric phase I "
        "trials: the rolling six design. J Clin Oncol 26:190-195.",
    )

    in_place: ClassVar[str | None] = (
        "Dose escalation follows the rolling six (Skolnik et al. 2008). When the lowest dose is excluded the trial "
        "ends and no dose is recommended."
    )

    def problems(self, design: "Design", trial: Trial) -> Problems:  # noqa: ARG002
        """Another design than 3+3, or one that ends otherwise."""
        from escalation.designs.three_plus_three import ThreePlusThree  # see `pending.base`

        if not isinstance(design, ThreePlusThree):
            yield "rule", f'"roll" is for kind = "3+3", the rolling six; not for {design.kind!r}'
            return
        for option in ("de_escalate", "six_at_top"):
            if not getattr(design, option):
                yield (
                    "rule",
                    f'"roll" needs {option} = true: the rolling six has six patients at the dose it recommends',
                )

    def words(self, design: "Design", trial: Trial) -> str:  # noqa: ARG002
        """The rule, in the sentences of a protocol."""
        return (
            "Patients are enrolled one by one, up to six at a dose, while others are pending. A dose with two DLTs and "
            "all above are excluded, and the next patient gets the dose below. The dose is escalated when three, four, "
            "five or six patients there are complete without a DLT and nobody is pending, when five of six are and one "
            "is pending, or when six are complete with one DLT. Six patients in any other state are waited for; with "
            "fewer the next patient is enrolled at the dose. The highest dose that may be given is given to six "
            "patients, whose outcomes are all waited for."
        )

    def _plan(self, design: "Design", trial: Trial) -> Rolled:  # noqa: ARG002
        return Rolled()
