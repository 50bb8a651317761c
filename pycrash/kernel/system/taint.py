"""Taint: what makes a kernel or a module suspect, and the letters that stand for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.modules.layout import Module


@dataclass(frozen=True, slots=True)
class TaintFlag:
    """One bit: the letters for set and clear, and whether modules have it too."""

    bit: int
    set: str
    clear: str
    of_modules: bool = True


class Taints:
    """The kernel's taint mask and its table of letters.

    The table is `taint_flags` since 4.10, indexed by bit; before that `tnts`, each entry with
    its bit. Kernels before 2.6.28 had no table and a plain `tainted`.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def mask(self) -> int:
        """The bits that are set; 0 where this kernel keeps none."""
        if self.plain is not None:
            return self.plain
        address = self._kernel.symbol_address("tainted_mask")
        return 0 if address is None else self._kernel.read_word(address, "tainted_mask")

    @cached_property
    def plain(self) -> int | None:
        """The value of `tainted` on kernels that have only that, else None."""
        address = self._kernel.symbol_address("tainted")
        if address is None:
            return None
        return self._kernel.unsigned(self._kernel.read(address, 4, "tainted"))

    @cached_property
    def flags(self) -> tuple[TaintFlag, ...]:
        """The table of letters. Raises MissingFeature where this kernel has none."""
        kernel = self._kernel
        for name in ("tnts", "taint_flags"):
            address = kernel.symbol_address(name)
            if address is not None:
                kind = kernel.variable(name).type_
                data = kernel.read(address, drgn.sizeof(kind), name)
                table = drgn.Object.from_bytes_(kernel.prog, kind, data)
                return tuple(self._flag(entry, index) for index, entry in enumerate(table))
        raise MissingFeature("no table of taint letters in this kernel")

    @property
    def has_table(self) -> bool:
        """Whether there is a table of letters."""
        return any(self._kernel.symbol_address(n) is not None for n in ("tnts", "taint_flags"))

    @cached_property
    def letters(self) -> str:
        """The letters of the kernel's mask: of every bit, but for clear ones that say nothing."""
        return "".join(
            flag.set if self.mask >> flag.bit & 1 else flag.clear.strip(" -G")
            for flag in self.flags
        )

    def of_module(self, module: Module) -> str:
        """The letters of the bits set in a module."""
        return "".join(
            flag.set for flag in self.flags if flag.of_modules and module.taints >> flag.bit & 1
        )

    @staticmethod
    def _flag(entry: drgn.Object, index: int) -> TaintFlag:
        def letter(*names: str) -> str:
            for name in names:
                if entry.type_.has_member(name):
                    return chr(int(entry.member_(name)) & 0x7F)
            return ""

        has = entry.type_.has_member
        return TaintFlag(
            bit=int(entry.bit) if has("bit") else index,
            set=letter("c_true", "true"),
            clear=letter("c_false", "false"),
            of_modules=bool(entry.module) if has("module") else True,
        )
