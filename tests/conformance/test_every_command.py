"""What every command does, whatever it answers: a new command is tested before anyone writes a test for it.

What a command has (a scenario file, --format, --max-states, files that it writes) is read off its parameters. Only a
short call of each stands here; what is special to a command is tested in tests/cli.
"""

import csv
import errno
import io
import json
import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from escalation import __version__
from escalation.cli import main
from tests.command_pages import EXAMPLES, FOLDER, pages, summary

ROOT = Path(__file__).parents[2]
LUCAR = str(ROOT / "scenarios" / "lucar-dks1.toml")

# A call of each command that takes a moment, with the file left out: what follows the file.
CALLS = {
    "calibrate": ["--design", "boin", "--grid", "p_tox=0.3,0.4", "--truth", "MTD at 300"],
    "compare": ["--trials", "0", "--truth", "MTD at 300", "--design", "3+3", "--design", "boin"],
    "designs": [],
    "next": ["1NNN 2NTT", "--design", "boin"],
    "paths": ["--cohorts", "1", "--truth", "MTD at 300", "--design", "3+3"],
    "plot": ["--what", "selection", "--trials", "0", "--truth", "MTD at 300", "--design", "3+3", "--design", "boin"],
    "randomised": [
        *("--dlt-rates", "0.4", "0.2", "--response-rates", "0.2", "0.4"),
        *("--alpha", "0.2", "--power", "0.5", "--from", "15", "--to", "20"),
    ],
    "report": ["--trials", "0", "--truth", "MTD at 300", "--design", "3+3"],
    "robust": ["--count", "50", "--design", "3+3", "--design", "boin"],
    "run": ["--trials", "0", "--truth", "MTD at 300", "--design", "3+3", "--design", "boin"],
    "schema": [],
    "size": ["--pcs", "0.3", "--to", "15", "--truth", "MTD at 300", "--design", "3+3", "--design", "boin"],
    "sweep": ["--quantity", "pcs", "--truth", "MTD at 300", "--design", "3+3", "--design", "boin"],
    "table": ["--design", "3+3", "--design", "boin"],
    "worst": ["--design", "3+3"],
}
# Endings of the files that options name, where the command does not take any.
ENDINGS = {
    ("calibrate", "--output"): ".toml",
    ("plot", "--output"): ".svg",
    ("sweep", "--output"): ".csv",
    **{(command, "--figure"): ".svg" for command in ("calibrate", "robust", "size")},
    ("robust", "--trade-off"): ".svg",
}
# JSON that is not headed by the version: on one running trial, or on the protocol.
OTHER_HEADS = {"next": "next_dose", "paths": "scenario", "randomised": "version", "table": "version"}


def parameters(kind: type[click.Parameter]) -> list[tuple[str, click.Parameter]]:
    return [(name, one) for name, command in main.commands.items() for one in command.params if isinstance(one, kind)]


OPTIONS = [(command, option) for command, option in parameters(click.Option) if option.opts != ["-h", "--help"]]
WITH_FILE = [command for command, argument in parameters(click.Argument) if argument.name in ("file", "files")]
WRITTEN = [(command, option.opts[0]) for command, option in OPTIONS if isinstance(option.type, click.Path)]
NEEDED = {
    command: option.opts[0] for command, option in OPTIONS if (command, option.opts[0]) in WRITTEN and option.required
}
PRINTED = [
    command for command in main.commands if (command, "--output") in WRITTEN and command not in {*NEEDED, "calibrate"}
]
FORMS = [(command, form) for command, option in OPTIONS if option.opts == ["--format"] for form in option.type.choices]


def names_of_options(command: str) -> dict[str, click.ParamType]:
    """The options of a command by name, and what each takes."""
    return {option.opts[0]: option.type for name, option in OPTIONS if name == command}


def having(name: str) -> list[str]:
    """The commands with an option."""
    return [command for command, option in OPTIONS if name in option.opts]


def invoke(*arguments: object, **environment: str) -> Result:
    """A call in a wide terminal; whatever is typed, it ends with an exit code."""
    result = CliRunner().invoke(main, [str(one) for one in arguments], env={"COLUMNS": "250"} | environment)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def call(command: str, *more: object, file: object = LUCAR, **environment: str) -> Result:
    """The short call, with more options."""
    return invoke(command, *([file] if command in WITH_FILE else []), *CALLS[command], *more, **environment)


