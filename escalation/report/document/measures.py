"""Performance measures: what each is called, what it means, and its value with its Monte Carlo standard error."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from escalation.report.blocks import Block, Lines, TextTable
from escalation.report.pages.arms import is_compared
from escalation.report.pages.exposures import chooses_by_exposure
from escalation.report.pages.responses import OPTIMAL, chooses_dose, has_responses, optimal_dose_of
from escalation.report.pages.run import Numbers, is_expanded, is_timed, measured
from escalation.report.wording import count, mean, percent
from escalation.studies.run import Result, Run
from escalation.trial.calendar import DAYS_PER_MONTH
from escalation.trial.trial import Trial

_percent = partial(percent, decimals=2)
_mean = partial(mean, decimals=2)


def _points(share: float) -> str:
    """A difference of probabilities in percentage points, with its sign; none for one that rounds to 0."""
    text = f"{100 * share:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def _months(days: float) -> str:
    return f"{days / DAYS_PER_MONTH:.2f}"


@dataclass(frozen=True)
class Measure:
    """One performance measure."""

    name: str  # in tables
    meaning: str  # its definition
    quantity: str  # what it is called in the table of a run
    unit: str = "%"
    form: Callable[[float], str] = _percent  # how its value is written
    per_dose: bool = False  # each dose has one


def _count(name: str, what: str, unit: str, field: str) -> list[Measure]:
    """The measures of a count's distribution."""
    return [
        Measure(f"{name}: mean", f"Mean over trials of {what}.", f"{field}.mean", unit, _mean),
        Measure(f"{name}: sd", f"Standard deviation between trials of {what}.", f"{field}.sd", unit, _mean),
        *(
            Measure(
                f"{name}: {share} % quantile",
                f"The smallest number that {what} does not exceed in at least {share} % of trials.",
                f"{field}.q{share:02d}",
                unit,
                str,
            )
            for share in (5, 50, 95)
        ),
    ]


