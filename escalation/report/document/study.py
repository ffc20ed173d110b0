"""Aims, data-generating mechanisms and estimands."""

from collections.abc import Iterator

from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.document.document import Drawing, Part
from escalation.report.document.facts import by_responses, run_designs
from escalation.report.figures import alt_text, plane, to_svg
from escalation.report.pages.exposures import amount, chooses_by_exposure, has_exposures
from escalation.report.pages.responses import OPTIMAL, chooses_dose, has_responses, optimal_dose_of
from escalation.report.pages.run import by_truth
from escalation.report.render.toml import to_toml
from escalation.report.wording import correct_names, count, percent
from escalation.studies.run import Result, Run
from escalation.trial.rates import TOLERATED_EXCESS


def aims(run: Run) -> Iterator[Block]:
    """What the comparison is for."""
    results = by_truth(run.results)[0]
    trial = run.scenario.trial
    doses = "its dose" if trial.levels == 1 else f"one of {trial.levels} dose levels"
    what = "how well the design" if len(results) == 1 else f"which of {count(len(results), 'design')} best"
    yield Lines(f"To find out {what} serves a phase I trial that is to recommend {doses} for further study, or none:")
    yield Lines(
        "how often the recommendation is correct;",
        "how many patients are treated, and how many of them at doses that are too toxic;",
        "how many have a dose-limiting toxicity (DLT);",
        "how often, and why, the trial ends early;",
        "how well the DLT rate at the recommended dose is estimated.",
        listed=True,
    )


def mechanisms(run: Run) -> Iterator[Part]:
    """The truths, and how patients come by their DLTs."""
    trial = run.scenario.trial
    truths = by_truth(run.results)
    header = ["truth", *trial.dose_names, "correct", "why"]
    rows = []
    for results in truths:
        first = results[0]
        rates = [
            percent(rate) + ("*" if dose in first.correct_doses else "")
            for dose, rate in enumerate(first.truth.dlt_rates, 1)
        ]
        correct = correct_names(trial, first.correct_doses)
        rows.append([first.truth.name, *rates, correct, _why(first, trial.target)])
    unit = f" (doses in {trial.dose_unit})" if trial.dose_unit else ""
    yield Lines("A truth is one assumed vector of true DLT rates. The designs do not know it.")
    yield TextTable(
        header,
        [rows],
        words=frozenset({len(header) - 2, len(header) - 1}),
        caption=f"The truths: true DLT rate at each dose, %{unit}; * correct dose",
    )
    if has_responses(run.results):
        yield _responses(run)
        yield _plane(run)
    if has_exposures(run.results):
        yield _exposures(run)
    yield Heading("Patients", level=3)
    yield Lines(
        f"Patients are independent of each other: at a dose each has a DLT with the dose's true rate. {_observed(run)}",
        *_engines(run),
    )


def _plane(run: Run) -> Drawing:
    """The truths with responses in the plane of both rates."""
    responding = [truth for truth in (group[0].truth for group in by_truth(run.results)) if truth.response_rates]
    told, title = alt_text.plane(responding, run.scenario.trial), "The truths by DLT and response rate"
    return Drawing(title, told, to_svg(plane(responding, run.scenario.trial), title, told, "truths-plane"))


def _responses(run: Run) -> TextTable:
    """The response rates of the truths that have any, and their optimal doses."""
    trial, rows = run.scenario.trial, []
    for results in by_truth(run.results):
        truth, best = results[0].truth, optimal_dose_of(results[0].truth, trial)
        if truth.response_rates is None:
            continue
        rates = [percent(rate) + (OPTIMAL if dose == best else "") for dose, rate in enumerate(truth.response_rates, 1)]
        association = "independent" if truth.association is None else to_toml(truth.association)
        rows.append([truth.name, *rates, correct_names(trial, [] if best is None else [best]), association])
    header = ["truth", *trial.dose_names, "optimal", "association with the DLT"]
    return TextTable(
        header,
        [rows],
        words=frozenset({len(header) - 2, len(header) - 1}),
        caption=f"The truths: true response rate at each dose, %; {OPTIMAL} optimal dose, of the largest mean utility "
        "among those acceptable for toxicity and response, or as a truth states itself",
    )


def _exposures(run: Run) -> TextTable:
    """The exposures of the truths that have any, and their optimal doses."""
    trial, rows = run.scenario.trial, []
    for results in by_truth(run.results):
        truth, best = results[0].truth, optimal_dose_of(results[0].truth, trial)
        if truth.exposure is None:
            continue
        values = map(amount, truth.exposure.geometric_means)
        means = [value + (OPTIMAL if dose == best else "") for dose, value in enumerate(values, 1)]
        known = truth.knows_optimal_dose(trial.efficacy)
        optimal = correct_names(trial, [] if best is None else [best]) if known else "not stated"
        rows.append([truth.name, *means, f"{100 * truth.exposure.cv:g}", optimal])
    header = ["truth", *trial.dose_names, "CV %", "optimal"]
    return TextTable(
        header,
        [rows],
        words=frozenset({len(header) - 1}),
        caption="The truths: geometric mean exposure at each dose, and coefficient of variation between patients; "
        f"{OPTIMAL} optimal dose",
    )


