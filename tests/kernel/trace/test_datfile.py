"""A trace.dat file, read back piece by piece."""

from __future__ import annotations

import io
import struct
from types import SimpleNamespace

from pycrash.errors import CrashError
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.trace.datfile import TraceFile
from pycrash.kernel.trace.ringbuffer import TraceBuffers
from tests.kernel.trace.test_events import FakeEvents


class Pieces(io.BytesIO):
    """What is read off the file."""

    def number(self) -> int:
        return int(struct.unpack("<I", self.read(4))[0])

    def text(self, form: str = "<Q") -> str:
        (size,) = struct.unpack(form, self.read(struct.calcsize(form)))
        return self.read(size).decode("utf-8", "surrogateescape")

    def word(self) -> str:
        found = b""
        while not found.endswith(b"\0"):
            found += self.read(1)
        return found[:-1].decode("utf-8", "surrogateescape")


def test_a_file() -> None:
    fake = FakeEvents()
    fields = (("n", "int", 8, 4, 1), ("comm", "char[16]", 12, 16, 0))
    fake.add("ma\udc81e", "first", '"n=%d"', *fields, ("text", "__data_loc char[]", 28, 4, 0))
    fake.add("ftrace", "function", '"f"', ("ip", "unsigned long", 8, 8, 0))
    symbol = SimpleNamespace(address=0x5000, letter="T", name="called")
    fake.give(SymbolTable, SimpleNamespace(kernel=lambda: iter([symbol])))
    pages = {0x10: [b"a" * 4096, b"b" * 4096], 0x30: [b"c" * 4096]}
    rings = SimpleNamespace(
        cpus=lambda buffer: {0: 0x10, 2: 0x30}, pages=lambda at, problem: iter(pages[at])
    )
    fake.give(TraceBuffers, rings)
    out = Pieces()
    problems: list[CrashError] = []
    fake.kernel.part(TraceFile).write(out, 0x99, problems.append)
    assert problems == []
    out.seek(0)
    assert out.read(12) == b"\x17\x08\x44tracing6\0"[:12]
    assert out.read(2) == b"\0\x08"
    assert out.number() == 4096
    assert out.word() == "header_page"
    assert "field: char data;\toffset:16;\tsize:4080;" in out.text()
    assert out.word() == "header_event"
    assert "time_delta  :   27 bits" in out.text()
    assert out.number() == 1
    assert out.text().startswith("name: function\nID: 301\nformat:\n\tfield:int common_pid;")
    assert out.number() == 1
    assert out.word() == "ma\udc81e"
    assert out.number() == 1
    form = out.text()
    assert "\n\n\tfield:int n;\toffset:8;\tsize:4;\tsigned:1;\n" in form
    assert "\tfield:char comm[16];\toffset:12;" in form
    assert "\tfield:__data_loc char[] text;\toffset:28;" in form
    assert form.endswith('\n\nprint fmt: "n=%d"\n')
    assert out.text("<I") == "5000 T called\n"
    assert out.text("<I") == ""
    assert out.text() == "5 five\n"
    assert out.number() == 3
    assert out.word() == "options  "
    assert out.read(2) == bytes(2)
    assert out.word() == "flyrecord"
    places = [struct.unpack("<QQ", out.read(16)) for _ in range(3)]
    assert [size for _, size in places] == [8192, 0, 4096]
    assert all(start % 4096 == 0 for start, _ in places)
    held = out.getvalue()
    assert held[places[0][0] :][:8192] == b"a" * 4096 + b"b" * 4096
    assert held[places[2][0] :] == b"c" * 4096
