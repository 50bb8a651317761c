"""What gdb calls an address: the `<name+offset>` it prints behind pointers.

This is not how crash itself names addresses: gdb looks at the sizes of symbols, at the
section an address lies in, and at the debugging information of functions.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import drgn

from pycrash.cexpr.printing.adanames import shown_name
from pycrash.errors import CrashError
from pycrash.kernel.core.debugdata import file_bias
from pycrash.objects.elf import SHF_ALLOC, SHF_EXECINSTR, SHT_SYMTAB, ElfFile, Section

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

STT_SECTION, STT_FILE = 3, 4

#: Endings of compiler-made clones, which the debugging information names without them.
_CLONES = (".constprop.", ".isra.", ".part.")


class AddressNames:
    """Address to `<name+offset>` for one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        #: What the vmlinux calls an address, None where it names nothing.
        self._known: dict[tuple[int, bool], tuple[str, int] | None] = {}

    def describe(self, address: int) -> str:
        """`<name>` or `<name+offset>`, the offset in decimal; empty where gdb names nothing."""
        found = self.place(address)
        if found is None:
            return ""
        name, offset = found
        return f"<{name}+{offset}>" if offset else f"<{name}>"

    def place(self, address: int, decoded: bool = True) -> tuple[str, int] | None:
        """The name and the bytes behind it, None where gdb names nothing.

        Beside instructions names are not `decoded`: they are those of the symbol table.
        """
        key = address, decoded
        if key not in self._known:
            self._known[key] = self._image.find(address, decoded) if self._image else None
        # What modules hold changes when their debugging data comes.
        return self._known[key] or self._in_module(address)

    def function(self, address: int) -> tuple[int, int] | None:
        """The first address and the end of the function gdb takes an address of the kernel for."""
        return self._image.extent(address) if self._image else None

    @cached_property
    def _image(self) -> _Image | None:
        if self._kernel.vmlinux is None:
            return None
        try:
            return _Image(ElfFile(self._kernel.vmlinux), self._kernel.prog)
        except CrashError:
            return None

    def _in_module(self, address: int) -> tuple[str, int] | None:
        """crash's name for an address in a module, which gdb asks for where it has none."""
        symbols = self._kernel.symbols.module_symbols
        try:
            if symbols.find(address) is None:
                return None
            found = symbols.search(address)
        except CrashError:
            return None
        if found is None:
            return None
        region, index = found
        entry = region.entries[index]
        # Once a module's debugging data is there, its functions have the names that has.
        for other in region.entries[max(index - 4, 0) : index + 5]:
            if other.address == entry.address and self._is_function(other.name, entry.address):
                entry = other
                break
        return entry.name, address - entry.address

    def _is_function(self, name: str, address: int) -> bool:
        try:
            return self._kernel.prog.function(name).address_ == address
        except (LookupError, drgn.BadDataError):
            return False


def _without_clone(name: str) -> str:
    for ending in _CLONES:
        name = name.split(ending)[0]
    return name


