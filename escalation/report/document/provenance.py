"""What somebody needs to get the same numbers again, and to see that they are the same."""

import hashlib
import json
import platform
import shlex
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version

from escalation.errors import StateSpaceError, brief
from escalation.files import LONGEST, read_bytes
from escalation.report.blocks import Block, Lines, Picture, TextTable
from escalation.report.document.facts import Request, by_responses, chosen, run_designs
from escalation.scenario.file import Scenario
from escalation.studies.fingerprint import SHOWN, fingerprint
from escalation.studies.run import Run
from escalation.studies.work.options import Limits
from escalation.version import __version__

NUMERICAL = ("numpy", "scipy", "numba")
"""Packages that take part in making the numbers."""


def provenance(run: Run, request: Request) -> Iterator[Block]:
    """Versions, seed, digests and the command."""
    file = request.file
    rows = [
        ["escalation", __version__],
        ["Python", platform.python_version()],
        *([name, version(name)] for name in NUMERICAL),
        ["platform", f"{platform.system()} {platform.machine()}"],
        ["seed of the simulated patients", str(run.seed) if run.trials else "none were simulated"],
        ["simulated trials for each design and truth", f"{run.trials:,}"],
    ]
    if file is not None and file.is_file():
        rows.append([f"SHA-256 of {brief(file.name, LONGEST)}", hashlib.sha256(read_bytes(file)).hexdigest()])
    rows.append(["SHA-256 of all settings", settings_digest(run.scenario)])
    yield TextTable(["item", "value"], [rows], words=frozenset({1}), caption="Software, seed and digests")
    yield Lines(
        "The digest of the settings covers every setting with its defaults, and is the same however the file is "
        "laid out."
    )
    yield TextTable(
        ["design", "fingerprint"],
        [[[name, digits] for name, digits in fingerprints(run, request.limits).items()]],
        words=frozenset({1}),
        caption="Fingerprints of the designs",
    )
    joint = ", ".join(by_responses(run))
    joint = f" Of {joint} it is that of the tables by which it decides, at all counts that can occur." if joint else ""
    yield Lines(
        f"A fingerprint is the beginning ({SHOWN} digits) of the SHA-256 of all decisions that a design can come "
        "to in this trial: after each cohort every state that can be reached, with the next dose or the reason to "
        f"end, and every ending with its recommendation. It changes with any of them.{joint}"
    )
    yield Lines("To make this report again:")
    yield Picture(_call(run, request))


def settings_digest(scenario: Scenario) -> str:
    """SHA-256 of all settings, defaults included, in an order of their own."""
    tree = {
        **scenario.model_dump(mode="json", include={"name", "title", "registry", "assumptions", "trial", "truth"}),
        "design": {label: design.model_dump(mode="json") for label, design in scenario.designs.items()},
    }
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprints(run: Run, limits: Limits) -> dict[str, str]:
    """Fingerprint of each design, as far as its trials can be enumerated."""
    found = {}
    for name, design in run_designs(run).items():
        why = "its decisions depend on days" if design.is_late_onset else "its trials are not enumerated"
        found[name] = f"none: {why}"
        if name not in run.refusals:
            with suppress(StateSpaceError):
                found[name] = fingerprint(design, run.scenario.trial, **limits)[:SHOWN]
    return found


def _call(run: Run, request: Request) -> str:
    """The command that makes the report again, or without a file the call of Python."""
    designs, truths = chosen(run)
    given: dict[str, object] = {"form": request.form, "trials": run.trials, "seed": run.seed}
    given |= {"designs": designs, "truths": truths, **request.limits}
    given = {name: value for name, value in given.items() if value not in ([], None)}
    output = f"report.{request.form}"
    if request.file is None:
        settings = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return f'escalation.write_report(scenario, "{output}", {settings})'
    options = {"form": "format", "designs": "design", "truths": "truth"}
    words = ["escalation", "report", brief(request.file.name, LONGEST), "--output", output]
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{options.get(name, name).replace('_', '-')}", str(one)]
    return shlex.join(words)
