"""Operating characteristics of phase I dose-escalation designs, exact and simulated.

>>> import escalation
>>> trial = escalation.Trial(doses=[50, 150, 300, 600], target=0.25, max_patients=36)
>>> endings = escalation.exact(escalation.BOIN(), trial)
>>> oc = escalation.operating_characteristics(endings.outcomes([0.05, 0.12, 0.25, 0.40]))
>>> [round(share, 4) for share in oc.selection]
[0.0077, 0.2449, 0.6035, 0.1437]
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public names and the modules they live in. They are imported on first use: a command line that only prints its help
# should not wait for numpy and numba.
_HOMES = {
    "BOIN": "designs",
    "CRM": "designs",
    "Design": "designs",
    "DesignError": "errors",
    "Enumeration": "enumeration",
    "EscalationError": "errors",
    "Monitoring": "designs",
    "OperatingCharacteristics": "characteristics",
    "Outcomes": "outcomes",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "StateSpaceError": "errors",
    "ThreePlusThree": "designs",
    "TooToxic": "designs",
    "Trial": "trial",
    "Truth": "scenario",
    "exact": "enumeration",
    "load_scenario": "scenario",
    "operating_characteristics": "characteristics",
    "simulate": "simulation",
    "skeleton": "designs",
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
