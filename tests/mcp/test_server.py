"""The server, driven by the package's own client: in memory, and as a program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

from pycrash.files.compressed import unpacked
from pycrash.mcp.served import REFUSED, SERVED
from pycrash.mcp.server import make_server
from pycrash.mcp.tools import Tools
from tests.golden.sample import SAMPLE

ROOT = Path(__file__).resolve().parent.parent.parent


def talk(tools: Tools, say: Callable[[Client], Awaitable[None]], mode: str = "auto") -> None:
    async def session() -> None:
        async with Client(make_server(tools), mode=mode) as client:
            await say(client)

    anyio.run(session)


def words(result: Any) -> str:
    return "".join(block.text for block in result.content)


def test_tools_are_listed_with_their_schemas(tools: Tools) -> None:
    async def say(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == sorted(SERVED)
        for tool in listed:
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert tool.output_schema is not None
            assert tool.description
        assert client.instructions is not None
        assert "triage" in client.instructions

    talk(tools, say)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_calls(tools: Tools, mode: str) -> None:
    async def say(client: Client) -> None:
        # The client holds what comes to the schema itself.
        found = await client.call_tool("triage", {})
        assert not found.is_error
        kinds = {row["kind"]: row for row in found.structured_content["rows"]}
        assert kinds["triage.verdict"]["name"] == "null-pointer"
        page = await client.call_tool("ps", {"limit": 2})
        assert (len(page.structured_content["rows"]), page.structured_content["next"]) == (2, 2)
        lines = await client.call_tool("ps", {"limit": 2, "text": True})
        assert words(lines).splitlines()[0].split()[:2] == ["PID", "PPID"]
        assert words(lines).endswith("(more: offset 2)")

    talk(tools, say, mode)


def test_refusals(tools: Tools) -> None:
    async def say(client: Client) -> None:
        for name in (*REFUSED, "nosuch"):
            refused = await client.call_tool(name, {})
            assert refused.is_error
            assert words(refused).startswith(f"{name} is not served: ")
        for name, arguments, said in (
            ("rd", {"r": "x", "operands": ["jiffies"]}, "rd: Additional properties"),
            ("ps", {"limit": 1001}, "ps: 1001 is greater than the maximum"),
            ("ps", {"operands": "x"}, "ps: 'x' is not of type 'array'"),
            ("ps", {"task": "nosuch"}, "invalid task or pid: nosuch"),
            ("rd", {"operands": ["-r", "x"]}, ""),
            ("struct", {}, "wrong usage; usage: struct "),
        ):
            refused = await client.call_tool(name, arguments)
            assert refused.is_error, name
            assert said in words(refused)

    talk(tools, say)


def test_what_fails_inside_does_not_end_the_session(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Tools, name: str, arguments: Any) -> Any:
        raise LookupError("\udcff")

    monkeypatch.setattr(Tools, "call", failing)

    async def say(client: Client) -> None:
        failed = await client.call_tool("ps", {})
        assert failed.is_error
        assert words(failed) == "ps: internal error: LookupError: \\xff"

    talk(tools, say)


def test_bytes_that_are_no_text(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(self: Tools, name: str, arguments: Any) -> Any:
        key = "lines" if arguments.get("text") else "rows"
        row = "é\udcff" if key == "lines" else {"kind": "notice", "command": "ps", "level": "INFO",
                                                "message": "é\udcff"}  # fmt: skip
        return {key: [row], "offset": 0, "next": None}

    monkeypatch.setattr(Tools, "call", odd)

    async def say(client: Client) -> None:
        assert words(await client.call_tool("ps", {"text": True})) == "é\\xff"
        rows = (await client.call_tool("ps", {})).structured_content["rows"]
        assert rows[0]["message"] == "é\\xff"

    talk(tools, say)


def test_the_program(tmp_path: Path) -> None:
    async def session() -> None:
        program = StdioServerParameters(
            command=sys.executable,
            args=["-m", "pycrash", "--mcp", str(unpacked(SAMPLE / "vmlinux.xz")),
                  str(SAMPLE / "vmcore")],
            cwd=str(tmp_path),
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        )  # fmt: skip
        async with Client(stdio_client(program)) as client:
            assert len((await client.list_tools()).tools) == len(SERVED)
            found = await client.call_tool("ps", {"S": True, "text": True})
            assert words(found).startswith("  RU: 5\n")
            for name in ("gcore", "report", "py"):
                assert (await client.call_tool(name, {"operands": ["x"]})).is_error
            assert (await client.call_tool("ccat", {"operands": ["/init", "x"]})).is_error

    anyio.run(session)
    assert list(tmp_path.iterdir()) == []


def test_without_the_package(tmp_path: Path) -> None:
    (tmp_path / "mcp").mkdir()
    (tmp_path / "mcp" / "__init__.py").write_text("raise ImportError('no')")
    run = subprocess.run(
        [sys.executable, "-m", "pycrash", "--mcp", "none"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "pycrash: --mcp needs the mcp package: pip install 'pycrash-shell[mcp]'\n"
