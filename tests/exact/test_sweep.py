"""Sweeps: the numbers in the file are those of the designs, and the same bytes whatever worked them out."""

import csv
import math
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from escalation import (
    DecisionFunction,
    Sweep,
    TruthSource,
    exact,
    grid,
    load_scenario,
    operating_characteristics,
    tidy,
    write_sweep,
)
from escalation.errors import EscalationError, GridError, ScenarioError, StateSpaceError
from escalation.scenario.file import parse_scenario
from escalation.scenario.truths.sets import drawn_truths
from escalation.studies.sweep import find, journal_of, names_of, summed_up
from escalation.studies.sweep_table import SUMMARIES, Found, from_bytes, to_bytes
from escalation.studies.work.refusal import Refused
from tests.naive.quantities import overdosing
from tests.support import Steps, without_time

LUCAR = without_time(load_scenario(Path(__file__).parents[2] / "scenarios" / "lucar-dks1.toml"))
VALUES = {"boin.p_tox": [0.3, 0.4], "trial.target": [0.2, 0.25], "trial.max_patients": [12]}
DRAWN = TruthSource("logistic", count=30, seed=5)


def written(folder: Path, sweep: Sweep, name: str = "sweep.csv", **options) -> bytes:
    write_sweep(sweep, folder / name, **options)
    assert [path.name for path in folder.iterdir()] == [name], "nothing else is left"
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    return content


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def expected(design, trial, rates, correct) -> dict[str, float]:
    """One truth at a time, from the laws of all counts."""
    outcomes = exact(design, trial).outcomes(rates)
    found = operating_characteristics(outcomes, correct)
    names = ("pcs", "no_selection", "above_mtd", "share_above_target", "overdosing_60", "overdosing_80")
    singles = {name: getattr(found, name) for name in names}
    per_dose = {
        f"{name}.{dose}": value
        for name in ("selection", "patients", "dlts")
        for dose, value in enumerate(getattr(found, name), 1)
    }
    totals = {"sample_size": found.sample_size.mean, "total_dlts": found.total_dlts.mean}
    rest = {
        "dlt_rate": found.dlt_rate.rate_of_means,
        "early_stop": found.early_stop,
        "stop_toxic": found.stop_toxic,
        "stop_enough": found.stop_enough,
        "overdosing": overdosing(outcomes, correct),
    }
    return singles | per_dose | totals | rest


def test_numbers_of_the_scenarios_truths(tmp_path):
    """The correct doses follow the target; other designs' columns are empty."""
    sweep = Sweep(grid(LUCAR, VALUES))
    found = rows(written(tmp_path, sweep))
    assert list(found[0]) == [
        "design",
        "boin.p_tox",
        "trial.target",
        "trial.max_patients",
        "truth",
        "quantity",
        "value",
    ]
    place = 0
    for setting in sweep.grid:
        for truth in LUCAR.truth:
            numbers = expected(
                setting.design, setting.trial, truth.dlt_rates, truth.correct_doses(setting.trial.target)
            )
            part = found[place : place + len(numbers)]
            place += len(numbers)
            assert {(row["design"], row["truth"]) for row in part} == {(setting.label, truth.name)}
            assert {row["boin.p_tox"] for row in part} == {str(setting.values.get("boin.p_tox", ""))}
            assert {float(row["trial.target"]) for row in part} == {setting.trial.target}
            assert {row["quantity"]: float(row["value"]) for row in part} == pytest.approx(numbers, abs=1e-12)
    assert place == len(found)


def test_summaries_are_of_the_same_numbers(tmp_path):
    every = rows(written(tmp_path, Sweep(grid(LUCAR, VALUES), DRAWN)))
    by_name: dict[tuple[str, ...], list[float]] = {}
    for row in every:
        by_name.setdefault(tuple(row[key] for key in ("design", *VALUES, "quantity")), []).append(float(row["value"]))
    summed = rows(written(tmp_path, Sweep(grid(LUCAR, VALUES), DRAWN, summary=True)))
    assert [tuple(row[key] for key in ("design", *VALUES, "quantity")) for row in summed] == list(by_name)
    for row, values in zip(summed, by_name.values(), strict=True):
        ordered = sorted(values)
        assert float(row["mean"]) == pytest.approx(math.fsum(values) / 30, abs=1e-12)
        # 5 % of 30 are 1.5 truths, so that the second lowest is the first value that so many do not exceed
        found = [float(row[name]) for name in ("lowest", "q05", "q95", "highest")]
        assert found == [ordered[0], ordered[1], ordered[28], ordered[29]]


