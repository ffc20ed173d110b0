"""What pages and JSON trees of designs begin with, and what they say of warnings and of designs that are left out."""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from escalation.report.blocks import Block, Heading, Lines
from escalation.report.wording import percent
from escalation.scenario.file import Scenario, TrialDesigns
from escalation.version import __version__


def opening(scenario: Scenario, designs: Iterable[str], *more: str) -> Iterator[Block]:
    """The title of a page, and lines on its trial and whatever else it is about."""
    trial = scenario.trial
    facts = trial_facts(scenario)
    if trial.expansion is not None:
        facts += [f"then {trial.expansion.patients} at the RP2D"]
    if trial.randomised is not None:
        facts += [
            f"then {trial.randomised.patients_per_dose} at each of up to {trial.randomised.doses} randomised doses"
        ]
    for name in designs:
        expansion = scenario.designs[name].expansion
        if expansion is not None:
            facts += [f"{name}: then {expansion.patients} at the RP2D"]
    if trial.start_dose > 1:
        facts += [f"start at {trial.dose_names[trial.start_dose - 1]}"]
    lines = ["; ".join(facts)]
    if scenario.assumptions:
        lines += [f"assumed, for reasons the file gives: {', '.join(scenario.assumptions)}"]
    yield Heading(scenario.title or scenario.name, level=1)
    yield Lines(*lines, *more)


def trial_facts(scenario: TrialDesigns) -> list[str]:
    """The trial in a few words."""
    trial = scenario.trial
    facts = [scenario.registry] if scenario.registry else []
    facts += [f"target DLT rate {percent(trial.target)} %", f"at most {trial.max_patients} patients"]
    return [*facts, trial.cohorts_in_words]


def alarms(warnings: Iterable[str]) -> Iterator[Lines]:
    """Warnings of a page, where there are any."""
    lines = tuple(f"warning: {warning}" for warning in warnings)
    if lines:
        yield Lines(*lines, alarm=True)


def closing(footnotes: Iterable[str], refusals: Mapping[str, str]) -> Iterator[Lines]:
    """What the columns of a page mean, and the designs for which the exact engine refused."""
    yield Lines(*footnotes, listed=True)
    if refusals:
        yield Lines(*(f"{label} is left out: {reason}." for label, reason in refusals.items()), listed=True)


def head(scenario: Scenario, warnings: Iterable[str] = ()) -> dict[str, Any]:
    """What a JSON tree begins with."""
    return {
        "version": __version__,
        "scenario": scenario.name,
        "target": scenario.trial.target,
        "doses": list(scenario.trial.doses),
        "warnings": [*scenario.warnings, *warnings],
    }


def refusal_words(refusals: Mapping[str, str], shown: Container[str]) -> dict[str, str]:
    """What becomes of each design for which the exact engine refused, and why; `shown` are those with other numbers."""
    return {label: f"{'not exact' if label in shown else 'left out'}: {reason}" for label, reason in refusals.items()}


def refusal_warnings(refusals: Mapping[str, str], shown: Container[str] = ()) -> list[str]:
    """A warning for each of these designs."""
    return [f"design '{label}': {words}" for label, words in refusal_words(refusals, shown).items()]
