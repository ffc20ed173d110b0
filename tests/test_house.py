"""The page on the house is the house: rooms, floors, files, and the walk from a scenario file to the report."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "escalation"
PAGE = (ROOT / "docs" / "house.md").read_text()
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]

MOST_LINES = 60
MOST_PARAMETERS = 8


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def files_of(room: str) -> set[str]:
    """Modules of a room, those of its inner rooms with their folder; a ground file's own name."""
    if (PACKAGE / f"{room}.py").exists():
        return {room}
    found = (path.relative_to(PACKAGE / room) for path in (PACKAGE / room).rglob("*.py"))
    return {str(path.with_suffix("")) for path in found if path.stem != "__init__"}


def test_every_room_is_on_the_map_with_its_floor():
    on_the_map = [(int(floor), room.strip("`")) for floor, room, *_ in rows("The rooms")]
    layers = CONTRACT["layers"][::-1]
    built = [(floor, room) for floor, layer in enumerate(layers, 1) for room in layer.split(" | ")]
    assert sorted(on_the_map) == sorted(built)
    assert [floor for floor, _ in on_the_map] == sorted((floor for floor, _ in on_the_map), reverse=True)


def test_every_file_is_on_the_map():
    for _, room, _, files in rows("The rooms"):
        assert set(re.findall(r"`([\w/]+)`", files)) == files_of(room.strip("`")), room


def functions(path: str) -> dict[str, str]:
    """Source of every function, method and class of a module, by name."""
    source = (PACKAGE / path).read_text()
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in nodes}


def walks() -> list[tuple[str, str, str]]:
    """Of each walk the steps: heading, file and function."""
    section = PAGE.partition("\n## The walk of a rate and the target\n")[2].partition("\n## ")[0]
    return [tuple(step) for step in re.findall(r"^\d+\. `([\w/]+\.py)` `(\w+)`: (.*)$", section, flags=re.MULTILINE)]


def test_the_walk_can_be_walked():
    steps = walks()
    assert len(steps) > 8
    for path, function, words in steps:
        known = functions(path)
        assert function in known, f"{path} has no {function}"
        for name in re.findall(r"`(\w+)`", words):
            assert re.search(rf"\b{name}\b", known[function]), f"{path} {function} does not mention {name}"


def test_questions_are_answered_by_files_that_exist():
    section = PAGE.partition("\n## Where is ...?\n")[2]
    named = re.findall(r"`([\w/]+\.py)`", section)
    assert len(named) > 8
    assert [path for path in named if not (PACKAGE / path).exists()] == []


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_pages_name_exist(page):
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text())
    assert [path for path in named if not any((base / path).exists() for base in (ROOT, PACKAGE))] == []


def oversized(source: str) -> list[str]:
    """Functions that are too long, docstring aside, or take too much."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            lines = node.end_lineno - node.lineno + 1 - (text.count("\n") + 1 if text else 0)
            taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parameters = [part.arg for part in taken if part.arg not in ("self", "cls")]
            if lines > MOST_LINES or len(parameters) > MOST_PARAMETERS:
                found.append(node.name)
    return found


def test_functions_are_small():
    """Outside kernels, where a call costs more than a branch, and the command line, whose options are many."""
    large = {
        str(path.relative_to(PACKAGE)): oversized(path.read_text())
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("kernels", "cli")
    }
    assert {path: names for path, names in large.items() if names} == {}
    assert oversized("def f(a, b, c, d, e, *, g, h, i, j): ...") == ["f"]
    assert oversized("def f():\n" + "    x = 1\n" * 61) == ["f"]
    assert oversized("def f(a):\n    '''Text.\n" + "    more\n" * 99 + "    '''\n    return a") == []


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
MODULES = {path.relative_to(PACKAGE).with_suffix("").parts: path for path in PACKAGE.rglob("*.py")}


def references(source: str) -> set[str]:
    """Names with dots between backticks."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, DOCUMENTED)]
    texts = [ast.get_docstring(node, clean=False) or "" for node in nodes]
    return {name for text in texts for name in re.findall(r"`([a-z_]+(?:\.[A-Za-z_]\w*)+)`", text)}


def leads_nowhere(name: str) -> bool:
    """Whether a name begins with that of a room or module and does not lead on to anything in it."""
    parts = tuple(name.split("."))
    if not any(parts[0] in module for module in MODULES):
        return False
    for module, path in MODULES.items():
        for known in range(1, len(parts) + 1):
            if module[-known:] == parts[:known]:
                rest = parts[known:]
                if all(re.search(rf"\b{part}\b", path.read_text()) for part in rest):
                    return False
    return True


def test_references_in_docstrings_lead_somewhere():
    found = {str(path.relative_to(PACKAGE)): references(path.read_text()) for path in MODULES.values()}
    lost = {path: sorted(filter(leads_nowhere, names)) for path, names in found.items()}
    assert {path: names for path, names in lost.items() if names} == {}
    assert leads_nowhere("kernels.states")
    assert not leads_nowhere("plans.table.TablePlan")
    assert references('"""See `plans.table`."""') == {"plans.table"}
