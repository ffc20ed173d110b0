"""Growth: exponents, what is run and what is left out, where exact stops; and a small run of it all."""

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.growth import campaign
from benchmarks.growth.axes import EXACT, SIMULATED, Setting, all_axes, grid_points
from benchmarks.growth.campaign import Campaign, Point
from benchmarks.growth.feasibility import (
    first,
    frontiers,
    most_grid_points,
    refusal_of_grid_points,
    refusal_on_the_way,
    run_beyond,
)
from benchmarks.growth.figures import labelled, time_figure
from benchmarks.growth.fits import exponent, growth, predicted
from benchmarks.growth.page import growth_in_words
from benchmarks.growth.tables import by_series, exponent_table, size_table, to_csv
from benchmarks.growth.work import engine_work
from benchmarks.measuring import Effort, Measurement, Task, measure
from benchmarks.results import results_page
from benchmarks.section import Section, full
from benchmarks.settings import LUCAR_RATES, lucar
from benchmarks.units import duration, memory
from escalation import StateSpaceError, exact
from escalation.engines import exact as enumeration
from escalation.report.blocks import Heading

AXES = {axis.name: axis for axis in all_axes()}


@pytest.mark.long
def test_small_run(tmp_path):
    done = CliRunner().invoke(main, ["growth", "--smoke", "--to", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    for part in (
        "Growth",
        "Where exact stops",
        "Exponents",
        "more than 10,000 states",
        "then simulates the design only",
    ):
        assert part in " ".join(done.stdout.split())
    rows = list(csv.DictReader((tmp_path / "growth.csv").read_text().splitlines()))
    assert [(row["axis"], row["size"], row["states"]) for row in rows] == [
        ("patients", "6", "14"),
        ("patients", "12", "93"),
        ("trials", "100", ""),
    ]
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert rows[0]["bytes_above_baseline"] == "0", "it is its own baseline"
    for name in ("growth-time.svg", "growth-memory.svg"):
        assert ET.parse(tmp_path / name).getroot().tag.endswith("svg")


@pytest.mark.parametrize("power", [-3.0, 0.0, 0.5, 6.2])
def test_exponent_of_a_power(power):
    sizes = [2, 3, 7, 30]
    values = [0.3 * size**power for size in sizes]
    assert exponent(sizes, values) == pytest.approx(power, abs=1e-12)
    found = growth(sizes, values)
    assert (found.overall, found.upper, found.last) == pytest.approx((power,) * 3, abs=1e-12)
    assert found.step == pytest.approx((30 / 7) ** power)


def test_exponent_is_that_of_least_squares():
    values = [1.0, 5.0, 6.0, 40.0]
    slope = np.polyfit(np.log([1, 2, 3, 4]), np.log(values), 1)[0]
    assert exponent([1, 2, 3, 4], values) == pytest.approx(slope)


def test_upper_part():
    assert growth([1], [2.0]) is None
    assert growth([1, 2], [2.0, 3.0]).part == (1, 2)
    assert growth([1, 2, 3, 4], [1.0] * 4).part == (2, 4)
    assert growth([1, 2, 3, 4, 5, 6, 7], [1.0] * 7).part == (4, 7)
    assert growth([6, 4, 3, 2, 1], [1.0] * 5).part == (3, 1), "sizes may fall"
    flat_then_steep = growth([1, 10, 100, 1000], [1.0, 1.0, 10.0, 100.0])
    assert flat_then_steep.upper > flat_then_steep.overall


def test_exponential_growth_is_faster_than_a_power():
    found = growth([1, 2, 3, 4, 5, 6], [10.0**size for size in range(1, 7)])
    assert found.last > found.upper > found.overall
    assert found.step == pytest.approx(10)


def test_prediction():
    assert predicted([], [], 5) == 0
    assert predicted([4], [7.0], 5) == 7
    assert predicted([2, 4], [4.0, 16.0], 8) == pytest.approx(64)
    assert predicted([10, 100], [1.0, 1.01], 1000) == pytest.approx(10.1), "in proportion at least"
    assert predicted([3, 2], [1.0, 1.01], 1) == pytest.approx(2.02), "smaller cohorts are the larger problem"


@pytest.mark.parametrize("number", [1, 2, 5, 40])
def test_first(number):
    for place in range(1, number + 1):
        asked = []
        found = first(lambda size, place=place, asked=asked: asked.append(size) or size >= place, range(number))
        assert found == place
        assert len(asked) == len(set(asked)) <= 12


def test_settings_at_every_size_are_trials():
    for axis in AXES.values():
        for engine, design in axis.series:
            for size in axis.sizes:
                setting = axis.setting(engine, design, size)
                assert setting.design_made().applied_to(setting.trial()).levels == setting.doses
    assert AXES["patients"].setting(EXACT, "crm", 36) == Setting(EXACT, "crm")
    assert AXES["grid_points"].setting(EXACT, "crm", grid_points()) == Setting(EXACT, "crm")
    assert AXES["truths"].setting(SIMULATED, "boin", 10).trials == 1000


def test_standard_setting_is_the_scenario():
    setting = Setting(EXACT, "crm")
    assert setting.rates() == [pytest.approx(LUCAR_RATES)]
    assert setting.design_made() == lucar().designs["crm"]
    assert engine_work(setting)() == exact(lucar().designs["crm"], lucar().trial).states == 29191


def test_many_truths_are_rates():
    rates = np.array(replace(Setting(EXACT, "boin"), truths=1000).rates())
    assert rates.shape == (1000, 4)
    assert np.all((rates > 0) & (rates < 1))
    assert len(np.unique(rates, axis=0)) == 1000


@pytest.mark.parametrize("copies", [2, 5])
def test_repeated_curves_decide_alike(copies):
    trial = Setting(EXACT, "crm", patients=18).trial()
    once, often = (Setting(EXACT, "crm", copies=number).design_made() for number in (1, copies))
    assert len(often.plan(trial).weight) == copies * len(once.plan(trial).weight)
    assert often.plan(trial).weight.sum() == pytest.approx(1)
    few, many = exact(once, trial), exact(often, trial)
    assert np.array_equal(few.patients, many.patients)
    assert np.array_equal(few.dlts, many.dlts)
    assert np.array_equal(few.recommended, many.recommended)
    assert np.array_equal(few.sequences, many.sequences)


def test_frontiers_are_where_the_engine_refuses(monkeypatch):
    """By its bound, here asked for from the start."""
    monkeypatch.setattr(enumeration, "UNCHECKED", 0)
    allowed = 5000
    for one in frontiers(allowed):
        largest, refused = one.largest, one.refused
        assert exact(largest.design_made(), largest.trial(), max_states=allowed).states <= one.largest_states <= allowed
        with pytest.raises(StateSpaceError, match=f"up to {one.refused_states:,.0f} states"):
            exact(refused.design_made(), refused.trial(), max_states=allowed)
        assert one.refused_bytes > one.refused_states


def test_run_beyond_is_simulated():
    ran = run_beyond(Setting(EXACT, "boin", patients=24), max_states=1000)
    assert "states" in ran.refusals["boin"]
    assert ran.scenario.trial.max_patients == 24
    assert [(result.exact, result.simulated is not None) for result in ran.results] == [(None, True)]


def test_refusals_of_curves():
    assert refusal_on_the_way(100).startswith("more than 100 states after")
    with pytest.raises(ValueError, match="no more than"):
        refusal_on_the_way(1_000_000)
    most = most_grid_points()
    assert most % grid_points() == 0
    assert "likelihoods" in refusal_of_grid_points(most + grid_points())


def faked(monkeypatch, seconds, peak):
    """Measure nothing: seconds and peak memory are functions of the setting."""
    seen = []

    def fake(tasks, effort, told):
        found = {}
        for task in tasks:
            sizes = dict(task.arguments)
            with open(sizes.pop("states_to"), "w") as file:
                file.write("77")
            setting = Setting(**sizes)
            seen.append((setting, effort))
            found[task.name] = Measurement(((seconds(setting),) * effort.values,), peak(setting))
        return found

    monkeypatch.setattr(campaign, "measure", fake)
    return seen


SCALE = full(lambda _: None)


def test_long_sizes_are_left_out(monkeypatch):
    seen = faked(monkeypatch, lambda setting: 1e-4 * setting.patients**3, lambda setting: 10**8 + setting.patients)
    axis = replace(AXES["patients"], sizes=(6, 12, 24, 48, 96), series=((EXACT, "crm"),), longest=20.0)
    points = Campaign(SCALE).points([axis])
    assert [point.reason for point in points] == ["", "", "", "", "not run, >20 s"]
    assert [point.extra_bytes for point in points[:4]] == [0, 6, 18, 42]
    assert points[3].states == 77
    assert len({setting for setting, _ in seen}) == len(seen), "nothing is measured twice"
    assert [effort.values for _, effort in seen] == [3, 3, 3, 1], "long work runs once"
    assert [point.spread for point in points[:4]] == [0, 0, 0, None]


def test_refused_sizes_are_left_out(monkeypatch):
    faked(monkeypatch, lambda _: 0.1, lambda _: 1)
    axis = replace(AXES["doses_and_patients"], sizes=(2, 10), series=((EXACT, "boin"), (SIMULATED, "boin")))
    points = Campaign(SCALE).points([axis])
    assert [point.reason for point in points] == ["", "refused", "", ""]


def made(axis, engine, design, seconds, extra=0, states=None):
    states = states or [5] * len(seconds)
    return [
        Point(axis, size, axis.setting(engine, design, size), Measurement(((value,),), 0), extra, visited)
        for size, value, visited in zip(axis.sizes, seconds, states, strict=True)
    ]


def test_words_and_tables_follow_the_numbers():
    patients = replace(AXES["patients"], sizes=(12, 24, 36))
    trials = replace(AXES["trials"], sizes=(1000, 10_000, 100_000))
    points = made(patients, EXACT, "boin", [0.0012, 0.0048, 0.0108], extra=3_200_000)
    points += made(trials, SIMULATED, "boin", [0.0005, 0.005, 0.05])
    found = by_series([*points, Point(patients, 48, replace(points[0].setting, patients=48), None, reason="refused")])
    said = list(growth_in_words(found))
    assert said[0] == "patients: time grows with these powers in the upper part: exact boin 2.0."
    assert said[-1] == "Exact outcomes of LUCAR-DKS1 under boin take as long as 21,600 simulated trials."
    table = size_table(replace(patients, sizes=(12, 24, 36, 48)), found[patients])
    assert table.header == ["patients", "boin states", "exact boin"]
    assert table.groups[0][1:] == [["24", "5", "4.8 ms, 3.2 MB"], ["36", "5", "11 ms, 3.2 MB"], ["48", "", "refused"]]
    first_row = exponent_table(found).groups[0][0]
    assert first_row == ["patients", "exact boin", "12 to 36", "2.0", "2.0", "2.0", "", "", "0.0", "0.0"]
    assert to_csv([found[patients][EXACT, "boin"][-1]]).decode().splitlines()[1] == (
        "patients,48,exact,boin,4,48,3,1,,,,,,,refused"
    )


@pytest.mark.parametrize(
    ("states", "faster"),
    [([10, 100, 1000, 10_000], True), ([4, 9, 16, 25], False), ([100, 150, 170, 175], False), ([7] * 4, False)],
)
def test_rising_exponents_are_said(states, faster):
    """By the states, which are the same on any machine, not by times."""
    axis = replace(AXES["doses"], sizes=(2, 3, 4, 5))
    said = list(growth_in_words(by_series(made(axis, EXACT, "boin", [0.01] * 4, states=states))))
    assert said[0].endswith("exact boin 0.0.")
    assert len(said) == 1 + faster
    assert not faster or said[1].endswith("rises to 10.3 at the end, where the last step multiplies them by 10.0.")


def test_picture_of_growth_without_numbers():
    axis = AXES["doses"]
    point = Point(axis, 1, axis.setting(EXACT, "boin", 1), None, reason="refused")
    assert ET.fromstring(time_figure(by_series([point]))).tag.endswith("svg")


def test_results_show_pictures():
    page = results_page([Section([Heading("Growth")], pictures={"growth.svg": "time [s]"})])
    assert "## Growth\n\n![time \\[s\\]](growth.svg)\n" in page


def test_labels_have_room():
    assert labelled([6, 12, 24, 36, 60, 84, 108, 120]) == [6, 12, 24, 36, 60, 84, 120]
    assert labelled([6, 4, 3, 2, 1]) == [6, 4, 3, 2, 1]
    assert labelled([5]) == [5]


def test_units():
    assert [duration(value) for value in (0, 2.3e-6, 1.5e-3, 0.9996, 12.3, 99.9)] == [
        "0.0 µs",
        "2.3 µs",
        "1.5 ms",
        "1.0 s",
        "12 s",
        "100 s",
    ]
    assert [memory(value) for value in (-5, 9.9e5, 2.5e6, 9.996e8, 1.23e10)] == [
        "<1 MB",
        "<1 MB",
        "2.5 MB",
        "1.0 GB",
        "12 GB",
    ]


def counted(*, log):
    def work(loops):
        with open(log, "a") as file:
            file.write(f"{loops}\n")
        return 1e-6

    return work


def test_work_that_repeats_itself_is_not_calibrated(tmp_path):
    log = tmp_path / "log"
    task = Task("counted", "tests.benchmarks.test_growth:counted", {"log": str(log)}, own_clock=True)
    assert measure([task], Effort(rounds=1, values=2, shortest=0.0))["counted"].rounds == ((1e-6, 1e-6),)
    assert log.read_text() == "1\n1\n"
