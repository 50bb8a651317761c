"""rd: what is asked for, and the lines of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.rd import Rd
from pycrash.api import Context, Notice, Part, UsageError, View
from pycrash.api.symbolrows import UnknownSymbol
from pycrash.errors import CrashError, ReadError

BASE = 0xFFFF888000000000
TEXT = b"Linux version 6" + bytes(1)


class Memory:
    """A page of kernel memory; what lies behind was left out of the dump."""

    def __init__(self) -> None:
        self.page = bytearray(4096)
        self.page[: len(TEXT)] = TEXT
        self.page[0x100:0x108] = (0x1234).to_bytes(8, "little")
        self.page[0x108:0x110] = b"\xff" * 8

    def is_kernel(self, address: int) -> bool:
        return address >= BASE

    def read(self, address: int, size: int, what: str) -> bytes:
        at = address - BASE
        if at + size > len(self.page):
            start = max(address, BASE + 4096)
            raise ReadError(start, what, "page excluded" if at < 8192 else "seek error")
        return bytes(self.page[at : at + size])

    def read_user(self, task: int, address: int, size: int, what: str) -> bytes:
        raise ReadError(address, what, "invalid", "user virtual address")

    def read_physical(self, address: int, size: int, what: str) -> bytes:
        return bytes(size)

    def read_file(self, offset: int, size: int, what: str) -> bytes:
        if offset + size > 16:
            raise ReadError(offset, what, "read error", "dumpfile address")
        return b"KDUMP   12345678"[offset : offset + size]


def run(*words: str) -> list[str]:
    memory = Memory()
    banner = SimpleNamespace(address=BASE)
    kernel = SimpleNamespace(
        word_mask=2**64 - 1,
        page_size=4096,
        memory=memory,
        read=memory.read,
        word_size=8,
        byte_order="<",
        symbols=SimpleNamespace(
            by_name=lambda name: banner if name == "banner" else None,
            containing=lambda text: iter(()),
            in_range=lambda address: address == 0x1234,
            text=lambda address, radix: "schedule",
        ),
        slab=SimpleNamespace(cache_of=lambda address: "dentry"),
    )
    ctx = cast(Context, SimpleNamespace(kernel=kernel, task=0, settings=SimpleNamespace(radix=10)))
    rd = Rd()
    args = rd.parse(words)
    lines: list[str] = []

    def plain(rows: Any) -> Any:
        for row in rows:
            if isinstance(row, Notice):
                lines.append(f"! {row.text}")
            else:
                yield row

    try:
        for line in rd.text(View(ctx.settings), args, plain(rd.run(ctx, args))):
            lines.append(f"{line}<" if isinstance(line, Part) else line)
    except UsageError:
        lines.append("usage")
    except CrashError as error:
        if not isinstance(error, UnknownSymbol):
            lines.append(f"! {error}")
    return lines


AT = "ffff888000000000:  "


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["banner"], [AT + "65762078756e694c                    Linux ve"]),
        (["-x", "banner", "2"], [AT + "65762078756e694c 0036206e6f697372 "]),
        (["-8", "banner", "3"], [AT + "4c 69 6e" + " " * 42 + "Lin"]),
        (["-N", "-32", "-x", "banner"], [AT + "4c696e75 "]),
        (["-d", "ffff888000000108"], ["ffff888000000108:               -1 "]),
        (["-o", "8", "-x", "banner"], ["ffff888000000008:  0036206e6f697372 "]),
        (["-R", "-8", "-x", "ffff888000000002", "3"], [AT + "4c 69 6e "]),
        (["-e", "ffff888000000010", "-x", "banner"], [AT + "65762078756e694c 0036206e6f697372 "]),
        (
            ["-s", "ffff888000000100", "2"],
            ["ffff888000000100:  schedule         ffffffffffffffff "],
        ),
        (["-S", "ffff888000000108"], ["ffff888000000108:  [dentry]         "]),
        (["-SS", "ffff888000000108"], ["ffff888000000108:  [ffffffffffffffff:dentry] "]),
        (["-p", "-x", "1000"], ["            1000:  0000000000000000 "]),
        (["(banner+8)", "-x"], ["ffff888000000008:  0036206e6f697372 "]),
        (["-17", "banner"], ["! invalid option: 17", "usage"]),
        (["-16", "-s", "banner"], ["! -s option is only allowed with 64-bit display", "usage"]),
        (["-m", "0"], ["! -m option only applies to xen architecture"]),
        (["banner", "0"], ["! invalid count request: 0"]),
        (["-e", "10", "banner"], ["! invalid ending address: 10"]),
        (
            ["-r", "/dev/null", "banner"],
            ["! -r option requires either a count argument or the -e option"],
        ),
        (["10"], ['! invalid user virtual address: 10  type: "64-bit UVADDR"']),
        ([], ["usage"]),
    ],
)
def test_lines(words: list[str], expected: list[str]) -> None:
    assert run(*words) == expected


def test_a_line_is_left_open_where_memory_ends() -> None:
    assert run("ffff888000000fe8", "6") == [
        "ffff888000000fe8:  0000000000000000 0000000000000000   ................",
        "ffff888000000ff8:  0000000000000000 <",
        '! page excluded: kernel virtual address: ffff888000001000  type: "64-bit KVADDR"',
    ]


def test_characters_end_with_the_first_that_cannot_be_printed() -> None:
    assert run("-a", "banner") == [AT + "Linux version 6<"]
    assert run("-a", "banner", "20") == [AT + "Linux version 6"]
    assert run("-a", "ffff888000000200", "4") == [""]
    assert run("-a", "ffff888000000200") == []


def test_the_file_goes_on_behind_its_end() -> None:
    assert run("-f", "8", "3") == [
        '! read error: dumpfile address: 10  type: "64-bit FILEADDR"',
        '! read error: dumpfile address: 18  type: "64-bit FILEADDR"',
        "               8:  3837363534333231                    12345678",
    ]


def test_bytes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    assert run("-r", str(path), "banner", "5") == [
        f"5 bytes copied from 0xffff888000000000 to {path}"
    ]
    assert path.read_bytes() == b"Linux"


def test_an_unknown_symbol() -> None:
    assert run("nothing") == [
        "symbol not found: nothing",
        "possible alternatives:",
        "  (none found)",
    ]


def test_characters_behind_the_end_of_the_file_are_each_missed() -> None:
    assert run("-f", "-a", "e", "4") == [
        "               e:  78",
        '! read error: dumpfile address: 10  type: "ascii"',
        '! read error: dumpfile address: 11  type: "ascii"',
    ]
