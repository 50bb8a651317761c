"""Tools on the sample dump: each is called, bounded, and refused what writes or runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pycrash.api import Row, Settings
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.mcp import tools as made
from pycrash.mcp.served import REFUSED, SERVED
from pycrash.mcp.tools import Refused, Tool, Tools

#: What commands are called with that show nothing without an operand, or too slowly.
OPERANDS: dict[str, dict[str, Any]] = {
    "ascii": {"operands": ["62696c2f7273752f"]},
    "btop": {"operands": ["512a000"]},
    "ccat": {"operands": ["/init"]},
    "cfind": {"operands": ["/"]},
    "cls": {"operands": ["/"]},
    "dis": {"operands": ["schedule", "3"]},
    "eval": {"operands": ["1 + 2"]},
    "explain": {"operands": ["ff1816ac026e0000"]},
    "foreach": {"operands": ["UN", "bt"]},
    "fuser": {"operands": ["/"]},
    "list": {"h": True, "operands": ["task_struct.tasks", "init_task"]},
    "kmem": {"i": True},
    "p": {"operands": ["init_task.comm"]},
    "pte": {"operands": ["d8e067"]},
    "ptob": {"operands": ["512a"]},
    "ptov": {"operands": ["56e000"]},
    "rd": {"operands": ["jiffies"]},
    "rustfilt": {"operands": ["_RNvC1a1b"]},
    "sbitmapq": {"operands": ["0"]},
    "search": {"p": True, "s": "0", "e": "100000", "operands": ["0"], "u": False},
    "struct": {"operands": ["list_head"]},
    "sym": {"operands": ["schedule"]},
    "tree": {"t": "xarray", "operands": ["crashme_xa"]},
    "union": {"operands": ["sigval"]},
    "vtop": {"operands": ["ff1816ac026e0000"]},
    "waitq": {"operands": ["ffffffff81000000"]},
    "whatis": {"operands": ["jiffies"]},
}
#: What the sample has nothing for, and what is said of it.
NOTHING = {
    "sbitmapq": "invalid kernel virtual address",
    "trace": "no struct trace_array in this kernel",
    "waitq": "first list entry",
}


@pytest.fixture(scope="module")
def listed(tools: Tools) -> dict[str, Tool]:
    return {tool.name: tool for tool in tools.all()}


def test_every_command_is_served_or_refused() -> None:
    names = {
        command.name for command in Registry() if "pycrash.commands" in type(command).__module__
    }
    assert names == set(SERVED) | set(REFUSED)
    assert not set(SERVED) & set(REFUSED)


def test_what_a_tool_takes_is_a_schema(listed: dict[str, Tool]) -> None:
    assert list(listed) == sorted(SERVED)
    for tool in listed.values():
        Draft202012Validator.check_schema(tool.takes)
        assert not tool.takes["additionalProperties"]
        assert not set(tool.takes["properties"]) & set(SERVED[tool.name].letters)


@pytest.mark.parametrize("name", sorted(SERVED))
def test_each_is_called(tools: Tools, listed: dict[str, Tool], name: str) -> None:
    arguments, tool = {**OPERANDS.get(name, {}), "limit": 5}, listed[name]
    Draft202012Validator(tool.takes).validate(arguments)
    if name in NOTHING:
        with pytest.raises(CrashError, match=NOTHING[name]):
            tools.call(name, arguments)
        return
    page = tools.call(name, arguments)
    Draft202012Validator(tool.gives).validate(page)
    assert 0 < len(page["rows"]) <= 5
    assert name == "ccat" or page["rows"][0]["kind"] != "notice"


def test_text_is_what_crash_prints(tools: Tools) -> None:
    page = tools.call("ps", {"S": True, "text": True})
    assert page == {
        "lines": ["  RU: 5", "  IN: 49", "  ID: 27", "  UN: 2", "  ST: 1", "  ZO: 1"],
        "offset": 0,
        "next": None,
    }


def test_page_after_page(tools: Tools) -> None:
    whole = tools.call("ps", {"limit": 1000})["rows"]
    assert len(whole) == 85
    for limit in (1, 7, 84, 85, 100):
        pages: list[Any] = []
        offset: int | None = 0
        while offset is not None:
            page = tools.call("ps", {"limit": limit, "offset": offset})
            assert len(page["rows"]) <= limit
            pages += page["rows"]
            offset = page["next"]
        assert pages == whole
    assert tools.call("ps", {"offset": 84})["rows"] == whole[84:]
    assert tools.call("ps", {"offset": 3, "limit": 2})["rows"] == whole[3:5]
    with pytest.raises(Refused, match="there are 85 only"):
        tools.call("ps", {"offset": 90})


def test_pages_are_gone_on_with_not_begun_anew(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    kept = Tools._begun

    def counted(self: Tools, *words: Any) -> Iterator[str]:
        begun.append(words)
        return kept(self, *words)

    monkeypatch.setattr(Tools, "_begun", counted)
    for offset in range(0, 40, 10):
        tools.call("log", {"limit": 10, "offset": offset})
    assert len(begun) == 1


def test_pages_and_rows_are_bounded_in_bytes(
    tools: Tools, listed: dict[str, Tool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "PAGE", 2000)
    monkeypatch.setattr(made, "ROW", 600)
    page = tools.call("ps", {"limit": 1000})
    assert page["next"] == len(page["rows"]) < 20
    row = tools.call("stacks", {"limit": 1})["rows"][0]
    assert row["kind"] == "cut"
    assert len(row["begin"]) == 600 < row["size"]
    Draft202012Validator(listed["stacks"].gives).validate(tools.call("stacks", {}))
    line = tools.call("stacks", {"j": True, "text": True})["lines"][0]
    assert len(line) < 700


def test_a_page_ends_in_time() -> None:
    answer = made._Answer(iter(["1", "2"]))
    # One row at least, so that it goes on.
    assert made._page(answer, 10, True, end=0) == (["1"], False)


def test_a_call_ends_in_time(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: object, ctx: object, args: object) -> Iterator[Row]:
        while True:
            pass
        yield Row()

    hasty = Tools(kernel, Settings(), patience=0.1)
    monkeypatch.setattr(type(hasty._commands["ps"]), "run", endless)
    with pytest.raises(Refused, match=r"ps: took longer than 0.2 seconds"):
        hasty.call("ps", {})
    assert hasty.call("sys", {})["rows"]


def test_the_task_to_work_on(tools: Tools) -> None:
    assert tools.call("task", {"limit": 1})["rows"][0]["pid"] == 125
    assert tools.call("task", {"limit": 1, "task": "1"})["rows"][0]["pid"] == 1
    assert tools.call("task", {"limit": 1})["rows"][0]["pid"] == 125
    with pytest.raises(CrashError, match="invalid task or pid: zzz"):
        tools.call("task", {"task": "zzz"})


def test_flags_with_values(tools: Tools) -> None:
    by_cpu = tools.call("ps", {"C": "0", "l": True, "limit": 3})["rows"]
    assert by_cpu[0] == {"kind": "ps.cpu", "cpu": 0, "online": True}
    twice = tools.call("struct", {"operands": ["task_struct"], "l": ["task_struct.tasks"]})
    assert twice["rows"]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_commands_that_write_or_run(tools: Tools, name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not served: "):
        tools.call(name, {"operands": [str(tmp_path / "x")]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rd", {"r": "FILE", "operands": ["jiffies"]}),
        ("rd", {"operands": ["-r", "FILE", "jiffies"]}),
        ("rd", {"operands": ["-rFILE", "jiffies"]}),
        ("dev", {"D": True, "operands": ["0", "FILE"]}),
        ("dev", {"operands": ["-D", "0", "FILE"]}),
        ("ccat", {"operands": ["/init", "FILE"]}),
        ("trace", {"t": True, "operands": ["dump", "FILE"]}),
        ("trace", {"operands": ["dump", "-t", "FILE"]}),
        ("trace", {"operands": ["dump"]}),
        ("mod", {"S": True}),
        ("mod", {"operands": ["-s", "crashme", "FILE"]}),
        ("bt", {"O": True}),
        ("nosuch", {}),
        ("ps", {"unknown": True}),
        ("grep", {"operands": ["x", "FILE"]}),
        ("!", {"operands": ["touch FILE"]}),
    ],
)
def test_arguments_that_write_or_run(
    tools: Tools, name: str, arguments: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / "x")
    with pytest.raises((Refused, CrashError)):
        tools.call(name, json.loads(json.dumps(arguments).replace("FILE", path)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mark", ["|", ">", ">>", "!", "<"])
@pytest.mark.parametrize("name", ["ps", "sys", "bt", "eval", "foreach", "help", "whatis", "p"])
def test_marks_of_the_shell_are_words(
    tools: Tools, name: str, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for operands in ([mark, "x"], [f"{mark} touch x"], [f"{mark}x"]):
        with suppress(Refused, CrashError):
            tools.call(name, {"operands": operands})
    assert list(tmp_path.iterdir()) == []


def test_what_commands_ask_of_the_shell(tools: Tools) -> None:
    port: Any = tools._port
    for call in (
        lambda: port.execute("ps"),
        lambda: port.python("1"),
        port.leave,
        lambda: list(port.rows("gcore", None, ())),
    ):
        with pytest.raises(CrashError):
            call()
    assert port.picture("digraph {}") is None
