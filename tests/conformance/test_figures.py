"""Every figure, for every scenario file and every design kind: drawn without warnings, true to the numbers."""

import io
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.text import Text

from escalation import Scenario, Trial, Truth, load_scenario, pcs_surface, run
from escalation.designs import REGISTRY
from escalation.report import figures
from escalation.report.figures.style import COLOURS, look, style
from escalation.running.tree import Node
from tests.conformance.test_every_design import SETTINGS, WAITING, rising

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.toml"), key=lambda path: path.stem)
OF_RESULTS = ("selection", "allocation", "sample_size", "bias")


def kinds_scenario(levels: int) -> Scenario:
    """As many kinds as fit so many dose levels."""
    trial = Trial(doses=[f"dose {level}" for level in range(1, levels + 1)], target=0.25, max_patients=9)
    settings = SETTINGS | {"bma-crm": [{"skeletons": [np.linspace(0.1, 0.5, levels).tolist()]}], "blrm": []}
    designs = [
        next((built for options in settings[kind] if not list((built := design(**options)).problems(trial))), None)
        for kind, design in WAITING.items()
    ]
    if levels == 1:
        designs += [REGISTRY["boin"](label="$a$ _b"), REGISTRY["boin"](label="_c")]
    trial_of_numbers = trial.model_copy(update={"doses": tuple(range(10, 10 * levels + 1, 10))})
    blrm = REGISTRY["blrm"]()
    if not list(blrm.problems(trial_of_numbers)):
        trial, designs = trial_of_numbers, [*designs, blrm]
    truths = [
        Truth(name="rising", dlt_rates=tuple(rising(trial).tolist())),
        Truth(name="certain DLTs", dlt_rates=(1.0,) * levels),
        Truth(
            name="a name that is much longer than there is room for it beside a figure " * 3, dlt_rates=(0.0,) * levels
        ),
    ]
    return Scenario(name="kinds", trial=trial, design=[one for one in designs if one is not None], truth=truths)


def scenarios():
    return [load_scenario(path) for path in SCENARIOS] + [kinds_scenario(levels) for levels in (1, 3)]


