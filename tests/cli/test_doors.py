"""What is not a scenario, a table or a place to write to: one line, at once, whatever it is."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from escalation import DecisionTable, load_scenario
from escalation.cli import group, main
from escalation.designs import table as table_design
from escalation.designs.tables import file as table_file
from escalation.errors import ScenarioError, brief
from escalation.files import MOST_BYTES
from escalation.scenario.file import MOST_PROBLEMS, MOST_TABLES, parse_scenario
from escalation.scenario.toml import DEEPEST, parse_toml
from escalation.studies import one_design

ROOT = Path(__file__).parents[2]
TAK = ROOT / "scenarios" / "tak-007.toml"
FULL = Path("/dev/full")
posix = pytest.mark.skipif(os.name != "posix", reason="devices, pipes")

TRIAL = 'name = "x"\n[trial]\ndoses = [1, 2, 3]\ntarget = 0.25\nmax_patients = 6\n'
BOIN = '[[design]]\nkind = "boin"\n'
TRUTH = '[[truth]]\nname = "t"\ndlt_rates = [0.1, 0.2, 0.3]\n'
OWN = '[[design]]\nkind = "table"\nfile = "own.csv"\n'
TABLE = "patients,dlts,decision\n1-6,0,E\n1-6,1,S\n2-6,>=2,DU\n"


@pytest.fixture
def refused(tmp_path):
    """The lines of a command's refusal, which takes little time; whatever they repeat, they are short."""

    def run(*arguments: object) -> list[str]:
        before = time.process_time()
        result = CliRunner().invoke(main, [*map(str, arguments)])
        assert time.process_time() - before < 10
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        lines = result.stderr.splitlines()
        assert len(lines) <= MOST_PROBLEMS + 1
        assert all(len(line) < 600 for line in lines)
        return [line.removeprefix("error: ").replace(f"{tmp_path}/", "") for line in lines]

    return run


@pytest.fixture
def scenario(tmp_path):
    """A scenario file with a text."""

    def write(text: str) -> Path:
        file = tmp_path / "s.toml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def places(tmp_path):
    """Paths at which there is no ordinary file of some kilobytes, by the reason."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link").symlink_to("/dev/zero")
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(50_000_000_000)
    (tmp_path / "large").write_text("# " + "x" * MOST_BYTES)
    return {
        "/dev/zero": "it is no ordinary file",
        "/dev/tty": "it is no ordinary file",
        str(tmp_path / "link"): "it is no ordinary file",
        str(tmp_path / "pipe"): "it is no ordinary file",
        str(tmp_path): "Is a directory",
        str(tmp_path / "loop"): "Too many levels of symbolic links",
        str(tmp_path / "sparse"): "it has more than 1,000,000 bytes",
        str(tmp_path / "large"): "it has more than 1,000,000 bytes",
        "/proc/self/mem": "Input/output error",
        str(tmp_path / "s.toml" / "below"): "Not a directory",
        str(tmp_path / "none"): "No such file or directory",
    }


@posix
def test_what_is_no_file_is_not_read(tmp_path, places, refused, scenario):
    """As a scenario, and as a decision table that one names."""
    for place, reason in places.items():
        scenario(TRIAL + BOIN + TRUTH)
        for command in ("run", "table", "next"):
            (line,) = refused(command, place)
            assert line == f"{place}: cannot be read: {reason}".replace(f"{tmp_path}/", "")
        file = scenario(TRIAL + f'[[design]]\nkind = "table"\nfile = "{place}"\n' + TRUTH)
        if place == f"{file}/below":
            continue
        (line,) = refused("run", file)
        assert line == f"s.toml: design[1].file: {place}: cannot be read: {reason}".replace(f"{tmp_path}/", "")


def test_the_largest_file_is_read(tmp_path):
    file = tmp_path / "s.toml"
    text = TRIAL + BOIN + TRUTH
    file.write_text(text + "#" * (MOST_BYTES - len(text)))
    assert load_scenario(file).design


@posix
def test_nothing_of_a_file_that_is_named_is_shown(tmp_path, refused, scenario):
    """A scenario may come from somebody else, and name a file that is nobody else's business."""
    printed = "part,doses,patients,decisions,design\n"
    long = "patients,dlts,decision"
    secrets = ["root:$6$secret:19000:0::", "secret", "dlts,secret\n1,secret\n", f"{long}\nsecret,1,secret\n",
               f"{long}\n3,1,secret", '"secret', f"{printed}doses,1,secret,E,a",
               f"{printed}doses,1,1,E E,secret\ndoses,1,1,E E,secret2",
               f"{long},secret\n", "secret\x00", "patients,secret,secret\n"]  # fmt: skip
    for content in secrets:
        (tmp_path / "own.csv").write_text(content)
        lines = refused("run", scenario(TRIAL + OWN + TRUTH))
        assert not any("secret" in line or "$6$" in line for line in lines)
        assert all("own.csv: line " in line for line in lines)