SELECTION = [
    Measure("recommended", "Probability that the dose is the RP2D.", "selection", per_dose=True),
    Measure("no dose recommended", "Probability that the trial ends without an RP2D.", "no_selection"),
    Measure(
        "correct selection (PCS)",
        "Probability that a correct dose is the RP2D; where no dose is correct, that none is.",
        "pcs",
    ),
]
BENCHMARK = [
    Measure(
        "efficiency",
        "PCS divided by that of the non-parametric optimal benchmark (O'Quigley et al. 2002). It sees the outcome of "
        "every patient planned for dose escalation at every dose, and recommends the dose whose observed DLT rate is "
        "closest to the target; of equally close ones the highest below the target, else the lowest. More than 100 % "
        "is possible: a design may favour the correct dose by its rules or prior. Undefined where no dose is correct, "
        "as the benchmark always recommends one.",
        "efficiency",
        form=lambda ratio: f"{100 * ratio:.2f}",
    ),
]
EXPANSION = [
    Measure(
        "declared after escalation",
        "Probability that dose escalation declares the dose the RP2D, before the expansion.",
        "expansion.declared",
        per_dose=True,
    ),
    Measure("no dose declared", "Probability that dose escalation declares no RP2D.", "expansion.none_declared"),
    Measure(
        "RP2D kept",
        "Probability that an RP2D, once declared, is still recommended after the expansion.",
        "expansion.survival",
    ),
]
EXPOSURE = [
    Measure("patients", "Mean number of patients at the dose.", "patients", "mean", _mean, per_dose=True),
    Measure("DLTs", "Mean number of patients with a DLT at the dose.", "dlts", "mean", _mean, per_dose=True),
]
SIZE = [
    *_count("sample size", "the number of patients", "patients", "sample_size"),
    *_count("DLTs in all", "the number of patients with a DLT", "DLTs", "total_dlts"),
    Measure(
        "DLT rate: ratio of means",
        "Mean number of DLTs divided by the mean number of patients.",
        "dlt_rate.rate_of_means",
    ),
    Measure(
        "DLT rate: mean of rates",
        "Mean over trials of the share of a trial's patients that have a DLT.",
        "dlt_rate.mean_of_rates",
    ),
]
SAFETY = [
    Measure(
        "patients above the target",
        "Mean number of patients at doses whose true DLT rate exceeds the target, divided by the mean number of "
        "patients.",
        "share_above_target",
    ),
    *_count(
        "patients above the target",
        "the number of patients at doses whose true DLT rate exceeds the target",
        "patients",
        "patients_above_target",
    ),
    Measure(
        "overdosing (60 %)",
        "Probability that more than 60 % of a trial's patients are at doses whose true DLT rate exceeds the target.",
        "overdosing_60",
    ),
    Measure("overdosing (80 %)", "Likewise with more than 80 %.", "overdosing_80"),
    Measure(
        "poor allocation",
        "Probability that fewer patients are at correct doses, those of an expansion included, than the number planned "
        "for dose escalation divided by the number of doses; undefined where no dose is correct.",
        "poor_allocation",
    ),
]
STOPPING = [
    Measure(
        "early stop",
        "Probability that a trial ends for toxicity, with enough patients at a dose, by a stopping rule or within its "
        "expansion.",
        "early_stop",
    ),
    Measure(
        "toxic stop",
        "Probability that a trial is stopped as too toxic, in dose escalation or by the monitoring of its expansion, "
        "before all patients of that stage have been treated.",
        "stop_toxic",
    ),
    Measure(
        "stop with enough",
        "Probability that a trial ends early otherwise: with enough patients at a dose, or by another stopping rule.",
        "stop_enough",
    ),
    *(
        Measure(f"ended: {name}", f"Probability that {text}.", f"stop_reasons.{field}")
        for name, text, field in (
            ("too toxic", "the trial ends because its lowest dose, or the dose of a rule, is too toxic", "too_toxic"),
            (
                "dose too toxic",
                "the trial ends because the dose of a rule is, and a lower one may be recommended",
                "dose_too_toxic",
            ),
            ("rule complete", "the design's own rule is complete before the trial is full", "rule_complete"),
            ("full", "all patients planned for dose escalation have been treated", "max_patients"),
            (
                "enough at a dose",
                "the trial ends because enough patients have been treated at a dose",
                "enough_at_dose",
            ),
            ("stopping rule", "the trial ends by another stopping rule", "stopping_rule"),
            ("expansion stopped", "the trial ends within its expansion", "expansion_stopped"),
        )
    ),
]
ESTIMATE = [
    Measure(
        "estimate: bias",
        "Mean difference between the observed and the true DLT rate at the RP2D, in percentage points, over trials "
        "that recommend a treated dose; undefined where none ever does.",
        "estimate.bias",
        "points",
        _points,
    ),
    Measure("estimate: RMSE", "Root mean square of that difference, in percentage points.", "estimate.rmse", "points"),
    Measure(
        "estimate: coverage",
        "Probability, over the same trials, that the 95 % Clopper-Pearson interval holds the true DLT rate at the "
        "RP2D.",
        "estimate.coverage",
    ),
]
RESPONSE = [
    Measure("responses", "Mean number of patients with a response at the dose.", "responses", "mean", _mean, True),
    Measure("responses in all", "Mean number of patients with a response.", "total_responses", "mean", _mean),
    Measure("response rate", "Mean number of responses divided by the mean number of patients.", "response_rate"),
    Measure(
        "utility",
        "Mean utility of a patient's outcome, from 0 to 100, over all patients.",
        "mean_utility",
        "mean",
        _mean,
    ),
    Measure(
        "patients at the optimal dose",
        "Mean number of patients at the truth's optimal dose; undefined where it has none.",
        "patients_at_obd",
        "mean",
        _mean,
    ),
]
AT_OPTIMAL = RESPONSE[-1]
OPTIMAL_DOSE = [
    Measure("optimal dose", "Probability that the dose is chosen as the OBD.", "obd_selection", per_dose=True),
    *(
        Measure(f"no optimal dose: {name}", f"Probability that no OBD is chosen because {why}.", f"no_obd.{field}")
        for name, why, field in (
            ("safety", "no dose is recommended", "safety"),
            ("futility", "all doses that may be chosen have too few responses", "futility"),
            ("nothing acceptable", "no dose that was tried may be chosen", "nothing_acceptable"),
        )
    ),
    Measure(
        "correct optimal dose",
        "Probability that the truth's optimal dose is chosen as the OBD; where it has none, that none is.",
        "pcs_obd",
    ),
]
RESPONSE_ESTIMATE = [
    Measure(
        "response estimate: bias",
        "Mean difference between the observed and the true response rate at the OBD, in percentage points, over trials "
        "that choose one.",
        "response_estimate.bias",
        "points",
        _points,
    ),
    Measure(
        "response estimate: RMSE",
        "Root mean square of that difference, in percentage points.",
        "response_estimate.rmse",
        "points",
    ),
    Measure(
        "response estimate: coverage",
        "Probability, over the same trials, that the 95 % Clopper-Pearson interval holds the true response rate at the "
        "OBD.",
        "response_estimate.coverage",
    ),
]


