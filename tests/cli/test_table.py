"""Decision tables from files: what is read, and what a bad one is told."""

import pytest
from click.testing import CliRunner

from escalation import DecisionTable, ScenarioError, load_scenario
from escalation.cli import main
from escalation.scenario.file import parse_scenario
from tests.cli.test_scenario import GOOD
from tests.support import LETTERS

SCENARIO = """
name = "example"
[trial]
doses = [1, 2, 3]
target = 0.25
max_patients = 6
[[design]]
kind = "table"
{options}
[[truth]]
name = "one"
dlt_rates = [0.1, 0.25, 0.4]
"""
LONG = """# protocol, section 5
Patients, DLTs ,decision

3,0,E
3,1,S
3,2,D
3,3,DU
6,0-1,escalate
6,2 to 3,De-escalate
6,>=4,eliminate
"""
WIDE = """dlts,3,6
0,E,E
1,S,E
2,D,D
3,DU,D
>=4,,DU
"""
BY_DOSE = """dose,patients,dlts,decision,
,3,0,E
,3,1,S,
1-2,3,2,D,
3,3,2,D
,3,3,DU
,6,0-1,E
,6,2-3,D
,6,>=4,DU
"""


OWN = 'file = "tables/own.csv"'


@pytest.fixture
def write(tmp_path):
    """Writes a scenario file with a table, beside it in a folder of its own; returns the scenario file."""

    def write(table: str | bytes, options: str = OWN):
        (tmp_path / "tables").mkdir(exist_ok=True)
        content = table.encode() if isinstance(table, str) else table
        (tmp_path / "tables" / "own.csv").write_bytes(content)
        (tmp_path / "trial.toml").write_text(SCENARIO.format(options=options))
        return tmp_path / "trial.toml"

    return write


@pytest.mark.parametrize(
    "table",
    [LONG, WIDE, BY_DOSE, LONG.encode("utf-8-sig"), LONG.replace("\n", "\r\n"), LONG.replace("3,0,E", '"3","0","E"')],
    ids=["long", "wide", "by dose", "byte order mark", "carriage returns", "quotes"],
)
def test_forms_of_one_table(write, table):
    scenario = load_scenario(write(table))
    (design,) = scenario.design
    for codes in design.plan(scenario.trial).codes:
        for patients, letters in ((3, "E S D DU"), (6, "E E D D DU DU DU")):
            assert " ".join(LETTERS[code] for code in codes[patients, : patients + 1].tolist()) == letters
    assert design.file is None
    assert type(design)(**design.model_dump()) == design


def test_a_table_in_the_scenario_file_is_the_same(write):
    rows = """rows = [
        {patients = 3, dlts = 0, decision = "E"}, {patients = 3, dlts = "1", decision = "S"},
        {patients = 3, dlts = 2, decision = "D"}, {patients = 3, dlts = 3, decision = "DU"},
        {patients = 6, dlts = "<=1", decision = "E"}, {patients = 6, dlts = "2-3", decision = "D"},
        {patients = 6, dlts = ">=4", decision = "eliminate"},
    ]"""
    inline, from_file = load_scenario(write("", rows)).design, load_scenario(write(LONG)).design
    assert inline == from_file
    assert hash(inline) == hash(from_file)


def test_folders(write, tmp_path, monkeypatch):
    """Of the scenario file, whatever folder the program is started in; in Python, the folder one is in."""
    file = write(LONG)
    design = load_scenario(file).design[0]
    monkeypatch.chdir(tmp_path / "tables")
    assert DecisionTable(file="own.csv") == design
    assert load_scenario(file).design[0] == design
    assert DecisionTable(file=str(tmp_path / "tables" / "own.csv")) == design
    assert parse_scenario({**GOOD, "trial": GOOD["trial"] | {"max_patients": 6},
                           "design": [{"kind": "table", "file": "own.csv"}]}).design[0] == design  # fmt: skip


