"""Operating characteristics of phase I dose-escalation designs, exact and simulated.

>>> import escalation
>>> trial = escalation.Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
>>> endings = escalation.exact(escalation.BOIN(), trial)
>>> oc = escalation.operating_characteristics(endings.outcomes([0.05, 0.12, 0.25, 0.40]))
>>> [round(share, 4) for share in oc.selection]
[0.0077, 0.2449, 0.6035, 0.1437]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from escalation.calibration import Calibration as Calibration
    from escalation.calibration import calibrate as calibrate
    from escalation.characteristics import OperatingCharacteristics as OperatingCharacteristics
    from escalation.characteristics import operating_characteristics as operating_characteristics
    from escalation.comparison import Comparison as Comparison
    from escalation.comparison import compare as compare
    from escalation.cross_check import Agreement as Agreement
    from escalation.cross_check import agreement as agreement
    from escalation.decision_tables import ProtocolTable as ProtocolTable
    from escalation.decision_tables import decision_table as decision_table
    from escalation.designs import BLRM as BLRM
    from escalation.designs import BMACRM as BMACRM
    from escalation.designs import BOIN as BOIN
    from escalation.designs import CCD as CCD
    from escalation.designs import CRM as CRM
    from escalation.designs import MTPI as MTPI
    from escalation.designs import MTPI2 as MTPI2
    from escalation.designs import TPI as TPI
    from escalation.designs import APlusB as APlusB
    from escalation.designs import DecisionTable as DecisionTable
    from escalation.designs import Design as Design
    from escalation.designs import I3Plus3 as I3Plus3
    from escalation.designs import Keyboard as Keyboard
    from escalation.designs import Monitoring as Monitoring
    from escalation.designs import ThreePlusThree as ThreePlusThree
    from escalation.designs import TooToxic as TooToxic
    from escalation.designs import skeleton as skeleton
    from escalation.endings import Enumeration as Enumeration
    from escalation.enumeration import exact as exact
    from escalation.errors import DesignError as DesignError
    from escalation.errors import EscalationError as EscalationError
    from escalation.errors import GridError as GridError
    from escalation.errors import OutcomesError as OutcomesError
    from escalation.errors import PathwayError as PathwayError
    from escalation.errors import ScenarioError as ScenarioError
    from escalation.errors import StateSpaceError as StateSpaceError
    from escalation.fingerprints import fingerprint as fingerprint
    from escalation.grids import Grid as Grid
    from escalation.grids import grid as grid
    from escalation.interim import Cohort as Cohort
    from escalation.interim import InterimData as InterimData
    from escalation.interim_decision import DoseEstimate as DoseEstimate
    from escalation.interim_decision import NextDose as NextDose
    from escalation.interim_decision import next_dose as next_dose
    from escalation.least_favourable import WorstTruth as WorstTruth
    from escalation.optimal import optimal_selection as optimal_selection
    from escalation.outcomes import Outcomes as Outcomes
    from escalation.paired import Difference as Difference
    from escalation.pathways import Pathways as Pathways
    from escalation.pathways import paths as paths
    from escalation.report.sweep_file import write_sweep as write_sweep
    from escalation.report.trial_report import make_report as make_report
    from escalation.report.trial_report import write_report as write_report
    from escalation.robustness import Robustness as Robustness
    from escalation.robustness import robust as robust
    from escalation.rules import AllOf as AllOf
    from escalation.rules import AnyOf as AnyOf
    from escalation.rules import MaxStep as MaxStep
    from escalation.rules import NeverSkip as NeverSkip
    from escalation.rules import NoEscalation as NoEscalation
    from escalation.rules import Patients as Patients
    from escalation.rules import PatientsAtDose as PatientsAtDose
    from escalation.rules import Precise as Precise
    from escalation.rules import TooToxicDose as TooToxicDose
    from escalation.safety import SafetyRule as SafetyRule
    from escalation.sample_size import crm_sample_size as crm_sample_size
    from escalation.scenario import Scenario as Scenario
    from escalation.scenario import Truth as Truth
    from escalation.scenario import load_scenario as load_scenario
    from escalation.scenario_run import run as run
    from escalation.simulation import simulate as simulate
    from escalation.size_search import SizeSearch as SizeSearch
    from escalation.size_search import find_size as find_size
    from escalation.surface import Surface as Surface
    from escalation.surface import pcs_surface as pcs_surface
    from escalation.sweeps import Sweep as Sweep
    from escalation.sweeps import TruthSource as TruthSource
    from escalation.trial import Expansion as Expansion
    from escalation.trial import Trial as Trial
    from escalation.truth_generators import random_truths as random_truths
    from escalation.truth_sets import TruthSet as TruthSet
    from escalation.truth_sets import calibration_truths as calibration_truths
    from escalation.truth_sets import drawn_truths as drawn_truths
    from escalation.truth_sets import published_truths as published_truths
    from escalation.truth_sets import scenario_truths as scenario_truths
    from escalation.worst_case import WorstCases as WorstCases
    from escalation.worst_case import worst_cases as worst_cases

__version__ = "0.1.0"

# Public names and the modules they live in. They are imported on first use: a command line that only prints its help
# should not wait for numpy and numba.
_HOMES = {
    "TooToxicDose": "rules",
    "SafetyRule": "safety",
    "Precise": "rules",
    "PatientsAtDose": "rules",
    "Patients": "rules",
    "NoEscalation": "rules",
    "NeverSkip": "rules",
    "MaxStep": "rules",
    "Expansion": "trial",
    "AnyOf": "rules",
    "AllOf": "rules",
    "APlusB": "designs",
    "BLRM": "designs",
    "BMACRM": "designs",
    "BOIN": "designs",
    "CCD": "designs",
    "CRM": "designs",
    "Calibration": "calibration",
    "Comparison": "comparison",
    "DecisionTable": "designs",
    "Design": "designs",
    "DesignError": "errors",
    "Difference": "paired",
    "Agreement": "cross_check",
    "Enumeration": "endings",
    "EscalationError": "errors",
    "I3Plus3": "designs",
    "Keyboard": "designs",
    "MTPI": "designs",
    "MTPI2": "designs",
    "Monitoring": "designs",
    "OperatingCharacteristics": "characteristics",
    "Cohort": "interim",
    "DoseEstimate": "interim_decision",
    "Grid": "grids",
    "GridError": "errors",
    "InterimData": "interim",
    "NextDose": "interim_decision",
    "Outcomes": "outcomes",
    "OutcomesError": "errors",
    "Pathways": "pathways",
    "PathwayError": "errors",
    "next_dose": "interim_decision",
    "paths": "pathways",
    "Robustness": "robustness",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "StateSpaceError": "errors",
    "SizeSearch": "size_search",
    "Surface": "surface",
    "Sweep": "sweeps",
    "TPI": "designs",
    "ThreePlusThree": "designs",
    "TooToxic": "designs",
    "Trial": "trial",
    "Truth": "scenario",
    "TruthSet": "truth_sets",
    "TruthSource": "sweeps",
    "WorstCases": "worst_case",
    "WorstTruth": "least_favourable",
    "ProtocolTable": "decision_tables",
    "agreement": "cross_check",
    "decision_table": "decision_tables",
    "calibrate": "calibration",
    "calibration_truths": "truth_sets",
    "compare": "comparison",
    "drawn_truths": "truth_sets",
    "exact": "enumeration",
    "find_size": "size_search",
    "fingerprint": "fingerprints",
    "grid": "grids",
    "load_scenario": "scenario",
    "make_report": "report.trial_report",
    "operating_characteristics": "characteristics",
    "optimal_selection": "optimal",
    "pcs_surface": "surface",
    "published_truths": "truth_sets",
    "random_truths": "truth_generators",
    "robust": "robustness",
    "run": "scenario_run",
    "scenario_truths": "truth_sets",
    "simulate": "simulation",
    "crm_sample_size": "sample_size",
    "skeleton": "designs",
    "worst_cases": "worst_case",
    "write_report": "report.trial_report",
    "write_sweep": "report.sweep_file",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 (the names are texts)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
