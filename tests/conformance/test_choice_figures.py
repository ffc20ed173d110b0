"""The figures of a calibration and of a search for the size: true to the numbers, and nothing cut off."""

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.text import Text

from escalation import calibrate, find_size, load_scenario
from escalation.report import figures
from escalation.report.figures.style import style
from escalation.scenario.grid import changed
from escalation.scenario.truths.sets import scenario_truths

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LUCAR = changed(load_scenario(SCENARIOS / "lucar-dks1.toml"), {"trial.max_patients": 15})
TAK = load_scenario(SCENARIOS / "tak-007.toml")


def calibrations():
    values = {"p_tox": [0.3, 0.35, 0.4], "cutoff_eli": [0.8, 0.95]}
    few = scenario_truths(TAK, ["DLT rate 0.25", "DLT rate 0.50"])
    return [
        calibrate(LUCAR, design="boin", values=values),
        calibrate(LUCAR, design="boin", values=values, objective="worst-pcs", limits={"overdosing": 0.0001}),
        calibrate(TAK, design="monitoring", truths=few, limits={"false_stopping": 0.1, "power": 0.5}),
        calibrate(TAK, design="monitoring", values={"threshold": [0.9]}, truths=few),
    ]


def searches():
    return [
        find_size(LUCAR, pcs=0.5, odds_ratio=2, sizes=[6, 12, 18]),
        find_size(LUCAR, pcs=0.5, overdosing=0.1, sizes=[6, 12, 18], max_states=900),
        find_size(TAK, pcs=0.999, designs=["boin"], sizes=[6]),
    ]


def points(figure) -> list[tuple[float, float]]:
    return [
        (float(x), float(y))
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() != "None"
        for x, y in line.get_xydata()
    ]


@pytest.mark.parametrize("found", calibrations(), ids=range(4))
def test_front(found):
    figure = figures.front(found)
    expected = [
        (100 * found.cost_of(one), 100 * found.gain_of(one))
        for one in [
            *(candidate.assessment for candidate in found.candidates),
            *(candidate.assessment for candidate in found.front),
            *(candidate.assessment for candidate in found.front if not found.admissible(candidate)),
            found.own,
            *([found.chosen.assessment] if found.chosen else []),
        ]
    ]
    assert sorted(points(figure)) == sorted(expected)
    told = figures.alt_text.front(found)
    assert told.endswith(".")
    assert ("none is within the limits" in told) == (found.chosen is None)
    whole(figure)


@pytest.mark.parametrize("found", searches(), ids=range(3))
def test_size_curves(found):
    figure = figures.size_curves(found)
    drawn = set(points(figure))
    for curve in found.curves:
        for size, one in curve.assessments.items():
            assert (size, 100 * one.mean_pcs) in drawn
            assert not found.limits or (size, 100 * one.overdosing) in drawn
    assert {100 * found.pcs} in [set(line.get_ydata()) for line in figure.axes[0].lines]
    told = figures.alt_text.size_curves(found)
    labels = [text.get_text() for text in figure.findobj(Text)]
    assert {curve.design for curve in found.known} == {
        curve.design for curve in found.curves if not found.scenario.designs[curve.design].is_late_onset
    }
    for curve in found.curves:
        is_known = curve in found.known
        assert (curve.design in labels) == is_known
        assert (f"{curve.design}: " in told) == is_known
    assert ("optimal benchmark" in labels) == bool(found.benchmark)
    whole(figure)


def whole(figure) -> None:
    """No letter is outside of the picture."""
    with style():
        figure.draw_without_rendering()
    picture = imread(io.BytesIO(figures.to_bytes(figure, "png", "t", "d")))[:, :, :3]
    frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert frame.min() == 1
