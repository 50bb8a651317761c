"""A flame graph: stacks laid over each other, as wide as many tasks have them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from pycrash.report.page import within

WIDTH = 1200
_HEIGHT = 17
#: Pixels of a letter of the text in a box, and the least box that is drawn.
_LETTER, _LEAST = 6.6, 1.0
#: Deeper calls are left out: a picture nobody could scroll through.
_DEEPEST = 80


@dataclass
class _Call:
    """A call with those it made, and how many tasks are in it."""

    count: int = 0
    calls: dict[str, _Call] = field(default_factory=dict)


def flame_graph(stacks: Iterable[tuple[Sequence[str], int]], limit: int) -> Markup | None:
    """The picture of stacks, each with its first call first and its number of tasks.

    It has at most `limit` bytes: the calls above them are left out. None where no stack has a call.
    """
    root = _Call()
    for calls, count in stacks:
        if not calls:
            continue
        root.count += count
        at = root
        for name in calls[:_DEEPEST]:
            at = at.calls.setdefault(name, _Call())
            at.count += count
    if not root.count:
        return None
    boxes = list(_boxes(root))
    height = (max(level for _, level, *_ in boxes) + 1) * _HEIGHT
    drawn = ((box, box) for box in (_drawn(*box, root.count, height) for box in boxes))
    kept, _ = within(drawn, limit)
    return (
        Markup(
            '<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" font-family="monospace"'
            ' font-size="11">'
        ).format(WIDTH, height)
        + Markup("").join(kept)
        + Markup("</svg>")
    )


def _boxes(root: _Call) -> Iterator[tuple[str, int, float, int]]:
    """(name, level, left, tasks) of the calls that are wide enough, those below first."""
    scale = WIDTH / root.count
    rows = [(root, 0.0)]
    level = 0
    while rows:
        above = []
        for call, left in rows:
            for name, inner in sorted(call.calls.items()):
                if inner.count * scale >= _LEAST:
                    yield name, level, left, inner.count
                    above.append((inner, left))
                left += inner.count * scale
        rows, level = above, level + 1


def _drawn(name: str, level: int, left: float, count: int, whole: int, height: int) -> Markup:
    width = count * WIDTH / whole
    top = height - (level + 1) * _HEIGHT
    hue = zlib.crc32(name.encode("utf-8", "backslashreplace"))
    # Warm colours, those of modules cold: they differ without a meaning.
    red, blue = (90, 215) if name.endswith("]") else (235, 70)
    colour = f"#{red:02x}{140 + hue % 90:02x}{blue + hue // 90 % 30:02x}"
    letters = int((width - 4) / _LETTER)
    shown = name if len(name) <= letters else name[: letters - 1] + "…" if letters > 3 else ""
    text = f'<text x="{left + 3:.1f}" y="{top + 12}">{escape(shown)}</text>' if shown else ""
    return Markup(
        f"<g><title>{escape(name)}: {count} of {whole} tasks</title>"
        f'<rect x="{left:.1f}" y="{top}" width="{max(width - 0.5, 0.5):.1f}" height="{_HEIGHT - 1}"'
        f' fill="{colour}"/>{text}</g>'
    )
