"""Figures of time: true to the numbers, for every kind of calendar."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.patches import Rectangle

from escalation import BOIN, CRM, Scenario, ThreePlusThree, Trial, Truth, run, simulate
from escalation.kernels.codes import END, HOLD_DAYS
from escalation.report import figures
from escalation.report.figures.style import COLOURS
from escalation.report.figures.swimmer import _shade
from escalation.studies.one_design import course
from escalation.trial.calendar import DAYS_PER_MONTH

TRUTHS = [
    Truth(name="rising", dlt_rates=[0.05, 0.25, 0.4]),
    Truth(name="toxic", dlt_rates=[0.4, 0.5, 0.6]),
    Truth(name="a name that is much longer than there is room for it beside a figure " * 3, dlt_rates=[0, 0, 0]),
]
DESIGNS = [
    ThreePlusThree(),
    BOIN(),
    BOIN(label="TITE-BOIN", pending={"rule": "weigh"}),
    CRM(half_width=0.06, prior_mtd=2),
]


def trial(**time) -> Trial:
    calendar = {"accrual_per_month": 3.0, **time}
    return Trial(doses=[1, 2, 3], target=0.25, max_patients=12, dlt_window_days=28, time=calendar)


@pytest.fixture(scope="module")
def finished():
    return run(Scenario(name="timed", trial=trial(), design=DESIGNS, truth=TRUTHS), trials=400, seed=2)


def marks(axes) -> list[tuple[float, float]]:
    """Points that are drawn, without lines."""
    return [(float(x), float(y)) for one in axes.lines if one.get_linestyle() == "None" for x, y in one.get_xydata()]


def mean_months(result) -> float:
    return result.best.time.duration.mean / DAYS_PER_MONTH


def test_duration_points_and_lines_are_the_numbers(finished):
    (axes,) = figures.duration(finished.results, finished.scenario.trial).axes
    assert [x for x, _ in marks(axes)] == [mean_months(result) for result in finished.results]
    heights = [y for _, y in marks(axes)]
    assert heights == sorted(heights), "truth by truth, design by design"
    lines = [one.get_xdata() for one in axes.lines if one.get_linestyle() != "None"]
    for result, drawn in zip(finished.results, lines[::2], strict=True):
        days = simulate(
            finished.scenario.designs[result.design],
            finished.scenario.trial,
            result.truth.dlt_rates,
            trials=400,
            seed=2,
        ).times[:, END]
        assert [DAYS_PER_MONTH * month for month in drawn] == pytest.approx(np.sort(days)[[19, 379]], rel=1e-12)
    told = figures.alt_text.duration(finished.results, finished.scenario.trial)
    for result in finished.results:
        name = f"{result.design} (simulated)" if result.exact is None else result.design
        assert f"{name} {mean_months(result):.1f} months on average" in told


def test_frontier_points_are_the_numbers(finished):
    panels = figures.frontier(finished.results, finished.scenario.trial).axes
    drawn = [point for axes in panels for point in marks(axes)]
    assert drawn == [(mean_months(result), 100 * result.best.pcs) for result in finished.results]
    assert len({axes.get_xlim() for axes in panels}) == len({axes.get_ylim() for axes in panels}) == 1
    for axes in panels:
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        assert all(left <= x <= right and low <= y <= high for x, y in marks(axes))
    told = figures.alt_text.frontier(finished.results, finished.scenario.trial)
    assert f"TITE-BOIN (simulated) {mean_months(finished.results[2]):.1f} months, PCS" in told


@pytest.mark.parametrize("what", ["duration", "frontier"])
def test_one_design_under_one_truth(finished, what):
    alone = finished.results[:1]
    assert getattr(figures, what)(alone, finished.scenario.trial).axes
    without = [replace(alone[0], simulated=None)]
    assert getattr(figures, what)(without, finished.scenario.trial).axes


CALENDARS = [
    {},
    {"while_closed": "lost", "inevaluable": 0.3, "review_days": 3},
    {"while_closed": "queue", "accrual_per_month": 30, "gap_days": [7]},
    {"while_closed": "ready", "sentinel_dlt": "close", "gap_days": [14]},
]


@pytest.mark.parametrize("calendar", CALENDARS)
@pytest.mark.parametrize("design", DESIGNS, ids=lambda one: one.label or one.kind)
def test_swimmers_are_those_of_the_simulated_trial(design, calendar):
    timed, rates, number = trial(**calendar), TRUTHS[0].dlt_rates, 12
    simulated = simulate(design, timed, rates, trials=number, seed=5)
    times, patients = simulated.times[-1], simulated.patients[-1]
    found = course(design, timed, rates, number=number, seed=5)
    figure = figures.swimmer(found, timed, "a trial")
    (axes,) = figure.axes
    bars = [part for part in axes.patches if isinstance(part, Rectangle) and part.get_height() < 1]
    holds = [part for part in axes.patches if part not in bars]
    assert max(bar.get_x() + bar.get_width() for bar in bars) == pytest.approx(times[END]), "the last day"
    assert sum(part.get_width() for part in holds) == pytest.approx(times[HOLD_DAYS], abs=1e-6)
    toxic, gone = ([one for one in axes.lines if one.get_marker() == marker] for marker in ("X", "o"))
    assert len(toxic) == simulated.dlts[-1].sum()
    assert len(bars) == patients.sum() + len(gone)
    left = {int(one.get_ydata()[0]) for one in gone}
    for dose, treated in enumerate(patients):
        own = [row for row, bar in enumerate(bars) if np.allclose(bar.get_facecolor()[:3], to_rgb(_shade(dose, 3)))]
        assert len(set(own) - left) == treated
        names = [axes.get_yticklabels()[row].get_text() for row in own]
        assert names == [f"{row + 1} · {dose + 1}" for row in own]
    for one in toxic:
        assert one.get_color() == COLOURS[4]
        bar = bars[int(one.get_ydata()[0])]
        assert one.get_xdata()[0] == pytest.approx(bar.get_x() + bar.get_width())
    told = figures.alt_text.swimmer(found, timed, "a trial")
    assert f"It takes {times[END]:.0f} days" in told
    assert f"{len(bars)} patients" in told


def test_shades_of_doses_differ_in_grey():
    for levels in (2, 5, 8):
        grey = [np.dot(to_rgb(_shade(dose, levels)), (0.299, 0.587, 0.114)) for dose in range(levels)]
        assert grey == sorted(grey, reverse=True)
        assert min(-np.diff(grey)) > 0.05


def test_nothing_is_cut_off(finished):
    drawn = [
        figures.duration(finished.results, finished.scenario.trial),
        figures.frontier(finished.results, finished.scenario.trial),
        figures.swimmer(course(BOIN(), trial(inevaluable=0.3), [0.1, 0.2, 0.3]), trial(), "a trial " * 20),
    ]
    for figure in drawn:
        picture = imread(io.BytesIO(figures.to_bytes(figure, "png", "t", "d")))[:, :, :3]
        frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert frame.min() == 1
