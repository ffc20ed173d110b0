"""The 3+3 design.

Three patients at a dose: none with a DLT, escalate; one, treat three more; two or three, the dose is too toxic. Of six
patients: at most one with a DLT, escalate; two or more, too toxic. Variants differ in what follows: whether there is
de-escalation (as Korn et al. 1994 have it; without it the trial ends at once), and six patients at the highest dose.

Source: Korn EL et al. (1994) Stat Med 13:1799-1806; Lin Y, Shih WJ (2001) Biostatistics 2:203-215.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from escalation.designs.a_plus_b import KORN, LIN_SHIH, APlusB
from escalation.designs.base import Design
from escalation.fields import Flag
from escalation.plans.table import TablePlan
from escalation.trial.trial import Trial

COHORT = 3


class ThreePlusThree(Design):
    """The 3+3 design, always in cohorts of three.

    The MTD is the highest dose with no DLT in three or more patients, or at most one in six, below every dose found
    too toxic.

    Parameters
    ----------
    de_escalate : bool, default True
        After a dose proved too toxic, fill the dose below up to six patients.
    six_at_top : bool, default True
        Treat six patients at the highest dose before it is recommended. The safer convention; R's packages
        escalation, bcrm and UBCRM accept three without a DLT.
    """

    kind: Literal["3+3"] = "3+3"
    de_escalate: Flag = True
    six_at_top: Flag = True

    has_own_cohorts: ClassVar[bool] = True
    sources: ClassVar[tuple[str, ...]] = (KORN, LIN_SHIH)

    def _cautions(self, trial: Trial) -> Iterator[str]:
        if trial.cohort_size != COHORT:
            yield f"3+3 treats cohorts of {COHORT}; the trial's {trial.cohorts_in_words} are not used"

    @property
    def _as_a_plus_b(self) -> APlusB:
        """The A+B design that it is."""
        return APlusB(a=COHORT, b=COHORT, c=1, d=1, e=1, de_escalate=self.de_escalate, full_at_top=self.six_at_top)

    def _plan(self, trial: Trial) -> TablePlan:
        return self._as_a_plus_b._plan(trial)

    def _grounds(self, trial: Trial, dose: int, patients: int, dlts: int, code: int) -> str:
        return self._as_a_plus_b._grounds(trial, dose, patients, dlts, code)

    def _decisions_in_words(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
        source = "Korn et al. 1994" if self.de_escalate else "Lin & Shih 2001"
        yield f"Dose escalation follows the 3+3 design ({source})."
        yield from self._as_a_plus_b.stages_in_words()

    def _recommendation_in_words(self, trial: Trial) -> Iterator[str]:
        yield from self._as_a_plus_b._recommendation_in_words(trial)
