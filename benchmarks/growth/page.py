"""The page on growth."""

from collections.abc import Iterator, Sequence

from benchmarks.growth.axes import EXACT, SIMULATED, Axis, Setting, all_axes, few_axes, grid_points
from benchmarks.growth.campaign import Campaign, Point
from benchmarks.growth.feasibility import (
    Frontier,
    frontiers,
    most_grid_points,
    refusal_of_grid_points,
    refusal_on_the_way,
    run_beyond,
    states_limit,
)
from benchmarks.growth.figures import memory_figure, memory_in_words, time_figure, time_in_words
from benchmarks.growth.fits import predicted
from benchmarks.growth.tables import Series, by_series, digits, exponent_table, growth_of, measured, size_table, to_csv
from benchmarks.section import Headline, Scale, Section
from benchmarks.units import duration, memory
from escalation.defaults import TRIALS
from escalation.engines.allowance import MOST_STATES
from escalation.report.blocks import Block, Heading, Lines, Picture, TextTable

Found = dict[Axis, dict[Series, list[Point]]]

SMALL_LIMIT = 100_000
"""States that may be visited in a small run: to be beyond them takes less time."""

FEW_STATES = 10_000
"""A limit that the CRM's trial of LUCAR-DKS1 exceeds: to show what is said then."""


def growth_section(scale: Scale) -> Section:
    """Growth along every axis, the exponents, and where the exact engine stops."""
    points = Campaign(scale).points(few_axes() if scale.small else all_axes())
    found = by_series(points)
    scale.told("where the exact engine stops")
    allowed = SMALL_LIMIT if scale.small else None
    reached = frontiers(allowed)
    names = {"growth.csv": "the numbers", "growth-time.svg": "time", "growth-memory.svg": "memory"}
    blocks: list[Block] = [
        Heading("Growth"),
        Lines(*_introduction()),
        *(size_table(axis, series) for axis, series in found.items()),
        exponent_table(found),
        Lines(*growth_in_words(found), listed=True),
        Lines(f"Files: {', '.join(f'{name} ({what})' for name, what in names.items())}."),
        Heading("Where exact stops", 3),
        *_limits(reached, found, allowed),
    ]
    contents = (to_csv(points), time_figure(found), memory_figure(found))
    return Section(
        blocks,
        tuple(_headlines(reached, found)),
        files=dict(zip(names, contents, strict=True)),
        pictures={"growth-time.svg": time_in_words(found), "growth-memory.svg": memory_in_words(found)},
    )


def _introduction() -> Iterator[str]:
    yield (
        "One size of the problem grows at a time; everything else is as in LUCAR-DKS1: four doses, 36 patients in "
        f"cohorts of 3, one truth, {TRIALS:,} simulated trials. The designs are those of its scenario (the CRM's "
        f"posterior has {grid_points()} grid points). Timed is an engine from the design to the outcomes, on one "
        "thread, with compiled code that is loaded already; operating characteristics come on top. Every size runs in "
        "a process of its own. Memory is the process's peak above that of the same engine and design with 6 patients."
    )


def growth_in_words(found: Found) -> Iterator[str]:
    """What the numbers say of every axis, and how many simulated trials the exact answer is worth."""
    for axis, series in found.items():
        times = {name: growth_of(points, lambda point: point.seconds) for name, points in series.items()}
        powers = [f"{' '.join(name)} {digits(time.upper)}" for name, time in times.items() if time is not None]
        if powers:
            yield f"{axis.unit}: time grows with these powers in the upper part: {', '.join(powers)}."
        for (_, design), points in series.items():
            states = growth_of(points, lambda point: point.states)
            if states is not None and states.rises:
                yield (
                    f"{axis.unit}, {design}: no one power describes the states. The exponent rises to "
                    f"{digits(states.last)} at the end, where the last step multiplies them by {states.step:.1f}."
                )
    for design in ("boin", "crm"):
        worth = trials_worth(found, design)
        if worth is not None:
            yield f"Exact outcomes of LUCAR-DKS1 under {design} take as long as {worth:,.0f} simulated trials."


def trials_worth(found: Found, design: str) -> float | None:
    """How many trials are simulated, when there are many, in the time of the exact outcomes of LUCAR-DKS1."""
    simulated = _points(found, "trials", SIMULATED, design)
    enumerated = [
        point for point in _points(found, "patients", EXACT, design) if point.setting == Setting(EXACT, design)
    ]
    if not simulated or not enumerated:
        return None
    return enumerated[0].seconds / (simulated[-1].seconds / simulated[-1].size)


