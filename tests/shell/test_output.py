"""A dump's control characters: what a terminal sees, and what a file gets."""

from __future__ import annotations

import io
import os
import pty
import tty

import pytest

from pycrash.api import Part
from pycrash.shell.output import Output, harmless

HOSTILE = "a\033]0;x\007b\rc\fd\x9be\tf"
SHOWN = "a\\x1b]0;x\\x07b\\x0dc\\x0cd\\x9be\tf"


def test_control_characters_are_spelled_out() -> None:
    assert harmless(HOSTILE) == SHOWN
    assert harmless("\udc9b") == "\\x9b"
    assert harmless("plain \u00e9\n") == "plain \u00e9\n"


def test_a_terminal_gets_them_spelled_out() -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with open(theirs, "w", encoding="utf-8") as stream:
        output = Output("stdout", stream, paint=lambda line: f"\033[1m{line}")
        output.write_all([HOSTILE, Part(HOSTILE)])
        output.write_plain(HOSTILE)
        want = f"\033[1m{SHOWN}\n{SHOWN}{SHOWN}"
        got = os.read(ours, 4096)
        while len(got) < len(want):  # each write may come by itself
            got += os.read(ours, 4096)
        assert got.decode() == want
    os.close(ours)


@pytest.mark.parametrize("kind", ["file", "pipe", "stdout"])
def test_no_terminal_gets_them_as_they_are(kind: str) -> None:
    stream = io.StringIO()
    Output(kind, stream).write(HOSTILE)  # type: ignore[arg-type]
    assert stream.getvalue() == HOSTILE + "\n"


def test_what_is_shown_on_a_terminal_later_is_spelled_out() -> None:
    stream = io.StringIO()
    Output("stdout", stream, watched=True).indented(2).write(HOSTILE)
    assert stream.getvalue() == f"  {SHOWN}\n"
