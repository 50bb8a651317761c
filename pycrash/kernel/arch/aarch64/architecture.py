"""64-bit ARM, as the rest of the kernel layer asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.arch.aarch64.pagetables import PageTables
from pycrash.kernel.core.architecture import RegisterKind, RegisterRows, RegisterSet
from pycrash.kernel.core.symbolrules import SymbolRules, is_checksum
from pycrash.kernel.stacks.machine import Machine

if TYPE_CHECKING:
    from pycrash.kernel.arch.aarch64.unwind import UnwinderArm64
    from pycrash.kernel.arch.aarch64.userstate import UserStateArm64
    from pycrash.kernel.stacks.stacks import StackSet
    from pycrash.kernel.tasks.table import Task

_KINDS: dict[str, RegisterKind] = {f"x{n}": "number" for n in range(31)}
_KINDS |= {"sp": "data", "pc": "code"}
_NANOSECONDS = 1_000_000_000


def _rows(first: int, count: int, digits: int) -> RegisterRows:
    """From x`first` down to x0, `count` in a row."""
    cells = [(f"{f'X{n}':>3}", digits) for n in range(first, -1, -1)]
    return tuple(tuple(cells[at : at + count]) for at in range(0, len(cells), count))


def _is_mark(value: int, name: str, letter: str) -> bool:
    return (
        (letter in "Aa" and not value >> 63)
        or (value == 0 and letter in "anNU")
        or name in ("$d", "$x", "$c")
        or name.startswith(("$d.", "$x.", "$c."))
        or is_checksum(name, letter)
        or (letter == "N" and "$d" in name)
    )


class AArch64(Machine):
    """A machine with 64-bit ARM processors."""

    name = "aarch64"
    family = "ARM64"
    signal_bit = 0
    backtraces = ("original", "optional")
    symbols = SymbolRules(rejects=_is_mark, marks_modules=True)
    registers = RegisterSet(
        pc="PC",
        sp="SP",
        rows=(
            ((" PC", 16), (" LR", 16), (" SP", 16)),
            *_rows(29, 3, 16),
            (("ORIG_X0", 16), ("SYSCALLNO", 1), ("PSTATE", 8)),
        ),
        kernel_rows=(((" SP", 16), ("PSTATE", 8)), *_rows(29, 3, 16)),
        located=("PC", "LR"),
        found_indent="",
        narrow_rows=(
            ((" PC", 8), (" LR", 8), (" SP", 8), (" PSTATE", 8)),
            *_rows(12, 4, 8),
        ),
        kinds=_KINDS,
        aliases={"fp": "x29", "lr": "x30"},
    )

    @property
    def user_digits(self) -> int:
        return 10

    @cached_property
    def tables(self) -> PageTables:
        return PageTables(self.kernel)

    @cached_property
    def unwinder(self) -> UnwinderArm64:
        from pycrash.kernel.arch.aarch64.unwind import UnwinderArm64

        return self.kernel.part(UnwinderArm64)

    def stopped(self, task: Task) -> dict[str, int] | None:
        from pycrash.kernel.arch.aarch64.registers import cpu_registers

        found = cpu_registers(self.kernel, task)
        return None if found is None else found.named(user=False)

    @property
    def special_stacks(self) -> list[StackSet]:
        from pycrash.kernel.arch.aarch64.specialstacks import SpecialStacks

        return self.kernel.part(SpecialStacks).sets

    @cached_property
    def user_state(self) -> UserStateArm64:
        from pycrash.kernel.arch.aarch64.userstate import UserStateArm64

        return self.kernel.part(UserStateArm64)

    @cached_property
    def default_hz(self) -> int:
        """By the length of a tick (tick_nsec); crash takes 100 for granted."""
        at = self.kernel.symbol_address("tick_nsec")
        try:
            length = self.kernel.read_word(at, "tick_nsec") if at is not None else 0
        except ReadError:
            length = 0
        return round(_NANOSECONDS / length) if length else 100

    def _waiting_register(self, task: int, name: str) -> int:
        """From what the task left as it was switched out (struct cpu_context)."""
        try:
            thread = drgn.Object(self.kernel.prog, "struct task_struct *", task)
            if thread.on_cpu:
                raise LookupError("the task runs")
            kept = thread.thread.cpu_context
            return int(kept.member_({"x29": "fp"}.get(name, name)).value_())
        except (AttributeError, CrashError, drgn.FaultError) as error:
            raise LookupError(str(error)) from None
