"""A page of the docs for each command, made from its help.

`python -m tests.command_pages` writes them all. What the help does not say, an example and where to read on, stands
here.
"""

import sys
from pathlib import Path

from click.testing import CliRunner

from escalation.cli import main

FOLDER = Path(__file__).parents[1] / "docs" / "commands"

LUCAR = "[tutorial LUCAR-DKS1](../tutorials/lucar-dks1.md)"
ONE_DOSE = "[tutorial on a single dose](../tutorials/single-dose.md)"
RUNNING = "[running trials](../running-trials.md)"

EXAMPLES = {
    "calibrate": (
        "escalation calibrate scenarios/lucar-dks1.toml --design boin --max-overdosing 0.04 --output chosen.toml",
        ["[calibration](../calibration.md)", LUCAR],
    ),
    "compare": (
        "escalation compare scenarios/lucar-dks1.toml --reference 3+3 --truth 'MTD at 300'",
        ["[designs against each other](../comparison.md)", LUCAR],
    ),
    "designs": (
        "escalation designs",
        ["[scenario files](../scenario-files.md)", "[rules for any design](../rules.md)"],
    ),
    "next": (
        "escalation next scenarios/lucar-dks1.toml '1NNN 2NTT' --design boin",
        [RUNNING, LUCAR],
    ),
    "paths": (
        "escalation paths scenarios/lucar-dks1.toml --design crm --cohorts 2 --truth 'MTD at 300'",
        [RUNNING, LUCAR],
    ),
    "plot": (
        "escalation plot scenarios/lucar-dks1.toml --what selection --truth 'MTD at 300' --output selection.svg",
        ["[figures](../figures.md)", LUCAR],
    ),
    "randomised": (
        "escalation randomised --dlt-rates 0.4 0.2 --response-rates 0.2 0.4 --alpha 0.1 --power 0.6 --correlation 0.5",
        ["[a randomised comparison](../randomised-comparison.md)"],
    ),
    "report": (
        "escalation report scenarios/tak-007.toml --truth 'DLT rate 0.10' --output report.html",
        ["[report](../report.md)", ONE_DOSE],
    ),
    "robust": (
        "escalation robust scenarios/lucar-dks1.toml --count 2000 --design boin --design crm",
        ["[designs over random truths](../robustness.md)", "[random truths](../random-truths.md)"],
    ),
    "run": (
        "escalation run scenarios/lucar-dks1.toml --truth 'MTD at 300' --trials 100000",
        ["[engines and operating characteristics](../engines.md)", LUCAR, f"`--from`: {RUNNING}"],
    ),
    "schema": (
        "escalation schema",
        ["[scenario files](../scenario-files.md)"],
    ),
    "size": (
        "escalation size scenarios/lucar-dks1.toml --design boin --pcs 0.6 --odds-ratio 2 --to 48",
        ["[sample size](../sample-size.md)", "[calibration](../calibration.md)"],
    ),
    "sweep": (
        "escalation sweep scenarios/lucar-dks1.toml --grid trial.max_patients=24,30 --grid boin.p_tox=0.3,0.4 "
        "--quantity pcs --output sweep.csv",
        ["[sweeps](../sweeps.md)", "`--cluster`: [large runs](../large-runs.md)"],
    ),
    "table": (
        "escalation table scenarios/lucar-dks1.toml --design boin",
        ["[decision tables](../decision-tables.md)", ONE_DOSE],
    ),
    "worst": (
        "escalation worst scenarios/lucar-dks1.toml --design boin --delta 0.05",
        ["[least favourable truths](../worst-case.md)"],
    ),
}
"""An example of each command, and where to read on."""


def help_of(command: str) -> str:
    """What `escalation COMMAND --help` prints in 80 columns."""
    arguments = [command, "--help"]
    result = CliRunner().invoke(main, arguments, prog_name="escalation", env={"COLUMNS": "80"}, catch_exceptions=False)
    return "".join(f"{line.rstrip()}\n" for line in result.output.splitlines())


def summary(command: str) -> str:
    """The first sentence of a command's help."""
    return " ".join((main.commands[command].help or "").split("\n\n", 1)[0].split())


def page(command: str) -> str:
    """The page of a command."""
    example, links = EXAMPLES[command]
    return (
        f"# escalation {command}\n\n{summary(command)}\n\n"
        f"```text\n$ escalation {command} --help\n{help_of(command)}```\n\n"
        f"An example:\n\n```sh\n{example}\n```\n\nMore: {'; '.join(links)}.\n"
    )


def index() -> str:
    """The page that lists all commands."""
    rows = "".join(f"| [{command}]({command}.md) | {summary(command)} |\n" for command in sorted(main.commands))
    return f"# Commands\n\n| `escalation` | |\n|---|---|\n{rows}\n{EXIT_CODES}"


EXIT_CODES = """\
Exit codes: 0, done; 1, exact and simulated values disagree, the output could not be written to its end, or a sweep was
interrupted; 2, a file or an option is wrong, and the message on standard error says what. Warnings go to standard error
and do not change the exit code.

Tables are folded to the width of the terminal, or to `COLUMNS` where that is set. With `--format json` numbers have
full precision.

`python -m tests.command_pages` writes these pages from the commands' own help.
"""


def pages() -> dict[str, str]:
    """The text of every page, by the name of its file."""
    return {f"{command}.md": page(command) for command in main.commands} | {"README.md": index()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    sys.stdout.write(f"{len(pages())} pages in {FOLDER}\n")
