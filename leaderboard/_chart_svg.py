"""Charts to inline SVG: rendered without a browser or a network, then freed of what a page does not need."""

import re
from collections.abc import Callable, Sequence
from html import unescape
from xml.etree import ElementTree as Tree

from markupsafe import Markup, escape

__all__ = ["inline_svg", "translated_svg"]

_KEPT = {
    *("d", "transform", "x1", "x2", "y1", "y2", "x", "y", "width", "height", "points", "viewBox"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity"),
    *("text-anchor", "font-size", "font-weight"),
}
_BASE = {"fill": "var(--ink)", "font-size": "11px"}
_USELESS = {**_BASE, "opacity": "1", "stroke-width": "1", "font-weight": "normal", "transform": "translate(0,0)"}
_INHERITED = {
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity"),
    *("text-anchor", "font-size", "font-weight"),
}
_LONG = re.compile(r"-?\d+\.\d{2,}")
_WORDS = re.compile(r"(<text[^>]*>)([^<]+)<")
_SPACE = "{http://www.w3.org/2000/svg}"


def inline_svg(svg: str, title: str, description: str, name: str) -> Markup:
    """Make the drawing of a chart an `<svg>` element for a page.

    A mark's description becomes the words that show under the pointer.

    Args:
        svg: as Vega draws it.
        title: what it is, for screen readers.
        description: what it says, for screen readers.
        name: from which the ids of title and description are made.
    """
    drawn = Tree.fromstring(svg)  # noqa: S314 - made here, from escaped text  # nosec B314
    size = {name: drawn.get(name, "") for name in ("width", "height", "viewBox")}
    words = {"aria-labelledby": f"{name}-title", "aria-describedby": f"{name}-desc"}
    root = Tree.Element("svg", {"role": "img", **words, **size, **_BASE})
    Tree.SubElement(root, "title", {"id": f"{name}-title"}).text = title
    Tree.SubElement(root, "desc", {"id": f"{name}-desc"}).text = description
    root.extend(part for child in drawn for part in _lean(child))
    return Markup(Tree.tostring(root, encoding="unicode"))  # noqa: S704 - the serializer escapes


def translated_svg(svg: Markup, say: Callable[[str], str]) -> Markup:
    """A drawing whose words are in another language, as far as that knows them."""
    return Markup(_WORDS.sub(lambda found: f"{found[1]}{escape(say(unescape(found[2])))}<", svg))  # noqa: S704


def _lean(element: Tree.Element) -> list[Tree.Element]:
    """The element without what draws nothing; a link, or a group without attributes, gives way to what is in it."""
    if element.get("class") in {"foreground", "background"} and element.get("stroke") in {None, "transparent"}:
        return []
    kept = {name: _short(value) for name, value in element.attrib.items() if name in _KEPT}
    kept = {name: value for name, value in kept.items() if _USELESS.get(name) != value}
    parts = [part for child in element for part in _lean(child)]
    tag = element.tag.removeprefix(_SPACE)
    if tag == "g":
        kept.pop("fill", None)
        kept |= _shared(parts)
    if tag == "a" or (tag == "g" and (not kept or not parts)):
        return parts
    lean = Tree.Element(tag, kept)
    lean.text = element.text
    if tag != "g" and element.get("aria-label"):
        Tree.SubElement(lean, "title").text = element.get("aria-label")
    lean.extend(parts)
    return [lean]


def _shared(parts: Sequence[Tree.Element]) -> dict[str, str]:
    """What all parts of a group would inherit from it alike, taken from them."""
    if len(parts) < 2:
        return {}
    shared = {
        name: value
        for name, value in parts[0].attrib.items()
        if name in _INHERITED and all(part.get(name) == value for part in parts)
    }
    for part in parts:
        for name in shared:
            del part.attrib[name]
    return shared


def _short(value: str) -> str:
    return _LONG.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)
