"""Thousands of truths: what a further one costs, and how long designs take under all of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from benchmarks.measuring import Measurement, Task, measure
from benchmarks.section import Headline, Scale, Section
from benchmarks.settings import lucar, six_doses
from benchmarks.units import duration
from escalation import BOIN, drawn_truths, exact, operating_characteristics, optimal_selection, robust
from escalation.characteristics.many_truths import expectations
from escalation.report.blocks import Block, Heading, Lines, TextTable

COUNT, FEW = 10_000, 200
"""Truths in the benchmarks, and where each takes long or everything is small."""

MEANS, ALL, SIX, DRAWN, OPTIMAL, DESIGNS = (
    "BOIN, means",
    "BOIN, all characteristics",
    "BOIN on six doses, means",
    "drawing them (Clertant & O'Quigley)",
    "the optimal benchmark",
    "3+3, BOIN and CRM, means, all included",
)


def section(scale: Scale) -> Section:
    """Seconds for so many truths, and for each."""
    many = FEW if scale.small else COUNT
    counts = {MEANS: many, ALL: FEW, SIX: FEW, DRAWN: many, OPTIMAL: many, DESIGNS: many}
    tasks = [Task(name, "benchmarks.truths:truth_work", {"name": name, "count": n}) for name, n in counts.items()]
    effort = scale.effort if scale.small else replace(scale.effort, rounds=3, values=1)  # each is long by itself
    measured = measure(tasks, effort, scale.told)
    rows = [
        [name, f"{counts[name]:,}", duration(one.seconds), duration(one.seconds / counts[name])]
        for name, one in measured.items()
    ]
    blocks: list[Block] = [
        Heading("Thousands of truths"),
        Lines(
            "Random truths of LUCAR-DKS1, and of a trial with six doses and 48 patients. The endings of a design "
            "are listed before the clock starts, but for the last row: it draws the truths and lists the endings, "
            "too. All on one core."
        ),
        TextTable(["what", "truths", "time", "a truth"], [rows]),
        Lines(in_words(measured, counts)),
    ]
    what = f"three designs under {counts[DESIGNS]:,} random truths, exactly"
    return Section(blocks, (Headline(what, duration(measured[DESIGNS].seconds), "one core; drawing truths included"),))


def in_words(measured: dict[str, Measurement], counts: dict[str, int]) -> str:
    """What means alone save."""
    each = {name: measured[name].seconds / counts[name] for name in (MEANS, ALL)}
    return f"Means alone take {each[MEANS] / each[ALL]:.2f} of the time of all characteristics."


def truth_work(name: str, count: int) -> Callable[[], object]:
    """The work of one row."""
    scenario = lucar()
    trial = six_doses() if name == SIX else scenario.trial
    truths = drawn_truths("clertant", trial, count=count, seed=1)
    if name == DRAWN:
        return lambda: drawn_truths("clertant", trial, count=count, seed=1)
    if name == OPTIMAL:
        return lambda: optimal_selection(truths.rates, trial)
    if name == DESIGNS:
        return lambda: _robust(count)
    endings = exact(BOIN(), trial)
    if name == ALL:
        return lambda: [operating_characteristics(endings.outcomes(rates)) for rates in truths.rates]
    return lambda: expectations(endings, truths.rates, truths.correct)


def _robust(count: int) -> object:
    scenario = lucar()
    with ThreadPoolExecutor(1) as one_core:
        return robust(scenario, drawn_truths("clertant", scenario.trial, count=count, seed=1), executor=one_core)
