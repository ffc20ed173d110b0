"""Rules for pending patients: what is decided before every outcome is known. One file each, registered by name."""

from typing import Annotated

from pydantic import Field

from escalation.designs.pending.base import PendingRule as PendingRule
from escalation.designs.pending.complete import Complete as Complete
from escalation.designs.pending.predict import Predict as Predict
from escalation.designs.pending.roll import Roll as Roll
from escalation.designs.pending.weigh import Weigh as Weigh

AnyPending = Annotated[Complete | Weigh | Roll | Predict, Field(discriminator="rule")]

PENDING: dict[str, type[PendingRule]] = {
    rule.model_fields["rule"].default: rule for rule in (Complete, Weigh, Roll, Predict)
}
"""Every rule for pending patients, by its name."""
