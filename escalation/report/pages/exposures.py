"""What is said of an optimal dose by exposure: at each dose, and of each design that chooses one."""

from collections.abc import Iterator, Sequence

from escalation.characteristics.exposures import ExposureCharacteristics
from escalation.characteristics.responses import ResponseCharacteristics
from escalation.report.blocks import TextTable
from escalation.report.pages.responses import OPTIMAL, optimal_dose_of
from escalation.report.wording import dose_head, mean, percent
from escalation.studies.run import Result
from escalation.trial.trial import Trial


def has_exposures(results: Sequence[Result]) -> bool:
    """Whether patients have exposures."""
    return any(result.best.exposure is not None for result in results)


def chooses_by_exposure(results: Sequence[Result]) -> bool:
    """Whether any of the designs has chosen an optimal dose by exposure, which is known of simulated trials only."""
    return any(drawn_exposure(result) is not None for result in results)


def drawn_exposure(result: Result) -> ExposureCharacteristics | None:
    """What simulated trials say of a choice by exposure; None where there is none."""
    found = None if result.simulated is None else result.simulated.exposure
    return None if found is None or found.obd_selection is None else found


def optimal_choice(result: Result) -> tuple[ResponseCharacteristics | ExposureCharacteristics | None, bool]:
    """What is known of the optimal dose that a design chooses, None where it chooses none; and if it is simulated."""
    if (drawn := drawn_exposure(result)) is not None:
        return drawn, True
    found = result.best.response
    return None if found is None or found.obd_selection is None else found, result.exact is None


def exposure_table(results: Sequence[Result], trial: Trial) -> TextTable:
    """True geometric means and the optimal dose by exposure, for the designs under one truth that choose by it."""
    truth = results[0].truth
    assert truth.exposure is not None
    groups = [[["true geometric mean", *map(amount, truth.exposure.geometric_means), ""]]]
    for result in results:
        found = drawn_exposure(result)
        if found is not None and found.obd_selection is not None and found.no_obd is not None:
            none = percent(min(sum(found.no_obd.values()), 1.0))
            groups.append([[f"{result.design} ~ OBD %", *map(percent, found.obd_selection), none]])
    column = (optimal_dose_of(truth, trial) or trial.levels + 1) if len(groups) > 1 else 0
    names = [dose_head(trial), *trial.dose_names, "none" if len(groups) > 1 else None]
    header = [f"{name}{OPTIMAL}" if place == column > 0 else name for place, name in enumerate(names)]
    return TextTable.of(header, groups, marked=frozenset({column} if column else ()))


def amount(exposure: float) -> str:
    """An exposure, in whatever unit."""
    return f"{exposure:,.6g}"


def exposure_summary(results: Sequence[Result]) -> TextTable:
    """The designs under one truth that choose by exposure, a row each; a tilde marks what is simulated."""
    at_obd = any(result.best.exposure is not None and result.best.exposure.patients_at_obd for result in results)
    header = ["design", "~ correct OBD %", "~ safety %", "~ no dose %", "at OBD" if at_obd else None, "~ ratio"]
    rows = []
    for result in results:
        found, best = drawn_exposure(result), result.best.exposure
        if found is None or best is None:
            continue
        none, ratio = found.no_obd or {}, found.exposure_ratio
        row = [f"{result.design} ~" if result.exact is None else result.design, percent(found.pcs_obd)]
        row += [percent(none.get(reason)) for reason in ("safety", "nothing_acceptable")]
        row.append("" if best.patients_at_obd is None else mean(best.patients_at_obd))
        rows.append([*row, "" if ratio is None else f"{ratio:.3f}"])
    return TextTable.of(header, [rows])


def exposure_notes(results: Sequence[Result]) -> Iterator[str]:
    """What the columns mean."""
    if not chooses_by_exposure(results):
        return
    yield f"OBD by exposure: optimal dose, chosen up to the RP2D; {OPTIMAL} the truth's."
    yield "At OBD: its patients. No OBD: safety, no RP2D; no dose, none tried up to it."
    yield "Ratio: observed / true geometric mean exposure at the OBD; 1 is no bias."
    yield "~ simulated: exposures are continuous, and what depends on them is never exact."
