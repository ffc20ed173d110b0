"""Where more patients do not raise a design's PCS, and which of its options holds it there.

Nothing is guessed from the options: each is lifted by itself at the largest size that was looked at, and the trials are
enumerated once more. Where no option matters alone, all are lifted together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

from pydantic import ValidationError

from escalation.designs import Design
from escalation.designs.rules.combination import AnyOf, each_rule
from escalation.errors import EscalationError
from escalation.scenario.truths.sets import TruthSet
from escalation.studies.evaluate import OF_OBD, Assessment, Objective, assess, divided, evaluate
from escalation.studies.work.options import Work
from escalation.trial.trial import Trial

FLAT = 0.001
"""On a plateau PCS is nowhere higher than at its start by as much as this, a tenth of a percentage point."""

DIP = 0.01
"""Nor is it lower by as much as this: a cohort more can move the last decision."""

FEWEST = 3
"""Sizes that make a plateau."""

LIFTED: dict[str, Any] = {
    "stop_at": None,
    "cap": None,
    "stop_if_too_toxic": None,
    "no_skip": False,
    "coherent": "off",
}
"""What options are when they limit nothing, but for `stop_when` and `restrict`."""

TOGETHER = "together"
"""What the lifting of several options is called."""


@dataclass(frozen=True)
class Holding:
    """What holds a design on a plateau."""

    option: str  # in words; several where none matters alone
    pcs: float  # without it, at the largest size


@dataclass(frozen=True)
class Plateau:
    """Where more patients do not raise a design's PCS."""

    start: int  # from this size on
    end: int  # the largest size that was looked at, where the options were lifted
    pcs: float  # there
    patients: float  # mean number there
    tried: tuple[str, ...]  # options that were lifted, in words
    holding: tuple[Holding, ...]  # those without which PCS is higher, the one that matters most first


def plateau_start(pcs: dict[int, float]) -> int | None:
    """The smallest size from which on PCS rises nowhere; None where fewer than `FEWEST` sizes are so.

    >>> plateau_start({6: 0.40, 9: 0.45, 12: 0.4501, 15: 0.4503, 18: 0.4504})
    9
    >>> plateau_start({6: 0.40, 9: 0.45, 12: 0.50, 15: 0.53})
    """
    sizes = list(pcs)
    for place, start in enumerate(sizes[: max(0, len(sizes) - FEWEST + 1)]):
        rises = [pcs[size] - pcs[start] for size in sizes[place:]]
        if max(rises) < FLAT and min(rises) > -DIP:
            return start
    return None


def plateaus(
    asked: dict[str, tuple[Design, Trial, dict[int, Assessment]]],
    truths: TruthSet,
    objective: Objective,
    **work: Unpack[Work],
) -> dict[str, Plateau]:
    """The plateau of each design that ends on one, by label; its curve is told by maximum number of patients."""
    starts = {
        label: plateau_start({size: one.objective(objective) for size, one in curve.items()})
        for label, (_, _, curve) in asked.items()
    }
    found = {}
    for label, (design, trial, curve) in asked.items():
        start = starts[label]
        if start is not None:
            end = max(curve)
            at_end = trial.model_copy(update={"max_patients": end})
            without = _without(design, at_end, truths, objective, **work)
            now = curve[end].objective(objective)
            held = sorted((pcs, option) for option, pcs in without.items() if pcs - now >= FLAT)
            alone = [(pcs, option) for pcs, option in held if not option.startswith(TOGETHER)]
            holding = tuple(Holding(option.removeprefix(f"{TOGETHER}: "), pcs) for pcs, option in (alone or held)[::-1])
            tried = tuple(option for option in without if not option.startswith(TOGETHER))
            found[label] = Plateau(start, end, now, curve[end].patients, tried, holding)
    return found


def _without(
    design: Design, trial: Trial, truths: TruthSet, objective: Objective, **work: Unpack[Work]
) -> dict[str, float]:
    """PCS without each option that may be lifted, by its words; and without all of them where they are several."""
    changes = list(_lifts(design, trial))
    lifted: dict[str, Design] = {}
    every: dict[str, Any] = {}
    for words, name, value in changes:
        changed = _changed(design, {name: value})
        if changed is not None:
            lifted[words] = changed
            every[name] = LIFTED.get(name, () if name == "restrict" else None)
    if len(lifted) > 1 and (whole := _changed(design, every)) is not None:
        lifted[f"{TOGETHER}: {', '.join(lifted)}"] = whole
    if not lifted:
        return {}
    questions = ((one, trial, truths) for one in lifted.values())
    asked = partial(assess, chosen=objective in OF_OBD)
    answers = evaluate(asked, questions, (len(lifted), "options lifted"), **work)
    found, _ = divided(dict(zip(lifted, answers, strict=True)))
    return {words: one.objective(objective) for words, one in found.items()}


def _lifts(design: Design, trial: Trial) -> Iterator[tuple[str, str, Any]]:
    """Options that may be lifted: in words, the name, and the value that limits nothing, or less."""
    for name, free in LIFTED.items():
        value = getattr(design, name, free)
        if name in type(design).model_fields and value != free:
            yield f"{name} = {str(value).lower() if isinstance(value, bool) else value}", name, free
    stop = design.stop_when
    if stop is not None:
        parts = stop.any if isinstance(stop, AnyOf) else (stop,)
        for place, part in enumerate(parts):
            rest = (*parts[:place], *parts[place + 1 :])
            rules = " and ".join(rule.words(trial) for rule in each_rule(part))
            yield f"stop_when ({rules})", "stop_when", AnyOf(any=rest) if rest else None
    for place, rule in enumerate(design.restrict):
        others = (*design.restrict[:place], *design.restrict[place + 1 :])
        yield f"restrict ({rule.words(trial).rstrip('.')})", "restrict", others


def _changed(design: Design, values: dict[str, Any]) -> Design | None:
    """The design with other values of options; None where it cannot be without the old ones."""
    try:
        return type(design)(**{**dict(design), **values})
    except (ValidationError, EscalationError, TypeError):
        return None
