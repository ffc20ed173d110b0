"""What is said of responses: at each dose, and of the optimal dose that designs choose."""

from collections.abc import Iterator, Sequence
from typing import Any

from escalation.characteristics.responses import ResponseCharacteristics
from escalation.report.blocks import TextTable
from escalation.report.wording import dose_head, mean, percent
from escalation.scenario.truths.truth import Truth
from escalation.studies.run import Result
from escalation.trial.trial import Trial

OPTIMAL = "°"
"""Marks the truth's optimal dose."""


def has_responses(results: Sequence[Result]) -> bool:
    """Whether patients have responses."""
    return any(result.best.response is not None for result in results)


def chooses_dose(results: Sequence[Result]) -> bool:
    """Whether any of the designs chooses an optimal dose."""
    return any(found.obd_selection is not None for _, found in _responses(results))


def optimal_dose_of(truth: Truth, trial: Trial) -> int | None:
    """The optimal dose of a truth, 1-based; None where it has none or it is not known."""
    return truth.optimal_dose(trial.efficacy) if truth.knows_optimal_dose(trial.efficacy) else None


def response_table(results: Sequence[Result], trial: Trial) -> TextTable:
    """The optimal dose and responses at each dose, for the designs under one truth."""
    efficacy, joint, best = trial.efficacy, results[0].truth.joint, optimal_dose_of(results[0].truth, trial)
    assert efficacy is not None
    assert joint is not None
    chooses = chooses_dose(results)
    groups = [
        [
            ["true response rate %", *map(percent, joint.response.tolist()), ""],
            ["true mean utility", *map(mean, joint.mean_utility(efficacy.utility).tolist()), ""],
        ]
    ]
    for name, found in _responses(results):
        rows = [[f"{name} responses", *map(mean, found.responses), ""]]
        if found.obd_selection is not None and found.no_obd is not None:
            none = percent(min(sum(found.no_obd.values()), 1.0))
            rows.insert(0, [f"{name} OBD %", *map(percent, found.obd_selection), none])
        groups.append(rows)
    names = [dose_head(trial), *trial.dose_names, "none" if chooses else None]
    column = (best or trial.levels + 1) if chooses else 0
    header = [f"{name}{OPTIMAL}" if place == column > 0 else name for place, name in enumerate(names)]
    return TextTable.of(header, groups, marked=frozenset({column} if chooses else ()))


def response_summary(results: Sequence[Result]) -> TextTable:
    """The designs under one truth, a row each: the optimal dose, and what patients have of the trial."""
    chooses = chooses_dose(results)
    compared = any(found.randomised is not None for _, found in _responses(results))
    of_choice = ("correct OBD %", "safety %", None if compared else "futility %", "no dose %")
    header: list[str | None] = ["design", *(name if chooses else None for name in of_choice)]
    at_obd = any(found.patients_at_obd is not None for _, found in _responses(results))
    header += ["at OBD" if at_obd else None, "responses", "response %", "utility"]
    header += ["bias" if chooses else None, "coverage %" if chooses else None]
    rows = []
    for name, found in _responses(results):
        none, estimate = found.no_obd or {}, found.response_estimate
        row = [name, percent(found.pcs_obd)]
        row += [percent(none.get(reason)) for reason in ("safety", "futility", "nothing_acceptable")]
        row.append("" if found.patients_at_obd is None else mean(found.patients_at_obd))
        row += [mean(found.total_responses), percent(found.response_rate), mean(found.mean_utility)]
        row.append("" if estimate is None else f"{100 * estimate.bias:+.1f}")
        rows.append([*row, percent(None if estimate is None else estimate.coverage)])
    return TextTable.of(header, [rows])


def response_notes(results: Sequence[Result]) -> Iterator[str]:
    """What the columns mean."""
    yield "Responses, at OBD: mean per trial. Response %: mean responses / mean patients."
    yield "Utility: mean per patient, from 0 to 100."
    if chooses_dose(results):
        yield f"OBD: optimal dose, chosen up to the RP2D; {OPTIMAL} the truth's. At OBD: its patients."
        compared = any(found.randomised is not None for _, found in _responses(results))
        none = "no dose, no arm acceptable" if compared else "futility, too few responses; no dose, none tried"
        yield f"No OBD: safety, no RP2D; {none}."
        yield "Bias, in points, and coverage: of the observed response rate at the OBD."


def _responses(results: Sequence[Result]) -> list[tuple[str, ResponseCharacteristics]]:
    """Labels of the designs with what is known of their responses; a tilde says that it is simulated."""
    known = [(result.design, result.exact is None, result.best.response) for result in results]
    return [(f"{name} ~" if drawn else name, found) for name, drawn, found in known if found is not None]


def truth_tree(result: Result, trial: Trial) -> dict[str, Any]:
    """What a truth says of responses and exposures, for JSON; nothing where it says nothing."""
    tree: dict[str, Any] = {}
    if result.truth.response_rates is not None:
        association = result.truth.association
        tree["response_rates"] = list(result.truth.response_rates)
        tree["association"] = None if association is None else association.model_dump(mode="json", exclude_none=True)
    if result.truth.exposure is not None:
        tree["exposure"] = result.truth.exposure.model_dump(mode="json")
    return {**tree, "optimal_dose": optimal_dose_of(result.truth, trial)} if tree else {}
