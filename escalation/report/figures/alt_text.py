"""What each figure says, in a sentence or two with the main numbers, for readers who do not see it."""

from collections.abc import Callable, Mapping, Sequence

from escalation.engines.course import Course
from escalation.report.figures.pathways import node_text
from escalation.report.figures.swimmer import ended
from escalation.report.pages.exposures import optimal_choice
from escalation.report.pages.paths import seen
from escalation.report.pages.responses import optimal_dose_of
from escalation.report.pages.robust import position_name
from escalation.report.pages.run import best_time, by_truth, time_label
from escalation.report.wording import count, dose_name, mean, months, percent
from escalation.running.tree import Node
from escalation.scenario.truths.truth import Truth
from escalation.studies.calibrate import Calibration, setting_words
from escalation.studies.evaluate import IN_WORDS, NAMES, Assessment
from escalation.studies.robust import ALL, Robustness, Summary
from escalation.studies.run import Result
from escalation.studies.size import SizeSearch
from escalation.studies.surface import Surface
from escalation.trial.trial import Trial


def selection(results: Sequence[Result], trial: Trial) -> str:
    """The dose that each design recommends most often, and its PCS."""

    def told(result: Result) -> str:
        oc = result.best
        where = _most_often([*oc.selection, oc.no_selection], trial)
        return f"{_name(result)} recommends {where} (PCS {percent(oc.pcs)} %)"

    return _under_each(results, "Bars: how often each dose is recommended", told, trial)


def allocation(results: Sequence[Result], trial: Trial) -> str:
    """The dose at which each design treats most patients, and the DLTs."""

    def told(result: Result) -> str:
        oc = result.best
        most = max(range(trial.levels), key=oc.patients.__getitem__)
        return (
            f"{_name(result)} treats {mean(oc.sample_size.mean)} patients on average, {mean(oc.patients[most])} of "
            f"them at {dose_name(trial, most + 1)}, and {mean(oc.total_dlts.mean)} have a DLT"
        )

    return _under_each(results, "Bars: mean number of patients at each dose", told, trial)


def optimal_dose(results: Sequence[Result], trial: Trial) -> str:
    """The dose that each design recommends, and that it chooses as the optimal one, most often."""

    def told(result: Result) -> str:
        oc, (choice, _) = result.best, optimal_choice(result)
        recommended = _most_often([*oc.selection, oc.no_selection], trial)
        if choice is None or choice.obd_selection is None or choice.no_obd is None:
            return f"{_name(result)} recommends {recommended}, and chooses no optimal dose"
        chosen = _most_often([*choice.obd_selection, min(sum(choice.no_obd.values()), 1.0)], trial)
        right = "" if choice.pcs_obd is None else f" (correct in {percent(choice.pcs_obd)} %)"
        return f"{_name(result)} recommends {recommended}, and as the optimal dose chooses {chosen}{right}"

    sentences = ["Bars: how often each dose is recommended, and chosen as the optimal one, below the mean utilities."]
    for group in by_truth(results):
        truth, joint, efficacy = group[0].truth, group[0].truth.joint, trial.efficacy
        best = optimal_dose_of(truth, trial)
        worth = [] if joint is None or efficacy is None else joint.mean_utility(efficacy.utility).tolist()
        of_doses = ", ".join(f"{name} {mean(value)}" for name, value in zip(trial.dose_names, worth, strict=True))
        optimal = "none" if best is None else dose_name(trial, best)
        under = f"Under '{truth.name}' (optimal: {optimal}; utilities: {of_doses}): "
        sentences.append(under + "; ".join(map(told, group)) + ".")
    return " ".join(sentences)


def plane(truths: Sequence[Truth], trial: Trial) -> str:
    """The rates of each truth's doses, what is acceptable, and which dose is optimal."""
    efficacy = trial.efficacy
    assert efficacy is not None
    limits = [f"response rates below {percent(efficacy.min_response)} %"]
    if efficacy.max_toxicity is not None:
        limits.insert(0, f"DLT rates above {percent(efficacy.max_toxicity)} %")
    sentences = [
        "Doses by DLT and response rate, over contours of the mean utility.",
        f"Not acceptable: {', '.join(limits)}.",
    ]
    for truth in truths:
        rates = zip(trial.dose_names, truth.dlt_rates, truth.response_rates or (), strict=True)
        doses = ", ".join(f"{name} at {percent(dlt)} and {percent(response)} %" for name, dlt, response in rates)
        best = optimal_dose_of(truth, trial)
        optimal = "none" if best is None else dose_name(trial, best)
        correct = [dose_name(trial, dose) for dose in truth.correct_doses(trial.target)]
        sentences.append(
            f"'{truth.name}': {doses}; optimal dose: {optimal}; correct RP2D: {' or '.join(correct) or 'none'}."
        )
    return " ".join(sentences)


