"""What every design has in common."""

from abc import abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from escalation.errors import DesignError
from escalation.fields import Frozen, Text
from escalation.kernels.codes import STAY
from escalation.plans import Plan
from escalation.trial import Trial


class Design(Frozen):
    """A dose-escalation design: its options, and how they become a plan for a trial.

    Parameters
    ----------
    label : str, optional
        Name in tables; by default the kind.
    """

    kind: str
    label: Text | None = None

    def problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        """Options that do not fit the trial: (name of the option, what is wrong)."""
        yield from ()

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know about this design on this trial, although it can run."""
        yield from ()

    def plan(self, trial: Trial) -> Plan:
        """Compile the design for a trial.

        Raises
        ------
        DesignError
            An option does not fit the trial.
        """
        problems = [f"{self.kind}: {option}: {problem}" for option, problem in self.problems(trial)]
        if problems:
            raise DesignError("\n".join(problems))
        return self._plan(trial)

    @abstractmethod
    def _plan(self, trial: Trial) -> Plan: ...


def tabulate(trial: Trial, decide: Callable[[int, int, int], int]) -> NDArray[np.int8]:
    """Decision table of `decide(dose, patients, dlts)`; without patients, and where DLTs exceed them, STAY."""
    size = trial.max_patients + 1
    codes = np.full((trial.levels, size, size), STAY, np.int8)
    for dose in range(trial.levels):
        for patients in range(1, size):
            for dlts in range(patients + 1):
                codes[dose, patients, dlts] = decide(dose, patients, dlts)
    return codes


def exceedance(limit: float, max_patients: int, prior: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
    """P(rate > limit | data) under a Beta prior, by patients and DLTs at a dose.

    Returns
    -------
    float64[N + 1, N + 1]
        NaN where DLTs exceed patients.
    """
    patients, dlts = np.indices((max_patients + 1, max_patients + 1))
    possible = dlts <= patients
    with np.errstate(invalid="ignore"):
        tail = stats.beta.sf(limit, prior[0] + dlts, np.where(possible, prior[1] + patients - dlts, 1.0))
    return np.where(possible, tail, np.nan)
