"""ORC entries looked up in tables made by hand."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, cast

import drgn
import pytest

from pycrash.errors import ReadError
from pycrash.kernel.arch.x86_64.orc import REG_BP, REG_OTHER, REG_PREV_SP, REG_SP, OrcTables
from pycrash.kernel.core.typestore import TypeStore

TEXT = 0xFFFFFFFF81000000
LOOKUP, IPS, ENTRIES, BLOCKS = TEXT + 0x100000, TEXT + 0x200000, TEXT + 0x300000, TEXT + 0x400000
CALL, REGS = 2, 3


def orc_type(members: list[tuple[str, int]]) -> drgn.Type:
    """struct orc_entry with its two offsets and bit fields of these widths."""
    prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    short = prog.int_type("short", 2, True)
    unsigned = prog.int_type("unsigned int", 4, False)
    made = [
        drgn.TypeMember(short, "sp_offset", 0),
        drgn.TypeMember(short, "bp_offset", 16),
    ]
    at = 32
    for name, width in members:
        made.append(drgn.TypeMember(drgn.Object(prog, unsigned, bit_field_size=width), name, at))
        at += width
    return prog.struct_type("orc_entry", 6, made)


NEW = orc_type([("sp_reg", 4), ("bp_reg", 4), ("type", 3), ("signal", 1)])
OLD = orc_type([("sp_reg", 4), ("bp_reg", 4), ("type", 2), ("end", 1)])


def entry(sp: int, bp: int, sp_reg: int, bp_reg: int, kind: int) -> bytes:
    return struct.pack("<hhH", sp, bp, sp_reg | bp_reg << 4 | kind << 8)


class FakeKernel:
    """Memory as a dict of spans; one block of text, with entries at given offsets."""

    def __init__(self, type_: drgn.Type, entries: list[tuple[int, bytes]]) -> None:
        self.prog = SimpleNamespace(
            type=lambda name: type_, platform=None, cache={"pycrash.typestore": TypeStore(None)}
        )
        self.modules = SimpleNamespace(find=lambda address: None)
        offsets = [TEXT + at - (IPS + 4 * n) for n, (at, _) in enumerate(entries)]
        last = len(entries) - 1
        self.memory = {
            BLOCKS: struct.pack("<I", 3),
            LOOKUP: struct.pack("<3I", 0, last, last),
            IPS: struct.pack(f"<{len(entries)}i", *offsets),
            ENTRIES: b"".join(data for _, data in entries).ljust(6 * 512, b"\0"),
        }

    def symbol_address(self, name: str) -> int | None:
        return {
            "lookup_num_blocks": BLOCKS,
            "orc_lookup": LOOKUP,
            "__start_orc_unwind_ip": IPS,
            "__start_orc_unwind": ENTRIES,
            "_stext": TEXT,
        }.get(name)

    def read(self, address: int, size: int, what: str = "") -> bytes:
        for start, data in self.memory.items():
            if start <= address and address + size <= start + len(data):
                return data[address - start : address - start + size]
        raise ReadError(address, what)


def tables(kernel: FakeKernel) -> OrcTables:
    return OrcTables(cast(Any, kernel))


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel(
        NEW,
        [
            (0x00, entry(8, 0, REG_SP, 0, CALL)),
            (0x10, entry(16, -16, REG_SP, REG_PREV_SP, CALL)),
            (0x20, entry(16, -16, REG_BP, REG_PREV_SP, CALL)),
            (0x30, entry(168, -8, REG_SP, 0, REGS)),
        ],
    )


def test_the_last_entry_that_is_not_beyond_the_address(kernel: FakeKernel) -> None:
    found = tables(kernel).find(TEXT + 0x1F)
    assert found is not None
    assert (found.sp_offset, found.bp_offset) == (16, -16)
    assert (found.sp_reg, found.bp_reg, found.call) == (REG_SP, REG_PREV_SP, True)
    assert tables(kernel).find(TEXT + 0x20) != found


def test_an_entry_with_saved_registers_is_no_call(kernel: FakeKernel) -> None:
    found = tables(kernel).find(TEXT + 0x38)
    assert found is not None
    assert not found.call


def test_before_6_4_a_call_is_type_0() -> None:
    kernel = FakeKernel(OLD, [(0, entry(8, 0, REG_SP, 0, 0)), (0x10, entry(8, 0, REG_SP, 0, 2))])
    first, second = tables(kernel).find(TEXT), tables(kernel).find(TEXT + 0x10)
    assert first is not None
    assert second is not None
    assert first.call
    assert not second.call


def test_registers_have_other_numbers_since_7_1() -> None:
    new_sp, new_previous = 3, 8
    kernel = FakeKernel(NEW, [(0, entry(16, -16, new_sp, new_previous, CALL))])
    found = tables(kernel).find(TEXT)
    assert found is not None
    assert (found.sp_reg, found.bp_reg) == (REG_SP, REG_PREV_SP)


def test_a_register_that_is_not_followed() -> None:
    kernel = FakeKernel(NEW, [(0, entry(8, 0, REG_SP, 0, CALL)), (0x10, entry(8, 0, 6, 6, CALL))])
    found = tables(kernel).find(TEXT + 0x10)
    assert found is not None
    assert (found.sp_reg, found.bp_reg) == (REG_OTHER, REG_OTHER)


def test_text_outside_of_the_tables(kernel: FakeKernel) -> None:
    assert tables(kernel).find(TEXT - 1) is None
    assert tables(kernel).find(TEXT + 0x100000) is None


def test_indices_that_make_no_sense_are_not_followed(kernel: FakeKernel) -> None:
    kernel.memory[LOOKUP] = struct.pack("<3I", 5, 0xFFFFFFF0, 0)
    assert tables(kernel).find(TEXT + 0x10) is None


def test_tables_that_are_not_in_the_dump(kernel: FakeKernel) -> None:
    del kernel.memory[ENTRIES]
    assert tables(kernel).find(TEXT + 0x10) is None
