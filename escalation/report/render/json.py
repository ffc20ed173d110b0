"""JSON, at full precision."""

import json
from typing import Any

from escalation.scenario.file import Scenario


def to_json(tree: Any) -> str:
    """A tree of dictionaries, lists and plain numbers as the text of a file."""
    return json.dumps(tree, indent=1, allow_nan=False) + "\n"


def scenario_schema() -> str:
    """The JSON Schema of a scenario file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=1)