def sample_size(results: Sequence[Result], trial: Trial) -> str:
    """Mean and 5 to 95 % quantiles of each design's sample size."""

    def told(result: Result) -> str:
        size = result.best.sample_size
        return f"{_name(result)} {mean(size.mean)} patients on average, 5 and 95 % quantiles {size.q05} and {size.q95}"

    return _under_each(results, "Distribution of the sample size", told, trial)


def bias(results: Sequence[Result], trial: Trial) -> str:  # noqa: ARG001 (as the other figures)
    """The largest bias of each design, and where."""
    told = []
    for design in dict.fromkeys(result.design for result in results):
        own = [result for result in results if result.design == design]
        found = [
            (estimate.bias, estimate.rmse, result.truth.name) for result in own if (estimate := result.best.estimate)
        ]
        if found:
            most, _, truth = max(found, key=lambda one: abs(one[0]))
            lows, highs = min(error for _, error, _ in found), max(error for _, error, _ in found)
            told.append(
                f"{_name(own[0])}: largest bias {100 * most:+.1f} percentage points ({truth}), root mean squared error "
                f"{100 * lows:.1f} to {100 * highs:.1f}"
            )
        else:
            told.append(f"{_name(own[0])} never recommends a dose")
    return f"Bias of the observed DLT rate at the recommended dose: {'; '.join(told)}."


def duration(results: Sequence[Result], trial: Trial) -> str:
    """Mean and 5 to 95 % quantiles of each design's duration."""

    def told(result: Result) -> str:
        time, simulated = best_time(result), result.simulated
        if time is None:
            return f"{_timed_name(result)}: not known"
        drawn = None if simulated is None else simulated.time
        quantiles = "" if drawn is None else months(drawn.duration.q05, drawn.duration.q95)
        spread = f", 5 and 95 % quantiles {quantiles.replace('-', ' and ')}" if quantiles else ""
        return f"{_timed_name(result)} {months(time.duration.mean)} months on average{spread}"

    return _under_each(results, "Duration of the trials", told, trial)


def frontier(results: Sequence[Result], trial: Trial) -> str:
    """Mean duration and PCS of each design."""

    def told(result: Result) -> str:
        time = best_time(result)
        length = "not known" if time is None else f"{months(time.duration.mean)} months"
        return f"{_timed_name(result)} {length}, PCS {percent(result.best.pcs)} %"

    return _under_each(results, "PCS against the mean duration", told, trial)


def swimmer(course: Course, trial: Trial, name: str) -> str:
    """How many patients are treated at each dose, how long the trial takes, and how it ends."""
    treated = []
    for dose in sorted({one.dose for one in course.patients}):
        own = [one for one in course.patients if one.dose == dose]
        toxic = sum(one.has_dlt for one in own)
        treated.append(f"{len(own)} at {dose_name(trial, dose + 1)}, {toxic} with a DLT")
    left = sum(one.left for one in course.patients)
    held = sum(until - day for day, until in course.holds)
    parts = [f"{count(len(course.patients), 'patient')}: {'; '.join(treated)}"]
    parts += [f"{left} left before the end of the window"] if left else []
    parts += [f"accrual is held for {held:.0f} days", f"{count(len(course.decisions), 'decision')} on the dose"]
    end = course.end
    return f"{name}, a bar for each patient. {'. '.join(parts)}. It takes {end:.0f} days. {ended(course, trial)}"


def pathways(node: Node, trial: Trial, truth: int | None = None) -> str:
    """How many ways the tree has, and what follows the first cohort."""
    leaves = list(node.leaves)
    ended = [leaf for leaf in leaves if leaf.reason is not None]
    told = [f"from {node_text(node, trial)}, {count(len(leaves), 'pathway')}, of which {len(ended)} end the trial"]
    for place, branch in enumerate(node.branches):
        chance = "" if truth is None else f" ({percent(branch.probability[truth])} %)"
        told.append(f"after {seen(branch, place)}{chance} {node_text(branch, trial)}")
    return f"Tree of dose transition pathways: {'; '.join(told)}."


def surface(surfaces: Mapping[str, Surface]) -> str:
    """The range of each design's PCS."""
    first = next(iter(surfaces.values()))
    family = (
        "PCS as the true DLT rate of the dose varies"
        if first.positions is None
        else "PCS as the position of the MTD among the dose levels and the steepness of the curve vary"
    )
    told = [
        f"{name} from {percent(float(shape.pcs.min()))} to {percent(float(shape.pcs.max()))} %"
        for name, shape in surfaces.items()
    ]
    return f"{family}: {'; '.join(told)}."


