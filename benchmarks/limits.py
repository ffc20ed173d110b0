"""Limits: how far each engine is from what the machine allows, and where the rest of the time goes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Measurement, Task, measure
from benchmarks.profiling import Part, profile
from benchmarks.section import Headline, Scale, Section
from benchmarks.settings import LUCAR_RATES, SIX_RATES, lucar, six_doses
from benchmarks.units import duration
from escalation import (
    BOIN,
    BOIN12,
    Association,
    Design,
    Efficacy,
    JointRates,
    Trial,
    exact,
    joint_rates,
    operating_characteristics,
    simulate,
)
from escalation.designs.pending import Weigh
from escalation.engines import patients
from escalation.engines.allowance import Allowance, MostStates
from escalation.engines.exact import cohort_by_cohort
from escalation.engines.joint import exact_outcomes
from escalation.engines.patients import BLOCK
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.running.start import start_of
from escalation.trial.calendar import DAYS_PER_MONTH, Calendar

DESIGNS = ("3+3", "boin", "crm")

LATE = {"TITE-BOIN": ("boin", 3), "TITE-CRM": ("crm", 3), "TITE-CRM, one by one": ("crm", 1)}
"""Late-onset designs: LUCAR-DKS1's, by label, whose pending patients are weighed, and the size of cohorts."""

WITH_RESPONSES, LUCAR_RESPONSES = "BOIN12", (0.15, 0.35, 0.45, 0.50)
"""The design that decides by responses, on LUCAR-DKS1's trial, and response rates."""

ARRIVALS = 3
"""Patients who come in a window of 28 days where a clock is running."""


@dataclass(frozen=True)
class Bound:
    """Work, and the least that a machine could do in its place.

    Attributes
    ----------
    work, least : str
        What is timed, and what it is held against.
    work_task, least_task : Task
    amount : float
        How many of `unit` the work gets done.
    unit : str
    """

    work: str
    least: str
    work_task: Task
    least_task: Task
    amount: float
    unit: str


def setting(name: str) -> tuple[Design, Trial, tuple[float, ...]]:
    """A design with its trial and a truth: one of LUCAR-DKS1's by its label, a late-onset one, or BOIN on six doses."""
    if name == "six":
        return BOIN(), six_doses(), SIX_RATES
    scenario = lucar()
    if name == WITH_RESPONSES:
        looks_at = {"time": None, "efficacy": Efficacy(min_response=0.25, max_toxicity=0.35)}
        return BOIN12(), scenario.trial.model_copy(update=looks_at), LUCAR_RATES
    if name in LATE:
        label, size = LATE[name]
        design = scenario.designs[label].model_copy(update={"pending": Weigh()})
        time = Calendar(accrual_per_month=ARRIVALS * DAYS_PER_MONTH / 28)
        timed = {"time": time, "dlt_window_days": 28.0, "cohort_size": size}
        return design, scenario.trial.model_copy(update=timed), LUCAR_RATES
    return scenario.designs[name], scenario.trial, LUCAR_RATES


def simulation(design: str, trials: int) -> Callable[[], Any]:
    """Simulate trials on one thread, each time on other patients."""
    chosen, trial, rates = setting(design)
    asked = responding(rates) if design == WITH_RESPONSES else rates
    seeds = count()
    return lambda: simulate(chosen, trial, asked, trials=trials, seed=next(seeds), threads=1)


def responding(rates: tuple[float, ...]) -> JointRates:
    """Responses beside DLTs, independent of them."""
    return joint_rates(rates, LUCAR_RESPONSES, Association(odds_ratio=1.0))


def enumeration_with_responses(truths: int, max_patients: int) -> Callable[[], Any]:
    """Every ending of BOIN12, under so many truths at once."""
    design, trial, rates = setting(WITH_RESPONSES)
    start = start_of(design, trial.model_copy(update={"max_patients": max_patients}), None)
    return partial(exact_outcomes, start, [responding(rates)] * truths, Allowance(states=10**9))


