"""Rules that apply to any design: when a trial stops, and how far it may escalate. One file each."""

from typing import Annotated, get_args

from pydantic import Field

from escalation.designs.rules.base import Restriction as Restriction
from escalation.designs.rules.combination import RULES as RULES
from escalation.designs.rules.combination import AllOf as AllOf
from escalation.designs.rules.combination import AnyOf as AnyOf
from escalation.designs.rules.dlts import DLTs as DLTs
from escalation.designs.rules.eliminate import Eliminate as Eliminate
from escalation.designs.rules.max_step import MaxStep as MaxStep
from escalation.designs.rules.never_skip import NeverSkip as NeverSkip
from escalation.designs.rules.no_escalation import NoEscalation as NoEscalation
from escalation.designs.rules.patients import Patients as Patients
from escalation.designs.rules.patients_at_dose import PatientsAtDose as PatientsAtDose
from escalation.designs.rules.precise import Precise as Precise
from escalation.designs.rules.target_probability import TargetProbability as TargetProbability
from escalation.designs.rules.too_toxic import TooToxicDose as TooToxicDose
from escalation.designs.rules.unchanged import Unchanged as Unchanged
from escalation.designs.rules.within_limits import WithinLimits as WithinLimits

AnyRestriction = Annotated[NeverSkip | NoEscalation | MaxStep | Eliminate, Field(discriminator="rule")]

RESTRICTIONS: dict[str, type[Restriction]] = {
    rule.model_fields["rule"].default: rule for rule in get_args(get_args(AnyRestriction)[0])
}
"""Every rule that limits escalation, by the name that a scenario file gives it."""
