"""What a reader in a hurry should know: the trial and the key results under each truth."""

from collections.abc import Callable, Iterator

from escalation.characteristics.one_truth import OperatingCharacteristics
from escalation.report.blocks import Block, Lines, TextTable
from escalation.report.pages.exposures import optimal_choice
from escalation.report.pages.responses import optimal_dose_of
from escalation.report.pages.run import OPTIMAL, OPTIMAL_NOTES, by_truth, evidence, label, verdict
from escalation.report.wording import correct_names, count, dose_list, mean, percent, span
from escalation.studies.run import Run


def summary(run: Run) -> Iterator[Block]:
    """The trial in a few lines, and a table for each key measure."""
    trial = run.scenario.trial
    designs, truths = by_truth(run.results)[0], by_truth(run.results)
    labels = ", ".join(result.design for result in designs)
    yield Lines(
        f"{count(trial.levels, 'dose level')}: {dose_list(trial)}. Target DLT rate {percent(trial.target)} %. At "
        f"most {count(trial.max_patients, 'patient')} in dose escalation, in {trial.cohorts_in_words}.",
        f"{count(len(designs), 'design')} ({labels}) under {count(len(truths), 'truth')}: assumed vectors of true "
        "DLT rates, from which the probabilities below follow.",
    )
    yield Lines(" ".join(evidence(run)), alarm=verdict(run).alarm)
    yield Lines(*_ranges(run), listed=True)
    optimal, pcs = run.results[0].benchmark is not None, "Probability of correct selection (PCS), %"
    yield _key_table(run, pcs, lambda oc: percent(oc.pcs), optimal=optimal)
    if optimal:
        yield Lines(OPTIMAL_NOTES[0], OPTIMAL_NOTES[1], listed=True)
    if any(optimal_choice(result)[0] is not None for result in run.results):
        yield _optimal_table(run)
    for caption, cell in _KEY_MEASURES:
        yield _key_table(run, caption, cell)


def _optimal_table(run: Run) -> TextTable:
    """How often each design chooses the truth's optimal dose; blank for those that choose none.

    A tilde marks what is simulated of a design whose other numbers are exact.
    """
    trial, truths = run.scenario.trial, by_truth(run.results)
    rows = []
    for results in truths:
        best = optimal_dose_of(results[0].truth, trial)
        cells = []
        for result in results:
            choice, is_drawn = optimal_choice(result)
            mark = "~ " if is_drawn and result.exact is not None else ""
            cells.append("" if choice is None else f"{mark}{percent(choice.pcs_obd)}")
        rows.append([results[0].truth.name, correct_names(trial, [] if best is None else [best]), *cells])
    header = ["truth", "optimal dose", *(label(result) for result in truths[0])]
    caption = "Probability that the optimal dose (OBD) is chosen, or none where the truth has none, %"
    return TextTable(header, [rows], words=frozenset({1}), caption=caption)


def _ranges(run: Run) -> Iterator[str]:
    """For each design its lowest and highest probability of correct selection."""
    truths = by_truth(run.results)
    for place, first in enumerate(truths[0]):
        results = sorted((group[place] for group in truths), key=lambda result: result.best.pcs)
        low, high = results[0], results[-1]
        sizes = [group[place].best.sample_size.mean for group in truths]
        line = f"{label(first)}: probability of correct selection {percent(low.best.pcs)} %"
        if len(results) > 1:
            line += f" ({low.truth.name}) to {percent(high.best.pcs)} % ({high.truth.name})"
        yield f"{line}; mean sample size {span(sizes, mean)} patients."


_KEY_MEASURES: list[tuple[str, Callable[[OperatingCharacteristics], str]]] = [
    ("Patients at doses whose true DLT rate exceeds the target, % of all", lambda oc: percent(oc.share_above_target)),
    ("Mean number of patients with a DLT", lambda oc: mean(oc.total_dlts.mean)),
    (
        "Sample size: mean (5 to 95 % quantile)",
        lambda oc: f"{mean(oc.sample_size.mean)} ({oc.sample_size.q05}-{oc.sample_size.q95})",
    ),
    (
        "Probability of a stop for toxicity, in dose escalation or its expansion, %",
        lambda oc: percent(oc.stop_toxic),
    ),
]


def _key_table(
    run: Run, caption: str, cell: Callable[[OperatingCharacteristics], str], *, optimal: bool = False
) -> TextTable:
    """One measure of every design, a row for each truth; beside PCS that of the benchmark, blank where it has none."""
    truths = by_truth(run.results)
    rows = []
    for results in truths:
        correct, benchmark = correct_names(run.scenario.trial, results[0].correct_doses), results[0].benchmark
        best = percent(None if benchmark is None else benchmark.pcs)
        rows.append([results[0].truth.name, correct, *(cell(result.best) for result in results), best])
    header = ["truth", "correct dose", *(label(result) for result in truths[0]), OPTIMAL if optimal else None]
    return TextTable.of(header, [rows], words=frozenset({1}), caption=caption)
