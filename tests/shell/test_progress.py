"""The line that tells how far something long is: on a terminal alone, and gone behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pycrash.api import Args, Context, CrashError, Row, View
from pycrash.shell import progress
from pycrash.shell.session import Session
from tests.shell.fake import Count, Number, fake_session

Capture = pytest.CaptureFixture[str]


class Slow(Count):
    """Tells how far it is; fails on the way if its operand is 0."""

    name = "slow"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for done in range(4):
            ctx.shell.progress("counting", done, 4)
        if args.operands == ("0",):
            raise CrashError("cannot count")
        yield Number(4)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return (str(row.value) for row in rows if isinstance(row, Number))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "PACE", 0)
    session = fake_session()
    session.registry.add(Slow())
    return session


def terminals(monkeypatch: pytest.MonkeyPatch, *streams: str) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda name=name: name in streams)


@pytest.mark.parametrize(("line", "said"), [("slow 1", "4\n"), ("slow 0", "slow: cannot count\n")])
def test_at_a_terminal_it_comes_and_goes(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture, line: str, said: str
) -> None:
    terminals(monkeypatch, "stdout", "stderr")
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    session.feed(line)
    out, _ = capfd.readouterr()
    assert "counting [" in out
    assert "75%" in out
    assert out.endswith(f"\r\033[K{said}")


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
    assert capfd.readouterr() == ("4\n", "")


def test_what_is_short_shows_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    terminals(monkeypatch, "stdout", "stderr")
    monkeypatch.setattr(progress, "PATIENCE", 60)
    session.feed("slow 1")
    assert capfd.readouterr() == ("4\n", "")
