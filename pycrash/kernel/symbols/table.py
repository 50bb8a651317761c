"""Symbols: names and addresses of the kernel and its modules, looked up as crash does."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from pycrash.errors import MissingFeature
from pycrash.kernel.core.answers import vmlinux_key
from pycrash.kernel.core.reader import Lasting, Reader
from pycrash.kernel.modules.table import INIT, Module, ModuleTable
from pycrash.kernel.symbols.modules import ModuleSymbols, Region
from pycrash.kernel.symbols.vmlinux import KernelSymbols
from pycrash.matching import Typed, letters, near
from pycrash.objects.elf import ElfFile

NEWLINE = "\n"

_SORTS = {"r": "constant", "a": "number", **dict.fromkeys("dbgs", "variable")}

#: In a name asked for, these say that crash's own marks are meant.
MARKS = ("_MODULE_START_", "_MODULE_END_", "_MODULE_INIT_START_", "_MODULE_INIT_END_")


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol. `letter` is nm's letter ("T", "d"; "?" where a module does not say it).

    `module` is empty for the kernel proper. crash's marks, as `_MODULE_START_ext4`, are
    symbols of letter "m". `twin` counts symbols of the same name at the same address.
    """

    address: int
    name: str
    letter: str
    module: str = ""
    twin: int = 0

    @property
    def mark(self) -> str:
        """What a mark says ("MODULE TEXT START"); empty for a symbol proper.

        That of a section of an object file says the section ("[.text]").
        """
        if self.letter == "S" and self.name.startswith("_MODULE_SECTION_"):
            return self.name.partition(" ")[2]
        if self.letter != "m" or not self.name.startswith("_MODULE_"):
            return ""
        body = self.name.removeprefix("_MODULE_").removesuffix(f"_{self.module}")
        kind, _, edge = body.rpartition("_")
        return f"MODULE {kind} {edge}" if kind else f"MODULE {edge}"


