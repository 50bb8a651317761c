"""Registers of the task that crashed, as `$rip` and its like in expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drgn

if TYPE_CHECKING:
    from pycrash.kernel import Kernel

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
        if task not in (0, thread.object.value_()):
            return None
        value = thread.stack_trace()[0].register(name)
    except (LookupError, ValueError, IndexError, drgn.FaultError):
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
