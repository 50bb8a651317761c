"""Pages: nothing of a dump is taken for HTML, nothing is fetched, everything is bounded."""

from __future__ import annotations

from markupsafe import Markup, escape

from pycrash.report.page import (
    Facts,
    Lines,
    Picture,
    Piece,
    Saying,
    Section,
    Table,
    render,
    within,
)
from tests.report.reading import Reader

HOSTILE = '</pre></style><script src="http://evil/">alert(1)</script><img src=x onerror=y>\x1b[2J\0'


def test_text_is_never_html() -> None:
    section = Section("all", HOSTILE, cut=[HOSTILE])
    section.blocks += [
        Saying(HOSTILE, "note"),
        Facts([(HOSTILE, HOSTILE)]),
        Table([HOSTILE], [[HOSTILE]]),
        Lines([HOSTILE]),
        Piece(HOSTILE, [HOSTILE]),
        Picture(Markup("<svg></svg>"), HOSTILE),
    ]
    page = Reader(render(HOSTILE, HOSTILE, [section]))
    assert page.faults == []
    assert "img" not in page.tags
    for tag in ("h1", "h2", "p", "dt", "dd", "th", "td", "span", "summary", "pre", "a", "title"):
        assert HOSTILE.replace("\x1b", "\\x1b").replace("\0", "\\x00") in page.text(tag), tag


def test_bytes_that_are_no_text_are_spelled() -> None:
    page = Reader(render("a", "b", [Section("s", "s", [Saying("x\udcffy\ud800")])]))
    assert "x\\xffy\\xd800" in page.text("p")


def test_nothing_is_fetched() -> None:
    page = Reader(render("a", "b", []))
    assert page.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in page.policy
    assert page.faults == []


def test_what_fits_is_kept_up_to_the_first_that_does_not() -> None:
    cost = len(escape("<a>")) + 24
    items = [("<a>", 1), ("<a>", 2), ("<a>" * 50, 3), ("", 4)]
    assert within(items, 2 * cost) == ([1, 2], 2)
    assert within(items, 10_000) == ([1, 2, 3, 4], 0)
    assert within([], 10) == ([], 0)
