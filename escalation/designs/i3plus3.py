"""The i3+3 design.

With target phi and the equivalence interval from phi - epsilon1 to phi + epsilon2, its ends included, after y DLTs in n
patients: escalate when y/n is below the interval and stay when it is inside. When it is above, one DLT less decides
whether the number of patients is to blame: stay when (y - 1)/n is below the interval, else de-escalate.

Source: Liu M, Wang SJ, Ji Y (2020) J Biopharm Stat 30:294-304.
"""

from typing import ClassVar, Literal

from escalation.designs.intervals import EquivalenceInterval, Moves, Numbers, moves_where
from escalation.designs.words import beside, observed
from escalation.kernels.codes import DE_ESCALATE, ESCALATE, SLACK
from escalation.trial.trial import Trial


class I3Plus3(EquivalenceInterval):
    """The i3+3 design.

    Eliminates and recommends as BOIN does, from the first patient at a dose on.
    """

    kind: Literal["i3+3"] = "i3+3"

    sources: ClassVar[tuple[str, ...]] = (
        "Liu M, Wang SJ, Ji Y (2020). The i3+3 design for phase I clinical trials. J Biopharm Stat 30:294-304.",
    )

    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:
        """By the observed rate, and by that with one DLT less."""
        low, high = self.interval(target)
        fewest_inside, most_inside = low * patients - SLACK, high * patients + SLACK
        return moves_where(dlts < fewest_inside, (dlts > most_inside) & (dlts - 1 >= fewest_inside))

    def place(self, target: float, patients: int, dlts: int, move: int) -> str:
        """Where the observed rate is."""
        ends = self.interval(target)
        rate, low, high = beside(dlts / patients, *ends)
        clause = f"{observed(patients, dlts)} is a rate of {rate}"
        if move == ESCALATE:
            return f"{clause}, below {low}"
        fewer, low_too = beside((dlts - 1) / patients, ends[0])
        if move == DE_ESCALATE:
            return f"{clause}, above {high}, and with one DLT less it is {fewer}, at least {low_too}"
        if dlts > ends[1] * patients + SLACK:
            return f"{clause}, above {high}, but with one DLT less it is {fewer}, below {low_too}"
        return f"{clause}, at least {low} and at most {high}"

    def words(self, trial: Trial) -> str:
        """The rule, in the sentences of a protocol."""
        low, high = self.interval(trial.target)
        return (
            f"Dose escalation follows the i3+3 design (Liu et al. 2020) with a target DLT rate of {trial.target:g} "
            f"and the equivalence interval from {low:g} to {high:g}. After each cohort the dose is escalated when the "
            "observed DLT rate at the current dose is below the interval and given again when it is inside. When it is "
            "above, the rate with one DLT less decides: the dose is given again if that is below the interval, else "
            "de-escalated."
        )