def front(found: Calibration) -> str:
    """The chosen setting and the file's own, and how many are on the front."""

    def told(assessment: Assessment) -> str:
        cost = percent(found.cost_of(assessment))
        return f"{IN_WORDS[found.objective]} {percent(found.gain_of(assessment))} %, {cost_name} {cost} %"

    cost_name, settings = NAMES[found.cost], count(len(found.candidates), "setting")
    parts = [f"{settings} of {found.design}: {IN_WORDS[found.objective]} against {cost_name}"]
    parts += [f"{len(found.front)} of them on the front"]
    if found.own is not None:
        parts.append(f"the file's own has {told(found.own)}")
    if found.chosen is None:
        parts.append("none is within the limits")
    else:
        parts.append(f"chosen: {setting_words(found.chosen.values)}, with {told(found.chosen.assessment)}")
    return f"{'; '.join(parts)}."


def size_curves(found: SizeSearch) -> str:
    """Which size is large enough for each design, and the PCS at the largest."""
    told = []
    for curve in found.known:
        last = max(curve.assessments)
        reached = percent(curve.assessments[last].objective(found.objective))
        enough = "no size is large enough" if curve.lasting is None else f"large enough from {curve.lasting} on"
        told.append(f"{curve.design}: {enough}, {reached} % with {last}")
    return (
        f"{IN_WORDS[found.objective]} against the maximum number of patients, {percent(found.pcs)} % wanted: "
        f"{'; '.join(told)}."
    )


def robustness(found: Robustness) -> str:
    """Mean, 5 % quantile and worst PCS, and mean overdosing, of each design over all truths."""
    told = [
        f"{one.design} has a mean PCS of {percent(one.pcs.mean)} %, a 5 % quantile of {percent(one.pcs.tail)} % and at "
        f"worst {percent(one.pcs.worst)} %{_overdosing(one)}"
        for one in found.summaries()
        if one.mtd == ALL
    ]
    boxes = f"Boxes of PCS and overdosing by the position of the MTD, over {found.truths.description}: "
    optimal = [
        f"{one.design} {percent(one.pcs_obd.mean)} %, a 5 % quantile of {percent(one.pcs_obd.tail)} % and at worst "
        f"{percent(one.pcs_obd.worst)} %"
        for one in found.optimal_summaries()
        if one.obd == ALL
    ]
    below = f" Below it the probability of a correct optimal dose, mean: {'; '.join(optimal)}." if optimal else ""
    return f"{boxes}{'; '.join(told)}.{below}"


def trade_off(found: Robustness) -> str:
    """Mean PCS and overdosing of each design where the MTD is at each position."""
    summaries, trial = list(found.summaries()), found.scenario.trial
    told = []
    for label in found.expectations:
        means = [
            f"{position_name(one.mtd, trial)} {percent(one.pcs.mean)} and {percent(one.overdosing.mean)} %"
            for one in summaries
            if one.design == label and one.overdosing is not None
        ]
        told.append(f"{label}: {', '.join(means)}")
    return f"Mean PCS and overdosing over {found.truths.description}. {'; '.join(told)}."


def _overdosing(one: Summary) -> str:
    """The mean overdosing in words; nothing where no dose is correct."""
    risk = one.overdosing
    return "" if risk is None else f", and on average overdoses in {percent(risk.mean)} % of trials"


def _under_each(results: Sequence[Result], what: str, told: Callable[[Result], str], trial: Trial) -> str:
    """What is told of each design, truth by truth."""
    sentences = [f"{what}."]
    for group in by_truth(results):
        correct = [dose_name(trial, dose) for dose in group[0].correct_doses]
        under = f"Under '{group[0].truth.name}' (correct: {' or '.join(correct) or 'none'}): "
        sentences.append(under + "; ".join(map(told, group)) + ".")
    return " ".join(sentences)


def _most_often(shares: Sequence[float], trial: Trial) -> str:
    """The dose of the largest share, in which the last is that of none."""
    most = max(range(len(shares)), key=shares.__getitem__)
    where = "no dose" if most == trial.levels else dose_name(trial, most + 1)
    return f"{where} most often, in {percent(shares[most])} %"


def _name(result: Result) -> str:
    return result.design if result.exact is not None else f"{result.design} (simulated)"


def _timed_name(result: Result) -> str:
    return f"{result.design} (simulated)" if time_label(result).endswith("~") else result.design