def errors(file) -> list[str]:
    result = CliRunner().invoke(main, ["run", str(file), "--trials", "0"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
    start = f"error: {file}: design[1]."
    lines = result.stderr.splitlines()
    assert all(line.startswith(start) for line in lines), lines
    return [line.removeprefix(start) for line in lines]


NUMBER_FROM = "should be a whole number from {} to 100000, or a range as '3-6', '>=3' or '<=6'"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "the file is empty"),
        ("\n# nothing\n,,\n", "the file is empty"),
        ("patients,dlts,decision\n", "there are no rows"),
        ("dlts,3,6\n", "there are no rows"),
        (b"\xff\xfe\x00", "not a text file in UTF-8 (byte 0)"),
        ('patients,dlts,decision\n3,"0,E\n', "line 2: not CSV: unexpected end of data"),
        (LONG.replace("DLTs", "dtls"),
         "line 2: column 2 is unknown; known, with commas between, are dose, patients, dlts, decision"),
        (LONG.replace(",", ";"), "line 2: column 1 is unknown; known, with commas between, are"),
        (LONG.replace("Patients, DLTs ", "patients,patients"), "line 2: column 'patients' is there twice"),
        ("patients,decision\n3,E\n", "line 1: column 'dlts' is needed"),
        ("dlts,decision\n3,E\n", "line 1: column 'patients' is needed"),
        (LONG.replace("3,1,S", "3,1,S,1"), "line 5: more values than columns"),
        (WIDE.replace("1,S,E", "1,S,E,E"), "line 3: more values than columns"),
        (LONG.replace("3,1,S", "3,1"), "line 5: decision: needed"),
        (LONG.replace("3,1,S", "3,1,X"),
         "line 5: decision: should be E, S, D or DU, for escalate, stay, de-escalate or eliminate"),
        (LONG.replace("3,1,S", "3,-1,S"), f"line 5: dlts: {NUMBER_FROM.format(0)}"),
        (LONG.replace("3,1,S", "3,1.5,S"), f"line 5: dlts: {NUMBER_FROM.format(0)}"),
        (LONG.replace("3,1,S", "3,2-1,S"), f"line 5: dlts: {NUMBER_FROM.format(0)}"),
        (LONG.replace("3,1,S", "0,0,S"), f"line 5: patients: {NUMBER_FROM.format(1)}"),
        (LONG.replace("3,1,S", "100001,1,S"), f"line 5: patients: {NUMBER_FROM.format(1)}"),
        (LONG.replace("3,1,S", f"{'9' * 5000},1,S"), f"line 5: patients: {NUMBER_FROM.format(1)}"),
        (LONG.replace("3,1,S", "3,\x1b[31m1,S"), f"line 5: dlts: {NUMBER_FROM.format(0)}"),
        (LONG.replace("3,1,S", "3,4,S"), "line 5: dlts: 4 of 3 patients is impossible"),
        (WIDE.replace("dlts,3", "dlts,three"), f"line 2: patients: {NUMBER_FROM.format(1)}"),
        (LONG + "3,>=1,DU\n", "line 5 and line 11 decide differently on 1 of 3: S and DU"),
        (BY_DOSE + "2,6,4,S\n", "line 9 and line 10 decide differently on dose 2, 4 of 6: DU and S"),
        (WIDE + "2,,S\n", "line 4 and line 7 decide differently on 2 of 6: D and S"),
        ("patients,dlts,decision\n" + "3,0,E\n" * 10_001, "there are more than 10000 rows"),
    ],
)  # fmt: skip
def test_bad_files(write, table, message):
    found = errors(write(table))
    assert found[0].startswith(f"file: tables/own.csv: {message}")
    assert len(found[0]) < 200, "nothing of what the file holds"


