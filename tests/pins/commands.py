"""Commands whose output is pinned: everything that prints JSON or CSV, on the shipped scenarios with fixed seeds."""

from pathlib import Path

from click.testing import CliRunner

from escalation.cli import main

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "recorded"

LUCAR, TAK, NK = (f"scenarios/{name}.toml" for name in ("lucar-dks1", "tak-007", "nk010-nk042"))
SOME = ["--trials", "1000", "--seed", "1"]
DRAWN = ["--generator", "clertant", "--count", "50", "--seed", "1"]
BOIN = ["--design", "boin"]
CRM = ["--design", "crm"]

BOTH_FORMATS = {
    "run-lucar": ["run", LUCAR, *SOME],
    "run-tak": ["run", TAK, *SOME],
    "run-nk": ["run", NK, *SOME],
    "run-lucar-from": ["run", LUCAR, *SOME, "--from", "1NNN 2NNN 3NTT", "--truth", "MTD at 300"],
    "compare-lucar": ["compare", LUCAR, *SOME],
    "compare-nk": ["compare", NK, *SOME],
    "robust-lucar": ["robust", LUCAR, *DRAWN],
    "robust-lucar-own": ["robust", LUCAR, "--generator", "scenario"],
    "robust-tak": ["robust", TAK, "--generator", "scenario"],
    "worst-lucar": ["worst", LUCAR, "--seed", "1", *BOIN],
    "worst-tak": ["worst", TAK, "--seed", "1"],
    "calibrate-lucar": ["calibrate", LUCAR, *BOIN, "--grid", "p_saf=0.10,0.15,0.20", *DRAWN],
    "calibrate-lucar-limit": ["calibrate", LUCAR, *BOIN, "--grid", "p_tox=0.3,0.4", "--max-overdosing", "0.1"],
    "size-lucar": ["size", LUCAR, "--pcs", "0.5", "--from", "18", "--to", "30", "--odds-ratio", "2"],
    "table-lucar": ["table", LUCAR],
    "table-tak": ["table", TAK],
    "table-nk": ["table", NK],
}
JSON_ONLY = {
    "next-lucar-3+3": ["next", LUCAR, "--design", "3+3", "1NNN 2NNT"],
    "next-lucar-boin": ["next", LUCAR, *BOIN, "1NNN 2NTT"],
    "next-lucar-crm": [
        "next",
        LUCAR,
        "--design",
        "crm",
        "--patients",
        "3,6,3,0",
        "--dlts",
        "0,1,2,0",
        "--last-cohort",
        "3,2",
    ],
    "next-tak": ["next", TAK, "1NNN 1NNT", "--design", "monitoring"],
    "paths-lucar-boin": ["paths", LUCAR, *BOIN, "--cohorts", "2", "--truth", "MTD at 300"],
    "paths-lucar-crm": ["paths", LUCAR, *CRM, "--cohorts", "2", "--from", "1NNN 2NNT"],
}
WRITTEN = {
    "sweep-lucar.csv": ["sweep", LUCAR, *BOIN, "--grid", "boin.p_tox=0.3,0.4", "--grid", "trial.max_patients=12,18"],
    "sweep-lucar-summary.csv": ["sweep", LUCAR, "--grid", "trial.target=0.2,0.3", "--summary", *DRAWN],
}


def commands() -> dict[str, list[str]]:
    """Arguments by the name of the file that the output is recorded in."""
    found = {"schema.json": ["schema"]}
    for name, arguments in BOTH_FORMATS.items():
        found |= {f"{name}.{form}": [*arguments, "--format", form] for form in ("json", "csv")}
    found |= {f"{name}.json": [*arguments, "--format", "json"] for name, arguments in JSON_ONLY.items()}
    return found


def output_of(arguments: list[str]) -> str:
    """What a command prints on standard output; it may fail for another reason than a wrong call."""
    result = CliRunner().invoke(main, arguments)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1), result.output
    return result.stdout


def written_by(arguments: list[str], folder: Path) -> str:
    """What a command writes to a CSV file."""
    path = folder / "written.csv"
    assert CliRunner().invoke(main, [*arguments, "--output", str(path)]).exit_code == 0
    return path.read_text()
