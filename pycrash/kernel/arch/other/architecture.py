"""Machines that have no room of their own: what drgn knows of them, and a few facts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import drgn

from pycrash.kernel.core.symbolrules import SymbolRules, is_checksum
from pycrash.kernel.stacks.machine import Machine

if TYPE_CHECKING:
    from pycrash.kernel.arch.other.pagetables import PageTables
    from pycrash.kernel.arch.other.unwind import UnwinderDrgn
    from pycrash.kernel.core.cpus import Cpus


class Other(Machine):
    """A machine that drgn alone knows."""

    name = "unknown"
    symbols = SymbolRules(
        rejects=lambda value, name, letter: name.startswith(("__func__.", "__crc_"))
    )
    #: Where the kernel's half of the address space begins; None for the usual place.
    kernel_base: int | None = None
    #: Ticks a second that crash takes for granted.
    usual_hz = 100

    @property
    def default_hz(self) -> int:
        return self.usual_hz

    @cached_property
    def tables(self) -> PageTables:
        from pycrash.kernel.arch.other.pagetables import PageTables

        return PageTables(self.kernel, self.kernel_base)

    @cached_property
    def unwinder(self) -> UnwinderDrgn:
        from pycrash.kernel.arch.other.unwind import UnwinderDrgn

        return self.kernel.part(UnwinderDrgn)


class I386(Other):
    """The 32-bit PC."""

    name = "i686"
    usual_hz = 1000
    char_is_signed = True
    symbols = SymbolRules(
        starts=("_text", "_stext"),
        rejects=lambda value, name, letter: (
            name in ("Letext", "gcc2_compiled.") or is_checksum(name, letter)
        ),
    )

    def count_cpus(self, cpus: Cpus) -> int:
        return max(cpus.online, default=0) + 1


class Arm(Other):
    """32-bit ARM."""

    name = "armv7l"
    family = "ARM"
    symbols = SymbolRules(
        starts=("swapper_pg_dir",),
        rejects=lambda value, name, letter: (
            name in ("$a", "$n", "$d", "PRRR", "NMRR") or is_checksum(name, letter)
        ),
        marks_modules=True,
    )


class S390X(Other):
    """IBM Z, whose kernel has the whole address space for itself."""

    name = "s390x"
    family = "S390X"
    kernel_base = 0
    symbols = SymbolRules(
        starts=("startup", "_stext"),
        rejects=lambda value, name, letter: (
            name != ".rodata" and ("." in name or name == "Letext" or is_checksum(name, letter))
        ),
    )

    def count_cpus(self, cpus: Cpus) -> int:
        return max(cpus.online, default=0) + 1


class PPC64(Other):
    """64-bit POWER."""

    name = "ppc64le"
    family = "PowerPC"
    usual_hz = 1000
    kernel_base = 0xC000000000000000
    symbols = SymbolRules(
        starts=("_start", "_stext"),
        rejects=lambda value, name, letter: name == "Letext" or name.startswith("__func__."),
    )

    def count_cpus(self, cpus: Cpus) -> int:
        return len(cpus.online) or 1


class RiscV64(Other):
    """64-bit RISC-V."""

    name = "riscv64"
    family = "RISCV64"
    usual_hz = 250


KINDS: dict[drgn.Architecture, Callable[..., Machine]] = {
    drgn.Architecture.I386: I386,
    drgn.Architecture.ARM: Arm,
    drgn.Architecture.S390: S390X,
    drgn.Architecture.S390X: S390X,
    drgn.Architecture.PPC64: PPC64,
    drgn.Architecture.RISCV64: RiscV64,
}
