"""Pages of the docs that show commands and what these print.

A page is gone through from top to bottom, in a folder of its own that has the scenarios:

- a block `console` has commands after `$ `, each followed by the lines that it prints in 80 columns, warnings included.
  A line `...` stands for one or more lines that are left out. Spaces at the end of a line do not count. A command ends
  with exit code 0, or with 2 where it begins with `error:` or `Usage:`;
- a block after a line with nothing but a name, such as `trial.toml`:, is that file;
- a block `python` is a doctest; later blocks know the names of earlier ones;
- a picture of the page is a file that its commands wrote: both show the same words and numbers.

`python -m tests.worked_pages docs/tutorials/lucar-dks1.md` writes into a page what its commands print now, and its
pictures beside it. Outputs with lines left out stay as they are while they are right.
"""

import doctest
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from click.testing import CliRunner

from escalation.cli import main

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^(?:`(?P<file>[^`\n]+)`:\n\n?)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL
)
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes
    ----------
    language : str
    text : str
    file : str or None
        The file that it is.
    start : int
        Where its text begins in the page.
    """

    language: str
    text: str
    file: str | None
    start: int


def blocks(page: str) -> list[Block]:
    return [
        Block(found["language"], found["text"], found["file"], found.start("text")) for found in BLOCK.finditer(page)
    ]


def commands(console: str) -> list[tuple[str, str]]:
    """The commands of a block and what is shown below each."""
    first, *parts = re.split(r"^\$ ", console, flags=re.MULTILINE)
    assert not first, f"no command before {first!r}"
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1]) for part in parts]


def printed(command: str) -> str:
    """What a command prints; it is run in the current folder."""
    program, *arguments = shlex.split(command)
    assert program == "escalation", command
    result = CliRunner().invoke(main, arguments, prog_name="escalation")
    fails = result.output.startswith(("error:", "Usage:")) and "--help" not in arguments
    assert result.exit_code == (2 if fails else 0), f"{command}: exit code {result.exit_code}\n{result.output}"
    return trimmed(result.output)


def trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def shows(shown: str, output: str) -> bool:
    """Whether this is the output, but for lines left out."""
    pattern = "".join("(?:.*\n)+" if line == "..." else f"{re.escape(line.rstrip())}\n" for line in shown.splitlines())
    return re.fullmatch(pattern, output) is not None


def work_through(page: str) -> Iterator[tuple[Block, str, str, str]]:
    """Run a page in the current folder; for each command its block, itself, what is shown and what it prints."""
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.file is not None:
            Path(block.file).write_text(block.text)
        elif block.language == "console":
            for command, shown in commands(block.text):
                yield block, command, shown, printed(command)
        elif block.language == "python":
            example = doctest.DocTestParser().get_doctest(block.text, {}, "page", None, page[: block.start].count("\n"))
            example.globs = names
            told: list[str] = []
            result = doctest.DocTestRunner().run(example, out=told.append, clear_globs=False)
            assert result.attempted, block.text
            assert not result.failed, "".join(told)


def pictured(path: Path) -> list[str]:
    """The words and numbers of an SVG file."""
    wanted = ("}text", "}title", "}description")
    return ["".join(part.itertext()) for part in ElementTree.parse(path).iter() if part.tag.endswith(wanted)]


def rewritten(page: str) -> str:
    """The page with what its commands print now; run in the current folder."""
    # The last first: what is written must not move the places of what is still to be looked for.
    for block, command, shown, output in reversed(list(work_through(page))):
        if not shows(shown, output):
            before, after = page[: block.start], page[block.start :]
            page = before + after.replace(f"$ {command}\n{shown}", f"$ {command}\n{output}", 1)
    return page


def rewrite(path: Path) -> None:
    path = path.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shutil.copytree(ROOT / "scenarios", "scenarios")
        page = rewritten(path.read_text())
        path.write_text(page)
        for picture in PICTURE.findall(page):
            shutil.copy(picture, path.parent / picture)
        os.chdir(ROOT)


if __name__ == "__main__":
    os.environ["COLUMNS"] = "80"
    for name in sys.argv[1:]:
        rewrite(Path(name))
