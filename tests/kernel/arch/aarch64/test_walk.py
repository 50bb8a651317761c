"""Stacks of 64-bit ARM made by hand: chains of records, exceptions, interrupts."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.kernel.arch.aarch64 import walk
from pycrash.kernel.arch.aarch64.registers import PtRegs
from pycrash.kernel.arch.aarch64.unwind import UnwinderArm64
from pycrash.kernel.arch.chooser import choose
from pycrash.kernel.core.cpus import Cpus
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.stacks.trace import (
    Frame,
    Registers,
    StackSwitch,
    StackWords,
    TextStart,
    Trace,
    TraceOptions,
)
from pycrash.kernel.symbols.table import Symbol, SymbolTable
from pycrash.kernel.tasks.panic import Panic
from pycrash.kernel.tasks.table import Task, TaskTable
from tests.kernel.fake_kernel import FakeKernel

TEXT, ROOM = 0xFFFF800010000000, 0x1000
NAMES = (
    *("__switch_to", "__schedule", "schedule", "do_wait", "el0_svc", "kthread", "ret_from_fork"),
    *("panic", "noreturn_caller", "behind", "do_mem_abort", "el1h_64_sync", "gic_handle_irq"),
    *("call_on_irq_stack", "machine_kexec", "crash_kexec", "crash_save_cpu", "last"),
)
OWN, IRQ = Stack(0xFFFF800020000000, 0x4000), Stack(0xFFFF800030000000, 0x4000)
TASK = 0xFFFF000001000000
PT_REGS = 336
PER_CPU_IRQ = 0x5000
KERNEL_MODE, USER_MODE = 0x5, 0x0
#: The record of __switch_to, and how far apart the records of its callers lie.
FIRST, STEP = OWN.base + 0x3000, 0x40


def at(name: str, offset: int = 0x40) -> int:
    """A return address into a function."""
    return TEXT + NAMES.index(name) * ROOM + offset


class FakeArm(FakeKernel):
    """A kernel of one CPU whose stacks are filled with `record` and `pt_regs`."""

    def __init__(self) -> None:
        super().__init__()
        self.active = self.kernel_thread = False
        for stack in (OWN, IRQ):
            self.room(stack.base, stack.size)
        context = self.struct("cpu_context", 24, fp=(0, "Q"), sp=(8, "Q"), pc=(16, "Q"))
        thread = self.struct("thread_struct", 24, cpu_context=(0, context))
        self.struct("task_struct", 24, thread=(0, thread))
        pair = self.array(self.prog.int_type("unsigned long", 8, False), 2)
        self.struct("pt_regs", PT_REGS, orig_x0=(272, "Q"), stackframe=(304, pair))
        self.symbol("irq_stack_ptr", PER_CPU_IRQ)
        self.write(PER_CPU_IRQ, "Q", IRQ.base)
        self.give(Cpus, SimpleNamespace(count=1, address=lambda base, cpu: base))
        self.give(Panic, SimpleNamespace(is_active=lambda task: self.active))
        self.give(TaskTable, SimpleNamespace(is_kernel_thread=lambda task: self.kernel_thread))
        self.give(Stacks, SimpleNamespace(size=0x4000, of_task=lambda base: Stack(base, 0x4000)))
        self.give(choose, SimpleNamespace(tables=SimpleNamespace(user_top=1 << 48, kernel_base=0)))
        symbols = SimpleNamespace(
            lookup=self._lookup,
            is_text=lambda address: self._lookup(address) is not None,
            by_name=lambda name: Symbol(at(name, 0), name, "T"),
            next=lambda symbol: Symbol(symbol.address + ROOM, "", "T"),
        )
        self.give(SymbolTable, symbols)

    @staticmethod
    def _lookup(address: int) -> tuple[Symbol, int] | None:
        place, offset = divmod(address - TEXT, ROOM)
        if not 0 <= place < len(NAMES):
            return None
        return Symbol(address - offset, NAMES[place], "T"), offset

    def record(self, fp: int, following: int, pc: int) -> None:
        """What a function leaves on the stack: its caller's record and where it returns to."""
        self.write(fp, "QQ", following, pc)

    def pt_regs(self, address: int, pc: int, pstate: int, sp: int, fp: int, lr: int) -> None:
        words = [*range(29), fp, lr, sp, pc, pstate, 77, 64]
        self.write(address, f"{len(words)}Q", *words)

    def waits(self, fp: int, pc: int) -> None:
        """What a task left as it was switched out."""
        self.write(TASK, "QQQ", fp, fp, pc)

    def trace(self, **options: Any) -> Trace:
        values: dict[str, Any] = dict.fromkeys(Task._fields, 0)
        values |= {"address": TASK, "pid": 1, "stack": OWN.base, "comm": "x"}
        return UnwinderArm64(self.kernel).trace(Task(**values), TraceOptions(**options))


@pytest.fixture
def fake() -> FakeArm:
    """A task that waits in a system call."""
    made = FakeArm()
    user = OWN.top - PT_REGS
    made.waits(FIRST, at("__switch_to"))
    for place, name in enumerate(("__schedule", "schedule", "do_wait")):
        made.record(FIRST + place * STEP, FIRST + (place + 1) * STEP, at(name))
    made.record(FIRST + 3 * STEP, user + 304, at("el0_svc"))
    made.pt_regs(user, 0x400123, USER_MODE, 0xFFFFC1FDC020, 0, 0x400100)
    return made


def names(trace: Trace) -> list[str]:
    """The functions, and the stacks between them."""
    return [
        e.name if isinstance(e, StackSwitch) else e.symbol
        for e in trace.events
        if isinstance(e, Frame | StackSwitch)
    ]


