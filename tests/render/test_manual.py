from __future__ import annotations

from pycrash.command.registry import Registry
from pycrash.render.manual import in_order, page, pages, table
from tests.shell.fake import Count

LINES = [
    *("", "NAME", "  tally - numbers up to one", "", "SYNOPSIS", "  tally [-e|-n|-x] number", ""),
    *("DESCRIPTION", "  Counts.", "", "    -e  error at the end", "    -n  notice at 2"),
    *("    -x  break at 2", ""),
]


def test_page_of_a_command() -> None:
    assert list(page(Count())) == LINES


def test_table_is_filled_downwards_and_q_is_last() -> None:
    names = in_order(["q", "rd", "*", "bt", "ps", "sym", "vm"])
    assert list(table(names))[1:3] == [
        f"{'*':<15}{'ps':<15}{'sym':<15}{'q':<15}",
        f"{'bt':<15}{'rd':<15}{'vm':<15}",
    ]


def test_topics() -> None:
    registry = Registry()
    registry.add(Count())
    assert list(pages(["tally"], registry, {})) == LINES
    assert list(pages(["t"], registry, {"t": ("tally 5", "runtime")})) == LINES
    assert list(pages(["x"], registry, {})) == ['No help data for "x" is available.']
    assert "tally" in list(pages(["commands"], registry, {}))
    everything = list(pages(["all"], registry, {}))
    for topic in ("input", "output", "tally", "copying", "warranty"):
        assert set(pages([topic], registry, {})) <= set(everything)
