"""Sections made of answers that no dump gives: far too many, hostile, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pycrash.api import CrashError
from pycrash.api.fields import Json
from pycrash.report.answers import Answers
from pycrash.report.page import Lines, Saying, Section, render
from pycrash.report.sections import PARTS, Source, sections
from tests.report.reading import Reader

#: Every letter takes five bytes as HTML.
LOUD = "&\"<'>" * 40
TASK: Json = {"kind": "ps.task", "pid": 1, "ppid": 0, "cpu": 0, "state": "IN", "mem": 1.25,
              "vsz": 1, "rss": 2, "active": False, "task": "0x1", "comm": LOUD}  # fmt: skip
CALL: Json = {"symbol": LOUD, "offset": 1, "module": LOUD, "address": "0x1"}
ROWS: dict[str, list[Json]] = {
    "triage": [
        {"kind": "triage.verdict", "name": LOUD, "title": LOUD, "meaning": LOUD, "certain": False,
         "in_interrupt": True},
        {"kind": "triage.proof", "claim": LOUD, "command": LOUD, "certain": True},
    ],
    "ps": [{**TASK, "pid": n, "active": n == 19_999} for n in range(20_000)],
    "stacks": [
        {"kind": "stacks.group", "count": 1, "calls": [{**CALL, "symbol": f"{n}{LOUD}"}] * 50,
         "tasks": [{"pid": n, "comm": LOUD, "state": "IN"}] * 50}
        for n in range(1000)
    ],
    "blockers": [
        {"kind": "blockers.wait", "pid": n, "comm": LOUD, "state": "UN", "seconds": 1.0,
         "waits_for": "mutex", "lock": "0x1", "name": None, "function": LOUD, "owner_pid": 2,
         "owner_comm": LOUD, "proved": False}
        for n in range(3000)
    ] + [{"kind": "blockers.cycle", "pids": [1, 2], "proved": True}],
    "mod": [{"kind": "mod.module", "module": LOUD, "size": 1, "base": "0x1"}] * 3000,
    "net": [{"kind": "net.device", "name": LOUD, "mtu": 1, "addresses": [LOUD]}] * 3000,
    "log": [
        {"kind": "log.message", "time": n, "facility": n % 2, "text": f"{n} {LOUD}\n more"}
        for n in range(20_000)
    ],
    "sys": [dict.fromkeys(("release", "version", "machine", "nodename", "date", "uptime", "cpus",
                           "memory", "load_average", "tasks", "panic"), None)],
}  # fmt: skip


class _Flood(Answers):
    """Commands with far too much to say."""

    def __init__(self) -> None:
        pass

    def rows(self, name: str, *words: str) -> Iterator[Json]:
        return map(dict, ROWS[name])

    def lines(self, name: str, *words: str) -> Iterator[str]:
        return (f"PID: {n} {LOUD}" for n in range(5000))


def made(
    answers: Answers, redactor: Any = None, draw: Callable[[str], str | None] = lambda graph: None
) -> list[Section]:
    kernel: Any = SimpleNamespace(
        panic=SimpleNamespace(task=1), system=SimpleNamespace(command_line=LOUD)
    )
    return list(sections(Source(answers, redactor, draw, kernel)))


@pytest.fixture(scope="module")
def flood() -> list[Section]:
    return made(_Flood(), draw=lambda graph: f"<svg><text>{LOUD[0:0]}{'x' * 190_000}</text></svg>")


def test_a_page_is_below_5_mb_whatever_there_is(flood: list[Section]) -> None:
    assert [s.blocks for s in flood if any("Failed" in str(b) for b in s.blocks)] == []
    page = render("a", "b", flood)
    assert 2_000_000 < len(page) < 5_000_000
    assert Reader(page).faults == []


def test_what_was_cut_is_said(flood: list[Section]) -> None:
    said = {section.name: section.cut for section in flood}
    for name, what in {
        "tasks": " of 20000 tasks are left out.",
        "stacks": " of 1000 different stacks are left out.",
        "waits": " of 3000 waiting tasks are left out.",
        "modules": " of 3000 modules are left out.",
        "cpus": " of 5000 stacks are left out.",
        "memory": " of 5000 lines are left out.",
        "log": " of 40000 lines are left out.",
    }.items():
        assert said[name][0].endswith(what), name


def test_the_tasks_that_ran_come_first_and_the_log_ends_at_its_end(flood: list[Section]) -> None:
    by_name = {section.name: section for section in flood}
    table: Any = by_name["tasks"].blocks[0]
    assert table.rows[0][:2] == (">", 19_999)
    log = by_name["log"].blocks[0]
    assert isinstance(log, Lines)
    assert log.lines[-1] == " more"
    assert log.lines[-2].startswith("[    0.000020] 19999 ")


def test_what_fails_says_so_and_the_others_are_there() -> None:
    class Failing(_Flood):
        def rows(self, name: str, *words: str) -> Iterator[Json]:
            if name == "ps":
                raise CrashError("no tasks in /secret")
            if name == "stacks":
                raise KeyError("inside")
            return super().rows(name, *words)

    hush: Any = SimpleNamespace(text=str.upper, message=lambda text: text.replace("/secret", "-"))
    found = {section.name: section.blocks for section in made(Failing(), hush)}
    assert found["tasks"] == [Saying("Not to be had: no tasks in -", "note")]
    assert found["stacks"] == [Saying("Failed inside: KeyError", "note")]
    assert len(found["log"]) == 1
    assert {name for name, _, _, private in PARTS if private}.isdisjoint(found)


def test_what_was_read_before_a_failure_is_shown() -> None:
    class Broken(_Plain):
        def lines(self, name: str, *words: str) -> Iterator[str]:
            yield "the first"
            raise CrashError("read error")

    (memory,) = (section for section in made(Broken()) if section.name == "memory")
    assert memory.blocks == [Lines(["the first"])]
    assert memory.cut == ["The rest could not be read: read error"]


class _Plain(_Flood):
    """A dump before 3.5, where the log is text and nothing waits."""

    def rows(self, name: str, *words: str) -> Iterator[Json]:
        if name == "log":
            for text in ("<6>kernel", "<14>program", "none"):
                yield {"kind": "text", "text": text}

    def lines(self, name: str, *words: str) -> Iterator[str]:
        return iter(())


def test_a_log_of_plain_text() -> None:
    hush: Any = SimpleNamespace(text=str, message=str)
    for redactor, lines in (
        (None, ["kernel", "program", "none"]),
        (hush, ["kernel", "<written by a program>", "none"]),
    ):
        log = made(_Plain(), redactor)[-1]
        assert cast(Lines, log.blocks[0]).lines == lines


def test_nothing_waits_and_no_modules() -> None:
    found = {section.name: section.blocks for section in made(_Plain())}
    assert found["waits"] == [Saying("No task waits for another.", "note")]
    assert found["modules"] == [Saying("No modules are loaded.", "note")]
