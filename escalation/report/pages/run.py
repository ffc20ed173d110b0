"""What is said of a run: a page, a tree, and a tidy table."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from escalation.characteristics.anchored import LEAST_GAIN
from escalation.characteristics.duration import DaySummary, TimeCharacteristics
from escalation.characteristics.one_truth import OperatingCharacteristics
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.pages.arms import arm_notes, arm_summary, arm_table, is_compared
from escalation.report.pages.exposures import (
    chooses_by_exposure,
    drawn_exposure,
    exposure_notes,
    exposure_summary,
    exposure_table,
    has_exposures,
)
from escalation.report.pages.responses import (
    has_responses,
    response_notes,
    response_summary,
    response_table,
    truth_tree,
)
from escalation.report.preamble import alarms, head, opening, refusal_warnings, refusal_words
from escalation.report.verdict import agreement_lines, agreement_tree, trials_text, verdict_lines
from escalation.report.wording import ROUNDING, count, dose_head, mean, months, percent
from escalation.studies.run import Result, Run
from escalation.tidy import OF_THE_QUANTITY, Column, Table, columns
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial

OPTIMAL = "optimal"
"""What the rows of the non-parametric optimal benchmark are called."""

MANY = 1000
"""A gain above it is not told apart."""

OPTIMAL_NOTES = (
    "Optimal: a benchmark that sees the outcome of every patient at every dose.",
    "Of equally close doses it takes the highest below the target, else the lowest.",
    "Eff: PCS / optimal PCS; blank where no dose is correct (optimal is never none).",
)

COLUMNS = (
    *columns("scenario", "design", "truth", "engine", "quantity"),
    Column("dose", "dose level", int),
    *columns("value", "mcse", unit=OF_THE_QUANTITY, kind=float),
)

Numbers = dict[tuple[str, int | None], tuple[float, float | None]]
"""Numbers and their standard errors, by the name of the quantity and the dose level."""


def run_blocks(run: Run) -> Iterator[Block]:
    """A page on a run: its trial, a section for each truth, and how exact and simulated numbers agree."""
    yield from opening(run.scenario, dict.fromkeys(result.design for result in run.results))
    if run.after is not None:
        yield Lines(f"Given the data so far: {data_text(run.scenario.trial, run.after)}")
    yield from alarms(run.departures)
    for results in by_truth(run.results):
        yield Heading(results[0].truth.name)
        yield dose_table(results, run.scenario.trial)
        yield summary_table(results)
        if has_responses(results):
            yield response_table(results, run.scenario.trial)
            yield response_summary(results)
        if is_compared(results):
            yield arm_table(results, run.scenario.trial)
            yield arm_summary(results)
        if has_exposures(results):
            yield exposure_table(results, run.scenario.trial)
        if chooses_by_exposure(results):
            yield exposure_summary(results)
        if is_timed(results):
            yield time_table(results)
    yield Lines(*footnotes(run), listed=True)
    yield verdict(run)


def by_truth(results: Sequence[Result]) -> list[list[Result]]:
    """The results of each truth."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.truth.name)]


def dose_table(results: Sequence[Result], trial: Trial) -> TextTable:
    """Recommendation, patients and DLTs at each dose, for the designs under one truth."""
    truth, correct = results[0].truth, results[0].correct_doses
    marked = frozenset(correct or [trial.levels + 1])
    names = [dose_head(trial), *trial.dose_names, "none"]
    groups = [[["true DLT rate %", *(percent(rate) for rate in truth.dlt_rates), ""]]]
    benchmark = results[0].benchmark
    if benchmark is not None:
        groups[0].append([f"{OPTIMAL} RP2D %", *map(percent, benchmark.selection), percent(0.0)])
    for result in results:
        name, oc = label(result), result.best
        after = oc.expansion
        declared = [] if after is None else [*map(percent, after.declared), percent(after.none_declared)]
        groups.append(
            [
                *([[f"{name} declared %", *declared]] if declared else []),
                [f"{name} RP2D %", *(percent(share) for share in oc.selection), percent(oc.no_selection)],
                [f"{name} patients", *(mean(count) for count in oc.patients), ""],
                [f"{name} DLTs", *(mean(count) for count in oc.dlts), ""],
            ]
        )
    return TextTable([f"{name}*" if column in marked else name for column, name in enumerate(names)], groups, marked)


