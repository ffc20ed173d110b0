"""Rules that apply to any design: when a trial stops, and how far it may escalate. One file each."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from escalation.designs.rules.base import Restriction as Restriction
from escalation.designs.rules.base import StoppingRule as StoppingRule
from escalation.designs.rules.combination import (
    MOST_STOPS,
    RULES,
    AllOf,
    AnyOf,
    Condition,
    alternatives,
    each_rule,
    stops,
)
from escalation.designs.rules.max_step import MaxStep
from escalation.designs.rules.never_skip import NeverSkip
from escalation.designs.rules.no_escalation import NoEscalation
from escalation.designs.rules.patients import Patients
from escalation.designs.rules.patients_at_dose import PatientsAtDose
from escalation.designs.rules.precise import Precise
from escalation.designs.rules.too_toxic import TooToxicDose

RESTRICTIONS: dict[str, type[Restriction]] = {
    rule.model_fields["rule"].default: rule for rule in (NeverSkip, NoEscalation, MaxStep)
}
"""Every rule that limits escalation, by the name that a scenario file gives it."""

if TYPE_CHECKING:
    AnyRestriction = Restriction
else:
    AnyRestriction = Annotated[reduce(or_, RESTRICTIONS.values()), Field(discriminator="rule")]

__all__ = [
    "MOST_STOPS",
    "RESTRICTIONS",
    "RULES",
    "AllOf",
    "AnyOf",
    "AnyRestriction",
    "Condition",
    "MaxStep",
    "NeverSkip",
    "NoEscalation",
    "Patients",
    "PatientsAtDose",
    "Precise",
    "Restriction",
    "StoppingRule",
    "TooToxicDose",
    "alternatives",
    "each_rule",
    "stops",
]
