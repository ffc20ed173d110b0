"""How many patients a trial treats."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from escalation.report.figures.panels import names_of_truths, parts
from escalation.report.figures.style import SMALL, filling, note, note_simulated, shorten, style, write_above
from escalation.report.pages.run import by_truth, label
from escalation.report.wording import mean, percent
from escalation.studies.run import Result
from escalation.trial.trial import Trial

MOST_BARS = 120
"""Bars are so wide that this many would fill a panel, or a bit narrower than a patient."""


@style()
def sample_size(results: Sequence[Result], trial: Trial) -> Figure:
    """The distribution of the sample size, a panel for each design; of several truths a part for each."""
    truths = by_truth(results)
    designs = max(map(len, truths))
    every = [pair for result in results for pair in result.best.sample_size.distribution]
    largest = max(trial.max_patients, *(value for value, _ in every))
    highest = max(100 * probability for _, probability in every)
    figure, places, _ = parts(names_of_truths(truths), 0.5 + designs, 0.2, narrow=True)
    for place, group in zip(places, truths, strict=True):
        panels = place.subplots(designs, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for number, (axes, result) in enumerate(zip(panels, group, strict=True)):
            _distribution(axes, result, number, largest)
        panels[0].set_ylim(0, 1.25 * highest)
        panels[-1].set_xlabel("patients")
        place.supylabel("% of trials", fontsize=10)
    note(figure, note_simulated(results))
    return figure


def _distribution(axes: Axes, result: Result, number: int, largest: int) -> None:
    """The bars of one design, with the height of the highest, and its mean and quantiles."""
    size = result.best.sample_size
    values = [value for value, _ in size.distribution]
    heights = [100 * probability for _, probability in size.distribution]
    wide = max(0.8, largest / MOST_BARS)
    axes.bar(values, heights, wide, **filling(number))
    highest = max(range(len(values)), key=heights.__getitem__)
    write_above(axes, f"{percent(heights[highest] / 100)} %", values[highest], heights[highest])
    axes.set_xlim(-0.5, largest + wide)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_title(shorten(label(result), 24), fontsize=9)
    axes.set_title(f"mean {mean(size.mean)}; 5-95 %: {size.q05}-{size.q95}", loc="right", fontsize=SMALL)
