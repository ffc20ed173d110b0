"""Figures over truths are true to the numbers, for one dose and many, one design and many."""

import numpy as np
import pytest
from matplotlib.text import Text

from escalation import BOIN, CRM, Scenario, ThreePlusThree, Trial, Truth, drawn_joint_truths, drawn_truths, robust
from escalation.report import figures
from escalation.report.figures.style import look, style
from escalation.scenario.truths.sets import TruthSet


def scenario(doses: int, designs) -> Scenario:
    trial = Trial(doses=[f"level {dose}" for dose in range(1, doses + 1)], target=0.25, max_patients=12)
    truth = Truth(name="t", dlt_rates=np.linspace(0.1, 0.4, doses).tolist())
    return Scenario(name="s", trial=trial, design=designs, truth=[truth])


def evaluated(doses: int, designs, count: int = 120):
    one = scenario(doses, designs)
    return robust(one, drawn_truths("logistic", one.trial, count=count, seed=6))


@pytest.fixture(scope="module")
def found():
    return evaluated(3, [ThreePlusThree(), BOIN(), CRM(half_width=0.06, prior_mtd=2)], count=500)


def points(axes, marker, colour=None):
    lines = [line for line in axes.lines if line.get_marker() == marker]
    if colour is not None:
        lines = [line for line in lines if line.get_color() == colour]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_boxes_are_the_quantiles(found):
    upper, lower = figures.robustness(found).axes
    summaries = list(found.summaries())
    for axes, name in ((upper, "pcs"), (lower, "overdosing")):
        spreads = [spread for one in summaries if (spread := getattr(one, name)) is not None]
        assert [y for _, y in points(axes, "x")] == [100 * spread.worst for spread in spreads]
        assert [y for _, y in points(axes, "o")] == pytest.approx([100 * spread.mean for spread in spreads])
        assert len(axes.patches) == len(spreads) + 1, "a box each, and the band behind all"
        ends = {round(float(y), 9) for line in axes.lines for y in line.get_ydata()}
        assert {round(100 * spread.tail, 9) for spread in spreads} <= ends
    best = [float(part.get_segments()[0][0, 1]) for part in upper.collections]
    expected = [100 * one.optimal_pcs for one in summaries[::3] if one.optimal_pcs is not None]
    assert best == pytest.approx(expected)


def test_few_truths_are_points():
    few = evaluated(2, [BOIN()], count=4)
    upper, _ = figures.robustness(few).axes
    assert not [patch for patch in upper.patches if patch.get_hatch()]
    *_, line = [line for line in upper.lines if len(line.get_xdata()) == 4]
    assert line.get_ydata().tolist() == (100 * few.expectations["boin"].pcs).tolist()


def test_points_are_the_means(found):
    (axes,) = figures.trade_off(found).axes
    summaries = [one for one in found.summaries() if one.mtd != "none"]
    for number, label in enumerate(found.expectations):
        colour, _, marker = look(number)
        expected = [(100 * one.overdosing.mean, 100 * one.pcs.mean) for one in summaries if one.design == label]
        assert np.array(points(axes, marker, colour)) == pytest.approx(np.array(expected))


def test_alt_texts(found):
    told = figures.alt_text.robustness(found)
    for one in found.summaries():
        if one.mtd == "all":
            assert f"{one.design} has a mean PCS of {100 * one.pcs.mean:.1f} %" in told
            assert f"at worst {100 * one.pcs.worst:.1f} %" in told
    told = figures.alt_text.trade_off(found)
    assert "crm: MTD at level 1 " in told
    assert all(text.endswith(".") for text in (told, figures.alt_text.robustness(found)))


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: evaluated(1, [BOIN(), ThreePlusThree()]),
        lambda: evaluated(2, [BOIN(label=f"a long label of a design, the {number}th") for number in range(9)]),
        lambda: evaluated(30, [ThreePlusThree()], 300),
        lambda: evaluated(2, [BOIN(label="设计")], 1),
    ],
)
def test_many_and_few(drawn):
    """Drawn without warnings, with every design in the legend."""
    found = drawn()
    for what in ("robustness", "trade_off"):
        figure = getattr(figures, what)(found)
        with style():
            figure.draw_without_rendering()
        shown = " ".join(text.get_text() for text in figure.findobj(Text))
        assert all(label[:30] in shown for label in found.expectations)
        assert figures.to_bytes(figure, "png", "t", "d")


def test_truths_without_a_correct_dose():
    one = scenario(2, [BOIN(), ThreePlusThree()])
    rates = np.array([[0.5, 0.6], [0.6, 0.7]])
    found = robust(one, TruthSet("two", ("a", "b"), rates, np.zeros((2, 2), bool)))
    for what in ("robustness", "trade_off"):
        with style():
            getattr(figures, what)(found).draw_without_rendering()


def test_the_optimal_dose_has_a_part_of_its_own():
    trial = Trial(doses=[1, 2], target=0.25, max_patients=9, efficacy={"min_response": 0.3, "max_toxicity": 0.3})
    designs = [ThreePlusThree(), BOIN(optimal_dose={"by": "utility"})]
    truth = Truth(name="t", dlt_rates=[0.1, 0.3], response_rates=[0.3, 0.5])
    one = Scenario(name="s", trial=trial, design=designs, truth=[truth])
    found = robust(one, drawn_joint_truths(trial, count=40, seed=6))
    upper, lower, last = figures.robustness(found).axes
    assert upper.get_xlim() == lower.get_xlim()
    summaries = list(found.optimal_summaries())
    worst = [100 * one.pcs_obd.worst for one in summaries]
    assert [y for _, y in points(last, "x")] == pytest.approx(worst)
    assert [x for x, _ in points(last, "x")] == pytest.approx([place + 0.2 for place in range(3)])
    assert [text.get_text() for text in last.get_xticklabels()][-1] == "all\n40"
    every = summaries[-1].pcs_obd
    assert f"boin {100 * every.mean:.1f} %, a 5 % quantile of" in figures.alt_text.robustness(found)
