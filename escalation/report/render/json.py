"""JSON, at full precision."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from escalation.scenario.file import Scenario
from escalation.studies.run import Result, Run
from escalation.version import __version__


def to_json(tree: Any) -> str:
    """A tree of dictionaries, lists and plain numbers as the text of a file."""
    return json.dumps(tree, indent=1, allow_nan=False) + "\n"


def runs_to_json(runs: Sequence[Run]) -> str:
    """One object for a single run, a list of them for several."""
    trees = [_run(run) for run in runs]
    return to_json(trees[0] if len(trees) == 1 else trees)


def scenario_schema() -> str:
    """The JSON Schema of a scenario file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=1)


def _run(run: Run) -> dict[str, Any]:
    return {
        "version": __version__,
        "scenario": run.scenario.name,
        "target": run.scenario.trial.target,
        "doses": list(run.scenario.trial.doses),
        "warnings": [
            *run.scenario.warnings,
            *run.departures,
            *(f"design '{label}': not exact: {reason}" for label, reason in run.refusals.items()),
        ],
        "trial": run.scenario.trial.model_dump(mode="json"),
        "designs": {
            label: design.model_dump(mode="json", exclude={"label"}) for label, design in run.scenario.designs.items()
        },
        "after": None if run.after is None else asdict(run.after),
        "agreement": None if run.agreement is None else {**asdict(run.agreement), "agrees": run.agreement.agrees},
        "results": [_result(run, result) for result in run.results],
    }


def _result(run: Run, result: Result) -> dict[str, Any]:
    simulated = None
    if result.simulated is not None:
        simulated = {
            **result.numbers(result.simulated),
            "trials": run.trials,
            "seed": run.seed,
            "mcse": result.standard_errors(result.simulated),
            "max_abs_z": None if result.agreement is None else result.agreement.max_abs_z,
            "p_value": None if result.agreement is None else result.agreement.p_value,
        }
    return {
        "design": result.design,
        "truth": result.truth.name,
        "dlt_rates": list(result.truth.dlt_rates),
        "correct_doses": list(result.correct_doses),
        "optimal": None if result.benchmark is None else asdict(result.benchmark),
        "exact": None if result.exact is None else result.numbers(result.exact),
        "simulated": simulated,
    }
