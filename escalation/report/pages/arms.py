"""What is said of doses that are compared in randomised patients: who they are, and what becomes of them."""

from collections.abc import Iterator, Sequence

from escalation.characteristics.randomised import RandomisedCharacteristics
from escalation.report.blocks import TextTable
from escalation.report.wording import count, dose_head, mean, percent
from escalation.running.answer import NextDose
from escalation.studies.run import Result
from escalation.trial.merit import error_rates
from escalation.trial.randomised import Randomised
from escalation.trial.trial import Trial


def is_compared(results: Sequence[Result]) -> bool:
    """Whether doses are compared when dose escalation is over."""
    return bool(_compared(results))


def arm_table(results: Sequence[Result], trial: Trial) -> TextTable:
    """Randomised patients at each dose, for the designs under one truth."""
    groups = []
    for name, found in _compared(results):
        rows = [[f"{name} randomised", *map(mean, found.patients)], [f"{name} DLTs", *map(mean, found.dlts)]]
        rows.append([f"{name} responses", *map(mean, found.responses)])
        if trial.randomised is not None and trial.randomised.interim is not None:
            rows.append([f"{name} closed, DLTs %", *map(percent, found.closed_for_dlts)])
            rows.append([f"{name} closed, responses %", *map(percent, found.closed_for_responses)])
        groups.append(rows)
    return TextTable([dose_head(trial), *trial.dose_names], groups)


def arm_summary(results: Sequence[Result]) -> TextTable:
    """The designs under one truth, a row each: how many arms there are, and patients with and without them."""
    compared = _compared(results)
    numbers = list(compared[0][1].arms)
    header = ["design", *(f"{count(int(number), 'arm')} %" for number in numbers)]
    header += ["randomised", "DLTs", "responses", "patients in all", "DLTs in all"]
    rows = []
    for name, found in compared:
        totals = found.total_patients, found.total_dlts, found.total_responses
        shares = [percent(found.arms[number]) for number in numbers]
        rows.append([name, *shares, *map(mean, (*totals, found.patients_in_all, found.dlts_in_all))])
    return TextTable(header, [rows])


def arm_notes(results: Sequence[Result], randomised: Randomised | None) -> Iterator[str]:
    """What the columns mean."""
    if is_compared(results):
        yield "Randomised: new patients of the comparison, mean per trial, and DLTs and responses among them."
        yield "In all: with those of dose escalation, which the tables above are about. 0 arms: no comparison."
    if randomised is not None and randomised.rule == "merit":
        dlts, responses = randomised.margins
        yield f"MERIT: an arm is acceptable with at most {dlts} DLTs and at least {responses} responses."
        if randomised.hypotheses is not None:
            found = error_rates(randomised.hypotheses, randomised.patients_per_dose)
            alpha, power = (100 * float(rates[dlts, responses]) for rates in (found.alpha, found.power("II")))
            yield f"These margins have an alpha of {alpha:.1f} % and a power II of {power:.1f} %."


def _compared(results: Sequence[Result]) -> list[tuple[str, RandomisedCharacteristics]]:
    """Labels of the designs with their comparisons; a tilde says that it is simulated."""
    known = [(result.design, result.exact is None, result.best.response) for result in results]
    return [
        (f"{name} ~" if drawn else name, found.randomised)
        for name, drawn, found in known
        if found is not None and found.randomised is not None
    ]


def arms_at_end(trial: Trial, found: NextDose) -> tuple[int, ...]:
    """The dose levels that are randomised, from 1, once dose escalation of a running trial is over; else none."""
    if trial.randomised is None or not found.stop or found.recommended_dose is None:
        return ()
    treated = [estimate.patients for estimate in found.estimates]
    return trial.randomised.arms(treated, found.recommended_dose)


def arms_in_words(trial: Trial, found: NextDose) -> Iterator[str]:
    """What follows when dose escalation of a running trial is over."""
    arms, given = arms_at_end(trial, found), trial.randomised
    if not arms or given is None:
        return
    names = " and ".join(trial.numbered[dose - 1] for dose in arms)
    patients = count(given.patients_per_dose, "new patient")
    if len(arms) == 1:
        yield f"Then {patients} at {names}; no lower dose that was given is there to be compared with it."
    else:
        yield f"Then {patients} each, randomised to {names}."
