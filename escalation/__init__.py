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

from escalation.version import __version__

if TYPE_CHECKING:
    from escalation.characteristics.agreement import Agreement as Agreement
    from escalation.characteristics.agreement import agreement as agreement
    from escalation.characteristics.benchmark import optimal_selection as optimal_selection
    from escalation.characteristics.one_truth import OperatingCharacteristics as OperatingCharacteristics
    from escalation.characteristics.one_truth import operating_characteristics as operating_characteristics
    from escalation.characteristics.paired import Difference as Difference
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
    from escalation.designs.rules import AllOf as AllOf
    from escalation.designs.rules import AnyOf as AnyOf
    from escalation.designs.rules import MaxStep as MaxStep
    from escalation.designs.rules import NeverSkip as NeverSkip
    from escalation.designs.rules import NoEscalation as NoEscalation
    from escalation.designs.rules import Patients as Patients
    from escalation.designs.rules import PatientsAtDose as PatientsAtDose
    from escalation.designs.rules import Precise as Precise
    from escalation.designs.rules import TooToxicDose as TooToxicDose
    from escalation.engines.endings import Enumeration as Enumeration
    from escalation.engines.outcomes import Outcomes as Outcomes
    from escalation.errors import DesignError as DesignError
    from escalation.errors import EscalationError as EscalationError
    from escalation.errors import GridError as GridError
    from escalation.errors import OutcomesError as OutcomesError
    from escalation.errors import PathwayError as PathwayError
    from escalation.errors import ScenarioError as ScenarioError
    from escalation.errors import StateSpaceError as StateSpaceError
    from escalation.report.document.report import make_report as make_report
    from escalation.report.document.report import write_report as write_report
    from escalation.running.next_dose import DoseEstimate as DoseEstimate
    from escalation.running.next_dose import NextDose as NextDose
    from escalation.running.next_dose import next_dose as next_dose
    from escalation.running.pathways import Pathways as Pathways
    from escalation.running.pathways import paths as paths
    from escalation.running.tables import ProtocolTable as ProtocolTable
    from escalation.running.tables import decision_table as decision_table
    from escalation.scenario.file import Scenario as Scenario
    from escalation.scenario.file import load_scenario as load_scenario
    from escalation.scenario.grid import Grid as Grid
    from escalation.scenario.grid import grid as grid
    from escalation.scenario.truths.random import random_truths as random_truths
    from escalation.scenario.truths.sets import TruthSet as TruthSet
    from escalation.scenario.truths.sets import TruthSource as TruthSource
    from escalation.scenario.truths.sets import calibration_truths as calibration_truths
    from escalation.scenario.truths.sets import drawn_truths as drawn_truths
    from escalation.scenario.truths.sets import published_truths as published_truths
    from escalation.scenario.truths.sets import scenario_truths as scenario_truths
    from escalation.scenario.truths.truth import Truth as Truth
    from escalation.studies.calibrate import Calibration as Calibration
    from escalation.studies.calibrate import calibrate as calibrate
    from escalation.studies.compare import Comparison as Comparison
    from escalation.studies.compare import compare as compare
    from escalation.studies.fingerprint import fingerprint as fingerprint
    from escalation.studies.least_favourable import WorstTruth as WorstTruth
    from escalation.studies.one_design import exact as exact
    from escalation.studies.one_design import simulate as simulate
    from escalation.studies.robust import Robustness as Robustness
    from escalation.studies.robust import robust as robust
    from escalation.studies.run import run as run
    from escalation.studies.size import SizeSearch as SizeSearch
    from escalation.studies.size import find_size as find_size
    from escalation.studies.size_formula import crm_sample_size as crm_sample_size
    from escalation.studies.surface import Surface as Surface
    from escalation.studies.surface import pcs_surface as pcs_surface
    from escalation.studies.sweep import Sweep as Sweep
    from escalation.studies.sweep_file import write_sweep as write_sweep
    from escalation.studies.worst import WorstCases as WorstCases
    from escalation.studies.worst import worst_cases as worst_cases
    from escalation.trial.data import Cohort as Cohort
    from escalation.trial.data import InterimData as InterimData
    from escalation.trial.expansion import Expansion as Expansion
    from escalation.trial.safety import SafetyRule as SafetyRule
    from escalation.trial.trial import Trial as Trial

