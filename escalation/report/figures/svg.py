"""A figure as part of an HTML page."""

import io
import re
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from escalation.report.figures.style import style

_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def to_svg(figure: Figure, title: str, description: str, identifier: str) -> str:
    """A figure as an svg element for an HTML page; it scales to the width that it is given.

    Letters are text, not outlines: they can be selected, searched, read aloud and translated, and names in any script
    are shown. Where DejaVu Sans is missing the browser takes its own sans-serif letters; hardly any are wider, so that
    nothing overlaps. Title and description are for readers who do not see it. The identifier begins all ids in the
    element, so that no two figures of a page share one.
    """
    file = io.StringIO()
    with style():
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    root = ET.fromstring(file.getvalue())
    _plain_names(root)
    for parent in root.iter():
        for child in list(parent):
            if child.tag in ("metadata", "style"):  # a style would hold for the whole page
                parent.remove(child)
    _own_ids(root, identifier)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    names = {part: f"{identifier}-{part}" for part in ("title", "desc")}
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "role": "img",
        "aria-labelledby": " ".join(names.values()),
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    for place, (part, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(part, id=names[part])
        element.text = text
        root.insert(place, element)
    return ET.tostring(root, encoding="unicode")


def _plain_names(root: ET.Element) -> None:
    """Names as HTML writes them: no prefixes, `href` without XLink's."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}


def _own_ids(root: ET.Element, identifier: str) -> None:
    """Begin the ids that something refers to with the identifier, and drop the others."""
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href" and value.startswith("#"):
                used.add(value[1:])
                element.attrib[name] = f"#{identifier}-{value[1:]}"
            used |= set(_REFERENCE.findall(value))
            element.attrib[name] = _REFERENCE.sub(f"url(#{identifier}-\\1)", element.attrib[name])
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own in used:
            element.attrib["id"] = f"{identifier}-{own}"
