from __future__ import annotations

from pycrash.api import Flag, Word
from pycrash.api.registry import Registry
from pycrash.render.manual import in_order, page, pages, table
from tests.shell.fake import Count

LINES = [
    *("", "NAME", "  tally - numbers up to one", "", "SYNOPSIS", "  tally [-e|-n|-x] number", ""),
    *("DESCRIPTION", "  Counts.", "", "    -e  error at the end", "    -n  notice at 2"),
    *("    -x  break at 2", ""),
]


def test_page_of_a_command() -> None:
    assert list(page(Count(), {})) == LINES


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


class Wordy(Count):
    name = "wordy"
    description = """\
Short lines
are filled:
  but these
    stand
as they are.

Another paragraph."""
    flags = (Flag("a", "same"), Flag("b", "same", Word("value", "any")), Flag("c", "other"))
    examples = (("count", "wordy 1"), ("Or so:", "wordy 2"))
    related = ("tally", "exit")


def test_a_page_is_filled_and_flags_share_their_help() -> None:
    lines = list(page(Wordy(), {"wordy 2": ["1", "", "..."]}))
    assert lines[lines.index("DESCRIPTION") + 1 :] == [
        *("  Short lines are filled:", "    but these", "      stand", "  as they are.", ""),
        *("  Another paragraph.", ""),
        *("    -a -b value", "        same", "    -c  other", ""),
        *("EXAMPLES", "  count:", "", "    crash> wordy 1", ""),
        *("  Or so:", "", "    crash> wordy 2", "    1", "", "    ...", ""),
        *("SEE ALSO", "  tally, exit", ""),
    ]
