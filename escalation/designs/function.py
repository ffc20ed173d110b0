"""A design given by a function: where the patients and DLTs at the dose just given lead."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import PlainSerializer

from escalation.designs.intervals import A_MOVE, MOVES, IntervalDesign, Moves, Numbers
from escalation.errors import DesignError
from escalation.fields import Fraction, Prose
from escalation.kernels.codes import SLACK
from escalation.trial.trial import Trial


def _name(function: Callable[..., Any]) -> str:
    """Its name; where it has none that of its type, which is the same in every process."""
    return getattr(function, "__qualname__", None) or type(function).__name__


Function = Annotated[Callable[[Any, Any], Any], PlainSerializer(_name, return_type=str, when_used="json")]


class DecisionFunction(IntervalDesign):
    """A function of one's own, which says where the patients and DLTs at a dose lead.

    It eliminates and recommends as BOIN does. No scenario file can name it. The same counts have to give the same
    answer at all times: tables are worked out once and kept. Work that is sent to other processes takes the function
    along by its name: there it has to stand at the top level of a module.

    Parameters
    ----------
    function : function of two numbers, patients and dlts
        Gives 1 to escalate, 0 to stay and -1 to de-escalate, for one dose with at least one patient.
    target : float
        The target DLT rate that the function was made for; the trial's has to be the same.
    text : str, optional
        The function in the sentences of a protocol.

    Examples
    --------
    >>> def by_rate(patients, dlts):
    ...     return 1 if dlts / patients <= 0.2 else -1 if dlts / patients >= 0.35 else 0
    >>> trial = Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
    >>> DecisionFunction(function=by_rate, target=0.25).plan(trial).codes[0, 6, :7].tolist()
    [1, 1, 0, -1, -2, -2, -2]
    """

    kind: Literal["function"] = "function"
    function: Function
    target: Fraction
    text: Prose | None = None

    def _problems(self, trial: Trial) -> Iterator[tuple[str, str]]:
        if abs(trial.target - self.target) > SLACK:
            yield "target", f"the function was made for {self.target:g}; the trial's target is {trial.target:g}"

    def moves(self, target: float, patients: Numbers, dlts: Numbers) -> Moves:  # noqa: ARG002
        """Where the function says."""
        return np.asarray(np.frompyfunc(self._move, 2, 1)(patients, dlts), np.int8)

    def _move(self, patients: float, dlts: float) -> int:
        move = self.function(patients, dlts)
        found = np.asarray(move)
        if found.ndim or found.dtype.kind not in "iuf" or found not in MOVES:
            raise DesignError(
                f"{self.kind}: function: {_name(self.function)}({patients}, {dlts}) gives {move!r}; it {A_MOVE}"
            )
        return int(move)

    def words(self, trial: Trial) -> str:
        """The function, in the sentences of a protocol."""
        return super().words(trial) if self.text is None else self.text
