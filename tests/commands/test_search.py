"""search: what is asked for, and the lines of what is found."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from commands.search import Search
from pycrash.api import Context, CrashError, Notice, UsageError, View
from pycrash.kernel.core.frames import Frames, Pages
from pycrash.kernel.mm.spaces import KernelArea, Piece, Spaces
from pycrash.settings import Settings
from tests.commands.crowd import NOBODY_WAITS
from tests.kernel.fake_kernel import FakeKernel

DIRECT, VMALLOC, STACK = 0xFFFF888000000000, 0xFFFFC90000000000, 0xFFFFC90000010000
PAGE = 4096


class Memory:
    """Two areas of the kernel that show one page, whose words count from 0; page 1 of them is
    missing. The stack of a task is that page, too."""

    kernel_areas = (
        KernelArea("direct", DIRECT, DIRECT + 2 * PAGE),
        KernelArea("vmalloc", VMALLOC, VMALLOC + PAGE),
    )
    physical_span = (0, 2 * PAGE)
    page = np.arange(PAGE // 8, dtype=np.uint64)

    def kernel(self, kind: str, start: int, end: int) -> Iterator[Piece]:
        yield Piece(start & -PAGE, np.array([0, 1] if kind == "direct" else [0]))

    def physical(self, start: int, end: int) -> Iterator[Piece]:
        yield Piece(0, np.array([0, 1]))

    def stack(self, start: int, size: int) -> Piece:
        return Piece(start, np.array([0]))

    def are_there(self, frames: Any) -> Any:
        return frames == 0

    have_records = are_there

    def read(self, frames: Any) -> Pages:
        return Pages(self.page.view(np.uint8).reshape(1, -1), np.zeros(len(frames), np.int64))


def lines(line: str) -> list[str]:
    """What a line prints, messages marked."""
    fake = FakeKernel()
    fake.give(Frames, Memory())
    fake.give(Spaces, Memory())
    memory = SimpleNamespace(
        is_kernel=lambda at: at >= DIRECT, is_user=lambda at: at < 1 << 47, read_physical=None
    )
    task = SimpleNamespace(pid=1, address=0x10, cpu=0, comm="init", stack=STACK, mm=0)
    kernel = fake.kernel
    kernel.__dict__.update(
        memory=memory,
        read=lambda at, size, what: Memory.page.tobytes()[at % PAGE :][:size],
        symbols=SimpleNamespace(
            by_name=lambda name: SimpleNamespace(address=5) if name == "five" else None
        ),
        tasks=SimpleNamespace(all=[task], get=lambda at: task, is_kernel_thread=lambda t: True),
        panic=SimpleNamespace(is_active=lambda at: False),
        stacks=SimpleNamespace(size=PAGE),
    )
    kernel.arch.__dict__["tables"] = SimpleNamespace(kernel_base=DIRECT)
    ctx = cast(Context, SimpleNamespace(kernel=kernel, task=0x10, shell=NOBODY_WAITS))
    command = Search()
    args = command.parse(line.split())
    found: list[str] = []

    def plain() -> Iterator[Any]:
        for row in command.run(ctx, args):
            if isinstance(row, Notice):
                found.append(f"! {row.text}")
            else:
                yield row

    try:
        found.extend(command.text(View(Settings()), args, plain()))
    except UsageError:
        found.append("usage")
    except CrashError as error:
        found.append(f"error: {error}")
    return found


def test_area_after_area() -> None:
    assert lines("5") == [f"{DIRECT + 40:x}: 5 ", f"{VMALLOC + 40:x}: 5 "]
    assert lines("-K 5") == lines("5")[:1]
    assert lines("-V 5") == lines("5")[1:]
    assert lines("-K -V 5") == []


def test_a_symbol_and_an_expression_stand_behind_what_is_found() -> None:
    assert lines("-p five (five+1)") == ["28: 5 (five)", "30: 6 (five+1)"]
    assert lines("-p -m 1 five") == ["20: 4 ", "28: 5 "]


def test_what_is_around() -> None:
    blank = " " * 18
    assert lines("-K -x 1 five") == [
        f"{DIRECT + 32:x}:  0000000000000004 {blank}  ........".replace(blank, " " * 17),
        f"{DIRECT + 40:x}:  5 (five)",
        f"{DIRECT + 48:x}:  0000000000000006 {blank}  ........".replace(blank, " " * 17),
        "",
    ]


def test_stacks() -> None:
    header = 'PID: 1        TASK: 10                CPU: 0    COMMAND: "init"'
    assert lines("-t 5 6") == [header, f"{STACK + 40:x}: 5 ", f"{STACK + 48:x}: 6 "]
    assert lines("-T 5") == []


def test_texts() -> None:
    assert lines("-p -c d")[0] == "320: d.......e.......f.......g.......h.......i.......j......."
    assert lines("-p -c -m 1 zzzz") == ["! mask ignored on string search"]


def test_bounds() -> None:
    assert lines("-s ffff888000000003 -l 10 0") == [
        "! rounding down start address to: ffff888000000000",
        f"{DIRECT:x}: 0 ",
    ]
    assert lines("-p -s 28 -e 30 5 6") == ["28: 5 "]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", ["usage"]),
        ("-k -l 8 -e 10 1", ["usage"]),
        ("-s 10 1", ["! invalid kernel virtual address: 10", "usage"]),
        ("-p -s 20 -e 10 1", ["! ending address 10 is below starting address 20", "usage"]),
        ("-e 0 1", ["error: invalid ending address: 0"]),
        ("-u 1", ["error: current context has no user address space"]),
        ("-t -T 1", ["error: -t and -T options are mutually exclusive"]),
        ("-t -k 1", ["error: -t option cannot be used with other memory-selection options"]),
        ("-c -x 1 a", ["error: -x option is not allowed with -c"]),
        ("-x 513 1", ["error: context value 513 is too large: maximum is 512"]),
        ("-h 12345", ["error: value too large for -h option: 12345 "]),
        ("zz", ['error: invalid input: "zz"']),
    ],
)
def test_refusals(line: str, said: list[str]) -> None:
    assert lines(line) == said


def test_of_several_widths_the_last_counts() -> None:
    warned = '! WARNING: overriding previously set search mode with "h"'
    assert lines("-p -w -h 12345") == [warned, "error: value too large for -h option: 12345 "]
