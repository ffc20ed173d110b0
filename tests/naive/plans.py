"""Plans read the obvious way, in plain Python: the twins of the compiled kernels."""

import numpy as np

from escalation.kernels import codes
from escalation.plans.curves import CurvePlan
from escalation.plans.readings import Intervals, MaximumLikelihood, PlugIn
from escalation.plans.table import ClosestIsotonic, TablePlan


def posterior(plan: CurvePlan, patients, dlts) -> np.ndarray:
    """Posterior weight of each curve, float64[G]: prior times likelihood, on the log scale."""
    patients, dlts = np.asarray(patients), np.asarray(dlts)
    log = plan.log_weight + dlts @ plan.log_dlt + (patients - dlts) @ plan.log_no_dlt
    weight = np.exp(log - log.max())
    return weight / weight.sum()


def lowest_eliminated(plan, patients, dlts) -> int:
    """Index of the lowest dose that its own counts eliminate; the number of doses for none."""
    eliminates = plan.conduct.eliminates
    found = [] if eliminates is None else [d for d in range(plan.levels) if eliminates[d, patients[d], dlts[d]]]
    return min(found, default=plan.levels)


def model_choice(plan: CurvePlan, patients, dlts, highest=None) -> int:
    """Dose index up to `highest` that the model prefers, or NO_DOSE when the lowest is too toxic."""
    highest = min(plan.levels - 1 if highest is None else highest, lowest_eliminated(plan, patients, dlts) - 1)
    if highest < 0:
        return codes.NO_DOSE
    reading = plan.reading
    if isinstance(reading, MaximumLikelihood):
        patients, dlts = np.asarray(patients), np.asarray(dlts)
        slopes = dlts @ reading.slope_dlt + (patients - dlts) @ reading.slope_no_dlt
        return min([dose for dose, slope in enumerate(slopes) if slope <= codes.SLACK] + [highest])
    weight = posterior(plan, patients, dlts)
    if plan.too_toxic is not None and weight @ plan.too_toxic > plan.too_toxic_threshold + codes.SLACK:
        return codes.NO_DOSE
    if isinstance(reading, PlugIn):
        return min(int(np.sum(weight @ reading.parameter > reading.cuts + codes.SLACK)), highest)
    if isinstance(reading, Intervals):
        overdose, in_target = reading.overdose @ weight, reading.in_target @ weight
        safe = [dose for dose in range(highest + 1) if max(overdose[: dose + 1]) <= reading.ewoc + codes.SLACK]
        if reading.takes_highest:
            return max(safe, default=codes.NO_DOSE)
        best = max((in_target[dose] for dose in safe), default=0)
        return min((dose for dose in safe if in_target[dose] >= best - codes.SLACK), default=codes.NO_DOSE)
    distance = np.abs(np.exp(plan.log_dlt) @ weight - plan.target)
    return min(int(np.flatnonzero(distance <= distance.min() + codes.SLACK)[0]), highest)


def stop_reason(plan, patients, dlts, last: int, following: int, run: int) -> int:
    """Why a rule ends the trial, or 0: too toxic before complete before the others.

    The last dose has had `run` cohorts in a row.
    """

    def holds(criterion) -> bool:
        if criterion.place == codes.BELIEF:
            probability = float(posterior(plan, patients, dlts) @ plan.believing[criterion][following])
            return probability >= criterion.at_least - codes.SLACK
        if criterion.place == codes.UNCHANGED:
            return last == following and bool(criterion.holds[0, run, 0])
        if criterion.place == codes.ALL_DOSES:
            return bool(criterion.holds[0, sum(patients), sum(dlts)])
        at = [bool(table[n, y]) for table, n, y in zip(criterion.holds, patients, dlts, strict=True)]
        return {
            codes.NEXT_DOSE: at[following],
            codes.SAME_DOSE: last == following and at[last],
            codes.LAST_DOSE: at[last],
            codes.ANY_DOSE: any(at),
        }[criterion.place]

    found = [stop.reason for stop in plan.conduct.stops if all(map(holds, stop.criteria))]
    in_order = (codes.TOO_TOXIC, codes.DOSE_TOO_TOXIC, codes.RULE_COMPLETE, codes.ENOUGH_AT_DOSE, codes.STOPPING_RULE)
    return next((reason for reason in in_order if reason in found), 0)


def ending(plan, patients, dlts, last: int, following: int, run: int, full: bool) -> int:
    """Why the trial ends after a cohort, or 0."""
    reason = stop_reason(plan, patients, dlts, last, following, run)
    if full and reason == codes.TOO_TOXIC:
        return codes.FULL_AND_TOO_TOXIC
    if full and reason == codes.DOSE_TOO_TOXIC:
        return codes.FULL_AND_DOSE_TOO_TOXIC
    return codes.MAX_PATIENTS if full and reason != codes.RULE_COMPLETE else reason