def test_a_table_is_read_once(tmp_path, monkeypatch, scenario):
    """However many designs have it; and its contradictions are looked for once."""
    (tmp_path / "own.csv").write_text(TABLE)
    read = []
    monkeypatch.setattr(table_design, "read_table", lambda path: read.append(path) or table_file.read_table(path))
    designs = "".join(f'{OWN}label = "{number}"\n' for number in range(50))
    found = load_scenario(scenario(TRIAL + designs + TRUTH))
    assert read == [tmp_path / "own.csv"]
    assert {design.rows for design in found.design} == {DecisionTable(file=str(tmp_path / "own.csv")).rows}


def test_many_designs_with_a_long_table(tmp_path, scenario):
    cells = [(patients, dlts) for patients in range(1, 150) for dlts in range(patients + 1)][:9_990]
    rows = "".join(f"{patients},{dlts},{'E' if 4 * dlts < patients else 'D'}\n" for patients, dlts in cells)
    (tmp_path / "own.csv").write_text("patients,dlts,decision\n" + rows)
    designs = "".join(f'{OWN}label = "{number}"\n' for number in range(30))
    before = time.process_time()
    assert len(load_scenario(scenario(TRIAL + designs + TRUTH)).design) == 30
    assert time.process_time() - before < 20


NUMBER = "0x" + "f" * 5_000
DEEP = ".".join("a" * 40_000)
LONG = "a" * 300_000
HUGE = {
    "a dotted key": f"{DEEP} = 1",
    "a dotted key in quotes": ".".join(['"a"'] * 40_000) + " = 1",
    "a table's head": f"[{DEEP}]",
    "a dotted key in a table": f"x = {{{DEEP} = 1}}",
    "after a text": f'x = """ " \\""" """\n{DEEP} = 1',
    "brackets": "a = " + "[" * 300_000,
    "braces": "a = " + "{a=" * 100_000,
    "texts that do not end": "a = " + '"""\\"' * 100_000,
    "a long key": f"{LONG} = 1",
    "many keys": "\n".join(f"k{number} = 1" for number in range(50_000)),
    "a long kind": f'{TRIAL}[[design]]\nkind = "{LONG}"\n{TRUTH}',
    "a long rule": f'{TRIAL}{BOIN}stop_when = {{rule = "{LONG}"}}\n{TRUTH}',
    "a long restriction": f'{TRIAL}{BOIN}restrict = [{{rule = "{LONG}"}}]\n{TRUTH}',
    "a long option": f"{TRIAL}{BOIN}{LONG} = 1\n{TRUTH}",
    "a long label twice": TRIAL + f'{BOIN}label = "{LONG[:999]}"\n' * 2 + TRUTH,
    "a long truth twice": TRIAL + BOIN + TRUTH.replace('"t"', f'"{LONG[:999]}"') * 2,
    "a long file": f'{TRIAL}[[design]]\nkind = "table"\nfile = "{LONG}"\n{TRUTH}',
    "a number as kind": f"{TRIAL}[[design]]\nkind = {NUMBER}\n{TRUTH}",
    "a number as rule": f"{TRIAL}{BOIN}stop_when = {{rule = {NUMBER}}}\n{TRUTH}",
    "a number as restriction": f"{TRIAL}{BOIN}restrict = [{{rule = {NUMBER}}}]\n{TRUTH}",
    "a number as rate": f"{TRIAL}{BOIN}[[truth]]\nname = 't'\ndlt_rates = [{NUMBER}]",
    "a number as number": f"{TRIAL.replace('= 6', f'= {NUMBER}')}{BOIN}{TRUTH}",
    "a number of thousands of digits": f"a = {'9' * 5_000}",
    "many wrong rates": f"{TRIAL}{BOIN}[[truth]]\nname = 't'\ndlt_rates = [{'true,' * 50_000}]",
    "many wrong doses": TRIAL.replace("1, 2, 3", "true," * 50_000) + BOIN + TRUTH,
    "many wrong rows": f'{TRIAL}[[design]]\nkind = "table"\nrows = [{"{}," * 50_000}]\n{TRUTH}',
    "many designs": TRIAL + BOIN * 10_000 + TRUTH,
    "many truths": TRIAL + BOIN + TRUTH * 15_000,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_huge_files_are_refused_at_once(refused, scenario, text):
    assert refused("run", scenario(text))[0].startswith("s.toml: ")


def test_depth_of_keys():
    """What no scenario needs; dots in texts, comments and numbers are none of it."""
    deep = ".".join("a" * DEEPEST)
    assert parse_toml(f"{deep} = 1")
    with pytest.raises(ValueError, match="a key has more than 20 parts with dots between"):
        parse_toml(f"{deep}.a = 1")
    for text in (f"'''{deep}.a'''", f'"""{deep}.a"\\""""', f'"{deep}.a\\""', f"'{deep}.a'", f"1 # {deep}.a"):
        assert parse_toml(f"x = {text}")
        with pytest.raises(ValueError, match="a key has more"):
            parse_toml(f"x = {text}\n{deep}.a = 1")
    assert parse_toml(f"x = [{'0.5, ' * 50}]")


def test_numbers_that_cannot_be_printed(scenario):
    with pytest.raises(ScenarioError, match=r"design\[1\]\.kind: a whole number of more than a thousand digits"):
        load_scenario(scenario(HUGE["a number as kind"]))
    content = {"name": "x", "trial": {"doses": [1], "target": 0.25, "max_patients": 6}}
    for design in ({"kind": 10**5_000}, {"kind": "boin", "stop_when": {"rule": 10**5_000}},
                   {"kind": "boin", "restrict": [{"rule": 10**5_000}]}):  # fmt: skip
        with pytest.raises(ScenarioError):
            parse_scenario({**content, "design": [design], "truth": [{"name": "t", "dlt_rates": [0.1]}]})


def test_limits_of_a_file(refused, scenario):
    designs, truths = MOST_TABLES["design"], MOST_TABLES["truth"]
    assert refused("run", scenario(TRIAL + BOIN * (designs + 1) + TRUTH)) == [
        "s.toml: design: there are 201 tables; at most 200 are possible"
    ]
    assert refused("run", scenario(TRIAL + BOIN + TRUTH * (truths + 1))) == [
        "s.toml: truth: there are 10,001 tables; at most 10,000 are possible"
    ]


@pytest.mark.parametrize("grid", [f"boin.p_tox={{{DEEP}=1}}", f"boin.p_tox={NUMBER}", f"{LONG}=1", "boin.p_tox=[[[["])
def test_huge_grids(refused, scenario, grid, tmp_path):
    assert refused("sweep", scenario(TRIAL + BOIN + TRUTH), "--grid", grid, "--output", tmp_path / "o.csv")


def test_huge_options(refused, scenario):
    file = scenario(TRIAL + BOIN + TRUTH)
    assert refused("run", file, "--design", LONG)
    assert refused("run", file, "--truth", LONG)
    many = "N" * 100_000
    for outcomes, bad in (
        (f"1{LONG}", "a"),
        (f"1NNN {'9' * 100_000}N", "9"),
        (LONG, "a"),
        (f"1NNN 2{many}X{many}", "X"),
    ):
        *_, text, caret = refused("next", file, outcomes)
        assert text[caret.index("^")] == bad


def test_messages_repeat_a_beginning():
    assert brief("a" * 61) == "a" * 60 + "..."
    assert brief("a\x1b[31m\u202e\n") == r"a\x1b[31m\u202e\n"
    assert brief("") == "''"
    assert brief(10**5_000) == "a number of thousands of digits"
    assert brief("ü 3") == "ü 3"


@posix
@pytest.mark.parametrize("how", ["itself", "link", "hard link", "another way"])
@pytest.mark.parametrize("read", ["s.toml", "own.csv", "below/other.csv"])
def test_output_that_the_command_reads(tmp_path, scenario, refused, how, read):
    """By whatever name, of a command that writes tables, pages, figures or scenarios."""
    (tmp_path / "below").mkdir()
    (tmp_path / "own.csv").write_text(TABLE)
    (tmp_path / "below" / "other.csv").write_text(TABLE)
    file = scenario(TRIAL + OWN + OWN.replace("own.csv", " below/other.csv ") + BOIN + TRUTH)
    before = (tmp_path / read).read_bytes()
    output = tmp_path / f"output{Path(read).suffix}"
    if how == "link":
        output.symlink_to(tmp_path / read)
    elif how == "hard link":
        output.hardlink_to(tmp_path / read)
    else:
        output = tmp_path / "below" / ".." / read if how == "another way" else tmp_path / read
    what = "is the scenario file itself" if read == "s.toml" else f"is a decision table that {file} reads"
    expected = f"{output}: {what}; give another name".replace(f"{tmp_path}/", "")
    for command, *options in (["run", "--output"], ["table", "--format", "csv", "--output"], ["report", "--output"],
                              ["robust", "--each"], ["worst", "--output"], ["next", "", "--output"]):  # fmt: skip
        assert refused(command, file, *options, output) == [expected]
    if read.endswith("csv"):
        assert refused("sweep", file, "--output", output) == [expected]
    else:
        assert refused("calibrate", file, "--design", "boin", "--output", output) == [expected]
    assert (tmp_path / read).read_bytes() == before


def run_in_shell(command: str, **environment: str) -> subprocess.CompletedProcess:
    python = f"{sys.executable} -m escalation"
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("ESCALATION", python)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@posix
@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("ESCALATION designs >&-", 1, "standard output is closed"),
        ("ESCALATION --help >&-", 1, "standard output is closed"),
        ("ESCALATION run none.toml >&-", 2, "none.toml: cannot be read: No such file or directory"),
        ("ESCALATION run none.toml <&- >&-", 2, "none.toml: cannot be read: No such file or directory"),
        ("ESCALATION --help >/dev/full", 1, "No space left on device"),
        ("ESCALATION run --help >/dev/full", 1, "No space left on device"),
        ("ESCALATION --version >/dev/full", 1, "No space left on device"),
        ("ESCALATION schema >/dev/full", 1, "No space left on device"),
        ("ESCALATION run none.toml 2>&-", 2, None),
        ("ESCALATION run none.toml 2>/dev/full", 1, None),
        ("NUMBA_NUM_THREADS=0 ESCALATION run scenarios/tak-007.toml --trials 0", 1,
         "numba cannot be imported: Number of threads specified must be > 0."),
        ("MPLBACKEND=nonsense ESCALATION plot scenarios/tak-007.toml --what bias --output none.svg", 2,
         "plot needs matplotlib, which cannot be imported: Key backend: 'nonsense' is not a valid value"),
        ("MPLBACKEND=nonsense ESCALATION report scenarios/tak-007.toml --output none.html", 2,
         "report needs matplotlib, which cannot be imported: Key backend: 'nonsense' is not a valid value"),
    ],
)  # fmt: skip
def test_streams_and_settings(command, code, line):
    """Of the system, none of which is a bug to be reported."""
    if "/dev/full" in command and not FULL.exists():
        pytest.skip("no device that is full")
    result = run_in_shell(command)
    assert (result.returncode, result.stdout) == (code, "")
    if line is None:
        assert result.stderr == ""
    else:
        (found,) = result.stderr.splitlines()
        assert found.startswith(f"error: {line}")