class SymbolTable(Lasting):
    """Every symbol of the kernel.

    Of several symbols at one address crash names the first when it is met exactly, and the
    last when an address lies behind it; so do `lookup` and `text`.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, tuple[Symbol, int]] = {}

    @cached_property
    def kernel_symbols(self) -> KernelSymbols:
        """Those of the kernel proper. Raises MissingFeature without a vmlinux."""
        kernel = self._kernel
        if kernel.vmlinux is None:
            raise MissingFeature("no vmlinux to take symbols from")
        try:
            stext: int | None = kernel.vmcoreinfo.symbol("_stext")
        except MissingFeature:
            stext = None
        rules = kernel.arch.symbols
        return KernelSymbols(ElfFile(kernel.vmlinux), rules, stext, vmlinux_key(kernel.prog))

    @cached_property
    def module_symbols(self) -> ModuleSymbols:
        """Those of the loaded modules."""
        return ModuleSymbols(self._modules)

    @cached_property
    def _modules(self) -> ModuleTable:
        modules = self._kernel.part(ModuleTable)
        # As an object file is loaded or forgotten, the modules' symbols are read anew.
        modules.watch(lambda: self.__dict__.pop("module_symbols", None))
        return modules

    def by_name(self, name: str) -> Symbol | None:
        """The symbol crash takes for a name: the kernel's first, else the lowest of modules."""
        found = self.kernel_symbols.find(name)
        if found:
            return Symbol(found[0][0], name, found[0][1])
        entries = self._module_entries(name)
        return min(entries, key=lambda s: s.address, default=None)

    def all_by_name(self, name: str) -> list[Symbol]:
        """Every symbol of a name in the order crash shows them, the one of `by_name` first."""
        found: list[Symbol] = []
        for address, letter in self.kernel_symbols.find(name):
            same = bool(found) and found[-1].address == address
            found.append(Symbol(address, name, letter, twin=found[-1].twin + 1 if same else 0))
        entries = self._module_entries(name)
        if found:
            return found + entries
        first = min(entries, key=lambda s: s.address, default=None)
        return entries[entries.index(first) :] if first is not None else []

    def address(self, name: str) -> int:
        """A symbol's address. Raises MissingFeature where there is none of that name."""
        symbol = self.by_name(name)
        if symbol is None:
            raise MissingFeature(f'cannot resolve "{name}"')
        return symbol.address

    def exists(self, name: str) -> bool:
        """Whether a symbol has that name, crash's marks among them."""
        return bool(self.kernel_symbols.find(name)) or name in self.module_symbols.by_name

    def in_range(self, address: int) -> bool:
        """Whether an address lies between the kernel's first and last symbol or in a module."""
        low, high = self.kernel_symbols.bounds
        return low <= address <= high or self.module_of(address) is not None

    def module_of(self, address: int) -> str | None:
        """The name of the module an address lies in, or None."""
        module = self._module_at(address)
        return module.name if module is not None else None

    def lookup(self, address: int) -> tuple[Symbol, int] | None:
        """The nearest symbol at or below an address and the bytes between, or None."""
        if self._in_image(address):
            return self._lookup_kernel(address)
        if not self.in_range(address):
            return None
        found = self.module_symbols.search(address)
        if found is not None:
            region, index = found
            symbol = self._of_region(region, index)
            return symbol, address - symbol.address
        return self._lookup_kernel(address) if self.module_of(address) is None else None

    def text(self, address: int, radix: int = 10) -> str:
        """An address as "schedule+45"; with radix 16 as "schedule+0x2d"; empty if unknown."""
        found = self.place(address)
        return "" if found is None else found[0] + offset_text(found[1], radix)

    def place(self, address: int) -> tuple[str, int] | None:
        """What crash calls the place an address is in, and the bytes behind its beginning.

        Without a symbol, an address in a module lies behind the beginning of its memory, which
        is called "(name module)".
        """
        found, module = self.lookup(address), self._module_at(address)
        if found is not None:
            symbol, offset = found
            name = symbol.name.removeprefix("_MODULE_START_") if module else symbol.name
            # A variable named as its module, in memory before the module's text.
            if module and name == module.name and address < module.base:
                return f"({name} module)" if offset else f"({name})", offset
            return name, offset
        span = module.range_of(address) if module else None
        if module is None or span is None:
            return None
        return f"({module.name} module)", address - span.base

    def is_text(self, address: int) -> bool:
        """Whether an address lies in instructions of the kernel or of a module."""
        if self.kernel_symbols.in_code(address):
            return True
        found = self.lookup(address)
        if found is not None and self.is_text_symbol(found[0]):
            return True
        module = self._module_at(address)
        span = module.range_of(address) if module else None
        if module is None or span is None:
            return False
        if span.kind in ("TEXT", "INIT_TEXT", "INIT"):
            return True
        return span.kind == "CORE" and address < span.base + module.text_size

    def is_text_symbol(self, symbol: Symbol) -> bool:
        """Whether a symbol names instructions."""
        if symbol.letter in "Tt":
            return True
        if symbol.letter not in "Ww":
            return False
        first, last = self.by_name("_stext"), self.by_name("_etext")
        return (
            first is not None
            and last is not None
            and (first.address <= symbol.address < last.address)
        )

    def section(self, address: int) -> str:
        """The section an address lies in, by the addresses of the vmlinux; "in x module"."""
        module = self.module_of(address)
        return f"in {module} module" if module else self.kernel_symbols.section(address)

    def next(self, symbol: Symbol) -> Symbol | None:
        """The symbol `sym -n` shows behind one."""
        if symbol.module:
            return self._next_in_modules(symbol)
        kernel = self.kernel_symbols
        place = self._place(symbol)
        if place is None:
            return None
        while place < len(kernel) and kernel.address(place) <= symbol.address:
            place += 1
        if place < len(kernel):
            return self._of_kernel(place)
        if self.module_symbols.split:
            return None
        return next(iter(self._plain_module_symbols()), None)

    def previous(self, symbol: Symbol) -> Symbol | None:
        """The symbol `sym -p` shows before one."""
        if symbol.module:
            return self._previous_in_modules(symbol)
        place = self._place(symbol)
        return self._of_kernel(place - 1) if place else None

    def kernel(self) -> Iterator[Symbol]:
        """Every symbol of the kernel proper, sorted."""
        kernel = self.kernel_symbols
        names, letters = kernel.all
        return (
            Symbol(a, n, letter)
            for a, n, letter in zip(kernel.addresses, names, letters, strict=True)
        )

    def in_module(self, module: str) -> Iterator[Symbol]:
        """Every symbol and mark of a module, region by region."""
        percpu = self.module_symbols.percpu.get(module)
        inside = [self._of_region(percpu, i) for i in range(len(percpu.entries))] if percpu else []
        if self.module_symbols.split:
            yield from inside
        for region in self.module_symbols.by_module.get(module, ()):
            for index in range(len(region.entries)):
                yield self._of_region(region, index)
                # Before 6.4 crash lists them behind the first mark, without marks of their own.
                if not self.module_symbols.split and not index and region.kind != INIT:
                    yield from inside[1:-1]

    def fitting(self, typed: Typed) -> list[str]:
        """The names that fit what is typed: sorted those that begin so, else the best first.

        At least two letters are asked for. It takes milliseconds with 120,000 symbols.
        """
        if len(typed) < 2:
            return []
        inner = (name for name in self.module_symbols.by_name if not name.startswith("_MODULE_"))
        if typed.loose:
            pattern = re.compile(f"^{letters(typed.lower(), NEWLINE)}.*$", re.MULTILINE)
            small = pattern.findall(self._small_names)
            every = chain.from_iterable(self._capitals.get(name, (name,)) for name in small)
            return typed.ranked(chain(every, filter(typed.fits, inner)))
        names = self._sorted_names
        found = names[bisect_left(names, typed) : bisect_left(names, typed + "\U0010ffff")]
        return list(chain(found, filter(typed.fits, inner)))

    def near(self, word: str) -> list[str]:
        """The names that a word may be a slip for."""
        return near(word, chain(self._sorted_names, self.module_symbols.by_name))

    def sort_of(self, name: str) -> str:
        """What a symbol of that name is, in a word or two; empty where nothing is known."""
        found = self._by_name.get(name)
        symbol = self.by_name(name) if found is None else Symbol(found[0], name, found[1])
        if symbol is None:
            return ""
        if self.is_text_symbol(symbol):
            sort = "function"
        elif symbol.letter == "V" or self.is_percpu(symbol):
            sort = "per-CPU variable"
        else:
            sort = _SORTS.get(symbol.letter.lower(), "symbol")
        return f"{sort} of {symbol.module}" if symbol.module else sort

    @cached_property
    def _by_name(self) -> dict[str, tuple[int, str]]:
        """Address and letter of the kernel's own symbols: of many, this is quicker to ask."""
        kernel = self.kernel_symbols
        names, letters = kernel.all
        places = zip(kernel.addresses, letters, strict=True)
        return dict(zip(names, places, strict=True))

    @cached_property
    def _sorted_names(self) -> list[str]:
        return sorted(self._by_name)

    @cached_property
    def _small_names(self) -> str:
        """Every name in small letters in a line of its own: one search goes through them all."""
        return NEWLINE.join(sorted({name.lower() for name in self._sorted_names}))

    @cached_property
    def _capitals(self) -> dict[str, list[str]]:
        """The names that are in small letters the same, where that is not all of them."""
        found: dict[str, list[str]] = {}
        for name in self._sorted_names:
            if (small := name.lower()) != name:
                found.setdefault(small, [small] if small in self._by_name else []).append(name)
        return found

    def containing(self, text: str) -> Iterator[Symbol]:
        """Every symbol whose name contains a text."""
        kernel = self.kernel_symbols
        names, letters = kernel.all
        for place, name in enumerate(names):
            if text in name:
                yield Symbol(kernel.addresses[place], name, letters[place])
        yield from (s for s in self._queried() if text in s.name)

    def is_percpu(self, symbol: Symbol) -> bool:
        """Whether a symbol's address is an offset into each CPU's memory."""
        if symbol.module:
            region = self.module_symbols.percpu.get(symbol.module)
            return region is not None and region.start <= symbol.address < region.end
        first, last = self.by_name("__per_cpu_start"), self.by_name("__per_cpu_end")
        return (
            first is not None
            and last is not None
            and (first.address <= symbol.address < last.address)
        )

    def percpu(self, name: str) -> Symbol | None:
        """The per-CPU variable of a name; before 2.6.34 theirs began with `per_cpu__`."""
        symbol = self.by_name(name)
        if symbol is not None and (symbol.letter == "V" or self.is_percpu(symbol)):
            return symbol
        return self.by_name(f"per_cpu__{name}")

    def _module_at(self, address: int) -> Module | None:
        return None if self._in_image(address) else self.module_symbols.find(address)

    def _in_image(self, address: int) -> bool:
        low, high = self.kernel_symbols.image
        return low <= address < high

    def _lookup_kernel(self, address: int) -> tuple[Symbol, int] | None:
        found = self._known.get(address)
        if found is None:
            group = self.kernel_symbols.aliases(address)
            if not group:
                return None
            place = 0
            if group[0].address != address:
                place = len(group) - 1
            elif len(group) > 1 and is_delimiter(group[0].name):
                place = 1
            value, name, letter = group[place]
            twin = sum(other.name == name for other in group[:place])
            found = Symbol(value, name, letter, twin=twin), address - value
            self._known[address] = found
        return found

    def _place(self, symbol: Symbol) -> int | None:
        places = self.kernel_symbols.places(symbol.address, symbol.name)
        return places[symbol.twin] if symbol.twin < len(places) else None

    def _of_kernel(self, place: int) -> Symbol:
        kernel = self.kernel_symbols
        address, name = kernel.address(place), kernel.name(place)
        twin = kernel.places(address, name).index(place)
        return Symbol(address, name, kernel.letter(place), twin=twin)

    @staticmethod
    def _of_region(region: Region, index: int) -> Symbol:
        entry = region.entries[index]
        return Symbol(entry.address, entry.name, entry.letter, region.module.name)

    def _module_entries(self, name: str) -> list[Symbol]:
        if name.startswith("_MODULE_") and not any(mark in name for mark in MARKS):
            return []
        found = self.module_symbols.by_name.get(name, ())
        return [self._of_region(region, index) for region, index in found]

    def _queried(self) -> Iterator[Symbol]:
        """What crash searches for a text; before 6.4 the marks of init memory are among it."""
        split = self.module_symbols.split
        for region in self.module_symbols.ordered:
            for index, entry in enumerate(region.entries[:-1]):
                if not (entry.mark if split else entry.name.startswith("_MODULE_START_")):
                    yield self._of_region(region, index)

    def _plain_module_symbols(self) -> Iterator[Symbol]:
        """Symbols of modules before 6.4 without marks: all core ranges, then all init ones."""
        for region in self.module_symbols.ordered:
            for index, entry in enumerate(region.entries[:-1]):
                if not entry.mark:
                    yield self._of_region(region, index)

    def _next_in_modules(self, symbol: Symbol) -> Symbol | None:
        if not self.module_symbols.split:
            plain = self._plain_module_symbols()
            return next(plain, None) if any(s == symbol for s in plain) else None
        found = self._entry_of(symbol)
        if found is None:
            return None
        region, index = found
        if index == len(region.entries) - 1:
            return self._first_behind(symbol.address)
        following = region.entries[index + 1]
        if following.mark:
            return self._first_behind(following.address)
        return self._of_region(region, index + 1)

    def _previous_in_modules(self, symbol: Symbol) -> Symbol | None:
        if not self.module_symbols.split:
            before = self._of_kernel(len(self.kernel_symbols) - 1)
            for other in self._plain_module_symbols():
                if other == symbol:
                    return before
                before = other
            return None
        found = self._entry_of(symbol)
        if found is None:
            return None
        region, index = found
        if index == 0 or region.entries[index - 1].mark:
            return self._last_before(region.start)
        return self._of_region(region, index - 1)

    def _entry_of(self, symbol: Symbol) -> tuple[Region, int] | None:
        for region, index in self.module_symbols.by_name.get(symbol.name, ()):
            if region.addresses[index] == symbol.address:
                return region, index
        return None

    def _first_behind(self, address: int) -> Symbol | None:
        """The first symbol of the regions that begin behind an end mark's address."""
        for region in sorted(self.module_symbols.regions, key=lambda r: r.start):
            if region.start > address:
                for index, entry in enumerate(region.entries[:-1]):
                    if not entry.mark:
                        return self._of_region(region, index)
        return None

    def _last_before(self, address: int) -> Symbol | None:
        """The last symbol of the regions that end before a start mark's address."""
        for region in sorted(self.module_symbols.regions, key=lambda r: -r.end):
            if region.end < address:
                for index in range(len(region.entries) - 1, 0, -1):
                    if not region.entries[index].mark:
                        return self._of_region(region, index)
        return None


def is_delimiter(name: str) -> bool:
    """Whether a name only marks where text begins, or a system call's second entry."""
    return name.startswith((".text.", "SyS_", "compat_SyS_")) or "_text_start" in name


def offset_text(offset: int, radix: int) -> str:
    """The bytes behind a symbol, as "+45", with radix 16 as "+0x2d", or nothing for 0."""
    if not offset:
        return ""
    if radix == 16:
        return f"+0x{offset:x}"
    # crash takes it for a signed number, which shows where the nearest symbol is far below.
    return f"+{offset - (1 << 64) if offset >> 63 else offset}"