def summary_table(results: Sequence[Result]) -> TextTable:
    """The designs under one truth, a row each, and the benchmark that they are measured against."""
    benchmark = results[0].benchmark
    running = any(result.best.further is not None for result in results)
    header = [
        *("design", "PCS %", None if benchmark is None else "eff %"),
        *(("patients +", "5-95 %", "DLTs +") if running else ("patients", "5-95 %", "DLTs")),
        *("DLT %", "above %", "toxic %", "enough %" if stops_with_enough(results) else None),
        "kept %" if is_expanded(results) else None,
    ]
    rows = []
    for result in results:
        oc = result.best
        size, dlts = (oc.sample_size, oc.total_dlts) if oc.further is None else (oc.further.patients, oc.further.dlts)
        means = mean(size.mean), f"{size.q05}-{size.q95}", mean(dlts.mean)
        kept = None if oc.expansion is None else oc.expansion.survival
        shares = oc.dlt_rate.rate_of_means, oc.share_above_target, oc.stop_toxic, oc.stop_enough, kept
        rows.append([label(result), percent(oc.pcs), efficiency(result), *means, *map(percent, shares)])
    if benchmark is not None and benchmark.pcs is not None:
        rows.append([OPTIMAL, percent(benchmark.pcs), percent(1.0), *[""] * (len(header) - 3)])
    return TextTable.of(header, [rows])


def is_timed(results: Sequence[Result]) -> bool:
    """Whether the trials have a calendar, and it is known how long they take."""
    return any(_times(result) != (None, None) for result in results)


def decides_while_pending(results: Sequence[Result]) -> bool:
    """Whether any of the designs does."""
    return any(time is not None and time.decided_with_pending for times in map(_times, results) for time in times)


def _times(result: Result) -> tuple[TimeCharacteristics | None, TimeCharacteristics | None]:
    """How long the trials of a design take: exactly, and simulated."""
    exact, simulated = result.exact, result.simulated
    return None if exact is None else exact.time, None if simulated is None else simulated.time


COUNTED = ("holds", "enrolled", "turned_away", "waiting_days", "pending_at_decision", "at_closed_dose")
"""What is counted beside days, as the columns of a time table have it."""


def best_time(result: Result) -> TimeCharacteristics | None:
    """How long the trials of a design take: exactly, else simulated and with anchored means; None where unknown."""
    exact, drawn = _times(result)
    return exact or result.best.time or drawn


def time_label(result: Result) -> str:
    """Label of the design; a tilde says that its durations are simulated."""
    exact, _ = _times(result)
    return label(result) if exact else f"{result.design} ~"


def time_table(results: Sequence[Result]) -> TextTable:
    """How long the trials of the designs take under one truth, a row each.

    A tilde before a column says that some of its numbers are simulated.
    """
    all_exact = all(time is not None and time.holds is not None for time, _ in map(_times, results))
    mark = "" if all_exact else "~ "
    known = [time for times in map(_times, results) for time in times if time is not None]
    leaving = any(result.simulated and _leave(result.simulated) for result in results)
    away, waiting = any(time.turned_away for time in known), any(time.waiting_days for time in known)
    header: list[str | None] = ["design", "months", "sd", "~ 5-95 %", "enrolment", "on hold", f"{mark}holds"]
    rows = []
    for result in results:
        drawn, best = _times(result)[1], best_time(result)
        if best is None:
            continue
        row = [time_label(result), months(best.duration.mean), months(best.duration.sd)]
        row.append("" if drawn is None else months(drawn.duration.q05, drawn.duration.q95))
        for name in ("last_enrolment", "hold_days"):
            found = getattr(best, name)
            found = getattr(drawn, name, None) if found is None else found
            row.append(months(found.mean if isinstance(found, DaySummary) else found))
        rows.append([*row, *(_mean(_counted(result, name)) for name in COUNTED)])
    header += [f"{mark}treated" if leaving else None, f"{mark}away" if away else None]
    header += [f"{mark}waiting" if waiting else None]
    header += [f"{mark}pending", f"{mark}closed"] if decides_while_pending(results) else [None, None]
    return TextTable.of(header, [rows])


def _counted(result: Result, name: str) -> float | None:
    """A mean number of a design's trials, exact where it can be; None where it is not known."""
    found = (getattr(time, name) for time in _times(result) if time is not None)
    return next((number for number in found if number is not None), None)


def _leave(oc: OperatingCharacteristics) -> bool:
    """Whether more patients are treated than are evaluable."""
    return oc.time is not None and oc.time.enrolled is not None and oc.time.enrolled > oc.sample_size.mean + ROUNDING


def _mean(number: float | None) -> str:
    return "" if number is None else mean(number)


def efficiency(result: Result) -> str:
    """The PCS of a design in percent of the benchmark's; empty where there is none."""
    share = result.numbers(result.best)["efficiency"]
    return "" if share is None else f"{100 * share:.1f}"