def _points(found: Found, axis: str, engine: str, design: str) -> list[Point]:
    """The measured points of an axis for an engine and a design."""
    chosen = [series.get((engine, design), []) for each, series in found.items() if each.name == axis]
    return [point for points in chosen for point in measured(points)]


def _limits(reached: Sequence[Frontier], found: Found, allowed: int | None) -> Iterator[Block]:
    limit = states_limit(reached[0].largest) if allowed is None else allowed
    yield Lines(
        f"The exact engine refuses more than {limit:,} states here: {MOST_STATES:,}, or what half of the machine's "
        "memory holds if that is less, or what the caller sets. For designs that decide by tables, as BOIN, it "
        "has an upper bound on the states, and refuses by it after the first five million. The first size that it "
        "refuses, otherwise as above:"
    )
    yield _frontier_table(reached)
    refused = reached[0].refused
    if refused is not None:
        ran = run_beyond(refused, allowed)
        simulated = all(result.exact is None and result.simulated is not None for result in ran.results)
        yield Lines(
            f"A run of the scenario with {refused.patients} patients "
            + ("then simulates the design only, and says why:" if simulated else "was not refused:")
        )
        yield Picture(*(f"{label}: not exact: {reason}" for label, reason in ran.refusals.items()))
    yield Lines(
        "For the CRM there is no useful bound: the engine stops on the way, when the limit is reached. "
        f"With a limit of {FEW_STATES:,} it says of LUCAR-DKS1:"
    )
    yield Picture(refusal_on_the_way(FEW_STATES))
    yield Lines(*_curves_in_words(found), listed=True)


def _curves_in_words(found: Found) -> Iterator[str]:
    """Where the CRM's enumeration would stop."""
    enumerated = _points(found, "patients", EXACT, "crm")
    if len(enumerated) >= 3:
        sizes = [point.size for point in enumerated]
        limit = states_limit(enumerated[-1].setting)
        patients, states = sizes[-1], float(enumerated[-1].states)
        while states <= limit:
            patients += 3
            states = predicted(sizes, [point.states for point in enumerated], patients)
        seconds = predicted(sizes, [point.seconds for point in enumerated], patients)
        yield (
            f"Extrapolated from {sizes[-2]} and {sizes[-1]} patients, the CRM reaches the limit of {limit:,} states at "
            f"about {patients} patients, after about {duration(seconds)}."
        )
    most = most_grid_points()
    refusal = refusal_of_grid_points(most + grid_points())
    yield f"CRM grid points: memory for the likelihoods ends at {most:,}. With one more copy of the grid: {refusal}."
    yield "Truths are passed over one by one and simulated trials need memory only: neither has a limit of its own."


def _frontier_table(reached: Sequence[Frontier]) -> TextTable:
    header = ["growing", "largest", "its states, at most", "first refused", "its states, at most", "their memory"]
    rows = []
    for one in reached:
        row = [one.axis, _described(one.largest), f"{one.largest_states:,.0f}"]
        if one.refused is None:
            row += ["none", "", ""]
        else:
            row += [_described(one.refused), f"{one.refused_states:,.0f}", memory(one.refused_bytes)]
        rows.append(row)
    return TextTable(
        header, [rows], words=frozenset({1, 3}), caption="BOIN: where the exact engine refuses on this machine."
    )


def _described(setting: Setting) -> str:
    return f"{setting.doses} doses, {setting.patients} patients in cohorts of {setting.cohort_size}"


def _headlines(reached: Sequence[Frontier], found: Found) -> Iterator[Headline]:
    enumerated = _points(found, "patients", EXACT, "boin")
    largest = max(enumerated, key=lambda point: point.states, default=None)
    if largest is None:
        return
    stops = reached[0].refused
    yield Headline(
        f"largest trial enumerated: BOIN, 4 doses, {largest.size} patients in cohorts of 3",
        f"{largest.states:,} states in {duration(largest.seconds)}, {memory(largest.extra_bytes)}",
        "no limit was met"
        if stops is None
        else f"from {stops.patients} patients on simulated only, unless --max-states allows more",
    )
    worth = trials_worth(found, "boin")
    if worth is not None:
        yield Headline(
            "exact outcomes of LUCAR-DKS1, BOIN",
            duration(next(point.seconds for point in enumerated if point.setting == Setting(EXACT, "boin"))),
            f"as long as {worth:,.0f} simulated trials take",
        )
