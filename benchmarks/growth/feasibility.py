"""Where the exact engine refuses on this machine: found by asking it, and what a run does then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from benchmarks.growth.axes import EXACT, PATIENTS_A_DOSE, Setting, grid_points, standard
from benchmarks.growth.campaign import is_refused
from escalation import StateSpaceError, exact
from escalation.engines.allowance import MEMORY_SHARE, Allowance
from escalation.engines.bound import most_states
from escalation.engines.packing import state_bytes
from escalation.memory import machine_memory
from escalation.plans.table import TablePlan
from escalation.studies.run import Run, run

FEW_TRIALS = 1_000

T = TypeVar("T")


@dataclass(frozen=True)
class Frontier:
    """Where the exact engine stops along one axis.

    Attributes
    ----------
    axis : str
    largest : Setting
        The largest trial that is not refused, or the largest that a trial can be.
    refused : Setting or None
        The next one; None where none is.
    """

    axis: str
    largest: Setting
    refused: Setting | None

    @property
    def largest_states(self) -> float:
        """Upper bound on its states."""
        return _bound(self.largest)

    @property
    def refused_states(self) -> float:
        """Upper bound on the states of the first trial that is refused."""
        assert self.refused is not None
        return _bound(self.refused)

    @property
    def refused_bytes(self) -> float:
        """Memory that these would take."""
        assert self.refused is not None
        return self.refused_states * state_bytes(_table_plan(self.refused))


def first(holds: Callable[[T], bool], sizes: Sequence[T]) -> int:
    """The place of the first size for which something holds, as for all larger ones; their number if there is none.

    It does not hold for the very first. Sizes are tried in steps that double, since large ones take long to try, and
    the last step is halved.
    """
    step, low = 1, 0  # it does not hold at `low`
    while low + step < len(sizes) and not holds(sizes[low + step]):
        low += step
        step *= 2
    high = min(low + step, len(sizes))
    while high - low > 1:
        middle = (low + high) // 2
        if holds(sizes[middle]):
            high = middle
        else:
            low = middle
    return high


def frontiers(max_states: int | None = None) -> list[Frontier]:
    """Where BOIN is refused, by the machine's own limit unless another is given.

    A trial has at most 1,000 patients and 50 doses.
    """
    boin = Setting(EXACT, "boin")
    doses = range(2, 51)
    axes = {
        "patients, in cohorts of 3": [replace(boin, patients=size) for size in range(6, 1001, 3)],
        "patients, one by one": [replace(boin, patients=size, cohort_size=1) for size in range(6, 1001)],
        f"doses, {PATIENTS_A_DOSE} patients for each": [
            replace(boin, doses=size, patients=PATIENTS_A_DOSE * size) for size in doses
        ],
        "doses, 36 patients": [replace(boin, doses=size) for size in doses],
    }
    return [_frontier(axis, settings, max_states) for axis, settings in axes.items()]


def _frontier(axis: str, settings: Sequence[Setting], max_states: int | None) -> Frontier:
    place = first(lambda setting: is_refused(setting, max_states), settings)
    refused = settings[place] if place < len(settings) else None
    return Frontier(axis, settings[place - 1], refused)


def _bound(setting: Setting) -> float:
    bound = most_states(_table_plan(setting))
    assert bound is not None
    return bound


def _table_plan(setting: Setting) -> TablePlan:
    plan = setting.design_made().plan(setting.trial())
    assert isinstance(plan, TablePlan)
    return plan


def states_limit(setting: Setting) -> int:
    """States that the exact engine may visit on this machine."""
    return Allowance().most_states(setting.design_made().plan(setting.trial())).states


def run_beyond(refused: Setting, max_states: int | None = None) -> Run:
    """A run of the LUCAR-DKS1 scenario with as many patients as in a trial that the exact engine refuses."""
    known = standard()
    larger = known.trial.model_copy(update={"max_patients": refused.patients})
    scenario = known.model_copy(update={"trial": larger})
    truth = known.truth[0].name
    return run(scenario, designs=[refused.design], truths=[truth], trials=FEW_TRIALS, max_states=max_states)


def refusal_on_the_way(max_states: int) -> str:
    """What the exact engine says when the CRM's trial of LUCAR-DKS1 has more states than are allowed."""
    setting = Setting(EXACT, "crm")
    try:
        exact(setting.design_made(), setting.trial(), max_states=max_states)
    except StateSpaceError as refusal:
        return str(refusal)
    raise ValueError(f"the trial has no more than {max_states} states")


def most_grid_points() -> int:
    """How many grid points the CRM's posterior can have in the trial of LUCAR-DKS1, as far as memory goes."""
    setting = Setting(EXACT, "crm")
    cells = (setting.patients + 1) * (setting.patients + 2) // 2
    likelihoods = MEMORY_SHARE * machine_memory() / 2 / 8
    return int(likelihoods // (setting.doses * cells)) // grid_points() * grid_points()


def refusal_of_grid_points(points: int) -> str:
    """What the exact engine says to so many grid points."""
    setting = Setting(EXACT, "crm", copies=points // grid_points())
    try:
        exact(setting.design_made(), setting.trial())
    except StateSpaceError as refusal:
        return str(refusal)
    raise ValueError(f"{points} grid points are not refused")
