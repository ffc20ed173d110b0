"""Every command has a page in the docs, and it is what its help says."""

import pytest

from escalation.cli import main
from tests.command_pages import EXAMPLES, FOLDER, pages, summary


def test_every_command_has_a_page():
    assert set(EXAMPLES) == set(main.commands)
    assert {path.name for path in FOLDER.iterdir()} == {"README.md", *(f"{command}.md" for command in main.commands)}


@pytest.mark.parametrize("name", pages())
def test_page(name):
    assert (FOLDER / name).read_text() == pages()[name], "python -m tests.command_pages writes the pages anew"


@pytest.mark.parametrize("command", main.commands)
def test_every_command_is_summed_up_in_a_sentence(command):
    assert summary(command).endswith(".")
    assert summary(command).count(". ") == 0
    assert f"escalation {command} " in f"{EXAMPLES[command][0]} "
