"""Stopping rules combined by `any` and `all`, and what a plan needs of them."""

from collections.abc import Iterator
from functools import reduce
from itertools import chain, product
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, Field, Tag

from escalation.designs.rules.base import MOST_RULES, StoppingRule
from escalation.designs.rules.dlts import DLTs
from escalation.designs.rules.patients import Patients
from escalation.designs.rules.patients_at_dose import PatientsAtDose
from escalation.designs.rules.precise import Precise
from escalation.designs.rules.target_probability import TargetProbability
from escalation.designs.rules.too_toxic import TooToxicDose
from escalation.designs.rules.unchanged import Unchanged
from escalation.designs.rules.within_limits import WithinLimits
from escalation.fields import Frozen
from escalation.kernels.codes import DOSE_TOO_TOXIC, STOPPING_RULE, TOO_TOXIC
from escalation.plans.conduct import Stop
from escalation.trial.trial import Trial

RULES: dict[str, type[StoppingRule]] = {
    rule.model_fields["rule"].default: rule
    for rule in (
        Patients,
        PatientsAtDose,
        DLTs,
        Unchanged,
        TooToxicDose,
        Precise,
        WithinLimits,
        TargetProbability,
    )
}
"""Every stopping rule, by the name that a scenario file gives it."""


class AnyOf(Frozen):
    """Stop when at least one of several conditions holds.

    Parameters
    ----------
    any : sequence of conditions
    """

    any: tuple["Condition", ...] = Field(min_length=1, max_length=MOST_RULES)


class AllOf(Frozen):
    """Stop when all of several conditions hold.

    Parameters
    ----------
    all : sequence of conditions
    """

    all: tuple["Condition", ...] = Field(min_length=1, max_length=MOST_RULES)


def _tag(value: Any) -> str | None:
    """Which kind of condition a table of a scenario file, or an object, is. Tags are no names of options."""
    given = dict(value) if isinstance(value, Frozen | dict) else {}
    words, rule = [word for word in ("any", "all") if word in given], given.get("rule")
    found = words if rule is None else [*words, rule]
    return f"<{found[0]}>" if len(found) == 1 and (words or rule in RULES) else None


if TYPE_CHECKING:
    Condition = StoppingRule | AnyOf | AllOf
else:
    _KINDS = {**RULES, "any": AnyOf, "all": AllOf}
    Condition = Annotated[
        reduce(or_, (Annotated[kind, Tag(f"<{name}>")] for name, kind in _KINDS.items())),
        Discriminator(
            _tag,
            custom_error_type="unknown_rule",
            custom_error_message=(
                f"should be a table with one of rule = {', '.join(repr(name) for name in RULES)}, any or all"
            ),
        ),
    ]
    AnyOf.model_rebuild()
    AllOf.model_rebuild()


def each_rule(condition: Condition) -> Iterator[StoppingRule]:
    """The rules in a condition."""
    if isinstance(condition, StoppingRule):
        yield condition
    else:
        parts = condition.any if isinstance(condition, AnyOf) else condition.all
        for part in parts:
            yield from each_rule(part)


def alternatives(condition: Condition) -> list[tuple[StoppingRule, ...]]:
    """The sets of rules of which one must hold in full, the disjunctive normal form; at most MOST_RULES + 1."""
    if isinstance(condition, StoppingRule):
        return [(condition,)]
    if isinstance(condition, AnyOf):
        return list(chain.from_iterable(map(alternatives, condition.any)))[: MOST_RULES + 1]
    found: list[tuple[StoppingRule, ...]] = [()]
    for part in condition.all:
        pairs = product(found, alternatives(part))
        found = [(*left, *right) for (left, right), _ in zip(pairs, range(MOST_RULES + 1), strict=False)]
    return found


def stops(condition: Condition, trial: Trial) -> tuple[Stop, ...]:
    """The rules of a plan that a condition means."""
    return tuple(_stop(rules, trial) for rules in alternatives(condition))


def _stop(rules: tuple[StoppingRule, ...], trial: Trial) -> Stop:
    """Rules that must hold together: one that asks whether a dose is too toxic recommends none, unless all such do so.

    Then a dose below the lowest that is too toxic for one of them may be recommended.
    """
    toxic = [rule for rule in rules if isinstance(rule, TooToxicDose)]
    below = bool(toxic) and all(rule.then == "recommend_below" for rule in toxic)
    reason = DOSE_TOO_TOXIC if below else TOO_TOXIC if toxic else STOPPING_RULE
    return Stop(
        reason,
        tuple(part for rule in rules for part in rule.criteria(trial)),
        " and ".join(rule.words(trial) for rule in rules),
        tuple(rule.criterion(trial) for rule in toxic) if below else (),
    )
