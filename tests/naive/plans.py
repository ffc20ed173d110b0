"""Plans read the obvious way, in plain Python: the twins of the compiled kernels."""

import numpy as np

from escalation.kernels import codes
from escalation.plans import ClosestIsotonic, CurvePlan, TablePlan


def posterior(plan: CurvePlan, patients, dlts) -> np.ndarray:
    """Posterior weight of each curve, float64[G]: prior times likelihood, on the log scale."""
    patients, dlts = np.asarray(patients), np.asarray(dlts)
    with np.errstate(divide="ignore"):
        log = np.log(plan.weight) + dlts @ plan.log_dlt + (patients - dlts) @ plan.log_no_dlt
    weight = np.exp(log - log.max())
    return weight / weight.sum()


def model_choice(plan: CurvePlan, patients, dlts) -> int:
    """Dose index closest to the target under the model, or NO_DOSE when the lowest is too toxic."""
    weight = posterior(plan, patients, dlts)
    if plan.too_toxic is not None and weight @ plan.too_toxic > plan.too_toxic_threshold + codes.SLACK:
        return codes.NO_DOSE
    if plan.cuts is not None:
        return int(np.sum(weight @ plan.parameter > plan.cuts + codes.SLACK))
    distance = np.abs(np.exp(plan.log_dlt) @ weight - plan.target)
    return int(np.flatnonzero(distance <= distance.min() + codes.SLACK)[0])


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


def run_table_trial(plan: TablePlan, rates, tolerances) -> tuple[list[int], list[int], int, int]:
    """One trial under a table plan: patients, DLTs, recommended dose index and reason."""
    patients, dlts = [0] * plan.levels, [0] * plan.levels
    highest = plan.levels - 1
    dose, size, titrating = plan.start, 1 if plan.titration else plan.cohort_size, plan.titration

    def finish(reason: int):
        return patients, dlts, recommended(plan, patients, dlts), reason

    while True:
        first = sum(patients)
        cohort = tolerances[first : min(first + size, plan.max_patients)]
        toxic = sum(1 for tolerance in cohort if tolerance < rates[dose])
        patients[dose] += len(cohort)
        dlts[dose] += toxic
        full = sum(patients) == plan.max_patients
        if titrating:
            if full:
                return finish(codes.MAX_PATIENTS)
            titrating = toxic == 0 and dose < plan.levels - 1
            dose, size = (dose + 1, 1) if titrating else (dose, plan.cohort_size - 1)
            continue
        size = plan.cohort_size
        cell = dose, patients[dose], dlts[dose]
        code = plan.codes[cell]
        if code == codes.ELIMINATE:
            highest = dose - 1
        if highest < 0:
            return finish(codes.MAX_PATIENTS if full else codes.TOO_TOXIC)
        step = {codes.ESCALATE: 1, codes.STAY: 0, codes.DE_ESCALATE: -1, codes.ELIMINATE: -1}[int(code)]
        following = max(0, min(dose + step, highest))
        if (plan.completes is not None and plan.completes[cell]) or patients[following] >= plan.cap:
            return finish(codes.RULE_COMPLETE)
        if full:
            return finish(codes.MAX_PATIENTS)
        if following == dose and patients[dose] >= plan.enough:
            return finish(codes.ENOUGH_AT_DOSE)
        dose = following


def run_curve_trial(plan: CurvePlan, rates, tolerances) -> tuple[list[int], list[int], int, int]:
    """One trial under a curve plan: patients, DLTs, recommended dose index and reason."""
    patients, dlts = [0] * plan.levels, [0] * plan.levels
    dose = plan.start
    while True:
        first = sum(patients)
        cohort = tolerances[first : min(first + plan.cohort_size, plan.max_patients)]
        toxic = sum(1 for tolerance in cohort if tolerance < rates[dose])
        patients[dose] += len(cohort)
        dlts[dose] += toxic
        choice = model_choice(plan, patients, dlts)
        at_end = choice
        if not plan.recommend_untried:
            at_end = max((d for d in range(choice + 1) if patients[d] > 0), default=codes.NO_DOSE)
        if sum(patients) == plan.max_patients:
            return patients, dlts, at_end, codes.MAX_PATIENTS
        if choice == codes.NO_DOSE:
            return patients, dlts, codes.NO_DOSE, codes.TOO_TOXIC
        limits = [plan.levels - 1]
        if plan.no_skip:
            limits.append(dose + 1)
        if plan.coherent == codes.COHERENT_COHORT and toxic / len(cohort) >= plan.target - codes.SLACK:
            limits.append(dose)
        if plan.coherent == codes.COHERENT_DOSE and dlts[dose] / patients[dose] > plan.target + codes.SLACK:
            limits.append(dose)
        following = min([choice, *limits])
        if patients[following] >= plan.stop_at:
            return patients, dlts, at_end, codes.ENOUGH_AT_DOSE
        dose = following