def test_a_quantile_at_a_whole_number_of_truths():
    """5 % of 20 truths are one, of 10,000 are 500: the floating-point product may lie on either side."""
    for count, low, high in ((20, 1, 19), (40, 2, 38), (10_000, 500, 9_500)):
        values = np.random.default_rng(count).permutation(count).astype(float) + 1
        assert dict(zip(SUMMARIES, summed_up(values[None])[0], strict=True)) == {
            "mean": (count + 1) / 2, "lowest": 1, "q05": low, "q95": high, "highest": count,
        }  # fmt: skip


def test_drawn_truths_are_those_for_the_trial(tmp_path):
    settings = grid(LUCAR, {"trial.target": [0.2]}, designs=["3+3"])
    found = rows(written(tmp_path, Sweep(settings, DRAWN, ("pcs",))))
    truths = drawn_truths("logistic", LUCAR.trial.model_copy(update={"target": 0.2}), count=30, seed=5)
    endings = exact(LUCAR.designs["3+3"], LUCAR.trial.model_copy(update={"target": 0.2}))
    pcs = [operating_characteristics(endings.outcomes(rates)).pcs for rates in truths.rates]
    assert [row["truth"] for row in found] == [str(number) for number in range(1, 31)]
    assert [float(row["value"]) for row in found] == pytest.approx(pcs, abs=1e-12)


@pytest.mark.parametrize("summary", [False, True])
def test_parquet_has_the_same_rows_as_csv(tmp_path, monkeypatch, summary):
    """Also where a row group ends within a setting."""
    monkeypatch.setattr(tidy, "ROW_GROUP", 100)
    sweep = Sweep(grid(LUCAR, {**VALUES, "crm.coherent": ["cohort", "off"]}), DRAWN, ("pcs", "patients"), summary)
    write_sweep(sweep, tmp_path / "sweep.parquet")
    file = pq.ParquetFile(tmp_path / "sweep.parquet")
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert set(sizes[:-1]) <= {100}
    assert 0 < sizes[-1] <= 100
    table = file.read()
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["trial.max_patients"] == "int64"
    assert {kinds["boin.p_tox"], kinds[SUMMARIES[0] if summary else "value"]} == {"double"}
    in_text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    (tmp_path / "sweep.parquet").unlink()
    assert in_text == rows(written(tmp_path, sweep))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_same_bytes_whatever_works_them_out(tmp_path, ending):
    sweep, name = Sweep(grid(LUCAR, VALUES), DRAWN), f"sweep.{ending}"
    alone = written(tmp_path, sweep, name)
    with ThreadPoolExecutor(1) as one:
        assert written(tmp_path, sweep, name, executor=one) == alone
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
        assert written(tmp_path, sweep, name, executor=processes) == alone
    assert written(tmp_path, Sweep(grid(LUCAR, VALUES), TruthSource("logistic", count=30, seed=6)), name) != alone


def test_a_refused_setting_says_so(tmp_path):
    values = {"trial.max_patients": [12, 120]}
    found = rows(written(tmp_path, Sweep(grid(LUCAR, values, designs=["boin"]), quantities=("pcs",), max_states=9000)))
    assert [row["quantity"] for row in found] == ["pcs"] * 8 + ["refused"]
    assert found[-1] == {"design": "boin", "trial.max_patients": "120", "truth": "", "quantity": "refused", "value": ""}
    told = write_sweep(Sweep(grid(LUCAR, values, designs=["boin"]), max_states=9000), tmp_path / "sweep.parquet")
    assert (told.settings, told.refused) == (2, 1)
    with pytest.raises(StateSpaceError) as refusal:
        exact(LUCAR.designs["boin"], LUCAR.trial.model_copy(update={"max_patients": 120}), max_states=9000)
    assert told.refusal == f"boin (trial.max_patients=120): {refusal.value}"
    last = pq.read_table(tmp_path / "sweep.parquet").to_pylist()[-1]
    assert (last["quantity"], last["truth"], last["value"]) == ("refused", None, None)


def test_what_is_sent_and_sent_back_is_small():
    """Kilobytes: a design, a trial, and how to come by truths; or the truths of a file."""
    for truths, most in ((TruthSource("clertant", count=10_000), 2_000), (TruthSource(), 4_000)):
        for piece in Sweep(grid(LUCAR, VALUES), truths, summary=True).questions(range(8)):
            assert len(pickle.dumps((find, *piece))) < most
            if truths.source == "scenario":
                assert len(pickle.dumps(find(*piece))) < 2_000


