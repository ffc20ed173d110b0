"""A report's page as the tests read it."""

import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """The tables, headings and links of a page, and every element's name with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements, self.headings, self.text = [], [], []
        self.tables: dict[str, list[list[str]]] = {}
        self.continued: dict[str, list[list[list[str]]]] = {}
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass
        if tag == "table" and self._caption.endswith(" (continued)"):
            self.continued.setdefault(self._caption.removesuffix(" (continued)"), []).append(self._rows)
        elif tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data):
        data = data.replace("\u00a0", " ")
        if "style" not in self._open:
            self.text.append(data)
        if "caption" in self._open:
            self._caption += data
        elif {"td", "th"} & set(self._open):
            self._rows[-1][-1] += data
        elif self._open and re.fullmatch("h[1-6]", self._open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    def table(self, end: str) -> list[list[str]]:
        """The table whose caption ends so, with the columns of those that continue it."""
        (caption,) = [caption for caption in self.tables if caption.endswith(end)]
        rows = [list(row) for row in self.tables[caption]]
        for more in self.continued.get(caption, ()):
            rows = [[*row, *others[1:]] for row, others in zip(rows, more, strict=True)]
        return rows