def ceiling(plan, dose: int, patients, dlts) -> int:
    """Highest dose that may follow."""
    conduct, found = plan.conduct, [plan.levels - 1]
    if conduct.ceiling is not None:
        seen = min(sum(dlts), len(conduct.ceiling) - 1)
        found.append(int(conduct.ceiling[seen][dose]))
    if conduct.tried_ceiling is not None:
        tried = max(level for level, n in enumerate(patients) if n)
        found.append(int(conduct.tried_ceiling[tried]))
    return min(found)


def cohort_size(plan, dose: int, patients, dlts) -> int:
    """Patients of the next cohort, if as many remain."""
    conduct, found = plan.conduct, [int(plan.conduct.sizes[dose][patients[dose]])]
    if conduct.trial_sizes is not None:
        row = conduct.trial_sizes[sum(patients)]
        found.append(int(row[min(sum(dlts), len(row) - 1)]))
    return max(found)


def ended(plan, patients, dlts, at_end: int, reason: int):
    """An ending as the outcomes list it."""
    if reason in (codes.TOO_TOXIC, codes.FULL_AND_TOO_TOXIC):
        at_end = codes.NO_DOSE
    if reason in (codes.DOSE_TOO_TOXIC, codes.FULL_AND_DOSE_TOO_TOXIC):
        at_end = recommended_below(plan, patients, dlts, at_end)
    full = reason in (codes.FULL_AND_TOO_TOXIC, codes.FULL_AND_DOSE_TOO_TOXIC)
    return patients, dlts, at_end, codes.MAX_PATIENTS if full else reason


def recommended_below(plan, patients, dlts, at_end: int) -> int:
    """Dose index recommended below the lowest that is too toxic, or NO_DOSE; `at_end` is that of all doses."""
    tables = [criterion.holds for stop in plan.conduct.stops for criterion in stop.toxic]
    limit = min(d for d in range(plan.levels) if any(table[d, patients[d], dlts[d]] for table in tables))
    if isinstance(plan, TablePlan):
        return recommended(
            plan, [*patients[:limit], *[0] * (plan.levels - limit)], [*dlts[:limit], *[0] * (plan.levels - limit)]
        )
    if at_end < limit:
        return at_end
    choice = model_choice(plan, patients, dlts, limit - 1) if limit else codes.NO_DOSE
    if plan.recommends_untried:
        return choice
    return max((d for d in range(choice + 1) if patients[d] > 0), default=codes.NO_DOSE)


def isotonic(values, weights) -> list[float]:
    """Weighted isotonic regression by the min-max formula: the largest, over starts, of the smallest mean."""
    count = len(values)

    def mean(first: int, last: int) -> float:
        part = range(first, last + 1)
        return sum(values[i] * weights[i] for i in part) / sum(weights[i] for i in part)

    return [max(min(mean(s, e) for e in range(i, count)) for s in range(i + 1)) for i in range(count)]


def recommended(plan: TablePlan, patients, dlts) -> int:
    """Dose index recommended at the end, or NO_DOSE."""
    tried = []
    for dose, (n, y) in enumerate(zip(patients, dlts, strict=True)):
        if plan.codes[dose, n, y] == codes.ELIMINATE:
            break
        if n > 0:
            tried.append(dose)
    rule = plan.selection
    if not isinstance(rule, ClosestIsotonic):
        return max((dose for dose in tried if rule.cleared[patients[dose], dlts[dose]]), default=codes.NO_DOSE)
    at = [(patients[dose], dlts[dose]) for dose in tried]
    fitted = isotonic([rule.estimates[cell] for cell in at], [rule.precisions[cell] for cell in at])
    allowed = [i for i, estimate in enumerate(fitted) if estimate <= rule.bound + codes.SLACK]
    if not allowed:
        return codes.NO_DOSE
    smallest = min(abs(fitted[i] - rule.target) for i in allowed)
    nearest = [i for i in allowed if abs(fitted[i] - rule.target) <= smallest + codes.SLACK]
    below = [i for i in nearest if fitted[i] < rule.target - codes.SLACK]
    return tried[max(below) if below else min(nearest)]


def titrate(plan, rates, tolerances, patients, dlts) -> tuple[int, int]:
    """Give one patient a dose until the first DLT or the highest dose; the dose and size of the next cohort."""
    if not plan.conduct.titration:
        return plan.conduct.start, cohort_size(plan, plan.conduct.start, patients, dlts)
    dose = plan.conduct.start
    while True:
        patients[dose], dlts[dose] = 1, int(tolerances[sum(patients)] < rates[dose])
        if sum(patients) == plan.conduct.max_patients:
            return dose, 0
        if dlts[dose] or ceiling(plan, dose, patients, dlts) == dose:
            return dose, int(plan.conduct.sizes[dose][0]) - 1
        dose += 1


