"""Texts of a scenario stay what they are in every format: no markup, no formulas, nothing that a terminal obeys."""

import csv
import io
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from escalation import load_scenario
from escalation.cli import main
from escalation.fields import LONGEST_TEXT
from escalation.report.render.markdown import plain_line
from escalation.report.render.toml import quoted
from escalation.scenario.toml import parse_toml
from escalation.tidy import inert_cell

MARKUP = (
    "<script>alert(1)</script> &lt;i&gt; </text></svg></style> ]]> <!-- {{ 7*7 }} {0} %s [red]b[/red] [l](http://a.b) "
    "![p](x) https://a.b/c www.a.b me@a.b @me `c` **b** _i_ ~~s~~ $x_1$ :smile: | a | \\ ' ;=HYPERLINK(1) א"
)
BEGINNINGS = [
    "=cmd|' /C calc'!A0 ",
    "+1+2 ",
    "-2+3 ",
    "@SUM(1) ",
    "\uff1d1 ",
    "# ",
    "1. ",
    "- ",
    "> ",
    "~~~ ",
    "--- ",
    "\\",
]

FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"

REFUSED = {
    "an escape": "\x1b[31mred",
    "a bell": "a\x07",
    "a null": "a\x00b",
    "a line": "a\nb",
    "a return": "a\rb",
    "a separator of lines": "a\u2028b",
    "one byte of control": "\x9b31m",
    "delete": "a\x7f",
    "right to left, overriding": "\u202egnp.exe",
    "right to left, isolated": "\u2067x\u2069",
    "a mark of right to left": "a\u200f",
    "no width": "a\u200bb",
    "a byte order": "\ufeffa",
}

FIELDS = ("name", "title", "registry", "dose", "unit", "label", "level", "truth", "key", "reason")


def content(texts: dict[str, str]) -> str:
    """A scenario with these texts."""
    text = {name: quoted(value) for name, value in texts.items()}
    return f"""
name = {text["name"]}
title = {text["title"]}
registry = {text["registry"]}
[assumptions]
{text["key"]} = {text["reason"]}
[trial]
doses = [{text["dose"]}, "b", "c"]
dose_unit = {text["unit"]}
labels = [{text["level"]}, "1", "2"]
target = 0.25
max_patients = 6
[[design]]
kind = "boin"
label = {text["label"]}
[[design]]
kind = "3+3"
[[truth]]
name = {text["truth"]}
dlt_rates = [0.1, 0.25, 0.4]
"""


def texts_with(beginning: str) -> dict[str, str]:
    """A text for each field, all different; labels of dose levels hold no quotation marks."""
    return {name: f"{beginning}{MARKUP}{name}" for name in FIELDS}


BENIGN = {name: f"benign {name}" for name in FIELDS}


@pytest.fixture
def output_of(tmp_path):
    """What a command prints, or writes to a file, about a scenario with some texts."""

    def run(texts: dict[str, str], command: str, *options: str, file: str | None = None) -> str:
        scenario = tmp_path / "scenario.toml"
        scenario.write_text(content(texts))
        written = [] if file is None else ["--output", str(tmp_path / file)]
        result = CliRunner().invoke(main, [command, str(scenario), *options, *written])
        assert result.exit_code == 0, result.output
        assert all(is_inert(line) for line in result.output.splitlines())
        return result.stdout if file is None else (tmp_path / file).read_text()

    return run


def is_inert(line: str) -> bool:
    """Whether a terminal shows a line letter by letter, from left to right but for letters of such a script."""
    return all(letter.isprintable() and unicodedata.category(letter) != "Cf" for letter in line)


