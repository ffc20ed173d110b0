"""`escalation run` beside the optimal benchmark: where it stands, and where there is none."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from escalation import load_scenario, optimal_selection, run
from escalation.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = str(SCENARIOS / "lucar-dks1.toml")
TAK = str(SCENARIOS / "tak-007.toml")
NOTE = "Eff: PCS / optimal PCS"


def printed(*arguments: str) -> list[str]:
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def cells(lines: list[str], first: str) -> list[list[str]]:
    return [line.split()[1:] for line in lines if line.split()[:1] == [first]]


def test_row_and_column():
    lines = printed(LUCAR, "--trials", "0", "--truth", "MTD at 300")
    shares = optimal_selection([0.05, 0.12, 0.25, 0.40], load_scenario(LUCAR).trial)
    selection, best = cells(lines, "optimal")
    assert selection == ["RP2D", "%", *(f"{100 * share:.1f}" for share in shares), "0.0"]
    assert best == [f"{100 * shares[2]:.1f}", "100.0"]
    (header,) = cells(lines, "design")
    assert " ".join(header).startswith("PCS % eff % patients")
    (boin,) = [row for row in cells(lines, "boin") if row[0] not in ("RP2D", "patients", "DLTs")]
    assert float(boin[1]) == pytest.approx(100 * 0.603488 / shares[2], abs=0.05)
    assert any(NOTE in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_blank_where_no_dose_is_correct():
    lines = printed(LUCAR, "--trials", "0", "--truth", "all too toxic", "--format", "markdown")
    assert [line.count("|") for line in lines if line.startswith("| boin |")] == [10]
    assert [line[:17] for line in lines if line.startswith("| boin |")] == ["| boin | 86.6 |  "]
    assert sum(line.startswith("| optimal") for line in lines) == 1, "what it recommends, and no PCS"


def test_exact_beside_simulated_designs():
    finished = run(load_scenario(LUCAR), trials=200, exact=False, truths=["MTD at 300"])
    for result in finished.results:
        assert result.benchmark is not None
        assert result.numbers(result.simulated)["efficiency"] == result.simulated.pcs / result.benchmark.pcs
        error = result.standard_errors(result.simulated)["efficiency"]
        assert error == result.simulated.mcse["pcs"] / result.benchmark.pcs
    (alone,) = run(load_scenario(LUCAR), designs=["boin"], trials=1, exact=False, truths=["MTD at 300"]).results
    assert alone.standard_errors(alone.simulated) is None


@pytest.mark.parametrize(
    "arguments", [(TAK, "--truth", "DLT rate 0.30"), (LUCAR, "--from", "1NNN 2NTT", "--truth", "MTD at 150")]
)
def test_no_benchmark(arguments):
    """A single dose leaves nothing to choose; to a running trial the benchmark says nothing."""
    lines = printed(*arguments, "--trials", "0")
    assert not [line for line in lines if "optimal" in line or "eff %" in line or NOTE in line]
    tree = json.loads("\n".join(printed(*arguments, "--trials", "0", "--format", "json")))
    assert {str(result["optimal"]) for result in tree["results"]} == {"None"}
    assert {str(result["exact"]["efficiency"]) for result in tree["results"]} == {"None"}
    assert "optimal" not in "".join(printed(*arguments, "--trials", "0", "--format", "csv"))


NEVER = """
name = "never"
[trial]
doses = [1, 2, 3]
target = 0.25
max_patients = 9
[[design]]
kind = "boin"
label = "optimal"
[[truth]]
name = "in the middle of equal doses"
dlt_rates = [0.1, 0.1, 0.1]
rp2d = 2
[[truth]]
name = "falling"
dlt_rates = [0.4, 0.25, 0.1]
[[truth]]
name = "several"
dlt_rates = [0.1, 0.2, 0.3]
rp2d = [2, 3]
"""


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_a_benchmark_that_is_never_correct(tmp_path, form):
    """A truth may state a dose that complete information would not recommend; there is no efficiency then."""
    (tmp_path / "never.toml").write_text(NEVER)
    text = "\n".join(printed(str(tmp_path / "never.toml"), "--trials", "100", "--format", form))
    if form == "json":
        never, falling, several = json.loads(text)["results"]
        assert (never["optimal"]["pcs"], never["exact"]["efficiency"]) == (0, None)
        assert falling["optimal"]["pcs"] == falling["optimal"]["selection"][1]
        assert several["optimal"]["pcs"] == pytest.approx(sum(several["optimal"]["selection"][1:]), abs=1e-14)
