"""Operating characteristics under each truth, and the designs against each other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from escalation.report.blocks import Heading, Lines, TextTable
from escalation.report.document.document import Drawing, Part, beneath
from escalation.report.document.facts import Request
from escalation.report.document.measures import full_table
from escalation.report.figures import (
    allocation,
    alt_text,
    bias,
    duration,
    frontier,
    optimal_dose,
    sample_size,
    selection,
    to_svg,
)
from escalation.report.pages.arms import arm_summary, arm_table, is_compared
from escalation.report.pages.compare import difference_blocks
from escalation.report.pages.exposures import chooses_by_exposure, exposure_summary, exposure_table
from escalation.report.pages.responses import has_responses, response_summary, response_table
from escalation.report.pages.run import by_truth, dose_table, footnotes, is_timed, summary_table, time_table, verdict
from escalation.studies.run import Result, Run
from escalation.trial.trial import Trial

FIGURES = {
    "RP2D selection": selection,
    "patients at each dose": allocation,
    "distribution of the sample size": sample_size,
}


def results(run: Run) -> Iterator[Part]:
    """A heading for each truth, with its tables."""
    yield Lines(*footnotes(run), listed=True)
    yield verdict(run)
    trial = run.scenario.trial
    for number, group in enumerate(by_truth(run.results), 1):
        name = group[0].truth.name
        yield Heading(name, level=3)
        yield replace(dose_table(group, trial), caption=f"{name}: recommendations, patients and DLTs at each dose")
        yield replace(summary_table(group), caption=f"{name}: the designs in brief")
        if has_responses(group):
            yield replace(response_table(group, trial), caption=f"{name}: optimal dose and responses at each dose")
            yield replace(response_summary(group), caption=f"{name}: the designs by responses")
        if is_compared(group):
            yield replace(arm_table(group, trial), caption=f"{name}: randomised patients at each dose")
            yield replace(arm_summary(group), caption=f"{name}: the randomised comparison in brief")
        if chooses_by_exposure(group):
            yield replace(exposure_table(group, trial), caption=f"{name}: optimal dose by exposure (~ simulated)")
            yield replace(exposure_summary(group), caption=f"{name}: the designs by exposure (~ simulated)")
        if is_timed(group):
            yield replace(time_table(group), caption=f"{name}: how long the trials take")
        for what, draw in FIGURES.items():
            yield _drawing(f"{name}: {what}", draw, group, trial, f"truth-{number}")
        if has_responses(group):
            yield _drawing(f"{name}: RP2D and optimal dose", optimal_dose, group, trial, f"truth-{number}")
        every = f"{name}: every performance measure (* correct dose)"
        yield replace(full_table(group, trial), caption=every, detail=True)
    yield Heading("The estimated DLT rate", level=3)
    yield _drawing("Bias of the estimated DLT rate under each truth", bias, run.results, trial, "all-truths")
    if is_timed(run.results):
        yield Heading("How long the trials take", level=3)
        yield _drawing("Duration under each truth", duration, run.results, trial, "all-truths")
        yield _drawing("PCS against the mean duration", frontier, run.results, trial, "all-truths")


def _drawing(
    title: str, draw: Callable[[Sequence[Result], Trial], Figure], results: Sequence[Result], trial: Trial, where: str
) -> Drawing:
    told = getattr(alt_text, draw.__name__)(results, trial)
    return Drawing(title, told, to_svg(draw(results, trial), title, told, f"{where}-{draw.__name__}"))


def contrasts(request: Request) -> Iterator[Part]:
    """Differences between the designs of the run, under each of its truths."""
    if request.comparison is None:
        yield Lines("There is only one design.")
        return
    name = ""
    for block in beneath(2, difference_blocks(request.comparison)):
        if isinstance(block, Heading):
            name = block.text
        if isinstance(block, TextTable):
            yield replace(block, caption=f"{name}: differences between the designs")
        else:
            yield block
