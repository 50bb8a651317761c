"""BPF instructions as text."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pycrash.render.bytecode import instruction_text, opcode_text


class Given(NamedTuple):
    code: int
    destination: int = 1
    source: int = 2
    offset: int = 0
    constant: int = 0
    map: int | None = None
    function: str | None = None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (Given(0x18, constant=0x5566778811223344), "r1 = 0x5566778811223344"),
        (Given(0x18, constant=99, map=4), "r1 = map[id:4]"),
        (Given(0x30, constant=12), "r0 = *(u8 *)skb[12]"),
        (Given(0x48, constant=4), "r0 = *(u16 *)skb[r2 + 4]"),
        (Given(0x61, offset=-4), "r1 = *(u32 *)(r2 -4)"),
        (Given(0x81, offset=8), "r1 = *(s32 *)(r2 +8)"),
        (Given(0x39), "r1 = *(u64 *)(r2 +0)"),
        (Given(0x7A, constant=-7), "*(u64 *)(r1 +0) = -7"),
        (Given(0xC2), "nospec"),
        (Given(0x73, offset=-11), "*(u8 *)(r1 -11) = r2"),
        (Given(0xDB, offset=8), "lock *(u64 *)(r1 +8) += r2"),
        (Given(0xC3, constant=0x40), "lock *(u32 *)(r1 +0) |= r2"),
        (Given(0xDB, constant=0x01), "r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)"),
        (Given(0xC3, constant=0xE1), "r2 = atomic_xchg((u32 *)(r1 +0), r2)"),
        (Given(0xDB, constant=0xF1), "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)"),
        (Given(0xD3, constant=0x100), "r1 = load_acquire((u8 *)(r2 +0))"),
        (Given(0xD3, constant=0x110), "store_release((u8 *)(r1 +0), r2)"),
        (Given(0x0C), "(u32) r1 += (u32) r2"),
        (Given(0x07, constant=-4), "r1 += -4"),
        (Given(0x3F, offset=1), "r1 s/= r2"),
        (Given(0xBF, offset=8), "r1 = (s8)r2"),
        (Given(0x84), "r1 = (u32) -r1"),
        (Given(0xDC, constant=32), "r1 = be32 r1"),
        (Given(0xD4, constant=16), "r1 = le16 r1"),
        (Given(0xD7, constant=64), "r1 = bswap64 r1"),
        (Given(0x85, source=0, constant=1, function="f"), "call f#1"),
        (Given(0x85, source=0, constant=7), "call unknown#7"),
        (Given(0x85, source=1, constant=2), "call pc+2"),
        (Given(0xF5, function="bpf_tail_call"), "call bpf_tail_call"),
        (Given(0x95), "exit"),
        (Given(0x05, offset=-3), "goto pc-3"),
        (Given(0x06, constant=70000), "gotol pc+70000"),
        (Given(0xE5, offset=3), "may_goto pc+3"),
        (Given(0x55, offset=2, constant=-1), "if r1 != 0xffffffff goto pc+2"),
        (Given(0xDD, offset=2), "if r1 s<= r2 goto pc+2"),
        (Given(0x1E, offset=2), "if w1 == w2 goto pc+2"),
    ],
)
def test_instructions(given: Given, text: str) -> None:
    assert instruction_text(given) == f"({given.code:02x}) {text}"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *((0x00, "BUG_ld_00"), (0xC1, "BUG_ldx_c1"), (0x82, "BUG_st_82"), (0x83, "BUG_83")),
        *((0xE4, "BUG_alu_e4"), (0xED, "BUG_jmp_ed")),
    ],
)
def test_what_is_no_instruction(code: int, text: str) -> None:
    assert instruction_text(Given(code)) == text


def test_an_atomic_operation_that_is_none() -> None:
    assert instruction_text(Given(0xDB, constant=0x77)) == "BUG_db"


def test_bytes() -> None:
    assert opcode_text(bytes(range(8))) == "00 01 02 03 04 05 06 07"
    assert opcode_text(bytes(16)) == " ".join(["00"] * 16)
