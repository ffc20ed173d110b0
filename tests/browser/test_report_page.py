"""The report's page in a browser: nothing is fetched, cut off or illegible, on small and large screens and on paper."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from escalation import load_scenario, make_report, run
from escalation.report.blocks import Heading, Lines, Picture, TextTable
from escalation.report.document.document import Document, Drawing, Section
from escalation.report.document.html import to_html
from escalation.scenario.file import parse_scenario

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

SCENARIOS = Path(__file__).parents[2] / "scenarios"
CHECKS = (Path(__file__).parent / "checks.js").read_text()
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
WIDTHS = (400, 800, 1400)
A4 = 680
"""Pixels between the margins of a printed page."""

DRAWN = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="two bars" viewBox="0 0 640 320">'
    '<rect x="40" y="40" width="200" height="240"/><rect x="300" y="140" width="200" height="140"/></svg>'
)


def many_doses() -> str:
    """Twenty doses and designs that have long names, simulated only."""
    long = "averyveryveryverylongwordwithoutaspacethatgoesonandonandon" * 2
    content = {
        "name": "many",
        "title": f"Twenty doses, {long}",
        "assumptions": {long: "a reason " * 60},
        "trial": {
            "doses": [f"level {dose}, with words" for dose in range(1, 21)],
            "target": 0.25,
            "max_patients": 12,
        },
        "design": [{"kind": "boin", "label": f"{long} {number}"} for number in range(3)],
        "truth": [{"name": long, "dlt_rates": [0.02 * dose for dose in range(20)]}],
    }
    return make_report(run(parse_scenario(content), trials=50, max_states=1), max_states=1)


def every_part() -> str:
    """A page by hand with all that a page can be made of."""
    words = TextTable(
        ["name", "sentence", "2"], [[["a", "many words " * 20, "3"]]], words=frozenset({1}), marked=frozenset({2})
    )
    parts = (
        Heading("first"),
        *(Drawing("drawn", "two bars", DRAWN), Drawing("full", "many bars", DRAWN, wide=True)),
        *(Picture("x" * 300, "y"), Lines("an alarm", alarm=True), words),
        *(Heading("second", 4), Lines("one", "two", listed=True)),
    )
    return to_html(Document("Every part", ("a line",), (Section("s", "Section", parts),)))


def scenario_page(name: str, *truths: str) -> str:
    return make_report(run(load_scenario(SCENARIOS / f"{name}.toml"), trials=200, truths=truths))


PAGES = {
    "lucar-dks1": lambda: scenario_page("lucar-dks1", "nearly no DLTs", "MTD at 300", "all too toxic"),
    "tak-007": lambda: scenario_page("tak-007", "DLT rate 0.05", "DLT rate 0.30"),
    "many doses": many_doses,
    "every part": every_part,
}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name.replace(' ', '-')}.html" for name in PAGES}
    for name, file in found.items():
        file.write_text(PAGES[name](), encoding="utf-8")
    return found


@pytest.fixture
def show(browser, files):
    """Opens a page at a width."""
    opened = []

    def show(name: str, width: int):
        page = browser.new_page(viewport={"width": width, "height": 900})
        opened.append(page)
        page.goto(files[name].as_uri())
        return page

    yield show
    for page in opened:
        page.close()


def wrong(page, check: str) -> list[str]:
    return page.evaluate(f"() => ({CHECKS.strip()}).{check}()")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_fetched_and_nothing_complains(browser, files, name):
    page = browser.new_page()
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(files[name].as_uri(), wait_until="networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [files[name].as_uri()]
    assert complaints == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out(show, name):
    page = show(name, WIDTHS[0])
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert wrong(page, "overflows") == [], width
        assert wrong(page, "figures") == [], width


@pytest.mark.parametrize("name", PAGES)
def test_structure_and_contrast(show, name):
    page = show(name, 1000)
    for check in ("headings", "tables", "contrasts"):
        assert wrong(page, check) == [], check
    assert page.locator("table").count() > 0
    assert page.title()
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("name", PAGES)
def test_on_paper(show, name, tmp_path):
    """On an A4 page no table is wider than the paper, and there is no more to scroll to."""
    page = show(name, A4)
    page.emulate_media(media="print")
    assert wrong(page, "overflows") == []
    assert wrong(page, "scrolling") == []
    assert wrong(page, "contrasts") == []
    printed = page.pdf(path=tmp_path / "page.pdf", format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert pages == 2 if name == "every part" else pages > 5


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("overflows", "<div style='width: 3000px'>wide</div>"),
        (
            "overflows",
            "<div style='width: 100px; overflow: hidden; white-space: nowrap'>a line that is much longer</div>",
        ),
        ("overflows", "<div style='width: 100px; white-space: nowrap'>a line that is much longer than its box</div>"),
        ("scrolling", "<div class='scroll'><p style='width: 2000px; max-width: none'>wide</p></div>"),
        ("headings", "<h6>much too low</h6>"),
        ("headings", "<h1>another</h1>"),
        ("tables", "<div class=scroll><table><tbody><tr><td>1</td></tr></tbody></table></div>"),
        ("figures", "<figure><svg role='img' width='300' height='300'></svg><figcaption>c</figcaption></figure>"),
        (
            "figures",
            "<figure><svg role='img' aria-label='a' style='display: none'></svg><figcaption>c</figcaption></figure>",
        ),
        ("contrasts", "<p style='color: #888'>grey</p>"),
        ("contrasts", "<p style='color: #fff'>white</p>"),
    ],
)
def test_the_checks_can_fail(show, check, damage):
    page = show("every part", 1000)
    page.emulate_media(media="print" if check == "scrolling" else "screen")
    assert wrong(page, check) == []
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", damage)
    assert wrong(page, check) != []


def test_figures_are_drawn_large_enough_to_read(show):
    """On a small screen a figure is as wide as the page; one that is too full for that scrolls by itself."""
    for width in WIDTHS:
        page = show("every part", width)
        plain, full = (page.locator("figure svg").nth(number).bounding_box() for number in range(2))
        assert 0.85 * min(width, 700) < plain["width"] <= width
        assert full["width"] >= 560
        for box in (plain, full):
            assert box["height"] == pytest.approx(box["width"] / 2, rel=0.02)


def test_contents_lead_to_the_sections(show):
    page = show("lucar-dks1", 1400)
    links = page.locator("nav a")
    places = []
    for number in range(links.count()):
        target = links.nth(number).get_attribute("href").removeprefix("#")
        places.append(page.locator(f"[id='{target}']").bounding_box()["y"])
    assert len(places) > 20
    assert all(above < below for above, below in pairwise(places))
