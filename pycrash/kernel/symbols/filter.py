"""Which entries of a vmlinux's symbol table count as kernel symbols, machine by machine.

An entry counts from the first of certain start symbols on, in the order of addresses; linker
marks and constants are left out. On x86-64 per-CPU symbols lie below the start and count too.
"""

from __future__ import annotations

from collections.abc import Callable

import drgn

Arch = drgn.Architecture

#: The symbols from which on entries count; machines that are not named here have none.
STARTS = {
    Arch.X86_64: ("_text", "_stext"),
    Arch.I386: ("_text", "_stext"),
    Arch.ARM: ("swapper_pg_dir",),
    Arch.PPC64: ("_start", "_stext"),
    Arch.S390: ("startup", "_stext"),
    Arch.S390X: ("startup", "_stext"),
}


class SymbolFilter:
    """Tells which entries count. `find` gives the values of the entries of a name.

    `whole_from` is the value above which every entry with a name counts; None where each
    entry must be asked.
    """

    def __init__(self, arch: Arch, find: Callable[[str], list[int]]) -> None:
        self._arch = arch
        keys = [(value, name) for name in STARTS.get(arch, ()) for value in find(name)]
        self._start = min(keys, default=None)
        self._percpu: tuple[int, str] | None = None
        self.whole_from: int | None = None
        if arch == Arch.X86_64 and self._start is not None:
            self.whole_from = self._start[0]
            percpu = [(value, "__per_cpu_start") for value in find("__per_cpu_start")]
            self._percpu = min((key for key in percpu if key < self._start), default=None)

    @property
    def first_kernel_value(self) -> int | None:
        """Where per-CPU symbols lie below the kernel: the value at which the kernel begins."""
        return self._start[0] if self._percpu is not None and self._start is not None else None

    def counts(self, value: int, name: str, letter: str) -> bool:
        """Whether an entry counts, by its value and name as the file has them."""
        if not name:
            return False
        if self._arch in STARTS and (self._start is None or (value, name) < self._start):
            return self._percpu_counts(value, name, letter)
        return not rejected(self._arch, value, name, letter)

    def _percpu_counts(self, value: int, name: str, letter: str) -> bool:
        if self._percpu is None or (value, name) < self._percpu:
            return False
        return name.startswith(("per_cpu", "__per_cpu_")) or letter in "VdD"


def rejected(arch: Arch, value: int, name: str, letter: str) -> bool:
    """Whether an entry is a linker's mark or a constant on a machine."""
    if arch == Arch.AARCH64:
        return (
            (letter in "Aa" and not value >> 63)
            or (value == 0 and letter in "anNU")
            or name in ("$d", "$x", "$c")
            or name.startswith(("$d.", "$x.", "$c."))
            or (letter == "A" and name.startswith("__crc_"))
            or (letter == "N" and "$d" in name)
        )
    if arch == Arch.ARM:
        return name in ("$a", "$n", "$d", "PRRR", "NMRR") or _is_crc(name, letter)
    if arch in (Arch.S390, Arch.S390X):
        return name != ".rodata" and ("." in name or name == "Letext" or _is_crc(name, letter))
    if arch == Arch.PPC64:
        return name == "Letext" or name.startswith("__func__.")
    if arch == Arch.I386:
        return name in ("Letext", "gcc2_compiled.") or _is_crc(name, letter)
    return arch != Arch.X86_64 and name.startswith(("__func__.", "__crc_"))


def _is_crc(name: str, letter: str) -> bool:
    return letter == "A" and name.startswith("__crc_")
