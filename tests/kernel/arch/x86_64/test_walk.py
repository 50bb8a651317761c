"""Stacks made by hand, followed from task, IRQ and exception stacks."""

from __future__ import annotations

import random

import pytest

from pycrash.files.foreign import Maker
from pycrash.kernel.arch.x86_64 import start, walk
from pycrash.kernel.arch.x86_64.registers import PtRegs
from pycrash.kernel.stacks.trace import (
    Complaint,
    CpuRegisters,
    Frame,
    Registers,
    Remark,
    StackSwitch,
    StackWords,
    TextStart,
    Trace,
    TraceOptions,
)
from tests.kernel.fake_stacks import (
    IRQ,
    NMI,
    OWN,
    PT_REGS,
    SLEEPING_SP,
    TASK,
    TEXT,
    FakeStacks,
    in_kernel,
    registers,
    site,
    task,
)

PLAIN = TraceOptions()
USER_REGISTERS = OWN.top - PT_REGS


@pytest.fixture(autouse=True)
def _no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dump's notes hold no registers."""
    monkeypatch.setattr(start, "cpu_registers", lambda kernel, task: None)
    monkeypatch.setattr(walk, "cpu_registers", lambda kernel, task: None)


def sleeping(kernel: FakeStacks) -> None:
    """A task that waits in a system call; between the calls lies one that is over."""
    at = kernel.put(SLEEPING_SP, 0, 0, 0, 0, 0, OWN.base + 0x3F00, site("__schedule"))
    at = kernel.put(at, 1, site("exc_page_fault"), site("schedule"))
    at = kernel.put(at, 2, site("do_wait"))
    at = kernel.put(at, site("do_syscall_64"))
    kernel.put(at, site("entry_SYSCALL_64_after_hwframe"))
    kernel.put(USER_REGISTERS, *registers(orig_ax=61))
    kernel.frames = {"__schedule": 16, "schedule": 8, "do_wait": 0, "do_syscall_64": 0}


def names(trace: Trace) -> list[str]:
    return [event.symbol for event in trace.events if isinstance(event, Frame)]


def kinds(trace: Trace) -> list[str]:
    return [type(event).__name__ for event in trace.events]


@pytest.fixture
def kernel() -> FakeStacks:
    made = FakeStacks()
    sleeping(made)
    return made


def test_a_sleeping_task_by_the_tables(kernel: FakeStacks) -> None:
    trace = kernel.unwinder().trace(task(), PLAIN)
    assert trace.error is None
    assert names(trace) == [
        "__schedule",
        "schedule",
        "do_wait",
        "do_syscall_64",
        "entry_SYSCALL_64_after_hwframe",
    ]
    first = trace.events[0]
    assert isinstance(first, Frame)
    assert (first.level, first.sp, first.pc, first.offset) == (
        0,
        SLEEPING_SP + 48,
        site("__schedule"),
        0x40,
    )
    last = trace.events[-1]
    assert isinstance(last, Registers)
    assert last.user
    assert last.address == USER_REGISTERS
    assert last.values["ORIG_RAX"] == 61


def test_the_old_way_takes_every_return_address(kernel: FakeStacks) -> None:
    trace = kernel.unwinder().trace(task(), TraceOptions(old=True))
    assert names(trace)[:3] == ["__schedule", "exc_page_fault", "schedule"]


def test_a_list_of_text_addresses_has_no_levels(kernel: FakeStacks) -> None:
    trace = kernel.unwinder().trace(task(), TraceOptions(text=True))
    assert isinstance(trace.events[0], TextStart)
    frames = [event for event in trace.events if isinstance(event, Frame)]
    assert [frame.symbol for frame in frames][:3] == ["__schedule", "exc_page_fault", "schedule"]
    assert {frame.level for frame in frames} == {None}


