"""What to do next, in plain Python: one file a design, and the registry that names them."""

from escalation.designs.base import Design
from escalation.designs.blrm import BLRM
from escalation.designs.bma_crm import BMACRM
from escalation.designs.boin import BOIN
from escalation.designs.crm import CRM, TooToxic
from escalation.designs.indifference import skeleton
from escalation.designs.monitoring import Monitoring
from escalation.designs.three_plus_three import ThreePlusThree

REGISTRY: dict[str, type[Design]] = {
    design.model_fields["kind"].default: design for design in (ThreePlusThree, BOIN, CRM, BMACRM, BLRM, Monitoring)
}
"""Every design, by the kind that a scenario file names."""

__all__ = [
    "BLRM",
    "BMACRM",
    "BOIN",
    "CRM",
    "REGISTRY",
    "Design",
    "Monitoring",
    "ThreePlusThree",
    "TooToxic",
    "skeleton",
]
