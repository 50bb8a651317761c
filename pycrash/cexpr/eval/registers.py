"""Registers of a task, as `$rip` and its like in expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drgn

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: gdb's names for what every processor has, and those of x86-64.
_COMMON = {"pc": "rip", "sp": "rsp", "fp": "rbp"}
_GENERAL = frozenset(
    (
        "rax",
        "rbx",
        "rcx",
        "rdx",
        "rsi",
        "rdi",
        "rbp",
        "rsp",
        "rip",
        *(f"r{n}" for n in range(8, 16)),
    )
)


def register(kernel: Kernel, task: int, name: str) -> drgn.Object | None:
    """A general register's value; None where it is none, or not known of this task."""
    name = _COMMON.get(name, name)
    if name not in _GENERAL:
        return None
    prog = kernel.prog
    platform = prog.platform
    if platform is None or platform.arch != drgn.Architecture.X86_64:
        return None
    try:
        thread = prog.crashed_thread()
        if task in (0, thread.object.value_()):
            value = thread.stack_trace()[0].register(name)
        else:
            value = _switched_out(drgn.Object(prog, "struct task_struct *", task), name)
    except (LookupError, ValueError, IndexError, AttributeError, drgn.FaultError):
        return None
    if name == "rip":
        function = prog.function_type(prog.void_type(), ())
        type_ = prog.typedef_type("void (*)()", prog.pointer_type(function))
    elif name in ("rsp", "rbp"):
        type_ = prog.pointer_type(prog.void_type())
    else:
        type_ = prog.int_type("int64_t", 8, True)
        value -= (value >> 63) << 64
    return drgn.Object(prog, type_, value)


def _switched_out(task: drgn.Object, name: str) -> int:
    """A register of a task that waits, from the frame it left (struct inactive_task_frame).

    Raises LookupError for a task that runs, and for registers the frame does not hold.
    """
    if task.on_cpu:
        raise LookupError("the task runs")
    place = task.thread.sp.value_()
    frame = drgn.Object(task.prog_, "struct inactive_task_frame", address=place)
    if name == "rsp":
        return int(place + drgn.sizeof(frame))
    member = {"rip": "ret_addr", "rbp": "bp", "rbx": "bx"}.get(name, name)
    return int(frame.member_(member).value_())
