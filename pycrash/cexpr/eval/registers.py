"""Registers of a task, as `$rip` and its like in expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drgn

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


def register(kernel: Kernel, task: int, name: str) -> drgn.Object | None:
    """A general register's value; None where it is none, or not known of this task."""
    known = kernel.arch.registers
    name = known.aliases.get(name, name)
    kind = known.kinds.get(name)
    if kind is None:
        return None
    try:
        value = kernel.arch.register(task, name)
    except LookupError:
        return None
    prog = kernel.prog
    if kind == "code":
        function = prog.function_type(prog.void_type(), ())
        type_ = prog.typedef_type("void (*)()", prog.pointer_type(function))
    elif kind == "data":
        type_ = prog.pointer_type(prog.void_type())
    else:
        type_ = prog.int_type("int64_t", 8, True)
        value -= (value >> 63) << 64
    return drgn.Object(prog, type_, value)
