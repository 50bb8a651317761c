"""The registers of user mode of tasks made by hand."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.arch.aarch64.userstate import UserStateArm64
from pycrash.kernel.arch.x86_64.userstate import UserStateX86
from pycrash.kernel.stacks.stacks import Stacks
from pycrash.kernel.tasks.panic import Panic
from tests.kernel.fake_kernel import FakeKernel
from tests.kernel.fake_stacks import MEMBERS, OWN, PT_REGS

TASK: Any = SimpleNamespace(address=0xFFFF888000010000, stack=OWN.base, cpu=0)
FPU = 0xFFFF888000020000


class Tasks(FakeKernel):
    """One task, and nothing that ran when the kernel died."""

    def __init__(self) -> None:
        super().__init__()
        self.give(Stacks, SimpleNamespace(of_task=lambda base: OWN))
        self.ran = False
        self.give(Panic, SimpleNamespace(is_active=lambda address: self.ran))


@pytest.fixture
def x86() -> Tasks:
    made = Tasks()
    made.struct("pt_regs", PT_REGS, **{name: (8 * n, "Q") for n, name in enumerate(MEMBERS)})
    pointer = made.struct("fpu", 16, fpstate=(8, "P"))
    made.struct("fpstate", 8192, regs=(64, "1s"))
    thread = made.struct(
        "thread_struct",
        40,
        es=(0, "H"),
        ds=(2, "H"),
        fsindex=(4, "H"),
        gsindex=(6, "H"),
        fsbase=(8, "Q"),
        gsbase=(16, "Q"),
        fpu=(24, pointer),
    )
    made.struct("task_struct", 64, thread=(16, thread))
    made.room(TASK.address, 64)
    made.write(TASK.address + 16, "HHHHQQ", 1, 2, 3, 4, 0xF5, 0x65)
    made.write(TASK.address + 48, "Q", FPU)
    made.room(FPU, 1024)
    return made


def saved(fake: Tasks, **values: int) -> None:
    """Put the registers at the top of the stack."""
    words = [values.get(name, 100 + n) for n, name in enumerate(MEMBERS)]
    fake.write(OWN.top - PT_REGS, f"{len(words)}Q", *words)


def test_the_registers_of_x86_in_the_order_of_the_kernel(x86: Tasks) -> None:
    saved(x86, cs=0x33)
    found = UserStateX86(x86.kernel).registers(TASK)
    assert len(found) == 27
    assert found[:17] == tuple(range(100, 117))
    assert (found[17], found[-6:]) == (0x33, (0xF5, 0x65, 2, 1, 3, 4))


def test_two_words_lie_above_them_with_fred(x86: Tasks) -> None:
    x86.struct("fred_frame", 8, x=(0, "Q"))
    words = [0x33 if name == "cs" else n for n, name in enumerate(MEMBERS)]
    x86.write(OWN.top - PT_REGS - 16, f"{len(words)}Q", *words)
    assert UserStateX86(x86.kernel).registers(TASK)[:3] == (0, 1, 2)


def test_no_registers_of_user_mode(x86: Tasks) -> None:
    saved(x86, cs=0x10)
    with pytest.raises(CrashError, match="no registers of user mode"):
        UserStateX86(x86.kernel).registers(TASK)


def test_a_program_of_32_bits_is_refused(x86: Tasks) -> None:
    saved(x86, cs=0x23)
    with pytest.raises(CrashError, match="32-bit"):
        UserStateX86(x86.kernel).registers(TASK)


def image(x86: Tasks, states: int, form: int) -> None:
    x86.write(FPU + 64, "512s", b"f" * 512)
    x86.write(FPU + 64 + 512, "QQ", states, form)
    x86.write(FPU + 64 + 576, "256s", b"y" * 256)


def test_the_fpu_in_the_form_that_debuggers_read(x86: Tasks) -> None:
    # Compacted, as the kernel keeps it: the AVX state lies where it always does.
    image(x86, states=0x7, form=1 << 63 | 0x207)
    fxsave, xsave = UserStateX86(x86.kernel).sets(TASK)
    assert fxsave == ("CORE", 2, b"f" * 512)
    assert xsave[:2] == ("LINUX", 0x202)
    data = xsave[2]
    assert struct.unpack_from("<Q", data, 464) == (7,)
    assert struct.unpack_from("<QQ", data, 512) == (7, 0)
    assert data[576:] == b"y" * 256


def test_an_avx_state_that_was_never_used_is_zeros(x86: Tasks) -> None:
    image(x86, states=0x3, form=1 << 63 | 0x7)
    _, (_, _, data) = UserStateX86(x86.kernel).sets(TASK)
    assert struct.unpack_from("<Q", data, 464) == (7,)
    assert struct.unpack_from("<Q", data, 512) == (3,)
    assert data[576:] == bytes(256)


def test_a_processor_without_avx(x86: Tasks) -> None:
    image(x86, states=0x3, form=0)
    _, (_, _, data) = UserStateX86(x86.kernel).sets(TASK)
    assert struct.unpack_from("<Q", data, 464) == (3,)
    assert len(data) == 576


def test_of_a_task_that_ran_the_fpu_is_not_known(x86: Tasks) -> None:
    x86.ran = True
    assert list(UserStateX86(x86.kernel).sets(TASK)) == []


@pytest.fixture
def arm() -> Tasks:
    made = Tasks()
    made.struct("pt_regs", 336, orig_x0=(272, "Q"), stackframe=(304, "16s"))
    kept = made.struct("uw", 1040, tp_value=(0, "Q"), fpsimd_state=(16, "528s"))
    thread = made.struct("thread_struct", 1100, uw=(8, kept))
    made.struct("task_struct", 1200, thread=(64, thread))
    made.room(TASK.address, 1200)
    made.write(TASK.address + 72, "Q", 0x166B740)
    made.write(TASK.address + 88, "528s", b"v" * 528)
    return made


def test_the_registers_of_arm64(arm: Tasks) -> None:
    arm.write(OWN.top - 336, "42Q", *range(33), 0x80000000, *range(8))
    found = UserStateArm64(arm.kernel).registers(TASK)
    assert found == (*range(33), 0x80000000)
    sets = list(UserStateArm64(arm.kernel).sets(TASK))
    assert sets == [
        ("LINUX", 0x401, struct.pack("<Q", 0x166B740)),
        ("CORE", 2, b"v" * 528),
    ]
    arm.ran = True
    assert [kind for _, kind, _ in UserStateArm64(arm.kernel).sets(TASK)] == [0x401]


@pytest.mark.parametrize(("pstate", "said"), [(0x5, "no registers of user"), (0x10, "32-bit")])
def test_registers_of_arm64_that_are_none(arm: Tasks, pstate: int, said: str) -> None:
    arm.write(OWN.top - 336, "42Q", *range(33), pstate, *range(8))
    with pytest.raises(CrashError, match=said):
        UserStateArm64(arm.kernel).registers(TASK)