def treat(plan, rates, tolerances, patients, dlts, dose: int, size: int) -> tuple[int, int]:
    """Give a dose to the next cohort: its size and its DLTs."""
    first = sum(patients)
    cohort = tolerances[first : min(first + size, plan.conduct.max_patients)]
    toxic = sum(1 for tolerance in cohort if tolerance < rates[dose])
    patients[dose] += len(cohort)
    dlts[dose] += toxic
    return len(cohort), toxic


def run_table_trial(plan: TablePlan, rates, tolerances) -> tuple[list[int], list[int], int, int]:
    """One trial under a table plan: patients, DLTs, recommended dose index and reason."""
    patients, dlts = [0] * plan.levels, [0] * plan.levels
    run = 1
    dose, size = titrate(plan, rates, tolerances, patients, dlts)
    while True:
        if size == 0:
            return ended(plan, patients, dlts, recommended(plan, patients, dlts), codes.MAX_PATIENTS)
        treat(plan, rates, tolerances, patients, dlts, dose, size)
        full = sum(patients) == plan.conduct.max_patients
        code = plan.codes[dose, patients[dose], dlts[dose]]
        eliminated = [d for d in range(plan.levels) if plan.codes[d, patients[d], dlts[d]] == codes.ELIMINATE]
        highest = min(eliminated, default=plan.levels) - 1
        if highest < 0:
            return patients, dlts, codes.NO_DOSE, codes.MAX_PATIENTS if full else codes.TOO_TOXIC
        step = {codes.ESCALATE: 1, codes.STAY: 0, codes.DE_ESCALATE: -1, codes.ELIMINATE: -1}[int(code)]
        following = max(0, min(dose + step, highest))
        if following > dose:
            following = min(following, ceiling(plan, dose, patients, dlts))
        if reason := ending(plan, patients, dlts, dose, following, run, full):
            return ended(plan, patients, dlts, recommended(plan, patients, dlts), reason)
        run = run + 1 if following == dose else 1
        dose, size = following, cohort_size(plan, following, patients, dlts)


def run_curve_trial(plan: CurvePlan, rates, tolerances) -> tuple[list[int], list[int], int, int]:
    """One trial under a curve plan: patients, DLTs, recommended dose index and reason."""
    patients, dlts = [0] * plan.levels, [0] * plan.levels
    dose, size = titrate(plan, rates, tolerances, patients, dlts)
    filling, run = plan.conduct.titration, 1
    while True:
        given, toxic = treat(plan, rates, tolerances, patients, dlts, dose, size)
        if filling:
            given, toxic, filling = patients[dose], dlts[dose], False
        full = sum(patients) == plan.conduct.max_patients
        choice = at_end = model_choice(plan, patients, dlts)
        if not plan.recommends_untried:
            at_end = max((d for d in range(choice + 1) if patients[d] > 0), default=codes.NO_DOSE)
        if size == 0:
            return ended(plan, patients, dlts, at_end, codes.MAX_PATIENTS)
        if choice == codes.NO_DOSE:
            return patients, dlts, codes.NO_DOSE, codes.MAX_PATIENTS if full else codes.TOO_TOXIC
        limits = [ceiling(plan, dose, patients, dlts)]
        if isinstance(plan.reading, MaximumLikelihood) and sum(dlts) == 0:
            limits.append(dose + 1)
        if plan.coherent == codes.COHERENT_COHORT and toxic / given >= plan.target - codes.SLACK:
            limits.append(dose)
        if plan.coherent == codes.COHERENT_RECENT and toxic > 0:
            limits.append(dose)
        if plan.coherent == codes.COHERENT_DOSE and dlts[dose] / patients[dose] > plan.target + codes.SLACK:
            limits.append(dose)
        following = choice
        if min(limits) < choice:
            following = model_choice(plan, patients, dlts, min(limits))
        if plan.conduct.floor is not None:
            floor = min(int(plan.conduct.floor[dose]), lowest_eliminated(plan, patients, dlts) - 1)
            if isinstance(plan.reading, Intervals):
                overdose = plan.reading.overdose @ posterior(plan, patients, dlts)
                floor = max(d for d in range(floor + 1) if d == following or overdose[d] <= plan.reading.ewoc)
            following = max(following, floor)
        if reason := ending(plan, patients, dlts, dose, following, run, full):
            return ended(plan, patients, dlts, at_end, reason)
        run = run + 1 if following == dose else 1
        dose, size = following, cohort_size(plan, following, patients, dlts)