def test_the_whole_stack_is_listed_from_behind_thread_info(kernel: FakeStacks) -> None:
    kernel.put(OWN.base + 16, site("panic"))
    kernel.put(OWN.base + 8, site("__crash_kexec"))
    trace = kernel.unwinder().trace(task(), TraceOptions(text=True, all_text=True))
    assert not any(isinstance(event, TextStart) for event in trace.events)
    assert names(trace)[0] == "panic"


def test_the_words_of_a_frame_end_with_its_return_address(kernel: FakeStacks) -> None:
    trace = kernel.unwinder().trace(task(), TraceOptions(full=True))
    assert kinds(trace)[:3] == ["Frame", "StackWords", "Frame"]
    words = trace.events[1]
    assert isinstance(words, StackWords)
    assert words.address == SLEEPING_SP + 56
    assert words.values == (1, site("exc_page_fault"), site("schedule"))


def test_a_kernel_thread_has_no_user_registers(kernel: FakeStacks) -> None:
    kernel.kernel_thread = True
    assert set(kinds(kernel.unwinder().trace(task(), PLAIN))) == {"Frame"}


def test_a_task_without_a_stack() -> None:
    trace = FakeStacks().unwinder().trace(task(stack=0), PLAIN)
    assert trace.events == [Remark("(no stack)")]


def test_a_function_without_an_entry_is_counted_from_its_code(kernel: FakeStacks) -> None:
    del kernel.frames["__schedule"]
    unwinder = kernel.unwinder()
    unwinder.facts.counted = lambda site, interrupted: 16  # type: ignore[method-assign]
    assert names(unwinder.trace(task(), PLAIN))[:2] == ["__schedule", "schedule"]


def test_without_tables_or_code_what_follows_is_marked(kernel: FakeStacks) -> None:
    del kernel.frames["__schedule"]
    trace = kernel.unwinder().trace(task(), PLAIN)
    frames = [event for event in trace.events if isinstance(event, Frame)]
    assert [(frame.symbol, frame.unsure) for frame in frames[:3]] == [
        ("__schedule", False),
        ("exc_page_fault", True),
        ("schedule", True),
    ]


def test_registers_of_an_exception_in_the_kernel() -> None:
    kernel = FakeStacks({"exc_page_fault": 0, "do_wait": 8, "do_syscall_64": 0})
    kernel.active = {TASK}
    start = OWN.base + 0x3000
    at = kernel.put(start, site("machine_kexec"), site("exc_page_fault"))
    at = kernel.put(at, site("asm_exc_page_fault"))
    behind = at + PT_REGS
    at = kernel.put(at, *in_kernel(site("do_wait"), behind))
    kernel.put(at, 5, site("do_syscall_64"))
    kernel.frames["machine_kexec"] = 0
    trace = kernel.unwinder().trace(task(), PLAIN)
    assert names(trace) == [
        "machine_kexec",
        "exc_page_fault",
        "asm_exc_page_fault",
        "do_syscall_64",
    ]
    struck = trace.events[3]
    assert isinstance(struck, Registers)
    assert (struck.user, struck.name, struck.offset) == (False, "do_wait", 0x40)


def test_an_nmi_that_struck_the_kernel() -> None:
    kernel = FakeStacks({"crash_nmi_callback": 0, "exc_nmi": 0, "asm_exc_nmi": 0})
    kernel.active = {TASK}
    kernel.kernel_thread = True
    at = kernel.put(NMI.base + 0x400, site("crash_nmi_callback"), site("exc_nmi"))
    kernel.put(at, site("asm_exc_nmi"))
    sp = OWN.base + 0x3800
    kernel.put(sp, 3, site("schedule"))
    kernel.frames["cpu_idle_loop"] = 8
    kernel.put(NMI.top - PT_REGS, *in_kernel(site("cpu_idle_loop"), sp))
    kernel.panic.task = 0
    trace = kernel.unwinder().trace(task(pid=0), PLAIN)
    assert trace.error is None
    assert trace.idle
    assert kinds(trace) == ["Frame"] * 3 + ["Registers", "StackSwitch"] + ["Frame"] * 2
    assert trace.events[4] == StackSwitch("NMI exception stack")
    assert names(trace)[3:] == ["cpu_idle_loop", "schedule"]


