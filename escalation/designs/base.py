"""What every design has in common."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

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

    def problems(self, trial: Trial) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Options that do not fit the trial: (name of the option, what is wrong)."""
        yield from ()

    def cautions(self, trial: Trial) -> Iterator[str]:  # noqa: ARG002
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


def never_reached(option: str, patients: int | None, trial: Trial) -> Iterator[str]:
    """A caution about a number of patients at which something would happen, if the trial is smaller."""
    if patients is not None and patients > trial.max_patients:
        yield f"{option} = {patients} is never reached: the trial has at most {trial.max_patients} patients"


def count_grid(max_patients: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Patients and DLTs of every cell of a decision table, int64[N + 1, N + 1] each, impossible ones included."""
    patients, dlts = np.indices((max_patients + 1, max_patients + 1))
    return patients, dlts


def decision_table(levels: int, rules: list[tuple[NDArray[np.bool_], int]]) -> NDArray[np.int8]:
    """Decision table that is the same at every dose: in each cell the code of the first rule that applies, else STAY.

    Parameters
    ----------
    levels : int
        Number of dose levels.
    rules : list of (bool[N + 1, N + 1], code)

    Returns
    -------
    int8[D, N + 1, N + 1]
        STAY in cells that no trial can reach: without patients, or with more DLTs than patients.
    """
    applies, codes = zip(*rules, strict=True)
    patients, dlts = count_grid(len(applies[0]) - 1)
    table = np.select(applies, codes, STAY)
    table[(patients == 0) | (dlts > patients)] = STAY
    return np.repeat(table[None].astype(np.int8), levels, axis=0)


def exceedance(limit: float, max_patients: int, prior: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float64]:
    """P(rate > limit | data) under a Beta prior, by patients and DLTs at a dose.

    Returns
    -------
    float64[N + 1, N + 1]
        NaN where DLTs exceed patients.
    """
    patients, dlts = count_grid(max_patients)
    possible = dlts <= patients
    tail = special.betaincc(prior[0] + dlts, np.where(possible, prior[1] + patients - dlts, 1.0), limit)
    return np.where(possible, tail, np.nan)