def test_what_is_found_survives_the_journal():
    values = np.random.default_rng(1).random((2, 3))
    back = from_bytes(to_bytes(Found(("pcs", "dlts.1"), values)))
    assert back.quantities == ("pcs", "dlts.1")
    np.testing.assert_array_equal(back.values, values)
    assert from_bytes(to_bytes(Refused("too many\nlines"))) == Refused("too many\nlines")


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Sweep(grid(LUCAR, {}), quantities=("psc",)), GridError, "'psc': unknown; did you mean 'pcs'?; there"),
        (lambda: Sweep(grid(LUCAR, {}), quantities=("patients.5",)), GridError, "'patients.5': unknown"),
        (lambda: Sweep(grid(LUCAR, {}), TruthSource("clertan")), GridError, "'clertan' should be one of scenario, pub"),
        (lambda: Sweep(grid(LUCAR, {}), TruthSource("published")), EscalationError, "no truths are published"),
        (lambda: Sweep(grid(LUCAR, {}), TruthSource(names=("x",))), EscalationError, "no truth 'x'"),
        (lambda: Sweep(grid(LUCAR, {}), TruthSource("clertant", count=0)), EscalationError, "count: 0 should be"),
        (
            lambda: Sweep(grid(LUCAR, {"trial.doses": [[1, 2, 3]]}, designs=["boin"])),
            GridError,
            "trial.doses: 3 dose levels, but the scenario's truths have 4",
        ),
        (lambda: Sweep(grid(LUCAR, {"boin.p_tox": [0.4, 0.2]})), ScenarioError, "setting boin.p_tox=0.2: boin.p_tox"),
        (
            lambda: Sweep(grid(LUCAR, {}), TruthSource("clertant", count=1_000_000)),
            GridError,
            "25,000,000 numbers in a setting; at most 10,000,000",
        ),
        (
            lambda: Sweep(grid(LUCAR, {"trial.start_dose": [1, 2], "trial.max_patients": list(range(12, 900))}),
                          TruthSource("clertant", count=100_000)),
            GridError,
            "numbers in all; at most 1,000,000,000",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_the_work(tmp_path, make, kind, message):
    with pytest.raises(kind) as found:
        write_sweep(make(), tmp_path / "sweep.csv")
    assert message in str(found.value)
    assert not list(tmp_path.iterdir())


def test_every_quantity_has_a_name():
    trial = LUCAR.trial
    (piece,) = Sweep(grid(LUCAR, {}, designs=["3+3"])).questions([0])
    assert find(*piece).quantities == names_of(trial.levels, trial.time is not None)


def always_stay(patients, dlts):
    return 0


def test_a_sweep_of_a_design_of_ones_own_is_not_gone_on_with(tmp_path):
    """Its rule is code, which may have changed in between."""
    own = DecisionFunction(function=always_stay, target=LUCAR.trial.target)
    sweep = Sweep(grid(LUCAR.model_copy(update={"design": (own,)}), {"trial.max_patients": [6, 9]}))
    with pytest.raises(EscalationError, match="rule of 'function' may be another now; delete it"):
        write_sweep(sweep, tmp_path / "sweep.csv", resume=True)
    assert write_sweep(sweep, tmp_path / "sweep.csv").settings == 2


def test_a_quantity_that_some_trials_do_not_have(tmp_path):
    """Of the third dose, where a trial has two: no row, be it summed up or not."""
    changed = grid(LUCAR, {"trial.doses": [[1, 2], [1, 2, 3]]}, designs=["boin"])
    truths = TruthSource("logistic", count=5)
    for summary, lines in ((True, 1), (False, 5)):
        content = written(tmp_path, Sweep(changed, truths, ("selection.3",), summary=summary))
        assert len(rows(content)) == lines


def test_a_journal_of_another_sweep_is_refused(tmp_path):
    """A different target, seed or quantity: the line names what differs."""
    output = tmp_path / "sweep.csv"

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sweep(Sweep(grid(LUCAR, VALUES), DRAWN), output, progress=lambda *_: nullcontext(stop))
    before = journal_of(output).read_bytes()
    content = LUCAR.model_dump(exclude_unset=True, mode="json")
    content["truth"][0]["dlt_rates"][0] = 0.001
    for other, what in (
        (Sweep(grid(LUCAR, {**VALUES, "trial.target": [0.2]}), DRAWN), "differs in the grid;"),
        (Sweep(grid(LUCAR, VALUES), TruthSource("logistic", count=30, seed=6)), "differs in the truths;"),
        (Sweep(grid(LUCAR, VALUES), DRAWN, ("pcs",), summary=True), "differs in the quantities;"),
        (
            Sweep(grid(parse_scenario(content), VALUES), DRAWN, max_states=7),
            "differs in the scenario, the states and seconds allowed;",
        ),
    ):
        with pytest.raises(EscalationError) as found:
            write_sweep(other, output, resume=True)
        assert what in str(found.value)
    with pytest.raises(EscalationError, match="--resume"):
        write_sweep(Sweep(grid(LUCAR, VALUES), DRAWN), output)
    assert journal_of(output).read_bytes() == before
    steps = Steps()
    assert write_sweep(Sweep(grid(LUCAR, VALUES), DRAWN), output, resume=True, progress=steps).resumed >= 1
    assert (steps.asked, steps.done) == ([(8, "settings")], 8)