@posix
def test_a_file_is_written_without_a_screen(tmp_path):
    result = run_in_shell(f"ESCALATION table scenarios/lucar-dks1.toml --output {tmp_path}/t.txt <&- >&- 2>&-")
    assert result.returncode == 0
    assert (tmp_path / "t.txt").read_text().startswith("LUCAR-DKS1")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "there is not enough memory"),
        (np._core._exceptions._ArrayMemoryError((10**12,), np.dtype(float)), "there is not enough memory"),
        (RuntimeError("can't start new thread"),
         "can't start new thread: there is not enough memory, or a limit of processes"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (ImportError("libfoo.so: cannot open"), "libfoo.so: cannot open"),
    ],
)  # fmt: skip
def test_the_machine_gives_out(monkeypatch, error, line):
    def exhausted(*_, **__):
        raise error

    monkeypatch.setattr("escalation.scenario.file.load_designs", exhausted)
    result = CliRunner().invoke(main, ["table", str(TAK)])
    assert (result.exit_code, result.stderr) == (1, f"error: {line}\n")


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), ImportError("a bug", name="escalation.none"), ValueError("a bug")]
)
def test_bugs_are_not_hidden(monkeypatch, error):
    def wrong(*_, **__):
        raise error

    monkeypatch.setattr("escalation.scenario.file.load_designs", wrong)
    assert CliRunner().invoke(main, ["table", str(TAK)]).exception is error


