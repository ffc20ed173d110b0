"""Formats, files, and how the command line behaves as a process."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation.cli import main
from escalation.designs import REGISTRY
from escalation.errors import OutputError
from escalation.files import whole_file
from escalation.report.render.json import scenario_schema

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
SHORT = ["run", TAK, "--trials", "200", "--truth", "DLT rate 0.30"]
PROCESS = [sys.executable, "-m", "escalation"]


def succeed(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_csv_has_every_number_of_the_json():
    rows = list(csv.DictReader(io.StringIO(succeed(*SHORT, "--format", "csv"))))
    tree = json.loads(succeed(*SHORT, "--format", "json"))
    values = {(row["design"], row["engine"], row["quantity"], row["dose"]): row for row in rows}
    assert len(values) == len(rows), "each number once"
    assert {result["design"] for result in tree["results"] if result["exact"] is None} == {"tite-boin"}
    for result in tree["results"]:
        for engine in ("exact", "simulated"):
            oc = result[engine]
            if oc is None:
                told = {
                    quantity
                    for design, told_by, quantity, _ in values
                    if (design, told_by) == (result["design"], engine)
                }
                assert all(quantity.startswith("optimal.") for quantity in told), "only what is the truth's"
                continue
            row = values[result["design"], engine, "selection", "1"]
            assert float(row["value"]) == oc["selection"][0]
            assert (row["mcse"] == "") == (engine == "exact")
            assert float(values[result["design"], engine, "sample_size.q95", ""]["value"]) == oc["sample_size"]["q95"]
            for value, probability in oc["total_dlts"]["distribution"]:
                row = values[result["design"], engine, f"total_dlts.distribution.{value}", ""]
                assert float(row["value"]) == probability
        anchored = result["anchored"]
        assert (anchored is None) == (result["exact"] is not None)
        for name in ("pcs", "sample_size", "duration") if anchored else ():
            row = values[result["design"], "anchored", name, ""]
            assert (float(row["value"]), float(row["mcse"])) == (anchored[name], anchored["mcse"][name])
            assert float(values[result["design"], "anchored", f"gain.{name}", ""]["value"]) == anchored["gain"][name]


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--trials", "0"),
        ("run", "--trials", "0", "--from", "1NNN"),
        ("compare", "--trials", "0"),
        ("size", "--pcs", "0.1", "--from", "6", "--to", "9"),
        ("robust", "--count", "5"),
        ("worst",),
    ],
    ids=" ".join,
)
def test_csv_without_a_design_is_not_silent(command):
    """Its rows would be missed by nobody: a line on standard error says which design has none, and why."""
    name, *asked = command
    result = CliRunner().invoke(
        main, [name, LUCAR, "--design", "3+3", "--design", "boin", "--design", "tite-boin", *asked, "--format", "csv"]
    )
    assert result.exit_code == 0
    assert "tite-boin" not in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"warning: {LUCAR}: tite-boin is left out: ")
    assert "depends on" in line


def test_csv_has_the_benchmark():
    command = ["run", LUCAR, "--trials", "200", "--truth", "MTD at 300", "--truth", "all too toxic"]
    rows = csv.DictReader(io.StringIO(succeed(*command, "--format", "csv")))
    values = {(row["design"], row["truth"], row["engine"], row["quantity"], row["dose"]): row for row in rows}
    for result in json.loads(succeed(*command, "--format", "json"))["results"]:
        names = result["design"], result["truth"]
        for dose, share in enumerate(result["optimal"]["selection"], 1):
            assert float(values[*names, "exact", "optimal.selection", str(dose)]["value"]) == share
        if result["truth"] == "all too toxic":
            assert result["optimal"]["pcs"] is None
            assert not {key for key in values if key[:2] == names and key[3] in ("optimal.pcs", "efficiency")}
            continue
        pcs = result["optimal"]["pcs"]
        assert float(values[*names, "exact", "optimal.pcs", ""]["value"]) == pcs
        assert (result["exact"] is None) == (result["design"] == "tite-boin")
        for engine in ("simulated",) if result["exact"] is None else ("exact", "simulated"):
            row = values[*names, engine, "efficiency", ""]
            assert float(row["value"]) == result[engine]["efficiency"] == result[engine]["pcs"] / pcs
        assert float(row["mcse"]) == result["simulated"]["mcse"]["pcs"] / pcs


def test_markdown():
    text = succeed("run", LUCAR, "--trials", "0", "--truth", "all safe", "--format", "markdown")
    lines = text.splitlines()
    assert lines[0] == "## LUCAR-DKS1 CAR-NK cells, relapsed or refractory autoimmune disease"
    assert "### all safe" in lines
    widths = {line.count(" | ") for line in lines if line.startswith("| ")}
    assert widths == {5, 8}
    assert "| dose (million cells/kg) | 50 | 150 | 300 | 600\\* | none |" in lines


def test_names_with_markup_are_shown_as_they_are(tmp_path):
    file = tmp_path / "marked.toml"
    text = Path(TAK).read_text().replace('kind = "boin"', 'kind = "boin"\nlabel = "[red]a|b[/red] :smile:"')
    file.write_text(text)
    assert "[red]a|b[/red] :smile: RP2D %" in succeed("run", str(file), "--trials", "0")
    assert "a\\|b" in succeed("run", str(file), "--trials", "0", "--format", "markdown")


def test_same_file_twice_gives_the_same_results_twice():
    tree = json.loads(succeed(*SHORT, TAK, "--format", "json"))
    assert len(tree) == 2
    assert tree[0] == tree[1]


def test_designs_lists_every_option():
    text = succeed("designs")
    for kind, design in REGISTRY.items():
        assert f"{kind}  " in text
        for name in design.model_fields:
            assert name in text
    assert "Liu S, Yuan Y (2015)" in text
    for design in REGISTRY.values():
        assert all(design.field_texts().get(name) for name in design.model_fields if name != "kind")


def test_schema_is_the_file_that_the_scenarios_name():
    assert succeed("schema") == scenario_schema() + "\n"
    assert (SCENARIOS / "scenario.schema.json").read_text() == scenario_schema() + "\n"
    for path in SCENARIOS.glob("*.toml"):
        assert path.read_text().startswith("#:schema scenario.schema.json\n")


def test_schema_describes_options_and_limits():
    schema = json.loads(scenario_schema())
    boin = schema["$defs"]["BOIN"]["properties"]
    assert boin["cutoff_eli"]["exclusiveMaximum"] == 1
    assert "eliminated" in boin["cutoff_eli"]["description"]
    assert schema["properties"]["design"]["items"]["discriminator"]["propertyName"] == "kind"
    assert schema["$defs"]["Trial"]["required"] == ["doses", "target", "max_patients"]


def test_closed_pipe_is_quiet():
    command = f"{sys.executable} -m escalation run '{LUCAR}' --trials 0 | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("LUCAR-DKS1")
    assert result.stderr == ""


def test_terminal_without_the_letters(tmp_path):
    """What it cannot show becomes a question mark; JSON keeps every letter."""
    file = tmp_path / "accents.toml"
    text = (
        Path(TAK)
        .read_text()
        .replace('title = "TAK', 'title = "étude TAK')
        .replace('name = "tak-007"', 'name = "étude"')
    )
    file.write_text(text)
    command = ["run", str(file), "--trials", "0"]
    assert CliRunner(charset="ascii").invoke(main, command).stdout_bytes.startswith(b"?tude TAK")
    result = CliRunner(charset="ascii").invoke(main, [*command, "--format", "json"])
    assert json.loads(result.stdout_bytes)["scenario"] == "étude"


def test_full_disk():
    with open("/dev/full", "w") as full:
        result = subprocess.run([*PROCESS, *SHORT], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert "error: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def test_output_to_what_is_no_ordinary_file(tmp_path):
    """A link stays a link, and a pipe is written to."""
    target, link, pipe = tmp_path / "target.json", tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to(target)
    command = ["run", LUCAR, "--trials", "0", "--design", "3+3", "--format", "json", "--output"]
    assert CliRunner().invoke(main, [*command, str(link)]).exit_code == 0
    assert link.is_symlink()
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert CliRunner().invoke(main, [*command, str(pipe)]).exit_code == 0
        assert reader.stdout.read() == target.read_text()
    assert pipe.is_fifo()


MANY_DOSES = """
name = "Twelve doses"
[trial]
doses = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
target = 0.25
max_patients = 12
[[design]]
kind = "3+3"
label = "a label of some length"
[[truth]]
name = "rising"
dlt_rates = [0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22, 0.24]
"""


@pytest.mark.parametrize("width", [80, 60, 30])
def test_tables_are_folded_to_the_terminal(tmp_path, width):
    """Every column is there, beside the names of its rows; a table that cannot be narrower is not cut off."""
    file = tmp_path / "many.toml"
    file.write_text(MANY_DOSES)
    result = CliRunner().invoke(main, ["run", str(file), "--trials", "0"], env={"COLUMNS": str(width)})
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    headers = [line for line in lines if line.startswith("dose  ")]
    assert [name for header in headers for name in header.split()[1:]] == [*map(str, range(1, 12)), "12*", "none"]
    assert sum(line.startswith("a label of some length RP2D %") for line in lines) == len(headers)
    assert (len(headers) > 1) == (width < 100)
    if width == 80:
        assert max(map(len, lines)) <= 80
    columns = [name for line in lines if line.startswith("design ") for name in line.split("   ")[1:] if name.strip()]
    assert [name.strip() for name in columns] == [
        *["PCS %", "eff %", "patients", "5-95 %", "DLTs", "DLT %", "above %", "toxic %"]
    ]


SCRIPT = """
import signal, sys
from escalation.cli import main
from escalation.report import progress