@pytest.fixture(scope="module", params=scenarios(), ids=[*(path.stem for path in SCENARIOS), "kinds-1", "kinds-3"])
def finished(request):
    names = [truth.name for truth in request.param.truth]
    return run(request.param, trials=0, truths=[names[0], names[len(names) // 2], names[-1]])


def all_kinds() -> set[str]:
    return {design.kind for levels in (1, 3) for design in kinds_scenario(levels).design}


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def draw(figure):
    """With everything in its place, but not yet in colours."""
    with style():
        figure.draw_without_rendering()
    return figure


def one_truth(finished, number=0):
    name = finished.scenario.truth[number].name
    return [result for result in finished.results if result.truth.name == name]


def test_every_kind_is_drawn():
    assert all_kinds() == set(WAITING)


@pytest.mark.parametrize("what", OF_RESULTS)
def test_figures_of_results(finished, what):
    trial = finished.scenario.trial
    for results in (one_truth(finished), finished.results):
        figure = getattr(figures, what)(results, trial)
        labels = " ".join(texts(figure))
        assert all(result.design in labels for result in results)
        told = getattr(figures.alt_text, what)(results, trial)
        assert all(result.design in told for result in results)
        assert told.endswith(".")
    draw(figure)
    assert not figures.unknown_letters(figure)


def test_surface(finished):
    surfaces = {
        label: pcs_surface(design, finished.scenario.trial, points=(9, 7))
        for label, design in finished.scenario.designs.items()
        if not design.is_late_onset
    }
    figure = draw(figures.surface(surfaces))
    told = figures.alt_text.surface(surfaces)
    for label, surface in surfaces.items():
        assert label in " ".join(texts(figure))
        assert f"{label} from " in told
        if finished.scenario.trial.levels > 1:
            (panel,) = (axes for axes in figure.axes if axes.get_title("left") == label)
            assert panel.images[0].get_array().data.tolist() == (100 * surface.pcs).tolist()
            assert panel.images[0].get_clim() == (0, 100)
        else:
            lines = [line.get_ydata() for line in figure.axes[0].lines if line.get_marker() != "None"]
            assert any(np.allclose(np.concatenate(pair), 100 * surface.pcs[0]) for pair in pairwise(lines))


def bars(axes) -> list[float]:
    return [bar.get_height() for container in axes.containers for bar in container]


def test_selection_bars_are_the_probabilities(finished):
    results = one_truth(finished)
    rates, *panels = figures.selection(results, finished.scenario.trial).axes
    heights = [height for panel in panels for height in bars(panel)]
    expected = [100 * share for oc in (result.best for result in results) for share in (*oc.selection, oc.no_selection)]
    assert heights == expected
    assert rates.lines[1].get_ydata().tolist() == [100 * rate for rate in results[0].truth.dlt_rates]
    assert set(rates.lines[0].get_ydata()) == {100 * finished.scenario.trial.target}


def test_allocation_bars_are_the_mean_patients(finished):
    results = one_truth(finished)
    _, *panels = figures.allocation(results, finished.scenario.trial).axes
    heights = [height for panel in panels for height in bars(panel)]
    assert heights == [count for oc in (result.best for result in results) for count in (*oc.patients, *oc.dlts)]


def test_sample_size_bars_are_the_distribution(finished):
    results = one_truth(finished)
    for axes, result in zip(figures.sample_size(results, finished.scenario.trial).axes, results, strict=True):
        (container,) = axes.containers
        drawn = [(round(bar.get_x() + bar.get_width() / 2, 9), bar.get_height()) for bar in container]
        assert drawn == [(value, 100 * chance) for value, chance in result.best.sample_size.distribution]
        assert axes.get_xlim()[1] > finished.scenario.trial.max_patients


def test_bias_points_are_the_numbers(finished):
    left, right = figures.bias(finished.results, finished.scenario.trial).axes
    estimates = [result.best.estimate for result in finished.results]
    known = [estimate for estimate in estimates if estimate is not None]
    for axes, name in ((left, "bias"), (right, "rmse")):
        points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "None"]
        assert points == [100 * getattr(estimate, name) for estimate in known]
    assert [text.get_text() for text in left.texts] == ["no RP2D"] * (len(estimates) - len(known))


def test_correct_doses_are_marked():
    finished = run(load_scenario(SCENARIOS[0]), trials=0, designs=["3+3"])
    trial = finished.scenario.trial
    for result in finished.results:
        figure = figures.selection([result], trial)
        starred = [text for text in texts(figure) if text.endswith("*")]
        assert starred == [f"{trial.dose_names[dose - 1]}*" for dose in result.correct_doses] or starred == ["none*"]


def test_simulated_numbers_have_a_tilde():
    scenario = load_scenario(SCENARIOS[0])
    finished = run(scenario, trials=200, max_states=1000, truths=["all safe"])
    for what in OF_RESULTS:
        drawn = texts(getattr(figures, what)(finished.results, scenario.trial))
        assert "boin ~" in drawn
        assert "3+3" in drawn
        assert "~ simulated, not exact" in drawn
        assert "boin (simulated)" in getattr(figures.alt_text, what)(finished.results, scenario.trial)


@pytest.mark.long
def test_fifty_doses_and_a_thousand_patients():
    trial = Trial(doses=range(1, 51), target=0.25, max_patients=1000)
    truth = Truth(name="fifty", dlt_rates=np.linspace(0.01, 0.6, 50).tolist())
    designs = [REGISTRY["boin"](label=f"a long label of a design, the {number}th") for number in range(6)]
    scenario = Scenario(name="many", trial=trial, design=designs, truth=[truth])
    finished = run(scenario, trials=20, exact=False)
    for what in OF_RESULTS:
        draw(getattr(figures, what)(finished.results, trial))


def luminance(colour: str) -> float:
    """CIE lightness, 0 to 100, of the luminance that a print in black and white keeps."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 116 * float(np.dot(parts, [0.2126, 0.7152, 0.0722])) ** (1 / 3) - 16


def test_designs_differ_in_grey():
    for number in range(20):
        near, far = look(number), look(number + 1)
        assert abs(luminance(near.colour) - luminance(far.colour)) > 10
        assert near.hatch != far.hatch
        assert near.marker != far.marker
    assert len({look(number) for number in range(14)}) == 14
    assert len({look(number)[1:] for number in range(14)}) == 14, "told apart without any colour"
    assert min(map(luminance, COLOURS)) > 40, "hatches and patients with a DLT are nearly black"


FINISHED = run(load_scenario(SCENARIOS[0]), trials=0, truths=["MTD at 300"])
SURFACE = {"boin": pcs_surface(REGISTRY["boin"](), FINISHED.scenario.trial, points=(9, 9))}


def both_figures():
    return [figures.selection(FINISHED.results, FINISHED.scenario.trial), figures.surface(SURFACE)]


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_same_figure_same_bytes(form):
    first, second = ([figures.to_bytes(one, form, "t", "d") for one in both_figures()] for _ in range(2))
    assert first == second


def test_settings_of_the_machine_do_not_matter():
    usual = [figures.to_bytes(one, "svg", "t", "d") for one in both_figures()]
    unusual = {"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path", "savefig.bbox": "tight"}
    with matplotlib.rc_context(unusual):
        before = dict(matplotlib.rcParams)
        assert [figures.to_bytes(one, "svg", "t", "d") for one in both_figures()] == usual
        assert dict(matplotlib.rcParams) == before


def test_inline_svg():
    found: set[str] = set()
    for number, figure in enumerate(both_figures()):
        text = figures.to_svg(figure, "A <title>", "What & why", f"figure-{number}")
        root = ET.fromstring(text)
        assert text.startswith("<svg ")
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("role") == "img"
        assert root.get("viewBox")
        assert root.get("width") is None
        assert root.get("height") is None
        title, description = root[0], root[1]
        assert (title.text, description.text) == ("A <title>", "What & why")
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert not found & set(ids)
        found |= set(ids)
        referred = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", text))
        assert {one or other for one, other in referred} == set(ids) - {title.get("id"), description.get("id")}
        assert not re.search(r"<style|<script|<\?xml|<!DOCTYPE|xlink", text)
        for element in root.iter():
            for name, value in element.attrib.items():
                assert "href" not in name or value.startswith(("#", "data:image/png;base64,"))
                assert "http" not in value
        assert figures.to_svg(both_figures()[number], "A <title>", "What & why", f"figure-{number}") == text
    assert "href" in text, "the map is an image in the text"


def test_ids_would_collide_without_the_identifier():
    first, second = (figures.to_svg(figure, "t", "d", "same") for figure in both_figures()[:1] * 2)
    assert first == second


def test_letters_of_other_scripts():
    results = [replace(result, design="设计") for result in FINISHED.results[:1]]
    figure = draw(figures.selection(results, FINISHED.scenario.trial))
    assert figures.unknown_letters(figure) == "计设"
    assert "设计" in figures.to_svg(figure, "t", "d", "x")


def node(
    next_dose: int | None = 1,
    size: int = 3,
    reason: str | None = None,
    recommended: int | None = None,
    probability: tuple[float, ...] = (),
    branches: tuple[Node, ...] = (),
) -> Node:
    return Node((), next_dose, size, reason, recommended, False, probability, branches)


def tree(cohorts: int, chance: float = 1.0) -> Node:
    if cohorts == 0:
        return node(2, probability=(chance, 0.5))
    branches = tuple(tree(cohorts - 1, chance * share) for share in (0.5, 0.3, 0.15, 0.05))
    return node(1, probability=(chance, 0.5), branches=branches)


def test_pathways():
    trial = FINISHED.scenario.trial
    ends = (
        node(None, 0, "too_toxic", None, (0.25,)),
        node(None, 0, "max_patients", 2, (0.5,)),
        node(None, 0, "rule_complete", None, (0.25,)),
    )
    root = node(3, 2, probability=(1.0,), branches=ends)
    drawn = texts(draw(figures.pathways(root, trial, 0)))
    for text in (
        "dose 3 · 2 pts",
        "stop: too toxic  25 %",
        "end: RP2D dose 2  50 %",
        "end: no RP2D  25 %",
        "0",
        "1",
        "2",
    ):
        assert text in drawn
    assert "stop: too toxic" in texts(figures.pathways(root, trial))
    told = figures.alt_text.pathways(root, trial, 0)
    assert "3 pathways, of which 3 end the trial" in told
    assert "after 1 DLT (50.0 %) end: RP2D dose 2" in told
    assert draw(figures.pathways(ends[0], trial)) is not None, "a tree of its root alone"


def test_pathways_of_three_cohorts_do_not_overlap():
    figure = draw(figures.pathways(tree(3), FINISHED.scenario.trial, 0))
    boxes = [text.get_bbox_patch().get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 1 + 2 * (4 + 16 + 64)
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_line_is_as_wide_as_the_probability():
    figure = figures.pathways(tree(1), FINISHED.scenario.trial, 0)
    assert [line.get_linewidth() for line in figure.axes[0].lines] == pytest.approx([3.0, 2.0, 1.25, 0.75])


def test_nothing_is_cut_off():
    """No letter of a figure is outside of it."""
    for figure in both_figures():
        content = figures.to_bytes(figure, "png", "t", "d")
        picture = imread(io.BytesIO(content))[:, :, :3]
        frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert frame.min() == 1
