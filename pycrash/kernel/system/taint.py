"""Taint: what makes a kernel or a module suspect, and the letters that stand for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from operator import itemgetter

from pycrash.errors import MissingFeature
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.modules.layout import Module

#: Tables of letters, and of what.
_TABLES = {"tnts": "struct tnt", "taint_flags": "struct taint_flag"}
_FIELDS = (("c_true", "true"), ("c_false", "false"), "module", "bit")


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
        for name, type_name in _TABLES.items():
            span = kernel.symbol_span(name)
            if span is not None:
                layout = Layout(
                    kernel.prog, type_name, _FIELDS, optional=("c_true", "c_false", "module", "bit")
                )
                data = kernel.read(*span, name)
                places = range(0, len(data) - layout.whole + 1, layout.whole)
                entries = (layout.unpack(data, at + layout.start) for at in places)
                # What its symbol bounds may be more than the table.
                letters = takewhile(itemgetter(0), entries)
                return tuple(_flag(index, *entry) for index, entry in enumerate(letters))
        raise MissingFeature("no table of taint letters in this kernel")

    @property
    def has_table(self) -> bool:
        """Whether there is a table of letters."""
        return any(self._kernel.symbol_address(name) is not None for name in _TABLES)

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


def _flag(
    index: int, true: int | None, false: int | None, module: int | None, bit: int | None
) -> TaintFlag:
    def letter(code: int | None) -> str:
        return "" if code is None else chr(code & 0x7F)

    return TaintFlag(
        bit=index if bit is None else bit,
        set=letter(true),
        clear=letter(false),
        of_modules=module is None or bool(module),
    )
