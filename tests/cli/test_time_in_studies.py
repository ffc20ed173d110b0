"""How long trials take, as the studies of many trials say it; means by `Enumeration.duration`, truth by truth."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from escalation import BOIN, EscalationError, ThreePlusThree, Trial, calibrate, exact
from escalation.cli import main
from escalation.engines.allowance import MostStates
from escalation.engines.durations import Days
from escalation.scenario.file import load_scenario
from escalation.studies.evaluate import TOO_MANY
from escalation.studies.work.pieces import _Endings
from escalation.trial.calendar import DAYS_PER_MONTH

TRIAL = {"doses": [50, 150, 300, 600], "target": 0.25, "max_patients": 18, "dlt_window_days": 28}
TRUTHS = {"MTD at 300": [0.05, 0.12, 0.25, 0.4], "all too toxic": [0.45, 0.55, 0.65, 0.75]}
TIME = "[trial.time]\naccrual_per_month = 2.0\n"
LATE = '[[design]]\nkind = "boin"\nlabel = "TITE-BOIN"\npending = { rule = "weigh" }\n'
REFUSED = (
    'late-onset: with arrivals = "poisson", not "fixed", what is known when a dose is decided on depends on days: '
    "simulated only"
)


@pytest.fixture(autouse=True)
def nothing_kept():
    """Endings that a test before has enumerated may have their days already."""
    _Endings.cache_clear()


@pytest.fixture
def file(tmp_path):
    """Writes a scenario with 3+3 and BOIN, and whatever more its calendar and designs have."""

    def written(time: str = TIME, more: str = "") -> Path:
        trial = "".join(f"{name} = {value}\n" for name, value in TRIAL.items())
        truths = "".join(f'[[truth]]\nname = "{name}"\ndlt_rates = {rates}\n' for name, rates in TRUTHS.items())
        path = tmp_path / "timed.toml"
        designs = '[[design]]\nkind = "3+3"\n[[design]]\nkind = "boin"\n'
        path.write_text(f'name = "timed"\n[trial]\n{trial}{time}{designs}{more}{truths}')
        return path

    return written


def called(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "80"})


def succeed(*words: object) -> str:
    result = called(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def means(design, **time) -> list[float]:
    """Mean durations in days under either truth."""
    trial = Trial(**TRIAL, time={"accrual_per_month": 2.0, **time})
    return [exact(design, trial).duration(rates)[0] for rates in TRUTHS.values()]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class TestCompare:
    def test_days_in_csv_and_months_on_the_page(self, file):
        boin, other = means(BOIN())[0], means(ThreePlusThree())[0]
        asked = "compare", file(), "--truth", "MTD at 300", "--trials", "0"
        (row,) = [one for one in table(succeed(*asked, "--format", "csv")) if one["quantity"] == "duration"]
        assert (float(row["design_exact"]), float(row["reference_exact"])) == (boin, other)
        assert float(row["exact"]) == boin - other
        lines = [" ".join(line.split()) for line in succeed(*asked).splitlines()]
        shown = [value / DAYS_PER_MONTH for value in (boin, other, boin - other)]
        assert "months {:.2f} - {:.2f} {:+.2f}".format(*shown) in lines
        assert any(line.startswith("Months: of 30.4 days") for line in lines)

    def test_what_is_simulated_has_a_tilde(self, file):
        asked = "compare", "--truth", "MTD at 300", "--trials", "500"
        lines = succeed(*asked, file(more=LATE)).splitlines()
        assert any(line.startswith("TITE-BOIN - boin ~") for line in lines)
        assert sum(line.startswith("  months  ") for line in lines) == 3
        lines = succeed(*asked, file(time=f"{TIME}gap_days = [7]\n")).splitlines()
        assert sum(line.startswith("  months ~  ") for line in lines) == 1
        assert not any(line.startswith("boin - 3+3 ~") for line in lines)

    def test_without_a_calendar_nothing_is_said(self, file):
        assert "onths" not in succeed("compare", file(time=""), "--trials", "200")


class TestSweep:
    def sweep(self, path, *words):
        output = path.with_name("sweep.csv")
        result = called("sweep", path, *words, "--output", output)
        return result, table(output.read_text()) if output.exists() else []

    def test_of_accrual(self, file):
        grid = "--grid", "trial.time.accrual_per_month=1,2,4", "--quantity", "duration"
        result, rows = self.sweep(file(), *grid)
        assert result.exit_code == 0, result.output
        assert len(rows) == 2 * 3 * 2
        for label, design in (("3+3", ThreePlusThree()), ("boin", BOIN())):
            for accrual in (1, 2, 4):
                key = {"design": label, "trial.time.accrual_per_month": str(accrual)}
                found = [float(row["value"]) for row in rows if key.items() <= row.items()]
                assert found == pytest.approx(means(design, accrual_per_month=accrual), rel=1e-11)
        result, rows = self.sweep(file(), *grid, "--summary", "--design", "boin")
        assert float(rows[1]["lowest"]) == pytest.approx(min(means(BOIN())), rel=1e-11)

    @pytest.mark.parametrize("key", ['while_closed="wait","queue"', "gap_days=[],[7]"])
    def test_days_that_are_only_simulated_are_left_empty(self, file, key):
        result, rows = self.sweep(file(), "--grid", f"trial.time.{key}", "--quantity", "duration", "--quantity", "pcs")
        assert result.exit_code == 0, result.output
        durations = [row["value"] for row in rows if row["quantity"] == "duration" and row["design"] == "boin"]
        assert [float(value) for value in durations[:2]] == pytest.approx(means(BOIN()), rel=1e-11)
        assert durations[2:] == ["", ""]
        assert all(row["value"] for row in rows if row["quantity"] == "pcs")

    def test_they_are_null_in_parquet(self, file):
        output = file(time=f"{TIME}gap_days = [7]\n").with_name("sweep.parquet")
        succeed("sweep", output.with_name("timed.toml"), "--quantity", "duration", "--output", output)
        assert pyarrow.parquet.read_table(output)["value"].null_count == 4

    def test_late_onset_settings_are_refused(self, file):
        result, rows = self.sweep(file(more=LATE), "--grid", "TITE-BOIN.pending.most_pending=0.4,0.5")
        assert result.exit_code == 0
        assert [row["quantity"] for row in rows if row["design"] == "TITE-BOIN"] == ["refused"] * 2
        assert f"TITE-BOIN (TITE-BOIN.pending.most_pending=0.4): {REFUSED}" in result.stderr

    def test_no_calendar_no_duration(self, file):
        result, rows = self.sweep(file(time=""))
        assert not [row for row in rows if row["quantity"] == "duration"]
        result, _ = self.sweep(file(time=""), "--quantity", "duration")
        assert "quantity 'duration': unknown" in result.stderr


class TestRobust:
    def test_mean_over_truths(self, file):
        asked = "robust", file(), "--generator", "scenario"
        expected = means(BOIN())
        rows = [row for row in table(succeed(*asked, "--format", "csv")) if row["quantity"] == "duration.mean"]
        own = {row["mtd"]: float(row["value"]) for row in rows if row["design"] == "boin"}
        assert own == pytest.approx({"3": expected[0], "none": expected[1], "all": sum(expected) / 2}, rel=1e-11)
        summaries = json.loads(succeed(*asked, "--format", "json"))["summaries"]
        assert {one["duration"] for one in summaries if one["design"] == "boin"} == set(own.values())
        page = succeed(*asked)
        assert f"{own['all'] / DAYS_PER_MONTH:.1f}" in page
        assert "Months: of 30.4 days" in page

    def test_of_every_truth(self, file, tmp_path):
        each = tmp_path / "each.csv"
        succeed("robust", file(), "--generator", "scenario", "--each", each)
        found = [float(row["duration"]) for row in table(each.read_text()) if row["design"] == "boin"]
        assert found == pytest.approx(means(BOIN()), rel=1e-11)

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ("gap_days = [7]", "with gap_days days are simulated"),
            (
                'onset = { kind = "weibull", late_share = 0.5 }',
                'with an onset of kind "weibull" days depend on the truth',
            ),
        ],
    )
    def test_why_nothing_is_said(self, file, more, reason, tmp_path):
        path, each = file(time=f"{TIME}{more}\n"), tmp_path / "each.csv"
        page = " ".join(succeed("robust", path, "--count", "20", "--each", each).split())
        assert f"How long trials take is not said: {reason}." in page
        assert {row["duration"] for row in table(each.read_text())} == {""}
        assert (
            json.loads(succeed("robust", path, "--count", "20", "--format", "json"))["summaries"][0]["duration"] is None
        )

    def test_some_designs_have_more_states_with_days_than_allowed(self, file, monkeypatch):
        states = exact(ThreePlusThree(), Trial(**TRIAL)).states
        monkeypatch.setattr(Days, "limit", property(lambda _: MostStates(states)))
        told = json.loads(succeed("robust", file(), "--count", "20", "--format", "json"))
        known = {(one["design"], one["duration"] is not None) for one in told["summaries"]}
        assert known == {("3+3", True), ("boin", False)}
        assert "months" in succeed("robust", file(), "--count", "20")
        monkeypatch.setattr(Days, "limit", property(lambda _: MostStates(3)))
        _Endings.cache_clear()
        assert TOO_MANY in " ".join(succeed("robust", file(), "--count", "20").split())

    def test_late_onset_designs_are_left_out(self, file):
        result = called("robust", file(more=LATE), "--count", "20")
        assert result.exit_code == 0
        assert f"TITE-BOIN is left out: {REFUSED}" in " ".join(result.stderr.split())

    def test_without_a_calendar_nothing_is_said(self, file):
        assert "onths" not in succeed("robust", file(time=""), "--count", "20")


class TestCalibrate:
    GRID = ("--design", "boin", "--grid", "p_tox=0.3,0.35,0.4", "--grid", "cutoff_eli=0.8,0.95")

    def test_mean_over_truths_and_the_limit(self, file, tmp_path):
        own = tmp_path / "chosen.toml"
        told = json.loads(succeed("calibrate", file(), *self.GRID, "--format", "json"))
        for one in told["settings"]:
            expected = means(BOIN(**one["values"]))
            assert one["duration"] == pytest.approx(sum(expected) / 2, rel=1e-11)
        lengths = sorted(one["duration"] for one in told["settings"])
        bound = (lengths[0] + lengths[-1]) / 2 / DAYS_PER_MONTH
        limited = "calibrate", file(), *self.GRID, "--max-duration", bound
        told = json.loads(succeed(*limited, "--format", "json", "--output", own))
        assert told["limits"] == {"duration": bound * DAYS_PER_MONTH}
        within = [one for one in told["settings"] if one["duration"] <= bound * DAYS_PER_MONTH]
        assert 0 < len(within) < len(told["settings"])
        assert [one for one in told["settings"] if one["within_limits"]] == within
        assert told["chosen"]["mean_pcs"] == max(one["mean_pcs"] for one in within)
        page = " ".join(succeed(*limited).split())
        assert f"mean duration at most {bound:g} months" in page
        assert "Months, patients: mean per trial" in page
        comment = " ".join(own.read_text().replace("#", "").split())
        assert f"duration {told['chosen']['duration']:.6g} days" in comment
        assert load_scenario(own).designs["boin"].p_tox == told["chosen"]["values"]["p_tox"]

    def test_no_setting_is_short_enough(self, file):
        result = called("calibrate", file(), *self.GRID, "--max-duration", "1")
        assert result.exit_code == 2
        assert "no setting has mean duration at most 1 months: the nearest has " in result.stderr
        assert len(result.stderr.splitlines()) == 1

    @pytest.mark.parametrize(
        ("time", "bound", "message"),
        [
            ("", "18", "mean duration: cannot be limited: the trial has no calendar; [trial.time] says when patients"),
            (f"{TIME}gap_days = [7]\n", "18", "mean duration: cannot be limited: with gap_days days are simulated"),
            (f'{TIME}onset = {{ kind = "weibull", late_share = 0.5 }}\n', "18", "days depend on the truth"),
            (TIME, "nan", "mean duration: nan should be a number of days"),
            (TIME, "0", "Invalid value for '--max-duration': 0.0 is not in the range x>0"),
        ],
    )
    def test_what_cannot_be_limited_is_refused_in_a_line(self, file, time, bound, message):
        result = called("calibrate", file(time=time), *self.GRID, "--max-duration", bound)
        assert result.exit_code == 2
        assert message in result.stderr.splitlines()[-1]

    def test_late_onset_designs_are_refused_in_a_line(self, file):
        grid = "--design", "TITE-BOIN", "--grid", "p_tox=0.3,0.4", "--max-duration", "18"
        result = called("calibrate", file(more=LATE), *grid)
        assert result.exit_code == 2
        assert result.stderr == f"error: no setting of the grid is possible; p_tox = 0.3: {REFUSED}\n"

    def test_settings_whose_days_are_not_known_are_within_no_limit(self, file, monkeypatch):
        monkeypatch.setattr(Days, "limit", property(lambda _: MostStates(3)))
        scenario = load_scenario(file())
        found = calibrate(scenario, design="boin", values={"p_tox": [0.3, 0.4]})
        assert [one.assessment.duration for one in found.candidates] == [None, None]
        with pytest.raises(EscalationError, match=TOO_MANY):
            calibrate(scenario, design="boin", values={"p_tox": [0.3, 0.4]}, limits={"duration": 1000})

    def test_without_a_calendar_nothing_is_said(self, file):
        assert "onths" not in succeed("calibrate", file(time=""), *self.GRID)
