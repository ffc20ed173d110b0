"""The figures of responses are true to the numbers, for one dose and many."""

import io

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.text import Text

from escalation import BOIN, Scenario, ThreePlusThree, Trial, Truth, run
from escalation.report import figures
from escalation.report.figures.plane import BOTH, CORRECT, OPTIMAL, OTHER
from escalation.report.figures.style import style

EFFICACY = {"min_response": 0.3, "max_toxicity": 0.4, "utility": {"eff": 100, "none": 50, "both": 30, "tox": 0}}


def scenario(doses: int, rates: dict[str, tuple[list, list]]) -> Scenario:
    trial = Trial(
        doses=[f"{10**dose}" for dose in range(doses)], dose_unit="cells", target=0.3, max_patients=6, efficacy=EFFICACY
    )
    truths = [Truth(name=name, dlt_rates=dlt, response_rates=response) for name, (dlt, response) in rates.items()]
    designs = [BOIN(optimal_dose={"by": "utility"}), BOIN(label="$b$", optimal_dose={"by": "max_response"})]
    return Scenario(name="s", trial=trial, design=[*designs, ThreePlusThree()], truth=truths)


SCENARIOS = {
    "three": scenario(
        3,
        {
            "plateau": ([0.05, 0.3, 0.55], [0.4, 0.41, 0.45]),
            "inactive": ([0.01, 0.02, 0.03], [0.01, 0.01, 0.02]),
            "certain": ([0.0, 1.0, 1.0], [1.0, 1.0, 0.0]),
            "a name that is much longer than there is room for it above a figure " * 2: ([0.3] * 3, [0.5] * 3),
        },
    ),
    "one": scenario(1, {"alone": ([0.2], [0.5])}),
}


def texts(part) -> list[str]:
    return [text.get_text() for text in part.findobj(Text)]


def is_clean(figure) -> None:
    """Nothing is cut off at the borders."""
    image = imread(io.BytesIO(figures.to_bytes(figure, "png", "t", "d")))
    for border in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (border == 1).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_plane(name):
    given = SCENARIOS[name]
    figure = figures.plane(given.truth, given.trial)
    assert len(figure.axes) == len(given.truth)
    for axes, truth in zip(figure.axes, given.truth, strict=True):
        (line,) = (
            line for line in axes.lines if len(line.get_xdata()) == given.trial.levels and line.get_marker() == "None"
        )
        expected = 100 * np.array([truth.dlt_rates, truth.response_rates]).T
        assert line.get_xydata() == pytest.approx(expected)
        points = {
            (float(one.get_xdata()[0]), float(one.get_ydata()[0])): []
            for one in axes.lines
            if one.get_marker() != "None"
        }
        for one in axes.lines:
            if one.get_marker() != "None":
                points[float(one.get_xdata()[0]), float(one.get_ydata()[0])].append(one)
        best, correct = truth.optimal_dose(given.trial.efficacy), truth.correct_doses(0.3)
        stars = [
            place for place, drawn in points.items() if any(one.get_marker() == OPTIMAL["marker"] for one in drawn)
        ]
        assert stars == ([] if best is None else [tuple(expected[best - 1].tolist())])
        filled = [
            place
            for place, drawn in points.items()
            if any((one.get_markerfacecolor(), one.get_marker()) == (CORRECT["markerfacecolor"], "o") for one in drawn)
        ]
        assert filled == list(dict.fromkeys(tuple(expected[dose - 1].tolist()) for dose in correct))
        assert {OTHER["marker"], CORRECT["marker"], BOTH["marker"]} == {"o"}
        assert set(given.trial.dose_names) <= set(texts(axes))
    is_clean(figures.plane(given.truth[-1:], given.trial))


def test_contours_are_of_the_mean_utility():
    given = SCENARIOS["three"]
    axes = figures.plane(given.truth[:1], given.trial).axes[0]
    (contours,) = (one for one in axes.collections if hasattr(one, "levels"))
    none, eff, tox, both = given.trial.efficacy.utility.of_outcomes
    seen = 0
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        for x, y in path.vertices / 100:
            worth = none * (1 - x) * (1 - y) + eff * (1 - x) * y + tox * x * (1 - y) + both * x * y
            assert worth == pytest.approx(level, abs=0.1)
            seen += 1
    assert seen > 100


def test_names_of_doses_keep_clear_of_each_other():
    given = SCENARIOS["three"]
    figure = figures.plane(given.truth[1:2], given.trial)
    with style():
        figure.draw_without_rendering()
    named = [text for text in figure.axes[0].texts if text.get_text() in given.trial.dose_names]
    boxes = [text.get_window_extent() for text in named]
    assert len(boxes) == 3
    for first, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[first + 1 :])


@pytest.mark.parametrize("name", SCENARIOS)
def test_optimal_dose(name):
    given = SCENARIOS[name]
    results = run(given, trials=0).results
    first = [result for result in results if result.truth.name == given.truth[0].name]
    figure = figures.optimal_dose(first, given.trial)
    top, *below = figure.axes
    worth = given.truth[0].joint.mean_utility(given.trial.efficacy.utility)
    assert top.lines[0].get_ydata() == pytest.approx(worth)
    for axes, result in zip(below, first, strict=True):
        oc = result.exact
        expected = [*oc.selection, oc.no_selection]
        if oc.response.obd_selection is not None:
            expected += [*oc.response.obd_selection, sum(oc.response.no_obd.values())]
        bars = [bar.get_height() for bar in axes.patches if bar.get_width() < 0.5]
        assert bars == pytest.approx([100 * share for share in expected])
    assert "3+3 (chooses no OBD)" in texts(figure)
    is_clean(figures.optimal_dose(results[-len(given.design) :], given.trial))


def test_what_is_told():
    given = SCENARIOS["three"]
    told = figures.alt_text.plane(given.truth, given.trial)
    assert "Not acceptable: DLT rates above 40.0 %, response rates below 30.0 %." in told
    assert (
        "'plateau': 1 at 5.0 and 40.0 %, 10 at 30.0 and 41.0 %, 100 at 55.0 and 45.0 %; optimal dose: 1 cells" in told
    )
    assert "optimal dose: none; correct RP2D: 100 cells." in told
    results = run(given, trials=0, truths=["plateau"]).results
    told = figures.alt_text.optimal_dose(results, given.trial)
    response = results[0].exact.response
    most = max(range(3), key=response.obd_selection.__getitem__)
    assert f"chooses {10**most} cells most often, in {100 * response.obd_selection[most]:.1f} %" in told
    assert f"(correct in {100 * response.pcs_obd:.1f} %)" in told
    assert "3+3 recommends" in told
    assert "and chooses no optimal dose." in told