def test_many_problems_are_counted(write):
    found = errors(write(LONG.replace("0", "x").replace(",S", ",stop").replace("3,D", "3,N").replace(",DU", ",")))
    assert len(found) == 4
    assert found[-1] == "file: tables/own.csv: and 2 more problems"
    lines = errors(write("patients,dlts,decision\n" + "3,0,E\n3,0,S\n" * 9))
    assert len(lines) == 4
    assert lines[-1] == "file: tables/own.csv: and more rows like these"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["rows: needed, or else a file"]),
        ("rows = []", ["rows: needed, or else a file"]),
        ('file = "none.csv"', ["file: none.csv: cannot be read: No such file or directory"]),
        ('file = "tables"', ["file: tables: cannot be read: Is a directory"]),
        ('file = "trial.toml"', ["file: trial.toml: line 2: column 1 is unknown; known, with commas between, are "
                                 "dose, patients, dlts, decision"]),
        ('file = ""', ["file: should be a printable text that is not blank"]),
        ('file = "a\\u0000b"', ["file: should be a printable text that is not blank"]),
        ("file = 3", ["file: should be a text in quotes"]),
        (f'{OWN}\nrows = [{{patients = 3, dlts = 0, decision = "E"}}]',
         ["file: give either a file or rows, not both"]),
        (f"{OWN}\ncap = 0", ["cap: should be greater than or equal to 1"]),
        (f'{OWN}\nrecommend = "best"', ["recommend: should be 'isotonic' or 'highest_cleared'"]),
        ("rows = [1]", ["rows[1]: should be a table"]),
        ('rows = [{patients = 3, dlts = 0}]', ["rows[1].decision: needed"]),
        ('rows = [{patients = true, dlts = 0.5, decision = 1}]',
         [f"rows[1].patients: {NUMBER_FROM.format(1)}",
          f"rows[1].dlts: {NUMBER_FROM.format(0)}",
          "rows[1].decision: should be E, S, D or DU, for escalate, stay, de-escalate or eliminate"]),
        ('rows = [{patients = 3, dlts = 0, decision = "E", n = 3}]', ["rows[1].n: unknown key"]),
        ('rows = [{patients = 3, dlts = 9, decision = "E"}]', ["rows[1].dlts: 9 of 3 patients is impossible"]),
        ('rows = [{patients = 3, dlts = "0-1", decision = "E"}, {patients = ">=2", dlts = 1, decision = "S"}]',
         ["rows: row 1 and row 2 decide differently on 1 of 3: E and S"]),
        ('rows = [{patients = 3, dlts = ">=0", decision = "S"}]',
         ["rows: no decision in cells that a trial may reach: dose 1, 0-6 of 6"]),
        ('rows = [{dose = 4, patients = 3, dlts = 0, decision = "S"}, {patients = 3, dlts = "0-3", decision = "S"},'
         ' {patients = 6, dlts = "0-6", decision = "S"}]',
         ["rows: the trial has 3 dose levels, and there are rows for higher ones: row 1 (dose 4, 0 of 3)"]),
    ],
)  # fmt: skip
def test_bad_options(write, options, expected):
    assert errors(write(LONG, options)) == expected


def test_name_of_no_file(write):
    with pytest.raises(ScenarioError, match="cannot be read: File name too long"):
        load_scenario(write(LONG, f'file = "{"x" * 500}"'))


def test_warnings_come_before_the_results(write):
    file = write(LONG.replace("6,2 to 3,De-escalate", "6,2,E\n6,3,D") + "4,0,E\n")
    result = CliRunner().invoke(main, ["run", str(file), "--trials", "0"])
    assert result.exit_code == 0
    start = f"warning: {file}: design 'table': "
    assert result.stderr.splitlines() == [
        f"{start}escalates although the observed rate is above the target of 0.25: dose 1, 2 of 6",
        f"{start}1 of 9 rows are for cells that no trial reaches: 0 of 4",
        f"{start}no trial can give dose level 3: after 6 patients without a DLT, the last at dose level 2, the trial "
        "has treated its 6 patients",
    ]
