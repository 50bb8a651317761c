"""Instruction lengths, and frames counted from code; the bytes are what GNU as makes."""

from __future__ import annotations

import pytest

from pycrash.kernel.arch.x86_64.framesize import Instruction, call_target, count_frame

PUSH_RBP = b"\x55"
PUSH_R12 = b"\x41\x54"
SUB_RSP_0X18 = b"\x48\x83\xec\x18"
ADD_RSP_0X18 = b"\x48\x83\xc4\x18"
POP_R12 = b"\x41\x5c"
RET = b"\xc3"
CALL = b"\xe8\x10\x00\x00\x00"


@pytest.mark.parametrize(
    ("code", "effect", "amount"),
    [
        (b"\x90", "", 0),
        (PUSH_R12, "push", 0),
        (b"\x68\x00\x01\x00\x00", "push", 0),
        (b"\xff\x75\x08", "push", 0),
        (b"\x0f\xa0", "push", 0),
        (b"\x8f\x04\x24", "pop", 0),
        (SUB_RSP_0X18, "sub", 0x18),
        (b"\x48\x81\xec\xb0\x00\x00\x00", "sub", 0xB0),
        (b"\x48\x83\xc4\x80", "add", -128),
        (b"\x49\x83\xc4\x18", "", 0),  # r12, not rsp
        (b"\x83\xec\x18", "", 0),  # 32 bits of it only
        (RET, "ret", 0),
        (b"\xf3\xc3", "", 0),
        (b"\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", "", 0),  # movabs
        (b"\x66\xb8\x01\x02", "", 0),
        (b"\x65\x48\x8b\x04\x25\x28\x00\x00\x00", "", 0),  # gs: and an absolute address
        (b"\x48\x8b\x84\x24\x80\x00\x00\x00", "", 0),
        (b"\xf6\x43\x08\x01", "", 0),  # test with a byte behind
        (b"\xf6\x5b\x08", "", 0),  # neg without
        (b"\x0f\x84\x10\x00\x00\x00", "", 0),
        (b"\x0f\x1f\x44\x00\x00", "", 0),
        (b"\x66\x0f\x3a\x0f\xc1\x08", "", 0),
        (b"\xc5\xf8\x77", "", 0),  # vzeroupper
        (b"\xc4\xe3\x75\x18\xc0\x01", "", 0),
        (b"\x62\xf1\x7c\x48\x10\x07", "", 0),
    ],
)
def test_one_instruction(code: bytes, effect: str, amount: int) -> None:
    instruction = Instruction(code + b"\xcc" * 16, 0)
    assert instruction.length == len(code)
    assert (instruction.effect, instruction.amount) == (effect, amount)


def test_code_that_ends_in_the_middle() -> None:
    with pytest.raises(IndexError):
        Instruction(b"\x48\x81\xec\xb0", 0)


def test_pushes_and_the_room_for_variables_add_up() -> None:
    code = PUSH_RBP + PUSH_R12 + SUB_RSP_0X18 + CALL
    assert count_frame(code + b"\x90" * 16, len(code), interrupted=False) == 8 + 8 + 0x18


def test_code_behind_a_return_has_the_whole_frame_again() -> None:
    tail = ADD_RSP_0X18 + POP_R12 + RET
    code = PUSH_R12 + SUB_RSP_0X18 + tail + CALL
    assert count_frame(code + b"\x90" * 16, len(code), interrupted=False) == 8 + 0x18


def test_the_instruction_that_faulted_counts_where_it_struck() -> None:
    code = PUSH_RBP + PUSH_R12 + b"\x90" * 16
    at = len(PUSH_RBP)
    assert count_frame(code, at, interrupted=False) == 8
    assert count_frame(code, at, interrupted=True) == 16


def test_where_a_call_leads() -> None:
    assert call_target(CALL, 0x1000) == 0x1015
    assert call_target(b"\xe8\xfb\xff\xff\xff", 0x1000) == 0x1000
    assert call_target(b"\xff\xd0\x90\x90\x90", 0x1000) is None
