"""The symbols of the kernel proper, from the ELF symbol table of its vmlinux.

Their order, their letters and the cut endings of names are crash's.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from pycrash.kernel.core.symbolrules import SymbolRules
from pycrash.kernel.symbols.filter import SymbolFilter
from pycrash.kernel.symbols.order import SymbolOrder, keep_order, load_order
from pycrash.objects.elf import SHF_EXECINSTR, ElfFile

#: How many look-ups go without the sorted table.
SCANS = 4

#: Endings the compiler gives to clones of a function, in the order they are looked for.
CLONE_ENDINGS = (".isra.", ".part.", ".llvm.")


def strip_clone(name: str) -> str:
    """A name without the first kind of clone ending found in it."""
    for ending in CLONE_ENDINGS:
        at = name.find(ending)
        if at >= 0:
            return name[:at]
    return name


class Met(NamedTuple):
    """A symbol met at an address."""

    address: int
    name: str
    letter: str


class KernelSymbols:
    """The kernel's own symbols by their place: sorted by address, then by name.

    `stext` is the run-time address of `_stext`, or None where the dump does not say it; from
    it follows `bias`, the bytes by which the kernel was moved. To sort the table takes longer
    than to go through it a few times, so it waits until so many have asked for it; with the
    key of the very file the order is then kept for later sessions.
    """

    def __init__(
        self, elf: ElfFile, rules: SymbolRules, stext: int | None, key: str | None = None
    ) -> None:
        self._entries = elf.symbols
        self._rules = rules
        self._found: dict[str, list[tuple[int, str]]] = {}
        self._scans = 0
        self._key = key
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
        self._filter = SymbolFilter(rules, self._values_of)

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

        Xen's notes at the end do not count, nor per-CPU symbols below the kernel. Where no
        symbol counts, as in a damaged file, the lowest is beyond the highest.
        """
        lowest = self._filter.first_kernel_value
        if lowest is None:
            if not self:
                return 1, 0
            lowest = self.address(0)
        top = max(self._entries.values)
        names = [self._entries.name(i) for i in self._entries.having(top) if self._counts(i)]
        if names and not any("xen_elfnote" in name for name in names):
            return lowest, self._moved(top)
        last = len(self) - 1
        while last > 0 and "xen_elfnote" in self.name(last):
            last -= 1
        return lowest, self.address(last)

    def __len__(self) -> int:
        return len(self._table.values)

    @cached_property
    def addresses(self) -> list[int]:
        """Run-time addresses by place."""
        linked, first, last = self._table.values, *self._moved_places
        return linked[:first] + [v + self.bias for v in linked[first:last]] + linked[last:]

    @property
    def all(self) -> tuple[list[str], str]:
        """Names and letters by place."""
        return self._table.names, self._table.letters

    def address(self, place: int) -> int:
        """The run-time address of the symbol at a place."""
        first, last = self._moved_places
        return self._table.values[place] + (self.bias if first <= place < last else 0)

    def name(self, place: int) -> str:
        """The name of the symbol at a place."""
        return self._table.names[place]

    def letter(self, place: int) -> str:
        """nm's letter of the symbol at a place."""
        return self._table.letters[place]

    def find(self, name: str) -> list[tuple[int, str]]:
        """(address, letter) of every symbol of that name, in order."""
        if name not in self._found:
            self._found[name] = self._find(name) if name else []
        return self._found[name]

    def places(self, address: int, name: str) -> list[int]:
        """The places of the symbols of a name at an address, in order."""
        found = self._place_at(address)
        if found < 0 or self.address(found) != address:
            return []
        return [place for place in range(*self._run(found)) if self.name(place) == name]

    def aliases(self, address: int) -> list[Met]:
        """The symbols nearest at or below an address, all at one address, by name."""
        if "_table" not in self.__dict__ and self._scans < SCANS:
            found = self._scan(address)
            if found:
                return found
        place = self._place_at(address)
        if place < 0:
            return []
        address, (_, names, letters) = self.address(place), self._table
        return [Met(address, names[p], letters[p]) for p in range(*self._run(place))]

    def _scan(self, address: int) -> list[Met]:
        """What `aliases` finds, without the sorted table; empty where it cannot tell."""
        self._scans += 1
        entries = self._entries
        low, high = self.image
        if not low <= address < high:
            return []
        nearest = max(filter((address - self.bias).__ge__, entries.values), default=None)
        if nearest is None or nearest < self._image[0]:
            return []
        group = sorted((i for i in entries.having(nearest) if self._counts(i)), key=entries.name)
        return [
            Met(nearest + self.bias, strip_clone(entries.name(i)), entries.letter(i)) for i in group
        ]

    def _values_of(self, name: str) -> list[int]:
        return [self._entries.entry(index)[3] for index in self._entries.find(name)]

    def _find(self, name: str) -> list[tuple[int, str]]:
        entries = self._entries
        rows = []
        for index in {*entries.find(name), *entries.find_prefix(name + ".")}:
            raw = entries.name(index)
            if strip_clone(raw) == name and self._counts(index):
                rows.append((entries.entry(index)[3], raw, entries.letter(index)))
        return [(self._moved(value), letter) for value, _, letter in sorted(rows)]

    def _moved(self, value: int) -> int:
        low, high = self._image
        # On this machine what lies outside of the sections is a number, not a place.
        if self._rules.per_cpu_below and not low <= value <= high:
            return value
        return value + self.bias

    @cached_property
    def _table(self) -> SymbolOrder:
        """The symbols by place, from the cache if it has them."""
        kept = load_order(self._key) if self._key else None
        if kept is not None:
            return kept
        order = self._sort()
        if self._key:
            keep_order(self._key, order)
        return order

    def _sort(self) -> SymbolOrder:
        values = self._entries.values
        order = sorted(range(len(values)), key=values.__getitem__)
        whole = self._filter.whole_from
        if whole is None:
            order = [i for i in order if self._counts(i)]
        else:
            cut = bisect_right(order, whole, key=values.__getitem__)
            rest = order[cut:]
            nameless = self._entries.nameless
            if nameless:
                rest = [i for i in rest if i not in nameless]
            order = [i for i in order[:cut] if self._counts(i)] + rest
        names, letters = self._entries.all()
        for first, last in _runs(list(map(values.__getitem__, order))):
            order[first:last] = sorted(order[first:last], key=names.__getitem__)
        ordered = map(names.__getitem__, order)
        return SymbolOrder(
            list(map(values.__getitem__, order)),
            [strip_clone(name) if "." in name else name for name in ordered],
            "".join(map(letters.__getitem__, order)),
        )

    @cached_property
    def _moved_places(self) -> tuple[int, int]:
        """The first place of a symbol that was moved with the kernel, and that behind the last."""
        linked = self._table.values
        if not self._rules.per_cpu_below:
            return 0, len(linked)
        return bisect_left(linked, self._image[0]), bisect_right(linked, self._image[1])

    def _place_at(self, address: int) -> int:
        """A place at an address or else the last place below it; -1 where there is none."""
        linked, (first, last) = self._table.values, self._moved_places
        if first < last and address >= linked[first] + self.bias:
            # What was not moved may lie anywhere, but nothing in the image is named by it.
            if last < len(linked) and address >= max(linked[last], self.image[1]):
                return bisect_right(linked, address) - 1
            return bisect_right(linked, address - self.bias, first, last) - 1
        return bisect_right(linked, address, 0, first) - 1

    def _run(self, place: int) -> tuple[int, int]:
        """The first place at the address of a place, and the one behind the last."""
        linked = self._table.values
        value = linked[place]
        return bisect_left(linked, value), bisect_right(linked, value)

    def _counts(self, index: int) -> bool:
        entries = self._entries
        name = strip_clone(entries.name(index))
        return self._filter.counts(entries.entry(index)[3], name, entries.letter(index))


def _runs(values: list[int]) -> Iterator[tuple[int, int]]:
    """The (first, behind the last) indices of equal neighbours."""
    twins = [i for i, (a, b) in enumerate(pairwise(values)) if a == b]
    at = 0
    while at < len(twins):
        start = end = twins[at]
        while at < len(twins) and twins[at] == end:
            end += 1
            at += 1
        yield start, end + 1
