"""A run as tables to read."""

from collections.abc import Iterator
from itertools import groupby

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from escalation.characteristics import OperatingCharacteristics
from escalation.run import Result, Run
from escalation.scenario import Truth
from escalation.trial import Trial

ALARM = 1e-3
"""Familywise p value below which simulated and exact values are said to disagree."""

ROUNDING = 1e-12
"""A sum of probabilities may be this far from 1."""

UNBOUNDED = 10_000
"""Columns that no table fills."""


def print_run(run: Run, console: Console) -> None:
    """Print a run; never narrower than its tables, so that nothing is cut off."""
    parts = list(_parts(run))
    unbounded = console.options.update(width=UNBOUNDED)
    widest = max(console.measure(part, options=unbounded).maximum for part in parts if isinstance(part, Table))
    console.width = max(console.width, widest)
    console.print(Group(*parts))


def _parts(run: Run) -> Iterator[RenderableType]:
    scenario, trial = run.scenario, run.scenario.trial
    yield Text(scenario.title or scenario.name, style="bold")
    facts = [scenario.registry] if scenario.registry else []
    facts += [f"target DLT rate {_percent(trial.target)} %", f"at most {trial.max_patients} patients"]
    facts += [f"cohorts of {trial.cohort_size}"]
    if trial.start_dose > 1:
        facts += [f"start at {trial.dose_names[trial.start_dose - 1]}"]
    yield Text("; ".join(facts))
    if scenario.assumptions:
        yield Text(f"assumed, for reasons the file gives: {', '.join(scenario.assumptions)}")
    for truth, group in groupby(run.results, key=lambda result: result.truth):
        yield Text()
        yield from _truth(truth, list(group), trial)
    yield Text()
    yield from _footnotes(run)


def _truth(truth: Truth, results: list[Result], trial: Trial) -> Iterator[RenderableType]:
    correct = results[0].correct_doses
    unit = f" ({trial.dose_unit})" if trial.dose_unit else ""
    yield Text(truth.name, style="bold")

    doses = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    doses.add_column(f"dose{unit}", no_wrap=True)
    for level, name in enumerate(trial.dose_names, 1):
        marked = level in correct
        doses.add_column(f"{name}*" if marked else name, justify="right", style="bold" if marked else "")
    doses.add_column("none" if correct else "none*", justify="right", style="" if correct else "bold")
    doses.add_row("true DLT rate %", *(_percent(rate) for rate in truth.dlt_rates), "", end_section=True)
    for result in results:
        oc = _shown(result)
        doses.add_row(
            f"{_name(result)} RP2D %", *(_percent(share) for share in oc.selection), _percent(oc.no_selection)
        )
        doses.add_row(f"{_name(result)} patients", *(_mean(count) for count in oc.patients), "")
        doses.add_row(f"{_name(result)} DLTs", *(_mean(count) for count in oc.dlts), "", end_section=True)
    yield doses
    yield Text()

    summary = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    summary.add_column("design", no_wrap=True)
    for heading in ("PCS %", "patients", "5-95 %", "DLTs", "DLT rate %", "> MTD %", "early %"):
        summary.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        oc = _shown(result)
        summary.add_row(
            _name(result),
            _percent(oc.pcs),
            _mean(oc.sample_size.mean),
            f"{oc.sample_size.q05}-{oc.sample_size.q95}",
            _mean(oc.total_dlts.mean),
            _percent(oc.dlt_rate.rate_of_means),
            _percent(oc.above_mtd),
            _percent(oc.early_stop),
        )
    yield summary


def _footnotes(run: Run) -> Iterator[RenderableType]:
    yield Text("* correct dose. RP2D %: probability of being recommended.")
    yield Text("PCS: probability of correct selection. Patients, DLTs: mean per trial.")
    yield Text("5-95 %: quantiles of the sample size. DLT rate: mean DLTs / mean patients.")
    yield Text("> MTD: patients at doses whose true rate exceeds the target. Early: early stop.")
    compared = [result.agreement for result in run.results if result.agreement is not None]
    simulated = f"{run.trials:,} simulated trials (seed {run.seed})"
    if compared:
        p_value = min(1.0, len(compared) * min(agreement.p_value for agreement in compared))
        largest = max((agreement.max_abs_z for agreement in compared if agreement.max_abs_z is not None), default=0.0)
        verdict, style = ("agree", "") if p_value >= ALARM else ("DISAGREE", "bold red")
        yield Text(f"Exact; {simulated} {verdict}: largest |z| {largest:.2f}, p = {p_value:.2g}.", style=style)
    elif all(result.exact is not None for result in run.results):
        yield Text("Exact; no trials were simulated.")
    if any(result.exact is None for result in run.results):
        yield Text(f"~ not exact but the mean of {simulated}.")
    for label, reason in run.refusals.items():
        yield Text(f"{label}: not exact: {reason}.")


def _shown(result: Result) -> OperatingCharacteristics:
    shown = result.exact or result.simulated
    assert shown is not None
    return shown


def _name(result: Result) -> str:
    return result.design if result.exact is not None else f"{result.design} ~"


def _percent(share: float) -> str:
    """A probability in percent; one that is not 0 or 1 is not printed as if it were."""
    if 0 < share < 0.0005:
        return "<0.1"
    if 0.9995 <= share < 1 - ROUNDING:
        return ">99.9"
    return f"{100 * share:.1f}"


def _mean(count: float) -> str:
    return f"{count:.1f}" if count == 0 or count >= 0.05 else "<0.1"
