"""The listing of bytes, and walks over memory that ends."""

from __future__ import annotations

import pytest

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.text.disasm.listing import CodeError, Disassembler
from tests.kernel.fake_kernel import FakeKernel

START = 0xFFFFFFFF81000000


class Machine:
    name = "x86_64"


def disassembler(name: str = "x86_64") -> tuple[FakeKernel, Disassembler]:
    kernel = FakeKernel()
    machine = Machine()
    machine.name = name
    kernel.arch = machine  # type: ignore[attr-defined]
    return kernel, Disassembler(kernel)  # type: ignore[arg-type]


def test_listing_covers_every_byte() -> None:
    _, made = disassembler()
    rows = made.listing(START, bytes.fromhex("5506c3"))
    assert [(r.address - START, r.data.hex(), r.text) for r in rows] == [
        (0, "55", "push   %rbp"),
        (1, "06", "(bad)"),
        (2, "c3", "ret"),
    ]


def test_a_walk_ends_where_memory_does() -> None:
    """Two bytes of the last instruction are there, each tried for itself."""
    _, made = disassembler()
    memory = bytes(0xFFC - 0xF00) + bytes.fromhex("55c3e800")

    def read(address: int, size: int) -> bytes:
        if address + size > START + 0x1000:
            raise ReadError(START + 0x1000, "test")
        return memory[address - START - 0xF00 :][:size]

    walk = made.walk(START + 0xFFC, read)
    assert [next(walk).text for _ in range(4)] == ["push   %rbp", "ret", ".byte 0xe8", ".byte 0"]
    with pytest.raises(CodeError) as caught:
        next(walk)
    assert (caught.value.address, caught.value.times) == (START + 0x1000, 3)


def test_an_unknown_machine_is_named() -> None:
    _, made = disassembler("vax")
    with pytest.raises(MissingFeature, match="vax"):
        made.listing(START, b"\x55")
