"""A page of HTML that stands alone: no network, nothing of a dump taken for HTML, bounded."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

import jinja2
from markupsafe import Markup, escape

_T = TypeVar("_T")
_HERE = Path(__file__).parent
#: What no page may hold: control characters but tab and line feed, and half of a surrogate pair.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Table:
    """Rows of cells under headings; the columns of `numbers` stand to the right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[object]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Lines:
    """Lines as a terminal shows them, each found by itself."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Piece:
    """Lines that belong together, under a title; folded away unless `opened`."""

    title: str
    lines: Sequence[str]
    opened: bool = False


@dataclass(frozen=True)
class Facts:
    """Names, each with what is so called."""

    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Saying:
    """A sentence; `kind` is one of "", "verdict", "likely", "note"."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Picture:
    """An SVG made or cleaned by pycrash.report, and what it shows."""

    svg: Markup
    title: str


Block = Table | Lines | Piece | Facts | Saying | Picture


@dataclass
class Section:
    """A part of a page. `name` is its anchor; `cut` says what was left out, if anything was."""

    name: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


def within(items: Iterable[tuple[str, _T]], limit: int) -> tuple[list[_T], int]:
    """The first items, as many as fit into so many bytes of a page, and how many do not.

    Each comes with all of its text, whose length as HTML counts, with a little for the tags.
    """
    kept: list[_T] = []
    room, lost = limit, 0
    for text, item in items:
        if room >= 0:
            room -= len(escape(text).encode("utf-8", "backslashreplace")) + 24
        if room < 0:  # and so it stays
            lost += 1
        else:
            kept.append(item)
    return kept, lost


def render(title: str, subtitle: str, sections: Sequence[Section]) -> bytes:
    """The whole page as UTF-8."""
    css, script = (_HERE.joinpath(name).read_text() for name in ("page.css", "page.js"))
    text = _template().render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        css=Markup(css),
        script=Markup(script),
        policy="; ".join(
            (
                "default-src 'none'",
                f"style-src '{_hash(css)}'",
                f"script-src '{_hash(script)}'",
                "base-uri 'none'",
                "form-action 'none'",
            )
        ),
    )
    return text.encode()


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_HERE)
    environment = jinja2.Environment(
        autoescape=True,
        loader=loader,
        finalize=_spelled_out,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    return environment.get_template("page.html.j2")


def _spelled_out(value: object) -> object:
    """Text with the characters that no page may hold as `\\x1b`; an empty cell for None."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _CONTROL.sub(_spelled, value)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    # Bytes that are no UTF-8 came as surrogates.
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\x{code:02x}"


def _hash(text: str) -> str:
    """What names an inline style or script in a policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