def footnotes(run: Run) -> Iterator[str]:
    """What the columns mean."""
    yield "* correct dose. RP2D %: probability of being recommended."
    yield "PCS: probability of correct selection. Patients, DLTs: mean per trial."
    yield "5-95 %: quantiles of patients. DLT %: mean DLTs / mean patients."
    yield "Above: patients at doses whose true rate exceeds the target."
    yield "Toxic: toxic stop, the trial is stopped as too toxic (or its expansion is)."
    if stops_with_enough(run.results):
        yield "Enough: it is stopped by another rule, as with enough patients at a dose."
    if run.results[0].benchmark is not None:
        yield from OPTIMAL_NOTES
    if run.after is not None:
        yield "Patients +, 5-95 %, DLTs +: of those to come. All else includes the data so far."
    if has_responses(run.results):
        yield from response_notes(run.results)
        yield from arm_notes(run.results, run.scenario.trial.randomised)
    yield from exposure_notes(run.results)
    if is_timed(run.results):
        yield "Months: of 30.4 days, from the first arrival to the last completion, mean and sd."
        trial = run.scenario.trial
        if any(run.scenario.designs[one.design].waits_for_responses(trial) for one in run.results):
            yield "Designs that choose an OBD wait for a patient's response, too."
        yield "Enrolment: to the last patient's. On hold: months in which accrual is held."
        yield "~ simulated. Holds, treated (also those replaced), away (turned away), waiting"
        yield "(days of all patients): mean per trial."
    if decides_while_pending(run.results):
        yield "On hold: designs that wait from a cohort's last patient on; others only while somebody is there."
        yield "Pending: patients whose outcome is not known, mean per decision on the dose of others."
        yield "Closed: patients at doses that the outcomes of all before them close, mean per trial."
    if is_expanded(run.results):
        yield "Declared: RP2D after dose escalation. Kept: share of these after expansion."


def data_text(trial: Trial, data: InterimData) -> str:
    """The data of a running trial: cohort by cohort, or the DLTs at each dose."""
    if data.cohorts is not None:
        return " ".join(cohort.written(trial.labels) for cohort in data.cohorts) or "no patient yet"
    said = []
    for dose, (n, y, open_) in enumerate(zip(data.patients, data.dlts, data.pending, strict=True)):
        text = f"{trial.at_level(dose)}: {y} of {n}{f', {open_} pending' if open_ else ''}"
        if data.responses is not None:
            well, ill = data.responses[dose]
            text += f", {count(well + ill, 'response')}{f', {ill} with a DLT' if ill else ''}"
        said += [text] if n else []
    return ", ".join(said)


def evidence(run: Run) -> Iterator[str]:
    """Whether the numbers are exact, and how the simulated trials agree."""
    simulated = trials_text(run.trials, run.seed)
    agreement = run.agreement
    if agreement is not None and agreement.max_abs_z is None and agreement.agrees:
        yield f"Exact; {simulated} are too few, or vary too little, for |z|."
    elif agreement is not None:
        yield from agreement_lines("Exact", simulated, agreement, "Largest |z| 0.00")
    elif all(result.exact is not None for result in run.results):
        yield "Exact; no trials were simulated."
    if any(result.exact is None for result in run.results):
        errors = [oc.mcse["pcs"] for result in run.results if result.exact is None and (oc := result.best).mcse]
        error = f"; standard error of PCS up to {100 * max(errors):.1f} %" if errors else ""
        yield f"~ not exact but the mean of {simulated}{error}."
    gains = [result.anchored.gains for result in run.results if result.anchored is not None]
    if gains:
        least = {"PCS": min(one.pcs for one in gains), "the duration": min(one.duration for one in gains)}
        worth = [
            f"{_times_as_many(gain)} times as many for {name}" for name, gain in least.items() if gain >= LEAST_GAIN
        ]
        yield "~ anchored: the same trials, made to wait for complete data, have means that are known exactly."
        if worth:
            yield f"To lean on these is worth more trials: at least {' and '.join(worth)}."
    yield from _of_exposures(run, simulated)


def _of_exposures(run: Run, simulated: str) -> Iterator[str]:
    """That an optimal dose by exposure is not exact, where a design chooses one."""
    designs = run.scenario.designs
    exposed = [label for label in designs if designs[label].chooses_by_exposure and label in run.shown]
    if exposed and run.trials == 0:
        yield f"The optimal dose by exposure ({', '.join(exposed)}) is simulated only, and no trials were."
    elif exposed:
        drawn = [
            found.mcse["pcs_obd"] for found in map(drawn_exposure, run.results) if found is not None and found.mcse
        ]
        error = f"; standard error of correct OBD up to {100 * max(drawn):.1f} %" if drawn else ""
        yield f"~ OBD by exposure: the mean of {simulated}{error}."


def _times_as_many(gain: float) -> str:
    return f"{gain:.1f}" if gain < MANY else f"{MANY:,}"