def virtual_patients(trials: int) -> Callable[[], Any]:
    """Draw the patients of so many trials, and nothing else."""
    most, seeds = lucar().trial.max_patients, count()
    room = np.empty((BLOCK, most), np.uint32)

    def draw() -> None:
        seed = next(seeds)
        for block in range(trials // BLOCK):
            patients.draw_tolerances(seed, block, room)

    return draw


def random_numbers(trials: int) -> Callable[[], Any]:
    """Draw as many random bits from one stream of numpy's fastest form of the same generator."""
    most, stream = lucar().trial.max_patients, np.random.Philox(key=1)

    def draw() -> None:
        for _ in range(trials // BLOCK):
            stream.random_raw(most * BLOCK // 2)

    return draw


def enumeration(name: str) -> Callable[[], Any]:
    """Every ending of a trial."""
    design, trial, _ = setting(name)
    return partial(exact, design, trial)


def bytes_of_states(name: str) -> int:
    """Bytes that all states of a trial take, living or ended: counts, next dose or reason, choice, sequences."""
    design, trial, _ = setting(name)
    start = start_of(design, trial, None)
    return sum(part.nbytes for states in cohort_by_cohort(start, MostStates(10**8)) for kind in states for part in kind)


def streaming(size: int) -> Callable[[], Any]:
    """Read so many bytes and write them elsewhere."""
    source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
    return partial(np.copyto, target, source)


def further_truth(name: str) -> Callable[[], Any]:
    """Probability of every ending under one more truth."""
    design, trial, rates = setting(name)
    endings = exact(design, trial)
    endings.outcomes(rates)
    return partial(endings.outcomes, rates)


@numba.njit(error_model="numpy")
def inner_product(weights: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """A multiplication and an addition for each ending, as every mean takes."""
    total = 0.0
    for ending in range(weights.shape[0]):
        total += weights[ending] * values[ending]
    return total


@numba.njit(error_model="numpy", fastmath=True)
def reordered_product(weights: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The same, with sums in any order: several at a time. Its last digits depend on the processor."""
    total = 0.0
    for ending in range(weights.shape[0]):
        total += weights[ending] * values[ending]
    return total


def multiply_add(name: str, reordered: bool = False) -> Callable[[], Any]:
    """A multiplication and an addition for every ending."""
    design, trial, rates = setting(name)
    endings = exact(design, trial)
    probability = endings.outcomes(rates).probability
    return partial(reordered_product if reordered else inner_product, np.array(endings.sequences), probability)


def characteristics(name: str) -> Callable[[], Any]:
    """All operating characteristics under a truth, from the probabilities of the endings."""
    design, trial, rates = setting(name)
    return partial(operating_characteristics, exact(design, trial).outcomes(rates))


def bounds(small: bool) -> list[Bound]:
    """All that is held against a bound."""
    trials = BLOCK if small else 100 * BLOCK
    found = []
    drawn = Task("patients", "benchmarks.limits:virtual_patients", {"trials": trials})
    bits = Task("bits", "benchmarks.limits:random_numbers", {"trials": trials})
    for design in (*DESIGNS, *LATE, WITH_RESPONSES):
        task = Task(f"simulate {design}", "benchmarks.limits:simulation", {"design": design, "trials": trials})
        for least, what in ((drawn, "drawing their virtual patients"), (bits, "drawing as many random bits")):
            found.append(Bound(f"simulated trials, {design}", what, task, least, trials, "trials"))
    patients_treated = 12 if small else 36
    told = {"truths": 1, "max_patients": patients_treated}
    alone, together = (
        Task(f"BOIN12, {truths} truths", "benchmarks.limits:enumeration_with_responses", told | {"truths": truths})
        for truths in (1, 8)
    )
    what = f"every ending, BOIN12, {patients_treated} patients"
    found.append(Bound(f"{what}, 8 truths", "the same under one truth", together, alone, 8, "truths"))
    names = {"boin": "boin, LUCAR-DKS1", "crm": "crm, LUCAR-DKS1"} | ({} if small else {"six": "boin, 6 doses, 48"})
    for name, shown in names.items():
        size = bytes_of_states(name)
        enumerated = exact(*setting(name)[:2])
        endings, states = len(enumerated.sequences), enumerated.states
        arguments = {"name": name}
        bare = f"a multiply-add for each of {endings:,} endings"
        truth = Task(f"truth {name}", "benchmarks.limits:further_truth", arguments)
        all_numbers = Task(f"characteristics {name}", "benchmarks.limits:characteristics", arguments)
        loop = Task(f"multiply-add {name}", "benchmarks.limits:multiply_add", arguments)
        any_order = Task(f"any order {name}", "benchmarks.limits:multiply_add", arguments | {"reordered": True})
        found += [
            Bound(
                f"every ending, {shown}",
                f"copying the {size / 1e6:.1f} MB of its states",
                Task(f"enumerate {name}", "benchmarks.limits:enumeration", arguments),
                Task(f"stream {name}", "benchmarks.limits:streaming", {"size": size}),
                states,
                "states",
            ),
            Bound(f"a further truth, {shown}", bare, truth, loop, endings, "endings"),
            Bound(f"a further truth, {shown}", f"{bare}, in any order", truth, any_order, endings, "endings"),
            Bound(f"all operating characteristics, {shown}", bare, all_numbers, loop, endings, "endings"),
        ]
    return found


def section(scale: Scale) -> Section:
    """How far each engine is from what the machine allows."""
    chosen = bounds(scale.small)
    tasks = {task.name: task for bound in chosen for task in (bound.work_task, bound.least_task)}
    found = measure(list(tasks.values()), scale.effort, scale.told)
    scale.told("profiles")
    ratios = {bound.work: found[bound.work_task.name].ratio(found[bound.least_task.name]) for bound in chosen[::-1]}
    return Section(
        blocks=[
            Heading("Limits"),
            Lines(
                "Each engine beside the least that the machine could do in its place, timed in turns in the same "
                "run. One thread. The bound of a simulation is to draw the same virtual patients, or the same "
                "number of random bits from one stream, and to do nothing with them; that of an enumeration, to "
                "copy as many bytes as its states take, once; that of a further truth, a compiled loop of one "
                "multiplication and one addition for each ending, in order, as the package compiles all its loops, "
                "so that the last digit does not depend on the processor; or in any order, several at a time. "
                f"Late-onset designs (TITE) are simulated day by day, with {ARRIVALS} patients coming in a DLT window."
            ),
            TextTable(
                ["work", "takes", "per second", "bound", "takes", "ratio"],
                [[_row(bound, found) for bound in chosen]],
                words=frozenset({3}),
                caption="Distance from the bound",
            ),
            *profiles(scale.small),
        ],
        headlines=[
            Headline(
                "a further truth, exact (BOIN, LUCAR-DKS1)",
                duration(found["truth boin"].seconds),
                f"{ratios['a further truth, boin, LUCAR-DKS1']:.1f} times a bare multiply-add loop over its endings",
            ),
            Headline(
                "simulated trials, BOIN, LUCAR-DKS1",
                f"{_rate(chosen[2].amount / found['simulate boin'].seconds)} a second and core",
                f"{ratios['simulated trials, boin']:.1f} times the drawing of their virtual patients alone",
            ),
        ],
    )


def _row(bound: Bound, found: Mapping[str, Measurement]) -> list[str]:
    work, least = found[bound.work_task.name], found[bound.least_task.name]
    rate = f"{_rate(bound.amount / work.seconds)} {bound.unit}"
    return [bound.work, duration(work.seconds), rate, bound.least, duration(least.seconds), f"{work.ratio(least):.1f}"]


def _rate(per_second: float) -> str:
    if per_second < 1e6:
        return f"{per_second:,.0f}"
    return f"{per_second / 1e6:,.0f} million" if per_second >= 9.95e6 else f"{per_second / 1e6:.1f} million"


SIMULATION = (
    Part("escalation.studies.one_design", "start_of", "compiling the design to a plan"),
    Part("escalation.engines.simulated", "unfinished", "room for the endings"),
    Part("escalation.engines.patients", "draw_tolerances", "drawing virtual patients"),
    Part("escalation.kernels.simulated_tables", "run_table_trials", "applying the rules"),
    Part("escalation.kernels.simulated_curves", "run_curve_trials", "applying the rules and the model"),
    Part("escalation.kernels.late_onset", "run_late_onset_trials", "applying the rules, day by day"),
    Part("escalation.engines.joint", "run_joint_trials", "applying the rules, with responses"),
    Part("escalation.kernels.selection", "recommend_isotonic", "recommending a dose"),
)

ENUMERATION = (
    Part("escalation.studies.one_design", "start_of", "compiling the design to a plan"),
    Part("escalation.engines.exact", "next_sizes", "sizes of the next cohorts"),
    Part("escalation.engines.exact", "merge_children", "merging the states after a cohort"),
    Part("escalation.kernels.exact_tables", "settle_table", "deciding what comes next"),
    Part("escalation.kernels.exact_curves", "settle_curves", "deciding what comes next, with the model"),
    Part("escalation.engines.exact", "unpack", "unpacking counts"),
    Part("escalation.kernels.selection", "recommend_isotonic", "recommending a dose"),
)


def profiles(small: bool) -> Iterator[Block]:
    """Where the time of each engine goes."""
    repeats, trials = (1, BLOCK) if small else (20, 20 * BLOCK)
    for name in (*DESIGNS, *LATE, WITH_RESPONSES):
        yield _profile_table(f"Simulating trials, {name}", simulation(name, trials), SIMULATION, repeats)
    for name in ("boin", "crm"):
        yield _profile_table(f"Every ending, {name}, LUCAR-DKS1", enumeration(name), ENUMERATION, repeats)


def _profile_table(caption: str, work: Callable[[], Any], parts: tuple[Part, ...], repeats: int) -> TextTable:
    shares = profile(work, parts, repeats)
    rows = [[what, f"{100 * share:.0f}"] for what, share in shares.items() if share > 0]
    return TextTable(["part", "% of the time"], [rows], caption=caption, detail=True)
