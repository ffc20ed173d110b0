"""What a report says of a run."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from escalation.characteristics.one_truth import OperatingCharacteristics
from escalation.report.blocks import Block, Grid, Heading, Lines
from escalation.report.numbers import mean, percent
from escalation.scenario.file import Scenario
from escalation.scenario.truths.truth import Truth
from escalation.studies.run import Result, Run
from escalation.trial.data import InterimData
from escalation.trial.trial import Trial

OPTIMAL = "optimal"
"""What the rows of the non-parametric optimal benchmark are called."""

OPTIMAL_NOTES = (
    "Optimal: a benchmark that sees the outcome of every patient at every dose.",
    "Of equally close doses it takes the highest below the target, else the lowest.",
    "Eff: PCS / optimal PCS; blank where no dose is correct (optimal is never none).",
)


def run_blocks(run: Run) -> Iterator[Block]:
    """A page on a run: its trial, a section for each truth, and how exact and simulated numbers agree."""
    title, lines = heading(run)
    yield Heading(title, level=1)
    yield Lines(tuple(lines))
    if run.after is not None:
        yield Lines((f"Given the data so far: {data_text(run.after)}",))
    if run.departures:
        yield Lines(tuple(f"warning: {departure}" for departure in run.departures), alarm=True)
    for truth, doses, summary in truths(run):
        yield Heading(truth.name)
        yield doses
        yield summary
    yield Lines(tuple(footnotes(run)), listed=True)
    lines, alarm = verdict(run)
    yield Lines(tuple(lines), alarm=alarm, listed=True)


def heading(run: Run) -> tuple[str, list[str]]:
    """Title of a run, and lines on its trial."""
    return trial_heading(run.scenario, dict.fromkeys(result.design for result in run.results))


def trial_heading(scenario: Scenario, designs: Iterable[str]) -> tuple[str, list[str]]:
    """Title of a page on designs of a scenario, and lines on its trial."""
    trial = scenario.trial
    facts = [scenario.registry] if scenario.registry else []
    facts += [f"target DLT rate {percent(trial.target)} %", f"at most {trial.max_patients} patients"]
    facts += [f"cohorts of {trial.cohort_size}"]
    if trial.expansion is not None:
        facts += [f"then {trial.expansion.patients} at the RP2D"]
    for name in designs:
        expansion = scenario.designs[name].expansion
        if expansion is not None:
            facts += [f"{name}: then {expansion.patients} at the RP2D"]
    if trial.start_dose > 1:
        facts += [f"start at {trial.dose_names[trial.start_dose - 1]}"]
    lines = ["; ".join(facts)]
    if scenario.assumptions:
        lines += [f"assumed, for reasons the file gives: {', '.join(scenario.assumptions)}"]
    return scenario.title or scenario.name, lines


def by_truth(results: Sequence[Result]) -> list[list[Result]]:
    """The results of each truth."""
    return [list(group) for _, group in groupby(results, key=lambda result: result.truth.name)]


def truths(run: Run) -> Iterator[tuple[Truth, Grid, Grid]]:
    """For each truth: what happens at each dose, and a summary of each design."""
    for results in by_truth(run.results):
        yield results[0].truth, dose_grid(results, run.scenario.trial), summary_grid(results)


def dose_grid(results: Sequence[Result], trial: Trial) -> Grid:
    """Recommendation, patients and DLTs at each dose, for the designs under one truth."""
    truth, correct = results[0].truth, results[0].correct_doses
    marked = frozenset(correct or [trial.levels + 1])
    names = [f"dose ({trial.dose_unit})" if trial.dose_unit else "dose", *trial.dose_names, "none"]
    groups = [[["true DLT rate %", *(percent(rate) for rate in truth.dlt_rates), ""]]]
    benchmark = results[0].benchmark
    if benchmark is not None:
        groups[0].append([f"{OPTIMAL} RP2D %", *map(percent, benchmark.selection), percent(0.0)])
    for result in results:
        name, oc = label(result), shown(result)
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
    return Grid([f"{name}*" if column in marked else name for column, name in enumerate(names)], groups, marked)


def summary_grid(results: Sequence[Result]) -> Grid:
    """The designs under one truth, a row each, and the benchmark that they are measured against."""
    ocs = [shown(result) for result in results]
    benchmark = results[0].benchmark
    expanded, running = (any(getattr(oc, part) is not None for oc in ocs) for part in ("expansion", "further"))
    rows = []
    for result, oc in zip(results, ocs, strict=True):
        survival = None if oc.expansion is None else oc.expansion.survival
        size, dlts = (oc.sample_size, oc.total_dlts) if oc.further is None else (oc.further.patients, oc.further.dlts)
        rows.append(
            [
                label(result),
                percent(oc.pcs),
                *([] if benchmark is None else [efficiency(result)]),
                mean(size.mean),
                f"{size.q05}-{size.q95}",
                mean(dlts.mean),
                percent(oc.dlt_rate.rate_of_means),
                percent(oc.above_mtd),
                percent(oc.early_stop),
                *(["" if survival is None else percent(survival)] if expanded else []),
            ]
        )
    counted = ["patients +", "5-95 %", "DLTs +"] if running else ["patients", "5-95 %", "DLTs"]
    measured = ["PCS %", *([] if benchmark is None else ["eff %"]), *counted]
    header = ["design", *measured, "DLT %", "above %", "early %", *(["kept %"] if expanded else [])]
    if benchmark is not None and benchmark.pcs is not None:
        rows.append([OPTIMAL, percent(benchmark.pcs), percent(1.0), *[""] * (len(header) - 3)])
    return Grid(header, [rows])


def efficiency(result: Result) -> str:
    """The PCS of a design in percent of the benchmark's; empty where there is none."""
    share = result.numbers(shown(result))["efficiency"]
    return "" if share is None else f"{100 * share:.1f}"