def verdict(run: Run) -> Lines:
    """The evidence, and which designs are not exact; an alarm where exact and simulated numbers disagree."""
    return verdict_lines(evidence(run), refusal_words(run.refusals, run.shown), run.agreement)


def stops_with_enough(results: Sequence[Result]) -> bool:
    """Whether any of the trials can be stopped early for another reason than toxicity."""
    return any(result.best.stop_enough > 0 for result in results)


def is_expanded(results: Sequence[Result]) -> bool:
    """Whether any of the trials has an expansion."""
    return any(result.best.expansion is not None for result in results)


def label(result: Result) -> str:
    """Label of the design; a tilde says that its numbers are simulated."""
    return result.design if result.exact is not None else f"{result.design} ~"


def table_of(runs: Sequence[Run]) -> Table:
    """All runs in one table, a row for each number.

    `quantity` names an operating characteristic (`sample_size.q95`, `stop_reasons.too_toxic`); for a distribution it
    ends in the value (`sample_size.distribution.36`). `dose` is where each dose has a number. There is no `mcse` where
    a number is exact or has no standard error. `optimal` is the benchmark of the truth.
    """
    rows = (
        (run.scenario.name, result.design, result.truth.name, *numbers)
        for run in runs
        for result in run.results
        for numbers in _rows(result)
    )
    return Table.of(COLUMNS, rows)


def _rows(result: Result) -> Iterator[tuple[Any, ...]]:
    for engine, oc in (("exact", result.exact), ("simulated", result.simulated)):
        if oc is not None:
            yield from ((engine, *place, *numbers) for place, numbers in measured(result, oc).items())
    if result.anchored is not None:
        errors = dict(_numbers(asdict(result.anchored.errors)))
        means = _numbers(asdict(result.anchored.means))
        yield from (("anchored", *place, value, errors[place]) for place, value in means)
        gains = _numbers({"gain": asdict(result.anchored.gains)})
        yield from (("anchored", *place, value, None) for place, value in gains)
    if result.benchmark is not None:
        optimal = _numbers({"optimal": asdict(result.benchmark)})
        yield from (("exact", *place, value, None) for place, value in optimal)


def measured(result: Result, oc: OperatingCharacteristics) -> Numbers:
    """Every number of operating characteristics, exact or simulated."""
    errors = dict(_numbers(result.standard_errors(oc) or {}))
    return {place: (value, errors.get(place)) for place, value in _numbers(result.numbers(oc))}


def _numbers(tree: dict[str, Any], path: str = "") -> Iterator[tuple[tuple[str, int | None], float]]:
    """The numbers of a tree with their names and dose levels."""
    for name, part in tree.items():
        where = f"{path}.{name}" if path else name
        if isinstance(part, dict):
            yield from _numbers(part, where)
        elif name == "distribution":
            yield from (((f"{where}.{value}", None), probability) for value, probability in part)
        elif isinstance(part, tuple):
            yield from (((where, dose), value) for dose, value in enumerate(part, 1))
        elif part is not None:
            yield (where, None), part


def to_tree(runs: Sequence[Run]) -> Any:
    """One object for a single run, a list of them for several."""
    trees = [_run_tree(run) for run in runs]
    return trees[0] if len(trees) == 1 else trees


def _run_tree(run: Run) -> dict[str, Any]:
    scenario = run.scenario
    return {
        **head(scenario, [*run.departures, *refusal_warnings(run.refusals, run.shown)]),
        "trial": scenario.trial.model_dump(mode="json"),
        "designs": {
            label: design.model_dump(mode="json", exclude={"label"}) for label, design in scenario.designs.items()
        },
        "after": None if run.after is None else run.after.to_dict(),
        "agreement": agreement_tree(run.agreement),
        "results": [_result_tree(run, result) for result in run.results],
    }


def _result_tree(run: Run, result: Result) -> dict[str, Any]:
    simulated = None
    if result.simulated is not None:
        simulated = {
            **result.numbers(result.simulated),
            "trials": run.trials,
            "seed": run.seed,
            "mcse": result.standard_errors(result.simulated),
            "max_abs_z": None if result.agreement is None else result.agreement.max_abs_z,
            "p_value": None if result.agreement is None else result.agreement.p_value,
        }
    return {
        "design": result.design,
        "truth": result.truth.name,
        "dlt_rates": list(result.truth.dlt_rates),
        "correct_doses": list(result.correct_doses),
        **truth_tree(result, run.scenario.trial),
        "optimal": None if result.benchmark is None else asdict(result.benchmark),
        "exact": None if result.exact is None else result.numbers(result.exact),
        "simulated": simulated,
        "anchored": None if result.anchored is None else result.anchored.to_dict(),
    }