ARMS = [
    Measure("doses compared", "Probability that there is a randomised comparison.", "randomised.reached"),
    Measure(
        "randomised patients",
        "Mean number of them at the dose.",
        "randomised.patients",
        "mean",
        _mean,
        True,
    ),
    Measure("randomised in all", "Mean number of randomised patients.", "randomised.total_patients", "mean", _mean),
    Measure("DLTs in the arms", "Mean number of DLTs among them.", "randomised.total_dlts", "mean", _mean),
    Measure(
        "responses in the arms", "Mean number of responses among them.", "randomised.total_responses", "mean", _mean
    ),
    Measure(
        "closed for DLTs",
        "Probability that the dose is an arm that is closed for DLTs.",
        "randomised.closed_for_dlts",
        per_dose=True,
    ),
    Measure(
        "closed for responses",
        "Probability that the dose is an arm that is closed for few responses.",
        "randomised.closed_for_responses",
        per_dose=True,
    ),
    Measure(
        "patients of both parts",
        "Mean number in dose escalation and in the comparison.",
        "randomised.patients_in_all",
        "mean",
        _mean,
    ),
    Measure("DLTs of both parts", "Mean number of DLTs in both.", "randomised.dlts_in_all", "mean", _mean),
]

EXPOSURE_ESTIMATE = [
    Measure(
        "exposure estimate: ratio",
        "Observed divided by true geometric mean exposure at the OBD, as the exponential of the mean difference of the "
        "logarithms over trials that choose one; 1 is no bias.",
        "exposure_ratio",
        "ratio",
        _mean,
    ),
]


LASTS = "the time from the first arrival to the last completion, in months of 30.4375 days"
TIME = [
    Measure("duration: mean", f"Mean over trials of {LASTS}.", "time.duration.mean", "months", _months),
    Measure("duration: sd", f"Standard deviation between trials of {LASTS}.", "time.duration.sd", "months", _months),
    *(
        Measure(
            f"duration: {share} % quantile",
            f"The shortest duration that is not exceeded in at least {share} % of trials.",
            f"time.duration.q{share:02d}",
            "months",
            _months,
        )
        for share in (5, 50, 95)
    ),
    Measure("accrual held", "Mean time per trial in which accrual is held.", "time.hold_days", "months", _months),
]


def measure_groups(results: Sequence[Result]) -> list[list[Measure]]:
    """All measures of results, those that belong together in one list."""
    selection = [*SELECTION, *(BENCHMARK if results[0].benchmark is not None else [])]
    expansion, time = [EXPANSION] if is_expanded(results) else [], [TIME] if is_timed(results) else []
    by_responses, by_exposure = chooses_dose(results), chooses_by_exposure(results)
    optimal = []
    if by_responses or by_exposure:
        chosen = [one for one in OPTIMAL_DOSE if by_responses or one.quantity != "no_obd.futility"]
        estimates = RESPONSE_ESTIMATE * by_responses + EXPOSURE_ESTIMATE * by_exposure
        optimal = [[*chosen, *estimates]]
    response = [RESPONSE] if has_responses(results) else [[AT_OPTIMAL]] if by_exposure else []
    response += [ARMS] if is_compared(results) else []
    return [selection, *expansion, *optimal, EXPOSURE, *response, SIZE, *time, SAFETY, STOPPING, ESTIMATE]