def stopped(monkeypatch: pytest.MonkeyPatch, fake: FakeArm, fp: int, pc: int) -> None:
    """Have the CPU have stopped in the task."""
    fake.active = True
    regs = PtRegs((*range(29), fp, 0), fp, pc, KERNEL_MODE)
    monkeypatch.setattr(walk, "cpu_registers", lambda kernel, task: regs)


def test_a_frame_is_shown_by_its_call(fake: FakeArm) -> None:
    trace = fake.trace()
    assert trace.error is None
    first, *_, last = trace.events
    assert isinstance(first, Frame)
    assert (first.level, first.sp, first.pc) == (0, FIRST, at("__switch_to") - 4)
    assert names(trace) == ["__switch_to", "__schedule", "schedule", "do_wait", "el0_svc"]
    assert isinstance(last, Registers)
    assert (last.address, last.user) == (OWN.top - PT_REGS, True)
    assert list(last.values)[:4] == ["PC", "LR", "SP", "X29"]
    assert (last.values["PC"], last.values["ORIG_X0"]) == (0x400123, 77)


def test_a_call_that_does_not_return_is_named_by_its_caller(fake: FakeArm) -> None:
    # What it would return to is the next function.
    fake.record(FIRST + 2 * STEP, FIRST + 3 * STEP, at("behind", 0))
    assert "noreturn_caller" in names(fake.trace())
    assert "behind" not in names(fake.trace())


def test_a_kernel_thread_ends_where_it_began(fake: FakeArm) -> None:
    fake.kernel_thread = True
    fake.record(FIRST, FIRST + STEP, at("kthread"))
    fake.record(FIRST + STEP, OWN.top - 32, at("ret_from_fork"))
    trace = fake.trace()
    assert names(trace) == ["__switch_to", "kthread"]
    assert not [event for event in trace.events if isinstance(event, Registers)]


def test_the_words_of_each_frame(fake: FakeArm) -> None:
    words = [e for e in fake.trace(full=True).events if isinstance(e, StackWords)]
    assert [(e.address, 8 * len(e.values)) for e in words[:2]] == [
        (FIRST, STEP),
        (FIRST + STEP, STEP),
    ]
    assert words[0].values[:2] == (FIRST + STEP, at("__schedule"))


def test_every_text_address(fake: FakeArm) -> None:
    start, first, *_ = fake.trace(text=True).events
    assert start == TextStart("__switch_to", at("__switch_to"))
    assert isinstance(first, Frame)
    assert (first.level, first.sp, first.pc) == (None, FIRST + 8, at("__schedule"))


def test_from_the_irq_stack_to_the_tasks(fake: FakeArm, monkeypatch: pytest.MonkeyPatch) -> None:
    irq = IRQ.base + 0x3F00
    stopped(monkeypatch, fake, irq, at("gic_handle_irq"))
    fake.record(irq, FIRST + 2 * STEP, at("call_on_irq_stack"))
    trace = fake.trace()
    assert names(trace) == [
        *("gic_handle_irq", "IRQ stack", "call_on_irq_stack", "do_wait", "el0_svc")
    ]
    assert isinstance(trace.events[-1], Registers)


def test_the_registers_of_an_exception(fake: FakeArm) -> None:
    first, saved = OWN.base + 0x2000, OWN.base + 0x2100
    inside = saved + PT_REGS - 16
    fake.waits(first, at("do_mem_abort"))
    fake.record(first, inside, at("el1h_64_sync"))
    fake.record(inside, FIRST, at("panic"))
    fake.pt_regs(saved, at("panic"), KERNEL_MODE, FIRST, FIRST, at("schedule"))
    trace = fake.trace()
    found = [e for e in trace.events if isinstance(e, Registers) and not e.user]
    assert [(e.address, e.name, e.offset) for e in found] == [(saved, "panic", 0x40)]
    assert found[0].caller == ("schedule", 0x40)
    assert "ORIG_X0" not in found[0].values


def test_a_task_that_makes_the_dump_begins_there(
    fake: FakeArm, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(monkeypatch, fake, FIRST, at("__switch_to"))
    fake.write(OWN.base + 0x2800, "QQ", FIRST + STEP, at("machine_kexec"))
    assert names(fake.trace()) == ["machine_kexec", "schedule", "do_wait", "el0_svc"]


def test_a_task_whose_cpu_left_no_registers(fake: FakeArm, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.active = True
    monkeypatch.setattr(walk, "cpu_registers", lambda kernel, task: None)
    assert fake.trace().events == []


@pytest.mark.parametrize("seed", range(20))
def test_junk_on_the_stacks_never_raises(
    fake: FakeArm, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    pool = [
        *(TEXT + chance.randrange(len(NAMES) * ROOM) for _ in range(40)),
        *(stack.base + 16 * chance.randrange(stack.size // 16) for stack in (OWN, IRQ) * 20),
        *(0x5, 0, 2**64 - 1),
    ]
    for stack in (OWN, IRQ):
        fake.write(stack.base, f"{stack.size // 8}Q", *chance.choices(pool, k=stack.size // 8))
    fake.waits(OWN.base + 0x10 * chance.randrange(0x300), chance.choice(pool))
    if seed % 2:
        stopped(monkeypatch, fake, chance.choice(pool), chance.choice(pool))
    for options in ({}, {"full": True}, {"text": True}, {"sp": OWN.base + 8 * (seed + 1)}):
        assert len(fake.trace(**options).events) < 3 * 0x2400