def test_an_nmi_that_struck_user_mode_ends_the_walk() -> None:
    kernel = FakeStacks({"crash_nmi_callback": 0})
    kernel.active = {TASK}
    kernel.put(NMI.base + 0x400, site("crash_nmi_callback"))
    kernel.put(NMI.top - PT_REGS, *registers())
    trace = kernel.unwinder().trace(task(), TraceOptions(sp=NMI.base + 0x400))
    assert kinds(trace) == ["Frame", "Registers", "StackSwitch"]


def test_registers_that_look_like_none_are_shown_with_a_warning() -> None:
    kernel = FakeStacks({"crash_nmi_callback": 0})
    kernel.active = {TASK}
    kernel.put(NMI.base + 0x400, site("crash_nmi_callback"))
    kernel.put(NMI.top - PT_REGS, *registers(ss=0x1234))
    trace = kernel.unwinder().trace(task(), TraceOptions(sp=NMI.base + 0x400))
    warning = trace.events[2]
    assert kinds(trace)[:3] == ["Frame", "Registers", "Complaint"]
    assert warning == Complaint("possibly bogus exception frame", "WARNING")


def test_an_nmi_inside_of_its_own_stack() -> None:
    kernel = FakeStacks()
    kernel.put(NMI.base + 0x400, site("exc_nmi"))
    kernel.put(NMI.top - PT_REGS, *in_kernel(site("exc_nmi"), NMI.base + 0x300))
    trace = kernel.unwinder().trace(task(), TraceOptions(sp=NMI.base + 0x400))
    last = trace.events[-1]
    assert isinstance(last, Remark)
    assert "NMI exception stack recursion" in last.text


def test_an_interrupt_that_left_for_the_irq_stack() -> None:
    kernel = FakeStacks({"handle_irq": 0, "asm_common_interrupt": 0})
    sp = OWN.base + 0x3800
    behind = sp + PT_REGS
    kernel.put(sp - 8, site("asm_common_interrupt"), *in_kernel(site("do_wait"), behind))
    kernel.put(behind, 9, site("do_syscall_64"))
    kernel.frames |= {"do_wait": 8, "do_syscall_64": 0}
    kernel.put(IRQ.top - 0x100, site("handle_irq"))
    # The link leads 32 bytes below the registers (5.8 and later).
    kernel.put(IRQ.top - 16, site("common_interrupt"), sp - 32)
    trace = kernel.unwinder().trace(task(), TraceOptions(sp=IRQ.top - 0x100))
    assert trace.error is None
    assert StackSwitch("IRQ stack") in trace.events
    behind_switch = trace.events[trace.events.index(StackSwitch("IRQ stack")) + 1 :]
    assert [type(event).__name__ for event in behind_switch][:3] == [
        "Frame",
        "Registers",
        "Frame",
    ]
    assert names(trace)[-2:] == ["asm_common_interrupt", "do_syscall_64"]


def test_a_stack_pointer_outside_of_the_stack() -> None:
    kernel = FakeStacks()
    kernel.tasks.saved_sp = lambda task: IRQ.top + 0x1000
    trace = kernel.unwinder().trace(task(), PLAIN)
    assert 'type: "inactive_task_frame.r15"' in str(trace.error)


def test_a_running_task_with_nothing_to_start_from() -> None:
    kernel = FakeStacks()
    kernel.active = {TASK}
    kernel.tasks.saved_sp = lambda task: OWN.top - 0x100
    trace = kernel.unwinder().trace(task(), PLAIN)
    assert trace.error is None
    assert names(trace) == []


def test_a_start_that_lies_on_no_stack_of_the_task() -> None:
    trace = FakeStacks().unwinder().trace(task(), TraceOptions(sp=0x1234))
    assert str(trace.error) == (
        "non-process stack address for this task: 1234\n"
        f"    (valid range: {OWN.base:x} - {OWN.top:x})"
    )