class Tags(HTMLParser):
    """The elements of a page with their attributes but for words, and the words."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.words = set(), ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add((tag, *sorted(name for name, _ in attributes)))
        self.words += " ".join(value or "" for _, value in attributes)

    def handle_data(self, data):
        self.words += data

    def handle_comment(self, data):
        self.tags.add(("comment", data))


each_beginning = pytest.mark.parametrize("beginning", BEGINNINGS)


@each_beginning
def test_csv(output_of, beginning):
    texts = texts_with(beginning)
    for command in ("run", "compare", "table", "robust"):
        options = {"robust": ["--generator", "scenario"], "table": []}.get(command, ["--trials", "0"])
        rows = list(csv.reader(io.StringIO(output_of(texts, command, *options, "--format", "csv")), strict=True))
        assert len({len(row) for row in rows}) == 1
        for separated in (rows, [cell.split(";") for row in rows for cell in row]):
            for cell in (cell.strip() for row in separated for cell in row):
                assert cell[:1] not in FORMULA or re.fullmatch(r"[-+]?[0-9.e-]+", cell) or not cell, cell
    assert any(texts["label"].replace("=HYPER", "'=HYPER") in cell for cell in rows[1])


def test_numbers_and_what_begins_like_one():
    kept = ["-1", "+5", "-0.25", "3+3", "boin", "", "a=b", "1;2"]
    assert [inert_cell(text) for text in kept] == kept
    assert inert_cell("-1: 150") == "'-1: 150"
    assert inert_cell(" =1") == "' =1"
    assert inert_cell("a; =1;+2") == "a;' =1;'+2"


@each_beginning
def test_markdown(output_of, beginning):
    """Read as Markdown, the pages have the parts that they have with harmless texts, and the texts are there."""
    texts = texts_with(beginning)
    reader = MarkdownIt("gfm-like", {"linkify": False}).enable(["table", "strikethrough"])
    report = [("report", "r.md")] * (beginning in BEGINNINGS[:2])
    for command, file in (("run", None), ("table", None), ("compare", None), ("next", None), *report):
        options = {"next": ["", "--design"], "table": []}.get(command, ["--trials", "0"])
        form = ["--format", "md"] if command == "report" else ["--format", "markdown"]
        seen, expected = (
            reader.parse(output_of(given, command, *options, *[given["label"]] * (command == "next"), *form, file=file))
            for given in (texts, BENIGN)
        )
        kinds = [[token.type for token in tokens] for tokens in (seen, expected)]
        assert kinds[0] == kinds[1]
        inner = {child.type for token in seen for child in token.children or ()}
        assert inner <= {"text", "em_open", "em_close", "text_special", "softbreak", "code_inline"}
        words = "".join(child.content for token in seen for child in token.children or ())
        assert texts["label"].rstrip() in words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("3+3 at 0.5 - 1.0", "3+3 at 0.5 - 1.0"),
        ("-1.5 and +2", "-1.5 and +2"),
        ("1.5 of 2", "1.5 of 2"),
        ("12: 34", "12: 34"),
        ("1. one", r"1\. one"),
        ("- one", r"\- one"),
        ("===", r"\==="),
        ("https://a.b", r"https\://a.b"),
    ],
)
def test_lines_of_markdown(text, written):
    assert plain_line(text) == written


def test_html_and_svg(output_of):
    texts = texts_with(BEGINNINGS[0])
    pages = [Tags(output_of(given, "report", "--trials", "0", file="r.html")) for given in (texts, BENIGN)]
    assert pages[0].tags == pages[1].tags
    assert re.sub(r"\s+", " ", texts["title"]) in re.sub(r"\s+", " ", pages[0].words)
    for what in ("selection", "paths"):
        options = ["--what", what, "--trials", "0", "--design"]
        figures = [
            ET.fromstring(output_of(given, "plot", *options, given["label"], file="f.svg")) for given in (texts, BENIGN)
        ]
        tags = [{element.tag for element in figure.iter()} for figure in figures]
        assert tags[0] == tags[1]
        assert not any(name.startswith("on") or "javascript" in value
                       for element in figures[0].iter() for name, value in element.attrib.items())  # fmt: skip


@each_beginning
def test_terminal_and_toml(output_of, beginning, tmp_path):
    """The output's lines are looked at by the fixture; what is written back is what was read."""
    texts = texts_with(beginning)
    for command, *options in (["table"], ["run", "--trials", "0"], ["paths", "--design", texts["label"]],
                              ["next", "", "--design", texts["label"]], ["worst"],
                              ["run", "--trials", "0", "--format", "json"]):  # fmt: skip
        assert output_of(texts, command, *options)
    tuned = tmp_path / "tuned.toml"
    grid = ["--grid", "cutoff_eli=0.9,0.95", "--design", texts["label"], "--output", str(tuned)]
    assert output_of(texts, "calibrate", *grid)
    given, written = load_scenario(tmp_path / "scenario.toml"), load_scenario(tuned)
    assert (given.name, given.title, given.registry, given.assumptions, given.trial, given.truth) == (
        written.name, written.title, written.registry, written.assumptions, written.trial, written.truth)  # fmt: skip
    assert list(written.designs) == list(given.designs)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_not_printable_is_refused(tmp_path, field, text):
    """In every text; the message shows it without obeying it. A reason may go over several lines."""
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(content({**BENIGN, field: text}))
    result = CliRunner().invoke(main, ["table", str(scenario)])
    if field == "reason" and text.split() != [text]:
        assert result.exit_code == 0
        return
    assert result.exit_code == 2
    assert all(line.startswith("error: ") and is_inert(line) for line in result.stderr.splitlines())
    assert "should be a printable text" in result.stderr or "doses: should be numbers" in result.stderr


@pytest.mark.parametrize("field", FIELDS)
def test_long_texts_are_refused_and_not_repeated(tmp_path, field):
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(content({**BENIGN, field: "a" * 50_000}))
    result = CliRunner().invoke(main, ["table", str(scenario)])
    assert result.exit_code == 2
    assert len(result.stderr) < 1_000 + LONGEST_TEXT


def test_texts_in_toml():
    texts = ['"', "\\", "a\\nb", "'''", '"""', "א", "#", "=", "\\u202e"]
    assert [parse_toml(f"x = {quoted(text)}")["x"] for text in texts] == texts
