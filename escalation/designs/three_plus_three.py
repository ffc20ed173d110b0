"""The 3+3 design.

Three patients at a dose: none with a DLT, escalate; one, treat three more; two or three, the dose is too toxic. Of six
patients: at most one with a DLT, escalate; two or more, too toxic. Variants differ in what follows:

- de-escalation (Korn et al. 1994): after a dose has proved too toxic, the dose below is filled up to six patients;
  without it the trial ends at once.
- six at the top: the highest dose, too, needs six patients before it is recommended.

Source: Korn EL et al. (1994) Stat Med 13:1799-1806; Lin Y, Shih WJ (2001) Biostatistics 2:203-215.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from escalation.designs.base import Design, count_grid, decision_table
from escalation.fields import Flag
from escalation.kernels.codes import ELIMINATE, ESCALATE
from escalation.plans import HighestCleared, TablePlan
from escalation.trial import Trial

COHORT = 3
FULL = 6


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
    label : str, optional
        Name in tables. Default: the kind, then crm-2, crm-3 for repeats.
    """

    kind: Literal["3+3"] = "3+3"
    de_escalate: Flag = True
    six_at_top: Flag = True

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know about this design on this trial, although it can run."""
        if trial.cohort_size != COHORT:
            yield f"3+3 treats cohorts of {COHORT}; the trial's cohort_size of {trial.cohort_size} is not used"

    def _plan(self, trial: Trial) -> TablePlan:
        patients, dlts = count_grid(trial.max_patients)
        three, six = patients == COHORT, patients == FULL
        # At other counts, which only a last, smaller cohort can leave, the dose is neither cleared nor too toxic: stay.
        codes = decision_table(
            trial.levels,
            [
                ((three | six) & (dlts >= 2), ELIMINATE),
                ((three & (dlts == 0)) | (six & (dlts <= 1)), ESCALATE),
            ],
        )
        completes = np.zeros(codes.shape, np.bool_)
        if not self.de_escalate:
            completes |= codes == ELIMINATE
        if not self.six_at_top:
            completes[-1] |= codes[-1] == ESCALATE
        cleared = ((patients >= COHORT) & (dlts == 0)) | (six & (dlts == 1))
        return TablePlan(
            codes=codes,
            selection=HighestCleared(cleared),
            cohort_size=min(COHORT, trial.max_patients),
            max_patients=trial.max_patients,
            start=trial.start_dose - 1,
            completes=completes,
            cap=FULL,
        )