def definitions(run: Run) -> Iterator[Block]:
    """What each measure means, and how precise the numbers are."""
    groups = measure_groups(run.results)
    rows = [[[one.name, one.unit, one.meaning] for one in group] for group in groups]
    yield Lines(
        "Correct doses are those of the estimands' section. Patients count with all that were treated, those of an "
        "expansion included."
    )
    yield TextTable(
        ["measure", "unit", "definition"], rows, words=frozenset({1, 2}), caption="Performance measures, defined"
    )
    yield Lines(*precision(run))


def precision(run: Run) -> Iterator[str]:
    """How precise the numbers of the report are."""
    if any(result.exact is not None for result in run.results):
        yield (
            "Columns headed “exact” hold probabilities and means over every possible trial: they have no Monte Carlo "
            "error, and no standard error is given."
        )
    if is_timed(run.results) and any(result.exact is not None for result in run.results) and run.trials:
        yield "A tilde in them marks what is simulated: quantiles of the duration, and all of it where it is not exact."
    if chooses_by_exposure(run.results) and any(result.exact is not None for result in run.results):
        yield "A tilde in them also marks the optimal dose by exposure, which is simulated."
    if any(result.exact is None for result in run.results):
        yield (
            f"Columns headed “simulated” hold means of {count(run.trials, 'simulated trial')}, each followed by ± "
            "its Monte Carlo standard error. Quantiles have none."
        )
        yield (
            "An event that was not seen in any simulated trial has a standard error of 0 all the same; with 95 % "
            f"confidence its probability is below {percent(min(1.0, 3 / run.trials), 2)} % (3 divided by the number of "
            "trials; Hanley and Lippman-Hand 1983)."
        )


def full_table(results: Sequence[Result], trial: Trial) -> TextTable:
    """Every measure of the designs under one truth, each with its standard error where it is not exact."""
    correct, best = results[0].correct_doses, optimal_dose_of(results[0].truth, trial)
    found = [measured(result, result.best) for result in results]
    drawn = [{} if result.simulated is None else measured(result, result.simulated) for result in results]
    groups = []
    for group in measure_groups(results):
        rows = []
        for measure in group:
            # Numbers of patients and DLTs speak for themselves.
            unit = f", {measure.unit}" if measure.unit in ("%", "points", "months") else ""
            if measure in TIME:
                cells = [_time_cell(measure, *pair) for pair in zip(found, drawn, strict=True)]
                rows.append([measure.name + unit, *cells])
                continue
            if not measure.per_dose:
                cells = [_choice_cell(measure, *pair) for pair in zip(found, drawn, strict=True)]
                rows.append([measure.name + unit, *cells])
                continue
            for dose, name in enumerate(trial.dose_names, 1):
                star = "*" if dose in correct else ""
                if measure.quantity == "obd_selection":
                    star = OPTIMAL if dose == best else ""
                cells = [_choice_cell(measure, *pair, dose) for pair in zip(found, drawn, strict=True)]
                rows.append([f"{measure.name}: {name}{star}{unit}", *cells])
        groups.append(rows)
    header = [f"{result.design} ({'exact' if result.exact is not None else 'simulated'})" for result in results]
    return TextTable(["measure", *header], groups)


def _cell(measure: Measure, numbers: Numbers, dose: int | None = None) -> str:
    value, error = numbers.get((measure.quantity, dose), (None, None))
    if value is None:
        return "undefined"
    if error is None:
        return measure.form(value)
    form = measure.form if measure.form in (_mean, _months) else _percent
    return f"{measure.form(value)} ± {form(error)}"


def _choice_cell(measure: Measure, numbers: Numbers, drawn: Numbers, dose: int | None = None) -> str:
    """A cell; what is simulated of an optimal dose, where exact values do not say, has a tilde."""
    place = measure.quantity, dose
    if place not in numbers and place in drawn and measure in (*OPTIMAL_DOSE, *EXPOSURE_ESTIMATE):
        return f"~ {_cell(measure, drawn, dose)}"
    return _cell(measure, numbers, dose)


def _time_cell(measure: Measure, numbers: Numbers, drawn: Numbers) -> str:
    """A time that is simulated, where exact values do not say, has a tilde."""
    place = measure.quantity, None
    if place in numbers:
        return _cell(measure, numbers)
    return f"~ {_cell(measure, drawn)}" if place in drawn else "not known"
