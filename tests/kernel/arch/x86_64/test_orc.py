"""ORC entries looked up in tables made by hand."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import drgn
import pytest

from pycrash.kernel.arch.x86_64.orc import REG_BP, REG_OTHER, REG_PREV_SP, REG_SP, OrcTables
from pycrash.kernel.modules.table import ModuleTable
from tests.kernel.fake_kernel import FakeKernel

TEXT = 0xFFFFFFFF81000000
LOOKUP, IPS, ENTRIES, BLOCKS = TEXT + 0x100000, TEXT + 0x200000, TEXT + 0x300000, TEXT + 0x400000
CALL, REGS = 2, 3


#: The bit fields of struct orc_entry and their widths: since 6.4, and before.
NEW = (("sp_reg", 4), ("bp_reg", 4), ("type", 3), ("signal", 1))
OLD = (("sp_reg", 4), ("bp_reg", 4), ("type", 2), ("end", 1))


def entry(sp: int, bp: int, sp_reg: int, bp_reg: int, kind: int) -> bytes:
    return struct.pack("<hhH", sp, bp, sp_reg | bp_reg << 4 | kind << 8)


class FakeOrc(FakeKernel):
    """One block of text, with entries at given offsets."""

    def __init__(self, bits: tuple[tuple[str, int], ...], found: list[tuple[int, bytes]]) -> None:
        super().__init__()
        self._declare(bits)
        self.give(ModuleTable, SimpleNamespace(find=lambda address: None))
        for name, address in {
            "lookup_num_blocks": BLOCKS,
            "orc_lookup": LOOKUP,
            "__start_orc_unwind_ip": IPS,
            "__start_orc_unwind": ENTRIES,
            "_stext": TEXT,
        }.items():
            self.symbol(name, address)
        last = len(found) - 1
        offsets = [TEXT + at - (IPS + 4 * n) for n, (at, _) in enumerate(found)]
        self.write(BLOCKS, "I", 3)
        self.write(LOOKUP, "3I", 0, last, last)
        self.write(IPS, f"{len(found)}i", *offsets)
        self.write(ENTRIES, f"{6 * 512}s", b"".join(data for _, data in found))

    def _declare(self, bits: tuple[tuple[str, int], ...]) -> None:
        """struct orc_entry: two offsets, then bit fields."""
        prog = self.prog
        short, unsigned = prog.int_type("short", 2, True), prog.int_type("unsigned int", 4, False)
        made = [drgn.TypeMember(short, "sp_offset", 0), drgn.TypeMember(short, "bp_offset", 16)]
        at = 32
        for name, width in bits:
            kind = drgn.Object(prog, unsigned, bit_field_size=width)
            made.append(drgn.TypeMember(kind, name, at))
            at += width
        self.types["orc_entry"] = prog.struct_type("orc_entry", 6, made)


def tables(kernel: FakeOrc) -> OrcTables:
    return OrcTables(kernel.kernel)


@pytest.fixture
def kernel() -> FakeOrc:
    return FakeOrc(
        NEW,
        [
            (0x00, entry(8, 0, REG_SP, 0, CALL)),
            (0x10, entry(16, -16, REG_SP, REG_PREV_SP, CALL)),
            (0x20, entry(16, -16, REG_BP, REG_PREV_SP, CALL)),
            (0x30, entry(168, -8, REG_SP, 0, REGS)),
        ],
    )


def test_the_last_entry_that_is_not_beyond_the_address(kernel: FakeOrc) -> None:
    found = tables(kernel).find(TEXT + 0x1F)
    assert found is not None
    assert (found.sp_offset, found.bp_offset) == (16, -16)
    assert (found.sp_reg, found.bp_reg, found.call) == (REG_SP, REG_PREV_SP, True)
    assert tables(kernel).find(TEXT + 0x20) != found


def test_an_entry_with_saved_registers_is_no_call(kernel: FakeOrc) -> None:
    found = tables(kernel).find(TEXT + 0x38)
    assert found is not None
    assert not found.call


def test_before_6_4_a_call_is_type_0() -> None:
    kernel = FakeOrc(OLD, [(0, entry(8, 0, REG_SP, 0, 0)), (0x10, entry(8, 0, REG_SP, 0, 2))])
    first, second = tables(kernel).find(TEXT), tables(kernel).find(TEXT + 0x10)
    assert first is not None
    assert second is not None
    assert first.call
    assert not second.call


def test_registers_have_other_numbers_since_7_1() -> None:
    new_sp, new_previous = 3, 8
    kernel = FakeOrc(NEW, [(0, entry(16, -16, new_sp, new_previous, CALL))])
    found = tables(kernel).find(TEXT)
    assert found is not None
    assert (found.sp_reg, found.bp_reg) == (REG_SP, REG_PREV_SP)


def test_a_register_that_is_not_followed() -> None:
    kernel = FakeOrc(NEW, [(0, entry(8, 0, REG_SP, 0, CALL)), (0x10, entry(8, 0, 6, 6, CALL))])
    found = tables(kernel).find(TEXT + 0x10)
    assert found is not None
    assert (found.sp_reg, found.bp_reg) == (REG_OTHER, REG_OTHER)


def test_text_outside_of_the_tables(kernel: FakeOrc) -> None:
    assert tables(kernel).find(TEXT - 1) is None
    assert tables(kernel).find(TEXT + 0x100000) is None


def test_indices_that_make_no_sense_are_not_followed(kernel: FakeOrc) -> None:
    kernel.write(LOOKUP, "3I", 5, 0xFFFFFFF0, 0)
    assert tables(kernel).find(TEXT + 0x10) is None


def test_tables_that_are_not_in_the_dump(kernel: FakeOrc) -> None:
    del kernel.spans[ENTRIES]
    assert tables(kernel).find(TEXT + 0x10) is None
