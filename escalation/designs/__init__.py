"""What to do next, in plain Python: one file a design, and the registry that names them."""

from escalation.designs.a_plus_b import APlusB as APlusB
from escalation.designs.base import Design as Design
from escalation.designs.blrm import BLRM as BLRM
from escalation.designs.bma_crm import BMACRM as BMACRM
from escalation.designs.boin import BOIN as BOIN
from escalation.designs.boin12 import BOIN12 as BOIN12
from escalation.designs.ccd import CCD as CCD
from escalation.designs.crm import CRM as CRM
from escalation.designs.function import DecisionFunction as DecisionFunction
from escalation.designs.i3plus3 import I3Plus3 as I3Plus3
from escalation.designs.intervals import IntervalDesign as IntervalDesign
from escalation.designs.keyboard import Keyboard as Keyboard
from escalation.designs.late_onset import TITEBOIN as TITEBOIN
from escalation.designs.late_onset import TITECRM as TITECRM
from escalation.designs.late_onset import TITEMTPI as TITEMTPI
from escalation.designs.late_onset import TITEMTPI2 as TITEMTPI2
from escalation.designs.late_onset import PoDTPI as PoDTPI
from escalation.designs.late_onset import RollingSix as RollingSix
from escalation.designs.late_onset import TITEKeyboard as TITEKeyboard
from escalation.designs.model_based import ModelDesign as ModelDesign
from escalation.designs.model_based import TooToxic as TooToxic
from escalation.designs.models.indifference import skeleton as skeleton
from escalation.designs.monitoring import Monitoring as Monitoring
from escalation.designs.mtpi import MTPI as MTPI
from escalation.designs.mtpi2 import MTPI2 as MTPI2
from escalation.designs.table import DecisionTable as DecisionTable
from escalation.designs.three_plus_three import ThreePlusThree as ThreePlusThree
from escalation.designs.tpi import TPI as TPI

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
        TITEBOIN,
        TITEKeyboard,
        TITEMTPI,
        TITEMTPI2,
        TITECRM,
        RollingSix,
        PoDTPI,
        BOIN12,
    )
}
"""Every design that a scenario file can name, by its kind."""