def test_a_stack_that_is_not_in_the_dump(kernel: FakeStacks) -> None:
    kernel.drop(OWN)
    trace = kernel.unwinder().trace(task(), PLAIN)
    assert trace.error is not None
    assert trace.events == []


def test_stacks_that_lead_to_each_other_end() -> None:
    kernel = FakeStacks()
    kernel.put(NMI.top - PT_REGS, *in_kernel(site("panic"), IRQ.top - 0x200))
    kernel.put(IRQ.top - 16, site("common_interrupt"), NMI.base + 0x400)
    kernel.put(NMI.base + 0x400, *in_kernel(site("panic"), IRQ.top - 0x200))
    trace = kernel.unwinder().trace(task(), TraceOptions(sp=NMI.base + 0x800))
    assert "without end" in str(trace.error)


INDENTS: dict[Maker | None, str] = {"QEMU": "    ", "VMware": "\t "}
USER = PtRegs._make(range(0x100, 0x115))._replace(rip=0x401000, cs=0x33)


@pytest.mark.parametrize("maker", ["QEMU", "VMware", "sadump", None])
def test_a_cpu_that_was_in_user_mode(maker: Maker | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "cpu_registers", lambda kernel, task: USER)
    kernel = FakeStacks()
    sleeping(kernel)
    kernel.active, kernel.panic.task, kernel.kernel.maker = {TASK}, 0, maker
    trace = kernel.unwinder().trace(task(), PLAIN)
    if maker not in ("QEMU", "VMware"):
        assert names(trace)[0] == "__schedule"  # where it last slept
        return
    (stopped,) = trace.events
    assert isinstance(stopped, CpuRegisters)
    assert stopped.user
    assert stopped.values["RIP"] == 0x401000
    assert ("CS" in stopped.values, stopped.indent) == (maker == "QEMU", INDENTS[maker])
    listed = kernel.unwinder().trace(task(), TraceOptions(text=True))
    assert [event for event in listed.events if not isinstance(event, TextStart)] == []


def test_what_looks_like_saved_registers_is_found() -> None:
    kernel = FakeStacks()
    first = OWN.base + 0x1000
    kernel.put(first, *in_kernel(site("do_wait"), first + PT_REGS))
    kernel.put(USER_REGISTERS, *registers())
    kernel.put(OWN.base + 0x2000, *registers(flags=0))
    found = kernel.unwinder().exception_frames(task(), None)
    assert [(regs.address, regs.user) for regs in found] == [(first, False), (USER_REGISTERS, True)]


@pytest.mark.parametrize("seed", range(30))
def test_junk_on_the_stacks_never_raises(seed: int) -> None:
    chance = random.Random(seed)
    kernel = FakeStacks({"do_wait": 8, "panic": 0x7000, "schedule": 0})
    pool = [
        *(TEXT + chance.randrange(0x12000) for _ in range(40)),
        *(stack.base + 8 * chance.randrange(stack.size // 8) for stack in (OWN, IRQ, NMI)),
        *(0x10, 0x18, 0x33, 0x2B, 0x246, 0, 2**64 - 1),
    ]
    for stack in (OWN, IRQ, NMI):
        kernel.put(stack.base, *chance.choices(pool, k=stack.size // 8))
    kernel.active = {TASK} if seed % 2 else set()
    kernel.tasks.saved_sp = lambda task: chance.choice(pool)
    for options in (PLAIN, TraceOptions(text=True), TraceOptions(old=True, full=True)):
        trace = kernel.unwinder().trace(task(), options)
        assert len(trace.events) < 3 * 0x2400
    for stack in (OWN, IRQ, NMI):
        kernel.unwinder().exception_frames_in(task(), stack)
        start = stack.base + 8 * chance.randrange(stack.size // 8)
        kernel.unwinder().trace(task(), TraceOptions(sp=start))
