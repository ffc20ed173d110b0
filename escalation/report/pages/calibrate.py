"""What is said of a calibration: a page, a tree, and a tidy table."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from escalation.errors import brief
from escalation.report.blocks import Block, Heading, Lines, TextTable
from escalation.report.preamble import alarms, head, opening
from escalation.report.wording import count, mean, months, percent
from escalation.scenario.grid import in_toml
from escalation.studies.calibrate import Calibration, Candidate, setting_words
from escalation.studies.evaluate import IN_WORDS, OF_OBD, Assessment
from escalation.tidy import Column, Table, columns, kind_of
from escalation.version import __version__

ASSESSED = (
    *columns("mean_pcs", "worst_pcs", "overdosing", "false_stopping", "power", unit="probability", kind=float),
    Column("patients", "patients", float),
)
"""The numbers of every assessment."""

TIMED = Column("duration", "days", float)
"""And of a trial with a calendar."""

CHOSEN = columns("mean_pcs_obd", "worst_pcs_obd", unit="probability", kind=float)
"""And where the optimal dose is asked for."""

SHORT = {
    "mean_pcs_obd": "OBD %",
    "worst_pcs_obd": "worst OBD %",
    "mean_pcs": "PCS %",
    "worst_pcs": "worst %",
    "overdosing": "overdosing %",
    "false_stopping": "stopped %",
    "power": "power %",
    "patients": "patients",
    "duration": "months",
}
"""What the numbers of an assessment are called on a page."""

OVERDOSING = "Overdosing: mean P(over 60 % of patients above the MTD), where there is one."


def calibration_blocks(found: Calibration) -> Iterator[Block]:
    """A page on a calibration: what was looked for, the chosen setting beside the file's own, and the front."""
    yield from opening(found.scenario, [found.design])
    yield Heading(f"{found.design}: {count(len(found.candidates), 'setting')}")
    yield Lines(*account(found))
    yield setting_table(found)
    yield Lines(*footnotes(found), listed=True)
    if found.chosen is None:
        yield Lines(f"{found.unmet}.", alarm=True)
        return
    design = found.chosen_scenario().designs[found.design]
    yield from alarms(design.cautions(found.scenario.trial))


def account(found: Calibration) -> list[str]:
    """What was looked for, and among what."""
    limits = "".join(f"; {limit.words}" for limit in found.limits)
    lines = [f"largest {IN_WORDS[found.objective]}{limits}", found.truths.description]
    if found.left_out:
        values, reason = found.left_out[0]
        lines += [
            f"{count(len(found.left_out), 'setting')} of the grid left out, the first of them {setting_words(values)}: "
            f"{reason}"
        ]
    return lines


def setting_table(found: Calibration) -> TextTable:
    """The file's own setting and the chosen one; then the front, the cheapest first."""
    shown = [name for name in SHORT if any(getattr(one.assessment, name) is not None for one in found.candidates)]
    if found.scenario.trial.levels == 1:  # where it can be avoided there is none
        shown = [name for name in shown if name != "overdosing"]

    def row(name: str, values: Iterable[str], assessment: Assessment) -> list[str]:
        return [name, *values, *(cell(column, getattr(assessment, column)) for column in shown)]

    def row_of(one: Candidate, name: str) -> list[str]:
        return row(name, (in_toml(one.values[option]) for option in found.options), one.assessment)

    first = [] if found.own is None else [row("of the file", own_values(found), found.own)]
    first += [] if found.chosen is None else [row_of(found.chosen, "chosen")]
    front = [row_of(one, f"{one.number}{'' if found.admissible(one) else ' -'}") for one in found.front]
    header = ["setting", *found.options, *(SHORT[name] for name in shown)]
    return TextTable(header, [group for group in (first, front) if group])


def cell(quantity: str, value: float | None) -> str:
    """A number of an assessment."""
    if quantity == "duration":
        return months(value)
    return mean(value) if quantity == "patients" and value is not None else percent(value)


def own_values(found: Calibration) -> Iterator[str]:
    """The options as the file has them; one that it leaves to a rule of the design is called default."""
    for option in found.options:
        value: Any = found.scenario.designs[found.design]
        for name in option.split("."):
            value = getattr(value, name, None)
        yield "default" if value is None else in_toml(value)