def _observed(run: Run) -> str:
    """What is known of a cohort when the next is treated."""
    late = [name for name, design in run_designs(run).items() if design.is_late_onset]
    known = "A cohort's DLTs are all known before the next cohort is treated"
    if joint := by_responses(run):
        known += f", under {', '.join(joint)} their responses as well"
    if late:
        known += f", but under {', '.join(late)}"
    if run.scenario.trial.time is None:
        return f"{known}; dropouts and late toxicities are not modelled."
    return f"{known}. When patients arrive, when DLTs occur and who leaves is as the calendar in the settings says."


def _engines(run: Run) -> Iterator[str]:
    if any(result.exact is not None for result in run.results):
        yield (
            "Exact values: every way in which a trial can end is listed with the number of patient sequences that lead "
            "there, and each truth gives its probability."
        )
        exact = dict.fromkeys(result.design for result in run.results if result.exact is not None)
        late = [name for name in exact if run_designs(run)[name].is_late_onset]
        if late:
            yield (
                f"Under {', '.join(late)} a patient comes at each step, a fixed time after the one before, and is lost "
                "while accrual is held; a sequence also says at which step each DLT becomes known."
            )
        if joint := by_responses(run, exact):
            yield (
                f"Under {', '.join(joint)} decisions look at responses too: all states of patients, DLTs and responses "
                "that a trial can come to are gone through with their probabilities, for all truths together."
            )
    if run.trials:
        yield (
            f"Simulated trials ({run.trials:,} for each design and truth, seed {run.seed}): a virtual patient is a "
            "tolerance, uniform between 0 and 1, and has a DLT at every dose whose true rate exceeds it. The same "
            "patients meet every design under every truth, so that designs are compared on the same trials. Random "
            "numbers are Philox's (Salmon et al. 2011), in blocks of 1,000 trials."
        )
    if has_responses(run.results):
        but = f", but under {', '.join(joint)}" if (joint := by_responses(run)) else ""
        yield (
            "Responses: a patient responds with the probability of the dose, by whether the patient has a DLT, and by "
            f"a random number of the patient's own. They do not change how a trial goes{but}."
        )
    if run.scenario.trial.randomised is not None:
        yield (
            "The randomised comparison: given how dose escalation has ended, its arms are independent of each other, "
            "and exact values are sums over all endings. Simulated patients have random numbers of their own, "
            "by trial, dose and number: the same under every design."
        )
    if chooses_by_exposure(run.results):
        yield (
            "Exposures: a patient's is log-normal, independent of the DLT and the response, and as far from the mean "
            "of any dose, in standard deviations of the log, under every design. They are continuous, and do not "
            "change how a trial goes: the choice of an optimal dose by them is simulated, also where all else is exact."
        )


def _why(result: Result, target: float) -> str:
    if result.truth.rp2d is not None:
        return "stated in the scenario file"
    if not result.correct_doses:
        return f"even the lowest rate exceeds the target by more than {100 * TOLERATED_EXCESS:g} points"
    return (
        "rate closest to the target" if min(result.truth.dlt_rates) <= target else "lowest rate, closest to the target"
    )


def estimands(run: Run) -> Iterator[Block]:
    """What the trial is to find, and what counts as right."""
    target = percent(run.scenario.trial.target)
    optimal = []
    if chooses_dose(run.results) or chooses_by_exposure(run.results):
        ways = [("responses", chooses_dose(run.results)), ("exposure", chooses_by_exposure(run.results))]
        by = " or by ".join(way for way, is_taken in ways if is_taken)
        optimal.append(
            f"Optimal dose (OBD): the dose that a design chooses by {by} when the trial has ended, among those up "
            "to the RP2D, or none. It is another thing than the RP2D, and has a probability of correct selection of "
            "its own."
        )
    yield Lines(
        "Recommended phase 2 dose (RP2D): the dose that the design recommends when the trial has ended, or none. "
        "A trial that ends as too toxic recommends none; one that ends because a dose is, a lower one at most.",
        f"Correct doses: those whose true DLT rate is closest to the target of {target} %; none where even the "
        f"lowest rate exceeds it by more than {100 * TOLERATED_EXCESS:g} percentage points; or those that a "
        "truth states itself. Where no dose is correct, the correct recommendation is none.",
        "True DLT rate at the RP2D: estimated by the observed rate, DLTs divided by patients treated at that "
        "dose, with the 95 % Clopper-Pearson interval (Clopper and Pearson 1934).",
        *optimal,
        listed=True,
    )