def test_states_that_do_not_fit_are_a_refusal(monkeypatch):
    """As too many are: the run is simulated, and says why."""

    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(one_design, "enumerate_endings", exhausted)
    result = CliRunner().invoke(main, ["run", str(TAK), "--design", "3+3", "--trials", "100"])
    assert result.exit_code == 0
    assert "3+3: not exact: there is not enough memory for the states" in result.output


def test_what_was_typed_is_not_obeyed(tmp_path):
    """Names of files, options and commands that a terminal would obey."""
    for arguments in (["\x1b[31m"], ["run", "\x1b]0;x\x07.toml"], ["run", "--\x1b[31m"], ["run", "a\nerror: b"],
                      ["plot", str(TAK), "--what", "\x1b[31m"], ["run", str(TAK), "--output", "\x1b/\u202e"],
                      ["run", "a\udcffb"], ["next", str(TAK), "1N\x1b[31m", "--design", "3+3"]):  # fmt: skip
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert all(line.isprintable() for line in result.stderr.splitlines()), arguments


def test_warnings_of_packages_get_a_line(monkeypatch):
    def warned(*_, **__):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("of a package\x1b[31m", stacklevel=1)
        raise ScenarioError("s", ["p"])

    monkeypatch.setattr("escalation.scenario.file.load_designs", warned)
    result = CliRunner().invoke(main, ["table", str(TAK)])
    assert result.stderr == "warning: of a package\\x1b[31m\nerror: s: p\n"
    assert result.exit_code == group.EXIT_BAD_INPUT
