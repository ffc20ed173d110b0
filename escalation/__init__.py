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
    from escalation.designs import BOIN12 as BOIN12
    from escalation.designs import CCD as CCD
    from escalation.designs import CRM as CRM
    from escalation.designs import MTPI as MTPI
    from escalation.designs import MTPI2 as MTPI2
    from escalation.designs import TITEBOIN as TITEBOIN
    from escalation.designs import TITECRM as TITECRM
    from escalation.designs import TITEMTPI as TITEMTPI
    from escalation.designs import TITEMTPI2 as TITEMTPI2
    from escalation.designs import TPI as TPI
    from escalation.designs import APlusB as APlusB
    from escalation.designs import DecisionFunction as DecisionFunction
    from escalation.designs import DecisionTable as DecisionTable
    from escalation.designs import Design as Design
    from escalation.designs import I3Plus3 as I3Plus3
    from escalation.designs import IntervalDesign as IntervalDesign
    from escalation.designs import Keyboard as Keyboard
    from escalation.designs import Monitoring as Monitoring
    from escalation.designs import PoDTPI as PoDTPI
    from escalation.designs import RollingSix as RollingSix
    from escalation.designs import ThreePlusThree as ThreePlusThree
    from escalation.designs import TITEKeyboard as TITEKeyboard
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
    from escalation.errors import CostError as CostError
    from escalation.errors import DesignError as DesignError
    from escalation.errors import EscalationError as EscalationError
    from escalation.errors import GridError as GridError
    from escalation.errors import OutcomesError as OutcomesError
    from escalation.errors import PathwayError as PathwayError
    from escalation.errors import ScenarioError as ScenarioError
    from escalation.errors import StateSpaceError as StateSpaceError
    from escalation.kernels.codes import SLACK as SLACK
    from escalation.report.document.report import make_report as make_report
    from escalation.report.document.report import write_report as write_report
    from escalation.running.answer import Completion as Completion
    from escalation.running.answer import DoseEstimate as DoseEstimate
    from escalation.running.answer import Hold as Hold
    from escalation.running.answer import NextDose as NextDose
    from escalation.running.answer import WhilePending as WhilePending
    from escalation.running.next_dose import next_dose as next_dose
    from escalation.running.pathways import paths as paths
    from escalation.running.tables import ProtocolTable as ProtocolTable
    from escalation.running.tables import decision_table as decision_table
    from escalation.running.tree import Pathways as Pathways
    from escalation.scenario.file import Scenario as Scenario
    from escalation.scenario.file import TrialDesigns as TrialDesigns
    from escalation.scenario.file import load_designs as load_designs
    from escalation.scenario.file import load_scenario as load_scenario
    from escalation.scenario.grid import Grid as Grid
    from escalation.scenario.grid import grid as grid
    from escalation.scenario.truths.random import random_truths as random_truths
    from escalation.scenario.truths.random_joint import random_joint_truths as random_joint_truths
    from escalation.scenario.truths.sets import TruthSet as TruthSet
    from escalation.scenario.truths.sets import TruthSource as TruthSource
    from escalation.scenario.truths.sets import calibration_truths as calibration_truths
    from escalation.scenario.truths.sets import drawn_joint_truths as drawn_joint_truths
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
    from escalation.studies.merit import MeritDesign as MeritDesign
    from escalation.studies.merit import MeritSearch as MeritSearch
    from escalation.studies.merit import find_merit as find_merit
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
    from escalation.studies.sweep import write_sweep as write_sweep
    from escalation.studies.worst import WorstCases as WorstCases
    from escalation.studies.worst import worst_cases as worst_cases
    from escalation.trial.data import Cohort as Cohort
    from escalation.trial.data import InterimData as InterimData
    from escalation.trial.efficacy import Efficacy as Efficacy
    from escalation.trial.efficacy import Utility as Utility
    from escalation.trial.expansion import Expansion as Expansion
    from escalation.trial.joint import Association as Association
    from escalation.trial.joint import JointRates as JointRates
    from escalation.trial.joint import joint_rates as joint_rates
    from escalation.trial.merit import Hypotheses as Hypotheses
    from escalation.trial.randomised import Interim as Interim
    from escalation.trial.randomised import Randomised as Randomised
    from escalation.trial.safety import SafetyRule as SafetyRule
    from escalation.trial.trial import Trial as Trial

# Public names by the modules they live in. They are imported on first use: a command line that only prints its help
# should not wait for numpy and numba.
_HOMES = {
    "characteristics.agreement": "Agreement agreement",
    "characteristics.benchmark": "optimal_selection",
    "characteristics.one_truth": "OperatingCharacteristics operating_characteristics",
    "characteristics.paired": "Difference",
    "designs": (
        "BLRM BMACRM BOIN BOIN12 CCD CRM MTPI MTPI2 TPI APlusB DecisionFunction DecisionTable Design I3Plus3 "
        "IntervalDesign Keyboard Monitoring PoDTPI RollingSix TITEBOIN TITECRM TITEKeyboard TITEMTPI TITEMTPI2 "
        "ThreePlusThree TooToxic skeleton"
    ),
    "designs.rules": "AllOf AnyOf DLTs Eliminate MaxStep NeverSkip NoEscalation Patients PatientsAtDose Precise "
    "TargetProbability TooToxicDose Unchanged WithinLimits",
    "engines.endings": "Enumeration",
    "engines.outcomes": "Outcomes",
    "errors": "CostError DesignError EscalationError GridError OutcomesError PathwayError ScenarioError "
    "StateSpaceError",
    "kernels.codes": "SLACK",
    "report.document.report": "make_report write_report",
    "running.answer": "Completion DoseEstimate Hold NextDose WhilePending",
    "running.next_dose": "next_dose",
    "running.pathways": "paths",
    "running.tables": "ProtocolTable decision_table",
    "running.tree": "Pathways",
    "scenario.file": "Scenario TrialDesigns load_designs load_scenario",
    "scenario.grid": "Grid grid",
    "scenario.truths.random": "random_truths",
    "scenario.truths.random_joint": "random_joint_truths",
    "scenario.truths.sets": "TruthSet TruthSource calibration_truths drawn_joint_truths drawn_truths published_truths "
    "scenario_truths",
    "scenario.truths.truth": "Truth",
    "studies.calibrate": "Calibration calibrate",
    "studies.compare": "Comparison compare",
    "studies.fingerprint": "fingerprint",
    "studies.least_favourable": "WorstTruth",
    "studies.merit": "MeritDesign MeritSearch find_merit",
    "studies.one_design": "exact simulate",
    "studies.robust": "Robustness robust",
    "studies.run": "run",
    "studies.size": "SizeSearch find_size",
    "studies.size_formula": "crm_sample_size",
    "studies.surface": "Surface pcs_surface",
    "studies.sweep": "Sweep write_sweep",
    "studies.worst": "WorstCases worst_cases",
    "trial.data": "Cohort InterimData",
    "trial.efficacy": "Efficacy Utility",
    "trial.expansion": "Expansion",
    "trial.joint": "Association JointRates joint_rates",
    "trial.merit": "Hypotheses",
    "trial.randomised": "Interim Randomised",
    "trial.safety": "SafetyRule",
    "trial.cohorts": "CohortSizes",
    "trial.trial": "Trial",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", *_HOME_OF]  # noqa: PLE0604 (the names are texts)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