progress.PATIENCE = 0
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
main(sys.argv[1:])
"""
SOON = [sys.executable, "-c", SCRIPT]
"""The command line, with a bar that appears at once."""


def test_progress_on_a_terminal_only(tmp_path):
    """A bar on standard error when that is a terminal; results stay apart from it, and have no colours."""
    results = tmp_path / "results.json"
    process, terminal = beside_a_terminal([*SOON, *SHORT, "--format", "json"], results)
    assert b"designs x truths" in b"".join(told(terminal))
    assert process.wait() == 0
    assert json.loads(results.read_text())["scenario"] == "tak-007"
    piped = subprocess.run([*SOON, *SHORT], capture_output=True, check=True)
    assert piped.stderr == b""
    assert b"\x1b" not in piped.stdout


def test_interrupt_leaves_nothing(tmp_path):
    """Interrupted as soon as it shows that it has finished some of its 32 results."""
    file, screen = tmp_path / "result.json", tmp_path / "screen"
    process, terminal = beside_a_terminal([*SOON, "run", LUCAR, "--trials", "200000", "--output", str(file)], screen)
    shown, interrupted = b"", False
    for part in told(terminal):
        shown += part
        if not interrupted and re.search(rb"[1-9]\d*/32", shown):
            process.send_signal(signal.SIGINT)
            interrupted = True
    assert process.wait() == 1
    assert screen.read_bytes() == b""
    assert b"Traceback" not in shown
    assert list(tmp_path.iterdir()) == [screen]


def test_a_file_that_cannot_be_renamed_leaves_nothing(tmp_path):
    """A folder of that name that appears during the work stays, and nothing is beside it."""
    output = tmp_path / "result.json"
    with pytest.raises(OutputError, match=r"result\.json: cannot be written"), whole_file(output):
        output.mkdir()
    assert list(tmp_path.iterdir()) == [output]


def beside_a_terminal(command: list[str], output: Path) -> tuple[subprocess.Popen, int]:
    """A process that prints to a file and sees a terminal as standard error; the other end of that."""
    terminal, theirs = os.openpty()
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=theirs)
    os.close(theirs)
    return process, terminal


def told(terminal: int) -> Iterator[bytes]:
    """What a terminal gets, while the process runs: it takes no more than some kilobytes unread."""
    try:
        while part := os.read(terminal, 65536):
            yield part
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(terminal)
