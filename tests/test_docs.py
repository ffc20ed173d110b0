"""The README and the docs say what is so: their commands and examples are run."""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation.cli import main
from escalation.designs import REGISTRY, Design
from escalation.designs.rules import RESTRICTIONS, RULES
from escalation.scenario.file import parse_scenario
from tests import worked_pages

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "escalation").rglob("*.py")
    if ">>>" in path.read_text()
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed


def test_two_commands_do_all_the_set_up():
    run_it, test_it = blocks("sh")[:2]
    for command in (run_it, test_it):
        assert command.count("\n") == 1, "one line to paste"
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert "escalation run scenarios/lucar-dks1.toml" in run_it
    assert ".venv/bin/python -m pytest" in test_it


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md" in script
    assert "pytest" not in script, "taken from the README, not repeated"
    assert '"${command##*&& } -m long --dist worksteal"' in script


def commands() -> dict[str, str]:
    """Each command, and a page that has it."""
    found = {}
    for page in PAGES:
        for block in blocks("sh", page.read_text()):
            found |= {line: page.name for line in block.splitlines() if line.startswith("escalation ")}
    return found


LONG = {
    "escalation calibrate scenarios/lucar-dks1.toml --design crm --generator clertant --max-overdosing 0.08",
    "escalation report scenarios/lucar-dks1.toml --output report.html",
}
"""Every setting of a grid under 10,000 truths; dozens of figures."""


def test_there_are_commands():
    assert len(commands()) >= 3
    assert set(commands()) >= LONG


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, id=f"{page}-{line}", marks=[pytest.mark.long] if line in LONG else [])
        for line, page in commands().items()
    ],
)
def test_commands_work(line, tmp_path, monkeypatch):
    """In a folder that has the scenarios, and may be written to."""
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    arguments = [part.strip("'\"") for part in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", line)[1:]]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output


def test_picture_of_the_output(monkeypatch):
    """The table in the README is what its command prints."""
    monkeypatch.chdir(ROOT)
    picture = blocks("text")[0]
    command, _, table = picture.partition("\n")
    assert command.startswith("$ escalation run scenarios/lucar-dks1.toml --truth 'MTD at 300'")
    result = CliRunner().invoke(main, ["run", "scenarios/lucar-dks1.toml", "--truth", "MTD at 300"])
    printed = [line.rstrip() for line in result.stdout.splitlines()]
    assert [line.rstrip() for line in table.splitlines()] == printed


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_python_examples(code):
    parser = doctest.DocTestParser().get_doctest(code, {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner()
    runner.run(parser)
    assert runner.tries
    assert not runner.failures


def test_every_design_has_a_page():
    pages = {path.stem for path in (ROOT / "docs" / "designs").glob("*.md")}
    assert pages == set(REGISTRY)
    for kind, design in REGISTRY.items():
        text = (ROOT / "docs" / "designs" / f"{kind}.md").read_text()
        for option in set(design.model_fields) - set(Design.model_fields):
            assert f"`{option}`" in text, f"{kind}: {option}"


def test_every_rule_is_documented():
    text = (ROOT / "docs" / "rules.md").read_text()
    for option in set(Design.model_fields) - {"kind", "label"}:
        assert f"`{option}`" in text, option
    for name, rule in (RULES | RESTRICTIONS).items():
        for option in (name, *rule.model_fields):
            assert option == "rule" or f"`{option}`" in text, f"{name}: {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scenario_examples_are_valid(page):
    """Each TOML block of the docs, completed to a scenario; those that are files are read by the page's commands."""
    for block in worked_pages.blocks(page.read_text()):
        if block.language != "toml" or block.file is not None:
            continue
        content = tomllib.loads(block.text)
        trial = {"doses": [50, 150, 300, 600], "target": 0.25, "max_patients": 36} | content.get("trial", {})
        truth = {"name": "t", "dlt_rates": [0.1, 0.2, 0.3, 0.4]}
        whole = {"name": "n", "design": [{"kind": "3+3"}], "truth": [truth]} | content | {"trial": trial}
        parse_scenario(whole, simulated=False)  # what simulations need may be in another block


def test_the_json_of_a_running_trial_is_documented(tmp_path):
    """Every key of `next` and `paths` is in a table of the page, and no table has another."""
    page = (ROOT / "docs" / "running-trials.md").read_text()
    documented = [
        set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines())))
        for table in re.findall(r"^\| key[^|]*\| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", page, flags=re.MULTILINE)
    ]
    (text,) = (block.text for block in worked_pages.blocks(page) if block.file == "responses.toml")
    file = tmp_path / "responses.toml"
    file.write_text(text)

    def printed(command: str) -> dict:
        options = ["--design", "boin", "--format", "json"]
        return json.loads(CliRunner().invoke(main, [command, str(file), *options, *MORE[command]]).stdout)

    found, ahead = printed("next"), printed("paths")
    objects = [found, found["estimates"][0], found["responses"][0], found["optimal_dose"]]
    objects += [ahead, ahead["root"], ahead["paths"][0]]
    assert documented == [set(one) for one in objects]


MORE = {"next": ["1NNN"], "paths": ["--cohorts", "1"]}


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert link.startswith("https://") or (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell):
    """The scripts that the README names, and what they ask for."""
    assert f"{shell}_source" in README

    def ask(instruction: str, **environment: str) -> str:
        command = [str(Path(sys.executable).parent / "escalation")]
        asked = {**os.environ, "_ESCALATION_COMPLETE": f"{shell}_{instruction}", **environment}
        return subprocess.run(command, env=asked, capture_output=True, text=True, check=True).stdout

    assert f"_ESCALATION_COMPLETE={shell}_complete" in ask("source")
    at = "--max" if shell == "fish" else "2"
    assert "--max-states" in ask("complete", COMP_WORDS="escalation run --max", COMP_CWORD=at)