# Public names and the modules they live in. They are imported on first use: a command line that only prints its help
# should not wait for numpy and numba.
_HOMES = {
    "TooToxicDose": "designs.rules",
    "SafetyRule": "trial.safety",
    "Precise": "designs.rules",
    "PatientsAtDose": "designs.rules",
    "Patients": "designs.rules",
    "NoEscalation": "designs.rules",
    "NeverSkip": "designs.rules",
    "MaxStep": "designs.rules",
    "Expansion": "trial.expansion",
    "AnyOf": "designs.rules",
    "AllOf": "designs.rules",
    "APlusB": "designs",
    "BLRM": "designs",
    "BMACRM": "designs",
    "BOIN": "designs",
    "CCD": "designs",
    "CRM": "designs",
    "Calibration": "studies.calibrate",
    "Comparison": "studies.compare",
    "DecisionTable": "designs",
    "Design": "designs",
    "DesignError": "errors",
    "Difference": "characteristics.paired",
    "Agreement": "characteristics.agreement",
    "Enumeration": "engines.endings",
    "EscalationError": "errors",
    "I3Plus3": "designs",
    "Keyboard": "designs",
    "MTPI": "designs",
    "MTPI2": "designs",
    "Monitoring": "designs",
    "OperatingCharacteristics": "characteristics.one_truth",
    "Cohort": "trial.data",
    "DoseEstimate": "running.next_dose",
    "Grid": "scenario.grid",
    "GridError": "errors",
    "InterimData": "trial.data",
    "NextDose": "running.next_dose",
    "Outcomes": "engines.outcomes",
    "OutcomesError": "errors",
    "Pathways": "running.pathways",
    "PathwayError": "errors",
    "next_dose": "running.next_dose",
    "paths": "running.pathways",
    "Robustness": "studies.robust",
    "Scenario": "scenario.file",
    "ScenarioError": "errors",
    "StateSpaceError": "errors",
    "SizeSearch": "studies.size",
    "Surface": "studies.surface",
    "Sweep": "studies.sweep",
    "TPI": "designs",
    "ThreePlusThree": "designs",
    "TooToxic": "designs",
    "Trial": "trial.trial",
    "Truth": "scenario.truths.truth",
    "TruthSet": "scenario.truths.sets",
    "TruthSource": "scenario.truths.sets",
    "WorstCases": "studies.worst",
    "WorstTruth": "studies.least_favourable",
    "ProtocolTable": "running.tables",
    "agreement": "characteristics.agreement",
    "decision_table": "running.tables",
    "calibrate": "studies.calibrate",
    "calibration_truths": "scenario.truths.sets",
    "compare": "studies.compare",
    "drawn_truths": "scenario.truths.sets",
    "exact": "studies.one_design",
    "find_size": "studies.size",
    "fingerprint": "studies.fingerprint",
    "grid": "scenario.grid",
    "load_scenario": "scenario.file",
    "make_report": "report.document.report",
    "operating_characteristics": "characteristics.one_truth",
    "optimal_selection": "characteristics.benchmark",
    "pcs_surface": "studies.surface",
    "published_truths": "scenario.truths.sets",
    "random_truths": "scenario.truths.random",
    "robust": "studies.robust",
    "run": "studies.run",
    "scenario_truths": "scenario.truths.sets",
    "simulate": "studies.one_design",
    "crm_sample_size": "studies.size_formula",
    "skeleton": "designs",
    "worst_cases": "studies.worst",
    "write_report": "report.document.report",
    "write_sweep": "studies.sweep_file",
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
