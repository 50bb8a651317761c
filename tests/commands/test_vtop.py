"""vtop and its smaller relatives on a kernel made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.api.vmrows import AreaLists
from pycrash.errors import CrashError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.pagetables import Entry, SwapEntry, Translation
from pycrash.kernel.mm.pages import Page, Pages
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.vfs.files import Files
from tests.commands.crowd import Crowd

MAPPED = Vma(0xFFFF888000000100, 0x400000, 0x500000, 0x75, 0x5000, 0x1000, 0x2000)
TOP = (Entry("PGD", 0x1000, 0x2067), Entry("PUD", 0x2000, 0x3067))
KERNEL, HOLE, HIGH = 0xFFFF888000005678, 0xFFFFC90000000000, 0xFFFF8FFFFFFFFFFF
PAGE = 0x8000
HEAD = "      PAGE       PHYSICAL      MAPPING       INDEX CNT FLAGS"


def way(address: int, physical: int | None, entry: Entry, size: int, *heads: str) -> Translation:
    return Translation(0xFFFFFFFF82000000, (*TOP, entry), physical, size, heads)


class FakeTables:
    """0x400000 is mapped, 0x401000 swapped out, 0x402000 of another area of swap, 0x403000 in a
    page of zeros, 0x600000 in a large page; others are not mapped."""

    notes_zero_page = False

    def user_walk(self, mm: int, address: int) -> Translation:
        assert mm == 0x2000
        at = address & ~0xFFF
        if at == 0x404000:
            return way(address, 0xA00000, Entry("PMD", 0x3000, 0xA000E7), 1 << 21)
        entry = {0x400000: PAGE | 1, 0x401000: 0x200, 0x402000: 0x400, 0x403000: 0x9001}.get(at, 0)
        size = 4096 if entry & 1 else 0
        place = (entry & ~0xFFF) + address % 4096 if size else None
        return way(address, place, Entry("PTE", 0x4000, entry), size)

    def kernel_physical(self, address: int) -> int | None:
        return None if address == HOLE else 1 << 60 if address == HIGH else address & 0xFFFF

    def kernel_walk(self, address: int) -> Translation:
        if address in (HOLE, HIGH):
            return way(address, None, Entry("PMD", 0x3000, 0), 0, "PGD DIRECTORY", "PAGE DIRECTORY")
        physical, entry = address & 0xFFFF, Entry("PTE", 0x4000, address & 0xF000 | 1)
        return way(address, physical, entry, 4096, "PGD DIRECTORY", "PAGE DIRECTORY")

    def frame(self, entry: int) -> int:
        return entry & ~0xFFF

    def is_present(self, entry: int) -> bool:
        return bool(entry & 1)

    def flags(self, entry: int) -> tuple[str, ...]:
        return ("PRESENT",) if entry & 1 else ()

    def swap(self, entry: int) -> SwapEntry:
        return SwapEntry(entry >> 8, 12)

    def direct_address(self, physical: int) -> int:
        return 0xFFFF888000000000 + physical


class FakePages:
    zeros = frozenset({0x9000})

    def address(self, physical: int) -> int | None:
        if physical >= 1 << 46:
            raise CrashError("sparsemem: invalid section number: 5")
        return 0xFFFFEA0000000000 + physical // 64

    def get(self, physical: int) -> Page:
        start = physical & ~0xFFF
        return Page(0xFFFFEA0000000000 + start // 64, start, 0, 1, 2, 4)

    def flag_names(self, flags: int) -> tuple[str, ...]:
        return ("lru",)


@pytest.fixture
def crowd() -> Crowd:
    made = Crowd()
    made.give(Vmas, SimpleNamespace(of=lambda mm: iter([MAPPED])))
    user, kernel = (lambda at: at < 1 << 47), (lambda at: at >= 0xFFFF888000000000)
    made.give(Memory, SimpleNamespace(is_kernel=kernel, is_user=user))
    made.give(Files, SimpleNamespace(get=lambda at: at, path=lambda at: "/bin/sh"))
    made.give(SystemFacts, SimpleNamespace(memory=1 << 28))
    made.give(AreaLists, AreaLists(made.kernel))
    made.give(Pages, FakePages())
    places = {2: "/mnt/swap"}
    made.give(SwapAreas, SimpleNamespace(place=lambda entry: places.get(entry.type, "")))
    made.kernel.arch.__dict__["tables"] = FakeTables()
    return made


VMA = [
    "      VMA           START       END     FLAGS FILE",
    "ffff888000000100     400000     500000     75 /bin/sh",
]
WAY = ["   PGD: 1000 => 2067", "   PUD: 2000 => 3067"]


def page(physical: int) -> str:
    return (
        f"{0xFFFFEA0000000000 + physical // 64:x} {physical:8x}                0        1  2 4 lru"
    )


def test_a_page_of_a_program(crowd: Crowd) -> None:
    assert crowd.run("vtop -c 20 400123") == [
        "VIRTUAL     PHYSICAL        ",
        "400123      8123            ",
        "",
        *WAY,
        "   PTE: 4000 => 8001",
        "  PAGE: 8000  ",
        "",
        "PTE   PHYSICAL  FLAGS",
        "8001    8000    (PRESENT)",
        "",
        *VMA,
        "",
        HEAD,
        page(PAGE),
    ]


def test_a_page_that_was_swapped_out(crowd: Crowd) -> None:
    lines = crowd.run("vtop -c 20 401123")
    assert lines[1] == "401123      (not mapped)"
    assert lines[5:9] == ["   PTE: 4000 => 200", "", "PTE    SWAP     OFFSET", lines[8]]
    assert lines[9:] == ["", *VMA, "", "SWAP: /mnt/swap  OFFSET: 12", ""]


def test_one_of_no_swap_area_ends_the_command(crowd: Crowd) -> None:
    lines = crowd.run("vtop -c 20 402000 400000")
    assert lines[-2:] == ["PTE  ", "vtop: cannot determine swap location"]


def test_a_page_that_is_in_its_file(crowd: Crowd) -> None:
    lines = crowd.run("vtop -c 20 405678")
    assert lines[5:] == ["   PTE: 4000 => 0", "", *VMA, "", "FILE: /bin/sh  OFFSET: 6000", ""]


def test_the_page_of_zeros_and_large_pages(crowd: Crowd) -> None:
    assert "  PAGE: 9000  (ZERO PAGE)" in crowd.run("vtop -c 20 403000")
    assert "  PAGE: a00000  (2MB)" in crowd.run("vtop -c 20 404000")


def test_an_address_in_no_area(crowd: Crowd) -> None:
    for line in ("vtop -c 20 600000", "vtop -c 2 400000", f"vtop -u {KERNEL:x}"):
        lines = crowd.run(line)
        assert lines[1].endswith("  (not accessible)")
        assert lines[2:] == [""]


def test_an_address_of_the_kernel(crowd: Crowd) -> None:
    assert crowd.run(f"vtop {KERNEL:x}") == [
        "VIRTUAL           PHYSICAL        ",
        f"{KERNEL:x}  5678            ",
        "",
        "PGD DIRECTORY: ffffffff82000000",
        "PAGE DIRECTORY: 2067",
        "   PUD: 2000 => 3067",
        "   PTE: 4000 => 5001",
        "  PAGE: 5000",
        "",
        "PTE   PHYSICAL  FLAGS",
        "5001    5000    (PRESENT)",
        "",
        HEAD,
        page(0x5000),
    ]


def test_kernel_addresses_that_are_nowhere(crowd: Crowd) -> None:
    assert crowd.run(f"vtop {HOLE:x}")[1] == f"{HOLE:x}  (not mapped)"
    assert crowd.run(f"vtop {HOLE:x}")[-2:] == ["   PMD: 3000 => 0", ""]
    assert crowd.run(f"vtop {HIGH:x}")[-1] == "vtop: sparsemem: invalid section number: 5"
    assert crowd.run("vtop -k 12")[1:] == ["12        (not a kernel virtual address)", ""]


def test_several_addresses_have_one_heading_of_pages(crowd: Crowd) -> None:
    lines = crowd.run(f"vtop {KERNEL:x} {KERNEL:x}")
    assert lines.count(HEAD) == 1
    assert lines[14:16] == ["", "VIRTUAL           PHYSICAL        "]
    lines = crowd.run("foreach 20 21 vtop 400000")
    assert lines.count(HEAD) == 1
    assert lines.count(page(PAGE)) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vtop", "usage"),
        ("vtop zz", 'vtop: invalid input: "zz"'),
        ("vtop -u -k 1", "vtop: -u and -k options are mutually exclusive"),
        ("vtop -c zz 1", "vtop: invalid task or pid value: zz"),
        ("vtop ffff800000000000", "vtop: ambiguous address: ffff800000000000  (requires -u or -k)"),
        ("foreach vtop", "foreach: foreach command requires address argument"),
        ("foreach vtop -R a 1", "foreach: vtop command does not support -R option"),
        ("foreach vtop -u -k 1", "foreach: vtop: -u and -k options are mutually exclusive"),
        ("foreach vtop 1 zz", 'foreach: invalid input: "zz"'),
    ],
)
def test_lines_that_make_no_sense(crowd: Crowd, line: str, said: str) -> None:
    assert crowd.run(line) == [said]


def test_entries(crowd: Crowd) -> None:
    assert crowd.run("pte 8001 0x200")[1] == "8001    8000    (PRESENT)"
    assert crowd.run("pte 400 8001") == ["PTE  ", "pte: cannot determine swap location"]
    assert crowd.run("pte") == []


def test_pages_and_bytes(crowd: Crowd) -> None:
    assert crowd.run("btop 512a0f0 fff") == ["512a0f0: 512a", "fff: 0"]
    assert crowd.run("ptob 10 0x10 512a") == ["a: a000", "10: 10000", "512a: 512a000"]
    assert crowd.run("btop") == crowd.run("ptob") == ["usage"]
    assert crowd.run("btop -1") == ['btop: invalid input: "-1"']


def test_physical_addresses_and_per_cpu_offsets(crowd: Crowd) -> None:
    heading = "VIRTUAL           PHYSICAL        "
    assert crowd.run("ptov 1000 0") == [
        heading,
        "ffff888000001000  1000            ",
        "",
        heading,
        "ffff888000000000  0               ",
    ]
    assert crowd.run("ptov 40:a 8:") == [
        "PER-CPU OFFSET: 40",
        "  CPU    VIRTUAL         ",
        "  [0]  ffff888000100040",
        "  [1]  ffff888000200040",
        "",
        "PER-CPU OFFSET: 8",
        "  CPU    VIRTUAL         ",
        "  [1]  ffff888000200008",
    ]
    assert crowd.run("ptov 40:7") == ["ptov: invalid cpu specification: 7"]
    assert crowd.run("ptov") == ["usage"]
