"""The trials and truths that several benchmarks share."""

from pathlib import Path

from escalation import Scenario, Trial, load_scenario

SCENARIOS = Path(__file__).parent.parent / "scenarios"


def lucar() -> Scenario:
    """The LUCAR-DKS1 scenario: four doses, 36 patients in cohorts of 3, target 0.25; 3+3, BOIN and the CRM, untimed."""
    return untimed(load_scenario(SCENARIOS / "lucar-dks1.toml"))


LUCAR_RATES = (0.05, 0.12, 0.25, 0.40)
"""Its truth "MTD at 300"."""


def six_doses() -> Trial:
    """Six doses and 48 patients in cohorts of 3, otherwise as LUCAR-DKS1."""
    return Trial(doses=[1, 2, 3, 4, 5, 6], target=0.25, max_patients=48)


SIX_RATES = (0.03, 0.06, 0.12, 0.25, 0.40, 0.55)


def tak() -> Scenario:
    """The TAK-007 scenario: a single dose, 20 patients; untimed."""
    return untimed(load_scenario(SCENARIOS / "tak-007.toml"))


def untimed(scenario: Scenario) -> Scenario:
    """A scenario without its calendar, and without designs that need one."""
    trial = scenario.trial.model_copy(update={"time": None})
    waiting = tuple(design for design in scenario.design if not design.is_late_onset)
    return scenario.model_copy(update={"trial": trial, "design": waiting})
