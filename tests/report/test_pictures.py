"""Flame graphs, and drawings of other programs."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from pycrash.report.flame import WIDTH, flame_graph
from pycrash.report.svg import cleaned

SVG = "{http://www.w3.org/2000/svg}"


def boxes(picture: str) -> dict[str, tuple[float, int, float]]:
    """Title to (left, top, width) of each box."""
    found = {}
    for group in ElementTree.fromstring(picture):
        rect = group.find("rect")
        assert rect is not None
        place = (float(rect.get("x", "")), int(rect.get("y", "")), float(rect.get("width", "")))
        found[str(group.findtext("title"))] = place
    return found


def test_calls_stand_on_those_that_made_them() -> None:
    picture = flame_graph([(["a", "b"], 3), (["a", "c [mod]"], 1), ([], 7)], 10_000)
    assert picture is not None
    found = boxes(picture)
    assert set(found) == {"a: 4 of 4 tasks", "b: 3 of 4 tasks", "c [mod]: 1 of 4 tasks"}
    below, b, c = (found[name] for name in sorted(found))
    assert below[0] == b[0] == 0
    assert c[0] == WIDTH * 3 / 4
    assert b[1] == c[1] < below[1]
    assert round(b[2] / c[2]) == 3


def test_a_flame_graph_is_bounded_and_its_names_are_text() -> None:
    deep = [([f"<{n}.{level}>" for level in range(300)], 1) for n in range(200)]
    picture = flame_graph(deep, 50_000)
    assert picture is not None
    assert len(picture) < 60_000
    assert "&lt;0.0&gt;: 1 of 200 tasks" in picture
    assert flame_graph([([], 3)], 1000) is None


def test_a_drawing_keeps_its_shapes_and_words_alone() -> None:
    drawing = (
        '<?xml version="1.0"?><!DOCTYPE svg><!-- c --><svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" width="9pt" onload="x()">'
        '<script>x()</script><g id="g" class="c"><title>l&#45;1</title>'
        '<a xlink:href="http://e/"><text x="1" style="fill:red">a&lt;b</text></a>'
        '<polygon fill="none" points="1,2"/>tail</g></svg>'
    )
    assert cleaned(drawing) == (
        '<svg width="9pt"><g><polygon fill="none" points="1,2"></polygon>tail</g></svg>'
    )
    assert cleaned("<svg><text>a&lt;b</text></svg>") == "<svg><text>a&lt;b</text></svg>"
    assert cleaned("no drawing") is None
    assert cleaned("<html></html>") is None


def test_attributes_are_text() -> None:
    assert cleaned('<svg d="&quot;&gt;&lt;script&gt;"/>') == (
        '<svg d="&#34;&gt;&lt;script&gt;"></svg>'
    )
    assert not re.search("<script", str(cleaned('<svg d="&lt;script&gt;"/>')))