class _Image:
    """The symbols of one ELF file as gdb's minimal symbols, moved to where the file runs."""

    def __init__(self, elf: ElfFile, prog: drgn.Program) -> None:
        self._prog = prog
        self._bias = file_bias(prog)
        # A section at address 0 holds per-CPU variables, which no pointer points into.
        self._sections = [
            (index, section)
            for index, section in enumerate(elf.sections)
            if section.flags & SHF_ALLOC and section.address and section.size
        ]
        self._first = min((s.address for _, s in self._sections), default=0)
        self._last = max((s.end for _, s in self._sections), default=0)
        table = next((s for s in elf.sections if s.kind == SHT_SYMTAB), None)
        if table is None:
            raise CrashError(f"{elf.path}: no symbols in this file")
        self._strings = elf.contents(elf.sections[table.link])
        self._load(elf, elf.contents(table))

    def _load(self, elf: ElfFile, table: bytes) -> None:
        """Fill the columns of the symbol table: values, sizes, names, kinds, sections."""
        each = 24 if elf.wide else 16
        table = table[: len(table) - len(table) % each]
        swap = (elf.order == ">") != (sys.byteorder == "big")

        def column(code: str, first: int) -> array[int]:
            words = array(code, table)
            if swap:
                words.byteswap()
            return words[first :: each // words.itemsize]

        place = "Q" if elf.wide else "I"
        self._values = column(place, 1).tolist()
        self._sizes = column(place, 2)
        self._starts = column("I", 0)
        self._infos = table[4 if elf.wide else 12 :: each]
        self._homes = column("H", 3 if elf.wide else 7)
        self._sorted: dict[int, tuple[list[int], list[int]]] = {}

    def _symbols(self, home: int) -> tuple[list[int], list[int]]:
        """The symbols of a section by address, and their addresses."""
        if home not in self._sorted:
            entries = [entry for entry, at in enumerate(self._homes) if at == home]
            entries.sort(key=self._values.__getitem__)
            self._sorted[home] = entries, [self._values[entry] for entry in entries]
        return self._sorted[home]

    def find(self, address: int, decoded: bool) -> tuple[str, int] | None:
        """(name, offset) of the symbol gdb names for a run-time address."""
        linked = address - self._bias
        home = self._home(linked)
        entry = None if home is None else self._nearest(linked, home[0])
        if home is None or entry is None:
            return None
        name = None
        if home[1].flags & SHF_EXECINSTR:
            name = self._function(entry, home[0])
        found = self._name(entry)
        return name or (shown_name(found) if decoded else found), linked - self._values[entry]

    def extent(self, address: int) -> tuple[int, int] | None:
        """From where to where the symbol gdb names for a run-time address goes."""
        linked = address - self._bias
        home = self._home(linked)
        entry = None if home is None else self._nearest(linked, home[0])
        if home is None or entry is None:
            return None
        first = self._values[entry]
        end = first + self._sizes[entry]
        if end == first:
            _, values = self._symbols(home[0])
            behind = bisect_right(values, first)
            end = values[behind] if behind < len(values) else home[1].end
        return first + self._bias, end + self._bias

    def _home(self, linked: int) -> tuple[int, Section] | None:
        """The section an address lies in, and its number."""
        if not self._first <= linked < self._last:
            return None
        return next(((i, s) for i, s in self._sections if s.address <= linked < s.end), None)

    def _nearest(self, linked: int, home: int) -> int | None:
        """The symbol at or before an address, by gdb's rules on sizes."""
        sizes, values = self._sizes, self._values
        unsized: int | None = None
        best: int | None = None
        group = self._backward(linked, home)
        entry = next(group, None)
        while entry is not None:
            if not sizes[entry]:
                unsized = entry if unsized is None else unsized
                entry = next(group, None)
                continue
            below = next(group, None)
            if (
                linked >= values[entry] + sizes[entry]
                and below is not None
                and linked < values[below] + sizes[below]
            ):
                entry = below
                continue
            best = entry
            break
        if best is None or linked >= values[best] + sizes[best]:
            best = unsized
        if best is None:
            return None
        is_text = self._section(home).flags & SHF_EXECINSTR
        return best if sizes[best] or is_text else None

    def _backward(self, linked: int, home: int) -> Iterator[int]:
        """Symbols of a section from an address downward, aliases by their names' places."""
        entries, values = self._symbols(home)
        at = bisect_right(values, linked) - 1
        while at >= 0:
            value = values[at]
            same = []
            while at >= 0 and values[at] == value:
                if self._counts(entries[at]):
                    same.append(entries[at])
                at -= 1
            yield from sorted(same, key=self._starts.__getitem__, reverse=True)

    def _section(self, index: int) -> Section:
        return next(s for i, s in self._sections if i == index)

    def _counts(self, entry: int) -> bool:
        if self._infos[entry] & 0xF in (STT_SECTION, STT_FILE):
            return False
        start = self._starts[entry]
        return bool(start) and not self._strings.startswith(b".L", start)

    def _name(self, entry: int) -> str:
        start = self._starts[entry]
        return self._strings[start : self._strings.find(b"\0", start)].decode("latin-1")

    def _function(self, entry: int, home: int) -> str | None:
        """A function's name as the debugging information has it, which chooses among aliases."""
        entries, values = self._symbols(home)
        value = self._values[entry]
        at = bisect_right(values, value) - 1
        aliases = [self._name(entry)]
        while at >= 0 and values[at] == value:
            if self._counts(entries[at]):
                aliases.append(self._name(entries[at]))
            at -= 1
        name = aliases[0]
        if len(aliases) <= 2 and shown_name(name) == name == _without_clone(name):
            return None
        return next((n for n in map(_without_clone, aliases) if self._has_function(n)), None)

    def _has_function(self, name: str) -> bool:
        try:
            return self._prog.function(name).address_ is not None
        except (LookupError, drgn.BadDataError):
            return False
