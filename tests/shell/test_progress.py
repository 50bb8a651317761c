"""The line that tells how far something long is: on a terminal alone, and gone behind it."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pycrash.api import Args, Context, CrashError, Notice, Part, Row, View
from pycrash.shell import progress
from pycrash.shell.output import Output
from pycrash.shell.progress import ProgressLine, show_progress
from pycrash.shell.session import Session
from tests.shell.fake import Count, Number, fake_session

Capture = pytest.CaptureFixture[str]
#: Longer than the line waits, and goes from one state to the next.
LONG = 0.05


class Slow(Count):
    """Tells how far it is, and how many there are; what goes wrong then is its operand."""

    name = "slow"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for done in range(4):
            ctx.shell.progress("counting", done, 4)
            time.sleep(LONG)
        yield Number(4)
        time.sleep(LONG)
        if "fail" in args.operands:
            raise CrashError("cannot count")
        if "part" in args.operands:
            yield Notice("a note", "NOTE")
            time.sleep(LONG)
        yield Number(5)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        values = (row.value for row in rows if isinstance(row, Number))
        if "part" in args.operands:
            return (Part(f"{value} ") for value in values)
        return map(str, values)


class Silent(Slow):
    """Tells nothing on its way."""

    name = "silent"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        time.sleep(LONG)
        yield Number(4)
        time.sleep(LONG)


class Again(Count):
    """Runs a line of its own, and waits, as repeat does."""

    name = "again"
    takes_line = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        time.sleep(LONG)
        ctx.shell.execute("slow 1")
        time.sleep(LONG)
        return iter(())


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    monkeypatch.setattr(progress, "PACE", 0.005)
    session = fake_session()
    for command in (Slow(), Silent(), Again()):
        session.registry.add(command)
    return session


def terminals(monkeypatch: pytest.MonkeyPatch, *streams: str) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda name=name: name in streams)


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both streams are one terminal."""
    terminals(monkeypatch, "stdout", "stderr")
    monkeypatch.setattr(sys, "stderr", sys.stdout)


def states(text: str) -> list[str]:
    """The states of the line that were drawn."""
    return re.findall(r"\r([^\r\033]+)\033\[K", text)


def left(text: str) -> str:
    """What is left on the terminal: each line as it is after what was drawn over it."""
    return "\n".join(line.rsplit("\r\033[K", 1)[-1] for line in text.split("\n"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("slow 1", "4\n5\n"),
        ("slow fail", "4\nslow: cannot count\n"),
        ("slow part", "4 NOTE: a note\n5 "),
        ("again 1", "4\n5\n"),
    ],
)
def test_at_a_terminal_it_comes_and_goes(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture, line: str, said: str
) -> None:
    at_terminal(monkeypatch)
    session.feed(line)
    out, _ = capfd.readouterr()
    assert any(re.fullmatch(r"[-|/\\] counting \[#+\.+\]  50%  2 of 4", s) for s in states(out))
    assert left(out) == said
    time.sleep(LONG)
    assert capfd.readouterr().out == ""


def test_a_command_that_tells_nothing_has_a_sign_and_its_lines(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    at_terminal(monkeypatch)
    session.feed("silent 1")
    out, _ = capfd.readouterr()
    before, behind = out.split("4\n")
    assert {text[0] for text in states(before)} >= {"|", "/"}
    assert states(before)[0] == "| silent  0 s"
    assert states(behind)[0].endswith("silent  0 s  1 lines")
    assert left(out) == "4\n"


def test_into_a_file_it_stands_on_the_terminal(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture, tmp_path: Path
) -> None:
    at_terminal(monkeypatch)
    session.feed("slow 1 > out")
    out, _ = capfd.readouterr()
    assert states(out)
    assert left(out) == ""
    assert (tmp_path / "out").read_text() == "4\n5\n"


def test_a_pager_that_has_begun_has_the_terminal_alone(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    at_terminal(monkeypatch)
    monkeypatch.setattr("pycrash.shell.session.pager_command", lambda settings: ["cat"])
    session.feed("slow 1", "terminal")
    out, _ = capfd.readouterr()
    before, behind = out.split("4\n")
    assert states(before)
    assert behind == "5\n"


@pytest.mark.parametrize(
    ("line", "streams"),
    [("slow 1", ["stdout"]), ("slow 1", ["stderr"]), ("slow 1 | cat", ["stdout", "stderr"])],
)
def test_where_something_is_piped_it_does_not_come(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Capture,
    line: str,
    streams: list[str],
) -> None:
    terminals(monkeypatch, *streams)
    session.feed(line)
    assert capfd.readouterr() == ("4\n5\n", "")


def test_in_batch_it_does_not_come(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    at_terminal(monkeypatch)
    session.interactive = False
    session.feed("slow 1")
    assert capfd.readouterr() == ("4\n5\n", "")


def test_what_is_short_shows_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    at_terminal(monkeypatch)
    monkeypatch.setattr(progress, "PATIENCE", 60)
    session.feed("slow 1")
    assert capfd.readouterr() == ("4\n5\n", "")


def test_python_has_the_bare_text(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    at_terminal(monkeypatch)
    assert session.text_of("slow 1") == "4\n5\n"
    assert capfd.readouterr() == ("", "")


def test_it_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, capfd: Capture) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show_progress("unpacking /a/very/long/path/of/a/file/vmlinux.xz", 1, 3)
    assert [len(text) for text in states(capfd.readouterr().err)] == [37]
    show_progress("", 3, 3)
    assert capfd.readouterr().err == "\r\033[K"


def test_the_bar_makes_room_for_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    line = ProgressLine("whatis")
    line.show("looking at types", 20000, 40000)
    # A sign in front, and behind it the ^C of a terminal.
    assert len(line._text()) == 60 - len("| ^C") - 1
    assert re.fullmatch(r"looking at types \[#+\.+\]  50%  20000 of 40000", line._text())


def test_a_count_without_a_total(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ProgressLine("search", output=Output("stdout", sys.stdout))
    line.show("search: pages", 7, 0)
    assert line._text() == "search: pages 7"
    line.show("counting", 4, 4)
    assert line._text() == "search  0 s"