def footnotes(run: Run) -> list[str]:
    """What the columns mean."""
    expanded = any(shown(result).expansion is not None for result in run.results)
    running = run.after is not None
    return [
        "* correct dose. RP2D %: probability of being recommended.",
        "PCS: probability of correct selection. Patients, DLTs: mean per trial.",
        "5-95 %: quantiles of patients. DLT %: mean DLTs / mean patients.",
        "Above: patients at doses whose true rate exceeds the target. Early: early stop.",
        *(OPTIMAL_NOTES if run.results[0].benchmark is not None else []),
        *(["Patients +, 5-95 %, DLTs +: of those to come. All else includes the data so far."] if running else []),
        *(["Declared: RP2D after dose escalation. Kept: share of these after expansion."] if expanded else []),
    ]


def data_text(data: InterimData) -> str:
    """The data of a running trial: cohort by cohort, or the DLTs at each dose."""
    if data.cohorts is not None:
        return " ".join(map(str, data.cohorts)) or "no patient yet"
    counts = enumerate(zip(data.patients, data.dlts, strict=True), 1)
    return ", ".join(f"dose level {dose}: {y} of {n}" for dose, (n, y) in counts if n)


def verdict(run: Run) -> tuple[list[str], bool]:
    """Whether the numbers are exact, how the simulated trials agree, and whether to raise an alarm."""
    lines = []
    simulated = f"{run.trials:,} simulated trials (seed {run.seed})"
    agreement = run.agreement
    alarm = agreement is not None and not agreement.agrees
    if agreement is not None:
        if agreement.max_abs_z is None and not alarm:
            lines += [f"Exact; {simulated} are too few, or vary too little, for |z|."]
        else:
            word = f"DISAGREE in {agreement.worst}" if alarm else "agree"
            largest = f"Largest |z| {agreement.max_abs_z or 0:.2f}"
            lines += [f"Exact; {simulated} {word}.", f"{largest}, p = {agreement.p_value:.2g}."]
    elif all(result.exact is not None for result in run.results):
        lines += ["Exact; no trials were simulated."]
    if any(result.exact is None for result in run.results):
        errors = [oc.mcse["pcs"] for result in run.results if result.exact is None and (oc := shown(result)).mcse]
        error = f"; standard error of PCS up to {100 * max(errors):.1f} %" if errors else ""
        lines += [f"~ not exact but the mean of {simulated}{error}."]
    lines += [f"{name}: not exact: {reason}." for name, reason in run.refusals.items()]
    return lines, alarm


def shown(result: Result) -> OperatingCharacteristics:
    """The exact operating characteristics, else the simulated ones."""
    best = result.exact or result.simulated
    assert best is not None
    return best


def label(result: Result) -> str:
    """Label of the design; a tilde says that its numbers are simulated."""
    return result.design if result.exact is not None else f"{result.design} ~"
