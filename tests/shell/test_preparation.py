"""What is read while the prompt stands: never in anybody's way, and never told twice."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.api import Args, Command, Context, Notice, Row, View
from pycrash.api.registry import CRASH_WORDS, Registry
from pycrash.errors import CrashError
from pycrash.kernel.core.problems import Problems
from pycrash.shell import preparation, warmup
from pycrash.shell.completion import Candidate, Completion
from pycrash.shell.preparation import Preparation
from pycrash.shell.session import Session
from tests.shell.fake import Count, Number, fake_session

LIMIT = 10


class Reads(Count):
    """Reads the kernel without an end, and knows when it does."""

    name = "reads"

    def __init__(self) -> None:
        self.count = 0

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        while True:
            self.count += 1
            yield Number(1)
            time.sleep(0.001)


def prepared(
    monkeypatch: pytest.MonkeyPatch, banner: Callable[[Session, Any], None], *commands: Command
) -> Preparation:
    session = fake_session()
    for command in commands:
        session.registry.add(command)
    monkeypatch.setattr(preparation, "show_banner", banner)
    monkeypatch.setattr(warmup, "LINES", [(command.name,) for command in commands])
    monkeypatch.setattr(preparation, "QUIET", 0.02)
    return Preparation(session)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_banner_that_is_made_soon_stands_above_the_prompt(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ready = prepared(monkeypatch, lambda session, output: output.write("KERNEL"))
    ready.start()
    ready.wait_for_banner()
    assert capfd.readouterr().out == "KERNEL\n"
    ready.wait()
    assert capfd.readouterr().out == ""


def test_the_prompt_does_not_wait_for_one_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    go = threading.Event()

    def banner(session: Session, output: Any) -> None:
        go.wait(LIMIT)
        output.write("KERNEL")

    monkeypatch.setattr(preparation, "GRACE", 0.01)
    ready = prepared(monkeypatch, banner)
    ready.start()
    ready.wait_for_banner()
    assert not ready.usable()
    assert capfd.readouterr().out == ""
    go.set()
    # A command has it before its own lines.
    ready.wait()
    assert capfd.readouterr().out == "KERNEL\n"


def test_what_fails_is_told_and_the_kernel_is_there(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def banner(session: Session, output: Any) -> None:
        raise CrashError("no banner")

    ready = prepared(monkeypatch, banner)
    ready.start()
    ready.wait()
    assert "no banner" in capfd.readouterr().out


def test_nothing_is_read_while_keys_are_typed_or_a_line_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads = Reads()
    ready = prepared(monkeypatch, lambda session, output: None, reads)
    ready.start()
    ready.wait()

    async def prompt() -> None:
        app = SimpleNamespace(loop=asyncio.get_running_loop(), invalidate=lambda: None)
        monkeypatch.setattr("prompt_toolkit.application.get_app", lambda: app)
        ready.prompt_is_up()
        # No line was entered and no key typed: it reads.
        while not reads.count:
            await asyncio.sleep(0.002)
        # A key: it stops before the next row.
        while not ready.usable():
            await asyncio.sleep(0.001)
        stopped = reads.count
        # However long what the key asked for takes.
        time.sleep(0.05)
        assert reads.count == stopped
        # A pause, and it goes on.
        while reads.count == stopped:
            await asyncio.sleep(0.002)

    asyncio.run(asyncio.wait_for(prompt(), LIMIT))
    # A line takes the kernel, and has it until the next prompt.
    ready.wait()
    stopped = reads.count
    time.sleep(0.05)
    assert reads.count == stopped


class Troubled(Count):
    """Finds what could not be read, and tells it once."""

    name = "troubled"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        problems = ctx.kernel.part(Problems)
        problems.add("a damaged list")
        yield from map(Notice, problems.take())
        yield Number(1)
        raise CrashError("at the end")

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return (str(row) for row in rows)


def test_what_there_is_to_tell_stays_untold(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    session = fake_session()
    session.registry.add(Troubled())
    problems = session.kernel.part(Problems)
    pauses = []

    def pause() -> None:
        # Whoever asks meanwhile is told.
        pauses.append(problems.kept)

    monkeypatch.setattr(warmup, "LINES", [["troubled"], ["nosuch"], ["troubled"]])
    warmup.warm_up(session, pause)
    assert problems.take() == ["a damaged list"] * 2
    assert len(pauses) > 4
    assert not any(pauses)
    assert capfd.readouterr() == ("", "")


def test_it_answers_what_the_first_lines_ask() -> None:
    # Each is a line of the real commands.
    session = fake_session()
    for name, *words in warmup.LINES:
        command = session.registry.find(name)
        assert command is not None
        command.parse(words)


def test_it_makes_the_first_tab_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    session, seen = fake_session(), list[str]()

    def candidates(self: Completion, line: str) -> list[Candidate]:
        seen.append(line)
        return []

    monkeypatch.setattr(warmup, "LINES", [])
    monkeypatch.setattr(Completion, "candidates", candidates)
    monkeypatch.setattr(Registry, "find", lambda self, name: seen.append(name))
    warmup.warm_up(session, lambda: None)
    assert seen[-2:] == list(warmup.TABS)
    assert set(seen[:-2]) == CRASH_WORDS


def test_batch_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    from pycrash.shell.loop import serve
    from pycrash.shell.options import parse_options

    started: list[object] = []
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    serve(fake_session(), parse_options(["-s", "--exec", "tally 1"]))
    assert started == []
