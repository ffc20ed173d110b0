"""A maximum step up, in dose levels, as a factor of the dose or as an amount of it.

In R's crmPack: IncrementsDoseLevels, IncrementsRelative (by dose), IncrementsRelativeDLT (by DLTs).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from escalation.designs.rules.base import BASIS, Basis, Restriction
from escalation.fields import Count, Positive, Real, Whole
from escalation.kernels.codes import SLACK
from escalation.trial.trial import Trial

T = TypeVar("T")


def _listed(value: Any) -> Any:
    """One step needs no list around it."""
    return value if value is None or isinstance(value, list | tuple) else (value,)


Steps = Annotated[tuple[T, ...], Field(min_length=1), BeforeValidator(_listed)]
"""One step, or several."""

UNITS = ("levels", "factor", "amount")


class MaxStep(Restriction):
    """The next dose is at most so many levels, so many times or so much above the last cohort's.

    Give one of levels, factor and amount: a number, or with from_dlts or from_dose a list.

    Parameters
    ----------
    levels : int or sequence of int, optional
        Dose levels.
    factor : float or sequence of float, optional
        Ratio of the next dose to the last; 2 allows to double the dose.
    amount : float or sequence of float, optional
        Difference of the next dose from the last, in units of the dose.
    from_dlts : sequence of int, optional
        DLTs in the trial from which each step holds on, 0 first. [2, 1.33] from [0, 1] doubles the dose at most until
        the first DLT, then adds a third.
    from_dose : sequence of float, optional
        Last dose from which each step holds on, 0 first.
    above : {"last", "highest_tried"}, default "last"
        The dose that a step is counted from: the last cohort's, or the highest given so far.
    """

    rule: Literal["max_step"] = "max_step"
    levels: Steps[Count] | None = None
    factor: Steps[Annotated[Real, Field(gt=1, le=1_000_000)]] | None = None
    amount: Steps[Positive] | None = None
    from_dlts: tuple[Annotated[Whole, Field(ge=0, le=100_000)], ...] | None = None
    from_dose: tuple[Annotated[Real, Field(ge=0)], ...] | None = None
    above: Basis = "last"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if sum(getattr(self, unit) is not None for unit in UNITS) != 1:
            raise ValueError("levels: give one of levels, factor and amount")
        if self.from_dlts is not None and self.from_dose is not None:
            raise ValueError("from_dose: give either from_dlts or from_dose; two rules can have one each")
        if self.from_dlts is not None and self.above == "highest_tried":
            raise ValueError('from_dlts: goes with above = "last" only')
        if self.from_dlts is None and self.from_dose is None:
            if len(self._steps) > 1:
                raise ValueError(f"{self._unit}: {len(self._steps)} steps need from_dlts or from_dose, as many bounds")
            return self
        option = "from_dose" if self.from_dlts is None else "from_dlts"
        if len(self._bounds) != len(self._steps):
            raise ValueError(f"{option}: {len(self._bounds)} bounds for {len(self._steps)} steps")
        if self._bounds[0] != 0 or any(low >= high for low, high in pairwise(self._bounds)):
            raise ValueError(f"{option}: should begin with 0 and increase")
        if self.from_dlts is not None and any(low < high for low, high in pairwise(self._steps)):
            raise ValueError(f"{self._unit}: steps should not become larger as DLTs are seen")
        return self

    @property
    def _bounds(self) -> tuple[float, ...]:
        """Where each step holds from on."""
        return self.from_dlts or self.from_dose or (0,)

    @property
    def _unit(self) -> str:
        return next(unit for unit in UNITS if getattr(self, unit) is not None)

    @property
    def _steps(self) -> tuple[float, ...]:
        steps: tuple[float, ...] = getattr(self, self._unit)
        return steps

    def ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow each dose, by DLTs in the trial, int64[T, D]."""
        if self.above == "highest_tried":
            return super().ceiling(trial)
        if self.from_dlts is None:
            return self._from_each_dose(trial)[None]
        seen = np.arange(min(self.from_dlts[-1], trial.max_patients) + 1)
        rows = [self._highest(step, trial) for step in self._steps]
        return np.array([rows[place] for place in np.searchsorted(self.from_dlts, seen, side="right") - 1])

    def tried_ceiling(self, trial: Trial) -> NDArray[np.int64]:
        """Highest dose index that may follow, by the highest dose that was given, int64[D]."""
        return super().tried_ceiling(trial) if self.above == "last" else self._from_each_dose(trial)

    def _from_each_dose(self, trial: Trial) -> NDArray[np.int64]:
        """The highest dose index that the step from each dose allows, int64[D]."""
        if self.from_dose is None:
            return self._highest(self._steps[0], trial)
        doses = np.array(trial.doses, np.float64)
        place = np.searchsorted(np.array(self.from_dose) * (1 - SLACK), doses, side="right") - 1
        rows = [self._highest(step, trial) for step in self._steps]
        return np.array([rows[row][dose] for dose, row in enumerate(place)])

    def _highest(self, step: float, trial: Trial) -> NDArray[np.int64]:
        """The highest dose index that one step allows from each dose, int64[D]."""
        if self.levels is not None:
            return np.minimum(np.arange(trial.levels) + int(step), trial.levels - 1)
        doses = np.array(trial.doses, np.float64)
        most = doses * step if self.factor is not None else doses + step
        return np.searchsorted(doses, most * (1 + SLACK), side="right") - 1

    def words(self, trial: Trial) -> str:
        """What the rule says, as a sentence."""
        first, *further = (self._step_in_words(step, trial) for step in self._steps)
        text = f"The next dose is at most {first} {BASIS[self.above]}"
        unit = f" {trial.dose_unit}" if trial.dose_unit else ""
        for bound, step in zip(self._bounds[1:], further, strict=True):
            if self.from_dlts is None:
                text += f"; from a dose of {bound:g}{unit} on, at most {step} it"
            else:
                text += f"; once {'a DLT has' if bound == 1 else f'{bound:g} DLTs have'} been seen, at most {step} it"
        return f"{text}."

    def _step_in_words(self, step: float, trial: Trial) -> str:
        if self.levels is not None:
            return f"{'one level' if step == 1 else f'{step:g} levels'} above"
        if self.factor is not None:
            return f"{step:g} times"
        return f"{step:g}{f' {trial.dose_unit}' if trial.dose_unit else ''} above"

    def problems(self, trial: Trial) -> Iterator[str]:
        """What of the rule does not fit the trial."""
        if isinstance(trial.doses[0], str) and (self.levels is None or self.from_dose is not None):
            option = self._unit if self.levels is None else "from_dose"
            yield f"{option}: the doses of this trial are texts; give levels"

    def cautions(self, trial: Trial) -> Iterator[str]:
        """What a user should know of the rule on this trial, although it can run."""
        yield from super().cautions(trial)
        ceiling, held = self.ceiling(trial), dict[int, list[str]]()  # by DLTs, from which doses nothing goes up
        for dose, name in enumerate(trial.dose_names[:-1]):
            from_dlts = np.flatnonzero(ceiling[:, dose] == dose)
            if from_dlts.size and from_dlts[0] > 0:
                held.setdefault(int(from_dlts[0]), []).append(name)
        for dlts, names in held.items():
            seen = "a DLT" if dlts == 1 else f"{dlts} DLTs"
            yield f"rule 'max_step': after {seen} in the trial no higher dose can follow {' or '.join(names)}"
        if self.from_dlts is not None and self.from_dlts[-1] > trial.max_patients:
            yield f"rule 'max_step': {self.from_dlts[-1]} DLTs are never reached"
        if self.from_dose is not None and self.from_dose[-1] > float(trial.doses[-1]):
            yield f"rule 'max_step': no dose is as high as {self.from_dose[-1]:g}"
