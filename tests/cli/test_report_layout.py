"""How a report is laid out, whatever it is on: headings, numbers of tables and figures, wide tables."""

from escalation.report.blocks import Heading, Lines, Picture, TextTable
from escalation.report.document.document import Document, Drawing, Section, arranged, beneath
from escalation.report.document.html import WIDEST, to_html
from tests.page import Page


def test_tables_fold_to_a_printed_page():
    """Fifty doses: each in one table of those that the grid becomes, beside the names of the rows."""
    header = ["dose", *(str(1000 + dose) for dose in range(50))]
    grid = TextTable(
        header, [[["a row of some length", *(f"{dose}.5" for dose in range(50))]]], marked=frozenset({7, 44})
    )
    page = Page(to_html(Document("t", (), (Section("s", "S", (grid,)),))))
    tables = [page.tables["Table 1. S"], *page.continued["Table 1. S"]]
    assert len(tables) > 2
    assert page.table("Table 1. S")[0] == header
    for rows in tables:
        assert rows[1][0] == "a row of some length"
        assert sum(len(name) + 2 for name in rows[0]) <= WIDEST
    assert sum(attributes.get("class") == "marked" for _, attributes in page.elements) == 4


def test_a_column_that_is_too_wide_stands_alone():
    grid = TextTable(["name", "x", "y"], [[["a", "1" * 200, "2"]]], caption="wide")
    page = Page(to_html(Document("t", (), (Section("s", "S", (grid,)),))))
    assert page.tables["Table 1. wide"][0] == ["name", "x"]
    assert [rows[0] for rows in page.continued["Table 1. wide"]] == [["name", "y"]]


def test_headings_have_no_gaps_and_numbers_run_on():
    parts = (
        *(Heading("a", 5), Heading("b", 7), Heading("c", 5), Heading("d", 2), Heading("e", 1), Heading("f", 9)),
        *(
            TextTable(["x"], [[["1"]]]),
            Drawing("drawn", "what it shows", "<svg></svg>"),
            TextTable(["x"], [[["2"]]], caption="two"),
        ),
    )
    document = arranged(Document("t", (), (Section("s", "S", parts), Section("u", "U", parts[-3:]))))
    first, second = document.sections
    assert [part.level for part in first.parts if isinstance(part, Heading)] == [3, 4, 3, 3, 3, 4]
    assert [part.caption for part in first.parts if isinstance(part, TextTable)] == ["Table 1. S", "Table 2. two"]
    assert [part.caption for part in second.parts if isinstance(part, TextTable)] == ["Table 3. U", "Table 4. two"]
    assert second.parts[1].title == "Figure 2. drawn"


def test_parts_of_others_go_below_a_heading():
    moved = beneath(3, [Heading("a", 2), Lines("text"), Heading("b", 3), Picture("x")])
    assert [part.level for part in moved if isinstance(part, Heading)] == [4, 5]
    assert beneath(3, [Lines("text")]) == [Lines("text")]