def succeed(command: str, *more: object, **settings: object) -> str:
    result = call(command, *more, **settings)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(result: Result, *words: str) -> str:
    """Exit code 2, nothing on the screen, and a message for people."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("error: ") + result.stderr.count("Error: ") >= 1
    for word in words:
        assert word in result.stderr
    return result.stderr


def out(command: str, folder: Path) -> list[str]:
    """What a command needs to be told of where it writes."""
    needed = NEEDED.get(command)
    return [] if needed is None else [needed, str(folder / f"result{ENDINGS.get((command, needed), '.out')}")]


def test_every_command_has_a_call():
    assert set(CALLS) == set(main.commands)


class TestHelp:
    @pytest.mark.parametrize("command", main.commands)
    def test_help(self, command):
        result = invoke(command, "--help")
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == invoke(command, "-h").stdout
        assert main.commands[command].help
        assert all(option.help for name, option in OPTIONS if name == command)
        assert command in invoke("--help").stdout

    def test_every_command_has_a_page(self):
        assert set(EXAMPLES) == set(main.commands)
        assert {path.name for path in FOLDER.iterdir()} == {"README.md", *(f"{name}.md" for name in main.commands)}

    @pytest.mark.parametrize("name", pages())
    def test_page(self, name):
        assert (FOLDER / name).read_text() == pages()[name], "python -m tests.command_pages writes the pages anew"

    @pytest.mark.parametrize("command", main.commands)
    def test_every_command_is_summed_up_in_a_sentence(self, command):
        assert summary(command).endswith(".")
        assert summary(command).count(". ") == 0
        assert f"escalation {command} " in f"{EXAMPLES[command][0]} "

    def test_help_waits_for_nothing_heavy(self):
        script = (
            "import sys\n"
            "from click.testing import CliRunner\n"
            "from escalation.cli import main\n"
            "for command in main.commands:\n"
            "    assert CliRunner().invoke(main, [command, '--help']).exit_code == 0\n"
            "print(*sorted(sys.modules))"
        )
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        loaded = set(result.stdout.split())
        heavy = "numba numpy scipy pydantic rich jinja2 matplotlib tomlkit pyarrow distributed sqlite3"
        assert not loaded & set(heavy.split())
        assert "click" in loaded

    def test_version(self):
        assert invoke("--version").output == f"escalation, version {__version__}\n"


class TestWhatIsTyped:
    def test_unknown_command(self):
        refused(invoke("tabel"), "No such command 'tabel'. Did you mean 'table'?")

    @pytest.mark.parametrize("command", main.commands)
    def test_unknown_options(self, command):
        for name in names_of_options(command):
            told = refused(invoke(command, f"{name}x"), f"No such option '{name}x'. ")
            assert re.search(rf"(Did you mean|Possible options:) .*'{name}'", told)

    @pytest.mark.parametrize("command", main.commands)
    def test_values_that_an_option_does_not_take(self, command):
        for name, kind in names_of_options(command).items():
            wrong = f"Invalid value for '{name}': "
            if isinstance(kind, click.Choice):
                refused(call(command, name, "other"), f"{wrong}'other' is not one of ")
            if isinstance(kind, click.types.IntParamType):
                refused(call(command, name, "many"), f"{wrong}'many' is not a valid integer")
            if isinstance(kind, click.IntRange):
                refused(call(command, name, kind.min - 1), f"{wrong}{kind.min - 1} is not in the range")
            if isinstance(kind, click.types.FloatParamType):
                values = ["ten"] * next(option.nargs for at, option in OPTIONS if at == command and name in option.opts)
                refused(call(command, name, *values), f"{wrong}'ten' is not a valid float")

    @pytest.mark.parametrize("command", WITH_FILE)
    def test_no_file(self, command):
        refused(invoke(command), "Missing argument 'FILE")

    @pytest.mark.parametrize(("command", "option"), NEEDED.items())
    def test_an_option_that_is_needed(self, command, option):
        refused(call(command), f"Missing option '{option}'")

    @pytest.mark.parametrize("command", having("--design"))
    def test_unknown_design(self, command, tmp_path):
        arguments = [one.replace("3+3", "boin").replace("boin", "bion") for one in CALLS[command]]
        told = refused(invoke(command, LUCAR, *arguments, *out(command, tmp_path)))
        assert told == "error: no design 'bion'; did you mean 'boin'?; there are '3+3', 'boin', 'crm', 'tite-boin'\n"

    @pytest.mark.parametrize("command", having("--truth"))
    def test_unknown_truth(self, command, tmp_path):
        more = ["--generator", "scenario"] if command == "robust" else []
        arguments = [one for one in CALLS[command] if one not in ("--count", "50")]
        result = invoke(command, LUCAR, *arguments, *more, *out(command, tmp_path), "--truth", "MTD at 30")
        refused(result, "error: no truth 'MTD at 30'; did you mean 'MTD at 300'?; there are 'nearly no DLTs', ")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("command", having("--generator"))
    def test_sources_of_truths_that_contradict_each_other(self, command, tmp_path):
        arguments = [one for one in CALLS[command] if one not in ("--truth", "MTD at 300", "--count", "50")]

        def given(*more: str) -> Result:
            return invoke(command, LUCAR, *arguments, *out(command, tmp_path), *more)

        refused(given("--generator", "logistic", "--truth", "all safe"), "--truth: only with --generator scenario")
        drawn = "--count, --seed: only with a --generator that draws truths"
        for option in ("--count", "--seed"):
            refused(given("--generator", "published", option, "3"), drawn)
        refused(given("--generator", "published"), "no truths are published for 4 dose levels and a target of 0.25")

    @pytest.mark.parametrize("command", having("--cluster"))
    @pytest.mark.parametrize("address", ["10.0.0.5:8786", "tcp://10.0.0.5:x"])
    def test_what_is_no_address(self, command, address, tmp_path):
        told = "should be the address of a Dask scheduler"
        refused(call(command, *out(command, tmp_path), "--cluster", address), told)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("command", ["next", "paths", "plot", "run"])
    def test_outcomes_that_cannot_be_read(self, command, tmp_path):
        arguments = ["1NNN 2NX"] if command == "next" else ["--from", "1NNN 2NX"]
        more = ["--what", "paths"] if command == "plot" else []
        result = invoke(command, LUCAR, "--design", "boin", *more, *arguments, *out(command, tmp_path))
        refused(
            result,
            "outcomes: 'X' should be N (no DLT), T (DLT), P (pending) or I (inevaluable)\n"
            "error:   1NNN 2NX\nerror:          ^\n",
        )


BAD = """
name = "bad"
[trial]
doses = [1, 2]
target = 1.25
max_patients = 12
[[design]]
kind = "bion"
[[truth]]
name = "t"
dlt_rates = [0.1, 1.2]
"""


@pytest.mark.parametrize("command", WITH_FILE)
class TestScenarioFiles:
    def test_missing(self, command, tmp_path):
        told = refused(call(command, *out(command, tmp_path), file="missing.toml"))
        assert told == "error: missing.toml: cannot be read: No such file or directory\n"

    def test_folder(self, command, tmp_path):
        told = refused(call(command, *out(command, tmp_path), file=tmp_path))
        assert told == f"error: {tmp_path}: cannot be read: Is a directory\n"

    @pytest.mark.parametrize(
        ("content", "message"),
        [(b"\xff\xfe\x00", "not a text file in UTF-8"), (b"name = \n", "not valid TOML"), (b"", "name: needed")],
        ids=["binary", "no TOML", "empty"],
    )
    def test_no_scenario(self, command, tmp_path, content, message):
        file = tmp_path / "bad.toml"
        file.write_bytes(content)
        refused(call(command, *out(command, tmp_path), file=file), f"error: {file}: {message}")

    def test_all_problems_at_once(self, command, tmp_path):
        file = tmp_path / "bad.toml"
        file.write_text(BAD)
        told = refused(call(command, *out(command, tmp_path), file=file)).splitlines()
        assert told == [
            f"error: {file}: trial.target: should be less than 1",
            next(
                line for line in told if line.startswith(f"error: {file}: design[1].kind: unknown design 'bion'; did")
            ),
            f"error: {file}: truth[1].dlt_rates[2]: should be less than or equal to 1",
        ]

    def test_warnings_are_on_standard_error(self, command, tmp_path):
        file = tmp_path / "warned.toml"
        file.write_text(Path(LUCAR).read_text().replace("cohort_size = 3\n", "cohort_size = 2\n"))
        result = call(command, *out(command, tmp_path), file=file)
        assert result.exit_code == 0
        assert result.stderr.startswith(f"warning: {file}: design '3+3': ")
        assert "3+3 treats cohorts of 3" in result.stderr
        assert all(line.startswith("warning: ") for line in result.stderr.splitlines())
        if command in having("--format") and command not in NEEDED:
            json.loads(call(command, "--format", "json", file=file).stdout)


class TestFormats:
    @pytest.mark.parametrize("command", [command for command, form in FORMS if form == "json"])
    def test_json(self, command):
        def no_number(text: str) -> None:
            raise ValueError(f"{text} is no JSON")

        tree = json.loads(succeed(command, "--format", "json"), parse_constant=no_number)
        if command in OTHER_HEADS:
            assert next(iter(tree)) == OTHER_HEADS[command]
        else:
            assert list(tree)[:3] == ["version", "scenario", "target"]
            assert (tree["version"], tree["scenario"], tree["target"]) == (__version__, "lucar-dks1", 0.25)
        if command != "table":
            assert tree["warnings"] == []

    @pytest.mark.parametrize("command", [command for command, form in FORMS if form == "csv"])
    def test_csv(self, command):
        header, *rows = csv.reader(io.StringIO(succeed(command, "--format", "csv")))
        assert len(set(header)) == len(header)
        first = "scenario" if command in WITH_FILE else "arms"
        assert header[:2] == ["scenario", "mtd"] if command == "robust" else header[0] == first
        assert rows
        assert {len(row) for row in rows} == {len(header)}
        assert {row[0] for row in rows} == {"lucar-dks1" if command in WITH_FILE else "2"}

    @pytest.mark.parametrize("command", [command for command, form in FORMS if form == "markdown"])
    def test_markdown_says_what_the_table_says(self, command):
        markdown = succeed(command, "--format", "markdown")
        plain = re.sub(r"\\([\\`*_\[\]<>|#~])", r"\1", re.sub(r"^(#+ |- |```.*|\|[-:|]+\|$)", "", markdown, flags=re.M))
        printed = re.sub("─{2,}", "", succeed(command, "--format", "table"))
        assert plain.replace("|", " ").split() == printed.replace("|", " ").split()
        for table in re.findall(r"(?:^\|.*\n)+", markdown, flags=re.M):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1

    @pytest.mark.parametrize("command", PRINTED)
    def test_tables_fit_a_terminal(self, command):
        assert max(map(len, succeed(command, COLUMNS="80").splitlines())) <= 80

    @pytest.mark.parametrize("command", [command for command, words in CALLS.items() if {"3+3", "boin"} <= set(words)])
    def test_designs_keep_the_order_of_the_file(self, command, tmp_path):
        others = [{"3+3": "boin", "boin": "3+3"}.get(one, one) for one in CALLS[command]]
        written = out(command, tmp_path)
        before = succeed(command, *written), [path.read_bytes() for path in tmp_path.iterdir()]
        result = invoke(command, LUCAR, *others, *written)
        assert (result.stdout, [path.read_bytes() for path in tmp_path.iterdir()]) == before


def answers(folder: Path) -> dict[str, str]:
    """What each command prints, in each of its formats, and what it writes, in hexadecimal numbers."""
    found = {}
    for command in main.commands:
        forms = [form for name, form in FORMS if name == command]
        for form in forms or [""]:
            written = out(command, folder)
            printed = succeed(command, *written, *(["--format", form] if form else []))
            found[f"{command} {form}"] = printed + (Path(written[1]).read_bytes().hex() if written else "")
    return found


def in_a_process(script: str, *arguments: object) -> object:
    """What a script that knows this module prints as JSON."""
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


def test_same_command_same_bytes(tmp_path):
    """Also in another process, which orders its sets differently; and nothing needs a window to draw in."""
    script = (
        "import json, pathlib, sys\n"
        "from tests.conformance.test_every_command import answers\n"
        "found = answers(pathlib.Path(sys.argv[1]))\n"
        "json.dump([found, 'matplotlib.pyplot' in sys.modules], sys.stdout)"
    )
    there, with_windows = in_a_process(script, tmp_path)
    here = answers(tmp_path)
    assert [name for name in here if here[name] != there[name]] == []
    assert set(here) == set(there)
    assert not with_windows


def without_packages(folder: Path) -> dict[str, list]:
    """Exit code and messages of each command, and of each option for which a command needs a package."""
    more: dict[str, list[tuple[str, ...]]] = {command: [()] for command in main.commands}
    for command, option in WRITTEN:
        if ENDINGS.get((command, option)) == ".svg" and option not in NEEDED.values():
            more[command].append((option, str(folder / "figure.svg")))
    for command in having("--cluster"):
        more[command].append(("--cluster", "tcp://127.0.0.1:8786"))
    more["sweep"].append(("--output", str(folder / "sweep.parquet")))
    calls = [
        (command, options, call(command, *out(command, folder), *options))
        for command in more
        for options in more[command]
    ]
    return {" ".join((command, *options[:1])): [one.exit_code, one.stderr] for command, options, one in calls}


def test_packages_that_are_not_there(tmp_path):
    """Whatever does not need them works; the rest says how to install them."""
    script = (
        "import json, pathlib, sys\n"
        "sys.modules |= dict.fromkeys(['matplotlib', 'jinja2', 'pyarrow', 'distributed', 'dask'])\n"
        "from tests.conformance.test_every_command import without_packages\n"
        "json.dump(without_packages(pathlib.Path(sys.argv[1])), sys.stdout)"
    )
    needing = {}
    for name, (code, told) in in_a_process(script, tmp_path).items():
        if code == 0:
            assert told == ""
        else:
            assert (code, told.count("\n")) == (2, 1)
            needing[name] = told.removesuffix("]'\n").rpartition("pip install 'escalation[")[2]
    assert needing == {
        **dict.fromkeys(["plot", "report"], "report"),
        **{f"{command} {option}": "report" for command, option in ENDINGS if option in ("--figure", "--trade-off")},
        **{f"{command} --cluster": "cluster" for command in having("--cluster")},
        "sweep --output": "sweep",
    }


class TestWhatIsWritten:
    @pytest.mark.parametrize(("command", "form"), [(name, form) for name, form in FORMS if name in PRINTED])
    def test_output_is_what_the_screen_shows(self, command, form, tmp_path):
        file = tmp_path / "result.out"
        assert succeed(command, "--format", form, "--output", file) == ""
        assert file.read_text() == succeed(command, "--format", form)
        assert [path.name for path in tmp_path.iterdir()] == ["result.out"]
        assert file.stat().st_mode & 0o777 == 0o666 & ~umask()

    @pytest.mark.parametrize(("command", "option"), WRITTEN)
    @pytest.mark.parametrize(
        ("name", "message"),
        [("missing/result", "there is no folder "), ("folder", "it is a folder"), ("a" * 300, "File name too long")],
        ids=["missing folder", "folder", "long name"],
    )
    def test_what_cannot_be_written_is_refused(self, command, option, name, message, tmp_path):
        """Before anything is read."""
        folder = tmp_path / f"folder{ENDINGS.get((command, option), '')}"
        folder.mkdir()
        file = tmp_path / f"{name}{ENDINGS.get((command, option), '')}"
        needed = [] if option == "--output" else out(command, tmp_path)
        told = refused(call(command, *needed, option, file, file="missing.toml"), message)
        assert told.count("\n") == 1
        assert list(tmp_path.iterdir()) == [folder]

    @pytest.mark.parametrize(("command", "option"), ENDINGS)
    def test_endings(self, command, option, tmp_path):
        endings = ENDINGS[command, option]
        refused(call(command, option, tmp_path / "result.jpg"), "result.jpg: the name should end in ", endings)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("command", "option"), [one for one in WRITTEN if one[0] in WITH_FILE])
    def test_the_scenario_is_not_written_over(self, command, option, tmp_path):
        """Whatever way is given to it."""
        ending = ENDINGS.get((command, option), ".toml")
        scenario = tmp_path / f"scenario{ending}"
        scenario.write_bytes(Path(LUCAR).read_bytes())
        link = tmp_path / f"link{ending}"
        link.symlink_to(scenario)
        (tmp_path / "folder").mkdir()
        for other in (f"{tmp_path}/folder/../scenario{ending}", link):
            told = refused(call(command, option, other, file=scenario))
            assert told == f"error: {other}: is the scenario file itself; give another name\n"
        assert scenario.read_bytes() == Path(LUCAR).read_bytes()

    @pytest.mark.parametrize(
        ("command", "one", "other"),
        [
            (command, one, other)
            for command in main.commands
            for one, other in combinations([option for name, option in WRITTEN if name == command], 2)
            if len({ENDINGS.get((command, option), ".svg") for option in (one, other)}) == 1
        ],
    )
    def test_one_file_for_two_purposes(self, command, one, other, tmp_path):
        (tmp_path / "folder").mkdir()
        result = call(command, one, tmp_path / "one.svg", other, f"{tmp_path}/folder/../one.svg")
        refused(result, "each needs a file of its own")
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]

    @pytest.mark.parametrize(("command", "option"), WRITTEN)
    def test_a_full_disk_leaves_the_old_file(self, command, option, tmp_path, monkeypatch):
        def full(file: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        file = tmp_path / f"result{ENDINGS.get((command, option), '.out')}"
        file.write_text("old")
        monkeypatch.setattr(os, "fsync", full)
        result = call(command, option, file)
        assert result.exit_code == 2
        assert result.stderr.endswith(f"error: {file}: cannot be written: No space left on device\n")
        assert file.read_text() == "old"
        assert [path.name for path in tmp_path.iterdir() if path.suffix != ".partial"] == [file.name]

    @pytest.mark.parametrize(("command", "option"), [one for one in WRITTEN if one[0] in WITH_FILE])
    def test_a_bad_scenario_leaves_the_old_file(self, command, option, tmp_path):
        file = tmp_path / f"result{ENDINGS.get((command, option), '.out')}"
        file.write_text("old")
        refused(call(command, option, file, file="missing.toml"))
        assert file.read_text() == "old"


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("command", having("--max-states"))
def test_refusal(command, tmp_path):
    """Where nothing else is left to answer, the reason is an error; a sweep writes it in the row as well."""
    result = call(command, *out(command, tmp_path), "--max-states", "1")
    assert result.exit_code == 2
    assert "states" in result.stderr
    assert "error: " in result.stderr
    assert result.stdout == ""
    if command != "sweep":
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [command for command in main.commands if command not in NEEDED])
class TestScreens:
    """Of the process: what it prints on is a file that takes no more, or a pipe that nobody reads."""

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
    def test_full_disk(self, command, monkeypatch, capfd):
        assert self.ended(command, os.open("/dev/full", os.O_WRONLY), monkeypatch) == 1
        assert capfd.readouterr().err.splitlines()[-1] == "error: No space left on device"

    def test_closed_pipe(self, command, monkeypatch, capfd):
        nobody, pipe = os.pipe()
        os.close(nobody)
        assert self.ended(command, pipe, monkeypatch) == 1
        assert capfd.readouterr().err == ""

    def ended(self, command: str, screen: int, monkeypatch: pytest.MonkeyPatch) -> int:
        """The exit code of a call that prints on what is open under this number."""
        arguments = [command, *([LUCAR] if command in WITH_FILE else []), *CALLS[command]]
        with open(screen, "w", encoding="utf-8") as file, monkeypatch.context() as shown:
            shown.setattr(sys, "stdout", file)
            with pytest.raises(SystemExit) as end:
                main(arguments)
            with open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), screen)  # takes what is left when the file is closed
        return end.value.code


def test_the_suite_knows_every_parameter():
    """What it finds by its type is what the commands have."""
    assert set(WITH_FILE) == set(main.commands) - {"designs", "randomised", "schema"}
    assert set(NEEDED) == {"plot", "report", "sweep"}
    assert set(ENDINGS) <= set(WRITTEN)
    assert set(PRINTED) == set(having("--format")) - {"calibrate", "report"}
