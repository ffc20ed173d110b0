"""Operating characteristics under each truth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from escalation.report.blocks import Heading, Lines
from escalation.report.document.document import Drawing, Part
from escalation.report.document.measures import full_table
from escalation.report.figures import allocation, alt_text, bias, sample_size, selection, to_svg
from escalation.report.pages.run import by_truth, dose_table, footnotes, summary_table, verdict
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
        for what, draw in FIGURES.items():
            yield _drawing(f"{name}: {what}", draw, group, trial, f"truth-{number}")
        every = f"{name}: every performance measure (* correct dose)"
        yield replace(full_table(group, trial), caption=every, detail=True)
    yield Heading("The estimated DLT rate", level=3)
    yield _drawing("Bias of the estimated DLT rate under each truth", bias, run.results, trial, "all-truths")


def _drawing(
    title: str, draw: Callable[[Sequence[Result], Trial], Figure], results: Sequence[Result], trial: Trial, where: str
) -> Drawing:
    told = getattr(alt_text, draw.__name__)(results, trial)
    return Drawing(title, told, to_svg(draw(results, trial), title, told, f"{where}-{draw.__name__}"))
