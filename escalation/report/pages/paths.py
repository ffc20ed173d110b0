"""What is said of dose transition pathways: a page and a tree."""

from collections.abc import Iterator
from typing import Any

from escalation.report.blocks import Block, Heading, Lines, Picture, TextTable
from escalation.report.preamble import alarms
from escalation.report.wording import count, dose_name, percent
from escalation.running.tree import Node, Pathways
from escalation.trial.data import Cohort
from escalation.trial.joint import OUTCOMES
from escalation.trial.trial import Trial


def pathway_blocks(label: str, pathways: Pathways, after: str = "") -> Iterator[Block]:
    """A page on the pathways after some data: as a tree, and as a table with a row for each path."""
    start = f" after {after}" if after else ""
    cohorts = "cohort" if pathways.cohorts == 1 else f"{pathways.cohorts} cohorts"
    yield Heading(f"{label}: the next {cohorts}{start}", level=1)
    yield from alarms(pathways.warnings)
    yield Picture(*tree_lines(pathways))
    if pathways.root.branches:
        yield path_table(pathways)
        yield Lines(*path_footnotes(pathways), listed=True)


def path_table(pathways: Pathways) -> TextTable:
    """A row for each path: its cohorts, what follows, and its probability."""
    longest = max(len(leaf.cohorts) for leaf in pathways.root.leaves)
    rows = []
    for leaf in pathways.root.leaves:
        cohorts = [*_written(leaf, pathways.trial), *[""] * (longest - len(leaf.cohorts))]
        rows.append([*cohorts, outcome(leaf, pathways.trial), *(percent(share) for share in leaf.probability)])
    header = [*(f"cohort {number}" for number in range(1, longest + 1)), "then"]
    probabilities = [f"{name}: P %" for name in pathways.truths]
    return TextTable([*header, *probabilities], [rows], words=frozenset(range(longest + 1)))


def tree_lines(pathways: Pathways) -> Iterator[str]:
    """The tree, a line for each cohort that may be treated."""
    root = pathways.root
    name = f" ({dose_name(pathways.trial, root.next_dose)})" if root.next_dose else ""
    shares = f"   P % under {', '.join(pathways.truths)}" if pathways.truths else ""
    yield f"{outcome(root, pathways.trial, name)}{shares}"
    yield from _branches(root, pathways.trial, "")


def _branches(node: Node, trial: Trial, indent: str) -> Iterator[str]:
    for place, branch in enumerate(node.branches):
        last = place == len(node.branches) - 1
        shares = f"   {' '.join(map(percent, branch.probability))}" if branch.probability else ""
        yield f"{indent}{'└─' if last else '├─'} {seen(branch, place)} → {outcome(branch, trial)}{shares}"
        yield from _branches(branch, trial, f"{indent}{'   ' if last else '│  '}")


def seen(branch: Node, place: int) -> str:
    """What leads to a branch of so many."""
    if branch.seen is None:
        return count(place, "DLT")
    if not branch.seen:
        return "by lot"
    if len(branch.seen) == len(OUTCOMES):
        return "".join(letter * number for letter, number in zip(OUTCOMES, branch.seen, strict=True))
    dlts, responses = branch.seen
    return f"{count(dlts, 'DLT')}, {count(responses, 'response')}"


def _written(node: Node, trial: Trial) -> list[str]:
    return [cohort.written(trial.labels) for cohort in node.cohorts]


def outcome(node: Node, trial: Trial, name: str = "") -> str:
    """What happens at a point of the pathways; `name` is that of the dose."""
    levels = trial.level_names
    if node.tied:
        return f"dose {' or '.join(levels[dose - 1] for dose in node.tied)}, by lot"
    if node.next_dose is None:
        assert node.reason is not None
        recommended = "no RP2D" if node.recommended is None else f"RP2D {levels[node.recommended - 1]}"
        if node.seen is not None:
            recommended += ", no OBD" if node.optimal is None else f", OBD {levels[node.optimal - 1]}"
        return f"stop: {node.reason.replace('_', ' ')}, {recommended}"
    place = f"{'expansion at ' if node.expansion else ''}dose {levels[node.next_dose - 1]}{name}"
    return f"{place}, {count(node.size, 'patient')}"


def path_footnotes(pathways: Pathways) -> Iterator[str]:
    """How paths are written."""
    if pathways.by_responses:
        yield (
            "A cohort: its dose level, then N (neither), E (response only), T (DLT only) or B (both) for each patient, "
            "in any order."
        )
        if any(branch.seen and len(branch.seen) < len(OUTCOMES) for branch in _points(pathways.root)):
            yield "Of cohorts with as many DLTs and as many responses, which decide alike, one is written."
        yield "OBD: the optimal dose."
    elif pathways.trial.efficacy is None:
        yield "A cohort: its dose level, then N (no DLT) or T (DLT) for each patient, in any order."
    else:
        yield "A cohort: its dose level, then N? (no DLT) or T? (DLT) for each patient, in any order."
        yield "?: with a response or without, which does not change the path."
    if pathways.chosen_by is not None:
        yield f"RP2D: by toxicity. The optimal dose (OBD) is chosen by the {pathways.chosen_by} when the trial is over."
    if pathways.truths:
        yield "P: exact probability of the path, whatever the order of the patients within its cohorts."


def _points(node: Node) -> Iterator[Node]:
    yield node
    for branch in node.branches:
        yield from _points(branch)


def pathway_tree(pathways: Pathways) -> dict[str, Any]:
    """The same as plain values: nested points, and a list of the paths."""
    return {
        "cohorts": pathways.cohorts,
        "truths": list(pathways.truths),
        "warnings": list(pathways.warnings),
        "root": _point(pathways.root),
        "paths": [_path(leaf, pathways.trial, pathways.truths) for leaf in pathways.root.leaves],
    }


def _point(node: Node) -> dict[str, Any]:
    return {
        "next_dose": node.next_dose,
        "cohort_size": node.size,
        "stop_reason": node.reason,
        "recommended_dose": node.recommended,
        "expansion": node.expansion,
        "probability": list(node.probability),
        **_of_responses(node),
        "branches": [_point(branch) for branch in node.branches],
    }


def _of_responses(node: Node) -> dict[str, Any]:
    """What only the points of designs have that decide by responses."""
    return {} if node.seen is None else {"tied": list(node.tied), "optimal_dose": node.optimal}


def _path(leaf: Node, trial: Trial, truths: tuple[str, ...]) -> dict[str, Any]:
    return {
        "outcomes": " ".join(_written(leaf, trial)),
        "cohorts": [_cohort(one, by_responses=leaf.seen is not None) for one in leaf.cohorts],
        "next_dose": leaf.next_dose,
        **({} if leaf.seen is None else {"tied": list(leaf.tied)}),
        "stop": leaf.reason is not None,
        "stop_reason": leaf.reason,
        "recommended_dose": leaf.recommended,
        **({} if leaf.seen is None else {"optimal_dose": leaf.optimal}),
        "probability": dict(zip(truths, leaf.probability, strict=True)),
    }


def _cohort(cohort: Cohort, *, by_responses: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"dose": cohort.dose, "patients": cohort.patients, "dlts": cohort.dlts}
    return told | ({"responses": sum(cohort.responses or ())} if by_responses else {})
