"""A figure as the content of a file."""

import io

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

from escalation.report.figures.style import style

DPI = 200
"""Dots to an inch of a picture: a slide's full width and more."""

# Who made a file and when would make two files of one figure differ.
_UNSIGNED: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def to_bytes(figure: Figure, form: str, title: str, description: str) -> bytes:
    """The content of an svg, png or pdf file, the same for the same figure; it has the title and description in it."""
    file = io.BytesIO()
    account = {"Title": title, "Subject" if form == "pdf" else "Description": description}
    with style():
        figure.savefig(file, format=form, dpi=DPI, metadata={**_UNSIGNED[form], **account})
    return file.getvalue()


def unknown_letters(figure: Figure) -> str:
    """Letters that the font lacks: empty boxes in a png or pdf; in an svg the reader's own fonts show them."""
    with style():
        known = get_font(findfont(FontProperties())).get_charmap()
    letters = {letter for text in figure.findobj(Text) for letter in text.get_text()}
    return "".join(sorted(letter for letter in letters if ord(letter) not in known and letter.isprintable()))