def footnotes(found: Calibration) -> Iterator[str]:
    """What the rows and columns mean."""
    several, first = found.scenario.trial.levels > 1, found.candidates[0].assessment
    cost = "overdosing" if several else "stopped"
    yield "PCS, worst: mean and least probability of correct selection over the truths."
    if found.objective in OF_OBD:
        yield "OBD, worst OBD: likewise of choosing the truth's optimal dose, or none."
    yield f"Numbered: the front. No other has more {IN_WORDS[found.objective]} at no more {cost} %."
    if any(not found.admissible(one) for one in found.front):
        yield "- after a number: outside the limits."
    if several and first.overdosing is not None:
        yield OVERDOSING
    if first.false_stopping is not None:
        what = "recommending none where a dose is correct" if several else "stopping a correct dose (type I error)"
        yield f"Stopped: largest probability of {what}."
    if first.power is not None:
        yield "Power: least probability of recommending none where none is correct."
    timed = any(one.assessment.duration is not None for one in found.candidates)
    if timed:
        yield "Months: of 30.4 days, from the first arrival to the last completion."
    yield f"{'Months, patients' if timed else 'Patients'}: mean per trial, over the truths. All numbers are exact."


def scenario_comment(found: Calibration) -> list[str]:
    """Lines for the head of the file with the chosen setting: what it was calibrated for."""
    assert found.chosen is not None
    numbers = "; ".join(
        f"{name.replace('_', ' ')} {value:.6g}{' days' if name == 'duration' else ''}"
        for name, value in asdict(found.chosen.assessment).items()
        if value is not None
    )
    said = (
        f"Design '{brief(found.design)}' was calibrated with escalation {__version__}: "
        f"{'; '.join(account(found)[:2])}. Chosen of {count(len(found.candidates), 'setting')}: "
        f"{setting_words(found.chosen.values)}; {numbers}."
    )
    return textwrap.wrap(said, 110, break_on_hyphens=False)


def table_of(found: Calibration) -> Table:
    """All settings, a row each; what the truths cannot say, or a setting leaves out, has no value."""
    options = []
    for option in found.candidates[0].values:
        values = [one.values[option] for one in found.candidates]
        options.append(Column(option, "setting", kind_of(value for value in values if value is not None)))
    front, assessed = {one.number for one in found.front}, _assessed(found)
    marks = columns("within_limits", "front", "chosen", unit="yes or no", kind=bool)
    return Table.of(
        (*columns("scenario", "design"), Column("setting", "number", int), *options, *assessed, *marks),
        (
            (
                *(found.scenario.name, found.design, one.number),
                *(_plain(one.values[option.name], option) for option in options),
                *(getattr(one.assessment, column.name) for column in assessed),
                *(found.admissible(one), one.number in front, one is found.chosen),
            )
            for one in found.candidates
        ),
    )


def _assessed(found: Calibration) -> tuple[Column, ...]:
    """The numbers of an assessment that there are."""
    timed = () if found.scenario.trial.time is None else (TIMED,)
    return (*ASSESSED, *timed, *(CHOSEN if found.objective in OF_OBD else ()))


def _plain(value: Any, option: Column) -> Any:
    """A value of an option: in a column of texts, as TOML writes it, but without quotes around a text."""
    return in_toml(value) if option.kind is str and not isinstance(value, str | None) else value


def to_tree(found: Calibration) -> dict[str, Any]:
    """A calibration for JSON."""
    own = {"design": found.scenario.designs[found.design].model_dump(mode="json", exclude={"label"})}
    if found.own is not None:
        own |= {column.name: getattr(found.own, column.name) for column in _assessed(found)}
    told = table_of(found).without("scenario", "design", *found.candidates[0].values, "chosen").records()
    settings = {
        one.number: {"setting": record.pop("setting"), "values": one.values, **record}
        for one, record in zip(found.candidates, told, strict=True)
    }
    chosen = None
    if found.chosen is not None:
        design = found.chosen_scenario().designs[found.design]
        chosen = {**settings[found.chosen.number], "design": design.model_dump(mode="json", exclude={"label"})}
    return {
        **head(found.scenario),
        "design": found.design,
        "objective": found.objective,
        "limits": {limit.quantity: limit.bound for limit in found.limits},
        "truths": {"description": found.truths.description, "count": len(found.truths)},
        "unmet": found.unmet,
        "chosen": chosen,
        "own": own,
        "settings": list(settings.values()),
        "left_out": [{"values": values, "reason": reason} for values, reason in found.left_out],
    }
