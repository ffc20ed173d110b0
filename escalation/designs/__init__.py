"""What to do next, in plain Python: one file a design, and the registry that names them."""

from escalation.designs.a_plus_b import APlusB
from escalation.designs.base import Design
from escalation.designs.blrm import BLRM
from escalation.designs.bma_crm import BMACRM
from escalation.designs.boin import BOIN
from escalation.designs.ccd import CCD
from escalation.designs.crm import CRM
from escalation.designs.function import DecisionFunction
from escalation.designs.i3plus3 import I3Plus3
from escalation.designs.intervals import IntervalDesign
from escalation.designs.keyboard import Keyboard
from escalation.designs.model_based import ModelDesign, TooToxic
from escalation.designs.models.indifference import skeleton
from escalation.designs.monitoring import Monitoring
from escalation.designs.mtpi import MTPI
from escalation.designs.mtpi2 import MTPI2
from escalation.designs.table import DecisionTable
from escalation.designs.three_plus_three import ThreePlusThree
from escalation.designs.tpi import TPI

REGISTRY: dict[str, type[Design]] = {
    design.model_fields["kind"].default: design
    for design in (
        ThreePlusThree,
        APlusB,
        BOIN,
        CRM,
        BMACRM,
        BLRM,
        Monitoring,
        I3Plus3,
        TPI,
        MTPI,
        MTPI2,
        Keyboard,
        CCD,
        DecisionTable,
    )
}
"""Every design that a scenario file can name, by its kind."""

__all__ = [
    "BLRM",
    "BMACRM",
    "BOIN",
    "CCD",
    "CRM",
    "MTPI",
    "MTPI2",
    "REGISTRY",
    "TPI",
    "APlusB",
    "DecisionFunction",
    "DecisionTable",
    "Design",
    "I3Plus3",
    "IntervalDesign",
    "Keyboard",
    "ModelDesign",
    "Monitoring",
    "ThreePlusThree",
    "TooToxic",
    "skeleton",
]
