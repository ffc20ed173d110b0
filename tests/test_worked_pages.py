"""The commands and examples of the docs print what the pages show."""

import shutil
from pathlib import Path

import pytest

from tests.worked_pages import PICTURE, ROOT, blocks, pictured, rewritten, shows, work_through

PAGES = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if {"console", "python"} & {block.language for block in blocks(page.read_text())}
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder: empty, but for the scenarios."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def check(page: str) -> None:
    for _, command, shown, output in work_through(page):
        assert shows(shown, output), f"$ {command}\n{output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page, folder):
    text = page.read_text()
    check(text)
    for picture in PICTURE.findall(text):
        assert pictured(page.parent / picture) == pictured(folder / picture)


def test_tutorials_are_pages():
    names = {page.name for page in PAGES}
    assert {path.name for path in (ROOT / "docs" / "tutorials").glob("*.md")} - {"README.md"} <= names
    assert len(names) >= 3


def console(shown: str) -> str:
    return f"Text.\n\n`cut.toml`:\n\n```toml\n{TRIAL}```\n\n```console\n$ escalation table cut.toml\n{shown}```\n"


TRIAL = """name = "one dose"
[trial]
doses = [1]
target = 0.25
max_patients = 3
[[design]]
kind = "3+3"
[[truth]]
name = "t"
dlt_rates = [0.1]
"""


def test_lines_may_be_left_out(folder):
    check(console("one dose\n...\n3                    0      1              2\n...\n"))
    assert Path("cut.toml").read_text() == TRIAL


@pytest.mark.parametrize(
    "shown", ["", "one dose\n", "...\nanother dose\n...\n", "one dose\n...\n3                    0      1\n...\n"]
)
def test_wrong_output_is_noticed(shown, folder):
    with pytest.raises(AssertionError):
        check(console(shown))


def test_wrong_examples_and_failing_commands_are_noticed(folder):
    check("```python\n>>> a = 1\n\n```\n\n```python\n>>> a + 1\n2\n\n```\n")
    with pytest.raises(AssertionError):
        check("```python\n>>> 1 + 1\n3\n\n```\n")
    check(
        "```console\n$ escalation table none.toml\nerror: none.toml: cannot be read: No such file or directory\n```\n"
    )
    with pytest.raises(AssertionError):
        check("```console\n$ escalation plots\nUsage: escalation\n```\n")


def test_lines_left_out_are_at_least_one():
    assert shows("a\n...\nb\n", "a\nx\ny\nb\n")
    assert not shows("a\n...\nb\n", "a\nb\n")
    assert not shows("a\n...\n", "a\n")
    assert not shows("...\nb\n", "a\nb\nc\n")


def test_pages_are_rewritten_whole(folder):
    """Also where an earlier output becomes shorter by more than a later one is away."""
    page = console("x\n" * 1000) + "\n```console\n$ escalation table cut.toml\ny\n```\n"
    check(rewritten(page))
