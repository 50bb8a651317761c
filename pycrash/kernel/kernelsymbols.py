"""The symbols of the kernel proper, from the ELF symbol table of its vmlinux.

Their order, their letters and the cut endings of names are crash's.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import pairwise

import drgn

from pycrash.kernel.elf import SHF_EXECINSTR, ElfFile
from pycrash.kernel.symbolfilter import SymbolFilter

#: Endings the compiler gives to clones of a function, in the order they are looked for.
CLONE_ENDINGS = (".isra.", ".part.", ".llvm.")


def strip_clone(name: str) -> str:
    """A name without the first kind of clone ending found in it."""
    for ending in CLONE_ENDINGS:
        at = name.find(ending)
        if at >= 0:
            return name[:at]
    return name


class KernelSymbols:
    """The kernel's own symbols by their place: sorted by address, then by name.

    `stext` is the run-time address of `_stext`, or None where the dump does not say it; from
    it follows `bias`, the bytes by which the kernel was moved.
    """

    def __init__(self, elf: ElfFile, arch: drgn.Architecture, stext: int | None) -> None:
        self._entries = elf.symbols
        self._arch = arch
        self._found: dict[str, list[tuple[int, str]]] = {}
        sections = elf.sections
        text = next((i for i, s in enumerate(sections) if s.name == ".text"), len(sections))
        behind = sections[text:]
        self._image = (
            behind[0].address if behind else 0,
            max((s.end for s in behind), default=0),
        )
        self._sections = sections
        linked = min(self._values_of("_stext"), default=None)
        self.bias = 0
        if stext is not None and linked is not None and not (stext - linked) & 0xFFF:
            self.bias = stext - linked
        self._filter = SymbolFilter(arch, self._values_of)

    @property
    def image(self) -> tuple[int, int]:
        """The first address of the kernel's text and the end of its last section."""
        low, high = self._image
        return low + self.bias, high + self.bias

    def in_code(self, address: int) -> bool:
        """Whether an address lies in a section of instructions."""
        linked = address - self.bias
        return any(s.flags & SHF_EXECINSTR and s.address <= linked < s.end for s in self._sections)

    def section(self, address: int) -> str:
        """The name of the section at an address before the kernel was moved, or nothing."""
        return next((s.name for s in self._sections if s.address <= address < s.end), "")

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest address that may be named by one of these symbols.

        Xen's notes at the end do not count, nor per-CPU symbols below the kernel.
        """
        last = len(self.addresses) - 1
        while last > 0 and "xen_elfnote" in self.name(last):
            last -= 1
        lowest = self._filter.first_kernel_value
        return self.addresses[0] if lowest is None else lowest, self.addresses[last]

    @property
    def addresses(self) -> list[int]:
        """Run-time addresses by place."""
        return self._sorted[1]

    @cached_property
    def all(self) -> tuple[list[str], list[str]]:
        """Names and letters by place: the way to ask for most of them."""
        names, letters = self._entries.all(self._sorted[0])
        return [strip_clone(n) if "." in n else n for n in names], letters

    def name(self, place: int) -> str:
        """The name of the symbol at a place."""
        return strip_clone(self._entries.name(self._sorted[0][place]))

    def letter(self, place: int) -> str:
        """nm's letter of the symbol at a place."""
        return self._entries.letter(self._sorted[0][place])

    def find(self, name: str) -> list[tuple[int, str]]:
        """(address, letter) of every symbol of that name, in order."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def places(self, address: int, name: str) -> list[int]:
        """The places of the symbols of a name at an address, in order."""
        first = last = bisect_left(self.addresses, address)
        while last < len(self.addresses) and self.addresses[last] == address:
            last += 1
        return [place for place in range(first, last) if self.name(place) == name]

    def nearest(self, address: int) -> int:
        """The place of the first symbol at an address, or else of the last one below it.

        -1 where there is none.
        """
        first = bisect_left(self.addresses, address)
        if first < len(self.addresses) and self.addresses[first] == address:
            return first
        return first - 1

    def _values_of(self, name: str) -> list[int]:
        return [self._entries.entry(index)[3] for index in self._entries.find(name)]

    def _find(self, name: str) -> list[tuple[int, str]]:
        entries = self._entries
        indices = set(entries.find(name))
        for ending in CLONE_ENDINGS:
            indices.update(entries.find_prefix(name + ending))
        rows = []
        for index in indices:
            raw = entries.name(index)
            if strip_clone(raw) == name and self._counts(index):
                rows.append((entries.entry(index)[3], raw, entries.letter(index)))
        return [(self._moved(value), letter) for value, _, letter in sorted(rows)]

    def _moved(self, value: int) -> int:
        low, high = self._image
        # On this machine what lies outside of the sections is a number, not a place.
        if self._arch == drgn.Architecture.X86_64 and not low <= value <= high:
            return value
        return value + self.bias

    @cached_property
    def _sorted(self) -> tuple[list[int], list[int]]:
        """Indices of the ELF entries, and run-time addresses, by place."""
        values = self._entries.values
        order = sorted(range(len(values)), key=values.__getitem__)
        whole = self._filter.whole_from
        if whole is None:
            order = [i for i in order if self._counts(i)]
        else:
            cut = bisect_right(order, whole, key=values.__getitem__)
            nameless = self._entries.nameless
            head = [i for i in order[:cut] if self._counts(i)]
            order = head + [i for i in order[cut:] if i not in nameless]
        ordered = [values[i] for i in order]
        self._order_aliases(order, ordered)
        return order, self._moved_all(ordered)

    def _moved_all(self, values: list[int]) -> list[int]:
        bias, first, last = self.bias, 0, len(values)
        if not bias:
            return values
        if self._arch == drgn.Architecture.X86_64:
            first = bisect_left(values, self._image[0])
            last = bisect_right(values, self._image[1])
        return values[:first] + [v + bias for v in values[first:last]] + values[last:]

    def _order_aliases(self, order: list[int], values: list[int]) -> None:
        """Sort the entries of one address by their names as the file has them."""
        twins = [i for i, (a, b) in enumerate(pairwise(values)) if a == b]
        at = 0
        while at < len(twins):
            start = end = twins[at]
            while at < len(twins) and twins[at] == end:
                end += 1
                at += 1
            order[start : end + 1] = sorted(order[start : end + 1], key=self._entries.name)

    def _counts(self, index: int) -> bool:
        entries = self._entries
        name = strip_clone(entries.name(index))
        return self._filter.counts(entries.entry(index)[3], name, entries.letter(index))
