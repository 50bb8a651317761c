"""Pictures in a page: those of other programs, cleaned."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from markupsafe import Markup, escape

#: What a drawing needs; whatever else stands in one (links, scripts, styles, titles) is dropped.
_TAGS = frozenset("svg g text path polygon polyline ellipse rect line".split())  # noqa: SIM905
_ATTRIBUTES = frozenset(
    """
    width height viewBox transform d points x y x1 x2 y1 y2 cx cy rx ry fill stroke stroke-width
    stroke-dasharray text-anchor font-family font-size
    """.split()  # noqa: SIM905
)


def cleaned(drawing: str) -> Markup | None:
    """The drawing of another program with nothing but its shapes and words; None if it is none."""
    try:
        root = ElementTree.fromstring(drawing)
    except ElementTree.ParseError:
        return None
    return Markup("".join(_written(root))) if _tag(root) == "svg" else None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _written(element: ElementTree.Element) -> Iterator[str]:
    tag = _tag(element)
    if tag not in _TAGS:
        return
    kept = ((name, value) for name, value in element.items() if name in _ATTRIBUTES)
    yield f"<{tag}"
    yield from (f' {name}="{escape(value)}"' for name, value in kept)
    yield ">"
    yield str(escape(element.text or ""))
    for inner in element:
        yield from _written(inner)
        yield str(escape(inner.tail or ""))
    yield f"</{tag}>"
