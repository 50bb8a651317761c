"""The symbols of loaded modules, with the marks crash adds where a module's memory lies."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pycrash.kernel.modules.table import CORE, INIT, Module, ModuleTable
from pycrash.kernel.symbols.loaded import Entry, merged
from pycrash.kernel.symbols.vmlinux import strip_clone

#: The kind of the region that per-CPU variables are listed in.
PERCPU = "PERCPU"
#: Marks before 6.4, by kind of range.
OLD_MARKS = {
    CORE: ("_MODULE_START_", "_MODULE_END_"),
    INIT: ("_MODULE_INIT_START_", "_MODULE_INIT_END_"),
}


@dataclass(frozen=True)
class Region:
    """The entries of one range of a module's memory, its marks first and last."""

    module: Module
    kind: str
    entries: tuple[Entry, ...]
    addresses: tuple[int, ...]

    @property
    def start(self) -> int:
        return self.addresses[0]

    @property
    def end(self) -> int:
        """Where the end mark stands: from 6.4 on at the last byte, before that behind it."""
        return self.addresses[-1]

    def nearest(self, address: int) -> int | None:
        """The index of the entry crash names an address by; None where it finds none."""
        if not self.start <= address <= self.end:
            return None
        entries, addresses = self.entries, self.addresses
        at = bisect_left(addresses, address)
        while addresses[at] == address:
            entry = entries[at]
            following = at + 1 < len(entries) and addresses[at + 1] == address
            if at == len(entries) - 1:
                return None
            if entry.mark:
                if entries[at + 1].mark:
                    at += 1
                    continue
                return at + following
            return at + (entry.name.startswith(".") and following)
        below = at - 1
        while below > 0 and entries[below].mark:
            below -= 1
        return at - 1 if entries[below].mark else below


class ModuleSymbols:
    """The symbols of every module, by region: modules by base address, ranges by kind."""

    def __init__(self, modules: ModuleTable) -> None:
        self._modules = modules

    @cached_property
    def split(self) -> bool:
        """Whether modules have a range of memory for each kind of contents (6.4)."""
        return any(r.kind not in OLD_MARKS for m in self._modules.all for r in m.ranges)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        return tuple(r for m in self._modules.all for r in self._regions(m))

    @cached_property
    def percpu(self) -> dict[str, Region]:
        """Module name to its per-CPU variables, which only a loaded object file tells."""
        found = {}
        for module in self._modules.all:
            file = self._modules.loaded.get(module.address)
            if file is None or not module.percpu or not file.percpu_size:
                continue
            end = module.percpu + file.percpu_size
            known = [region.entries for region in self._plain_regions(module)]
            inside = [
                e for e in merged(known, module.percpu, file) if module.percpu <= e.address < end
            ]
            entries = (
                Entry(module.percpu, f"_MODULE_PERCPU_START_{module.name}", "m"),
                *inside,
                Entry(end, f"_MODULE_PERCPU_END_{module.name}", "m"),
            )
            addresses = tuple(e.address for e in entries)
            found[module.name] = Region(module, PERCPU, entries, addresses)
        return found

    @cached_property
    def by_module(self) -> dict[str, list[Region]]:
        """Module name to its regions."""
        found: dict[str, list[Region]] = {}
        for region in self.regions:
            found.setdefault(region.module.name, []).append(region)
        return found

    @cached_property
    def by_name(self) -> dict[str, list[tuple[Region, int]]]:
        """Name to (region, index) of every entry that has it, in the order of regions."""
        found: dict[str, list[tuple[Region, int]]] = {}
        for region in (*self.ordered, *self.percpu.values()):
            for index, entry in enumerate(region.entries):
                found.setdefault(entry.name, []).append((region, index))
        return found

    def search(self, address: int) -> tuple[Region, int] | None:
        """The entry crash names an address by, or None."""
        beyond = ""
        for region in self.ordered:
            # Before 6.4 the search of one kind of memory ends behind the address.
            if not self.split and region.start > address:
                beyond = region.kind
            if region.kind == beyond or (self.split and address not in region.module):
                continue
            index = region.nearest(address)
            if index is not None:
                return region, index
        return None

    def find(self, address: int) -> Module | None:
        """The module an address lies in, or None."""
        starts, ends, modules = self._spans
        at = bisect_right(starts, address) - 1
        return modules[at] if at >= 0 and address < ends[at] else None

    @cached_property
    def _spans(self) -> tuple[list[int], list[int], list[Module]]:
        spans = sorted(
            (r.base, r.end, i) for i, m in enumerate(self._modules.all) for r in m.ranges
        )
        modules = self._modules.all
        return [s[0] for s in spans], [s[1] for s in spans], [modules[s[2]] for s in spans]

    @cached_property
    def ordered(self) -> list[Region]:
        """The regions in the order crash searches them: before 6.4 those of init code last."""
        if self.split:
            return list(self.regions)
        return sorted(self.regions, key=lambda r: r.kind == INIT)

    def _regions(self, module: Module) -> Iterator[Region]:
        """The regions of a module, with the symbols of its object file where one is loaded."""
        plain = list(self._plain_regions(module))
        file = self._modules.loaded.get(module.address)
        if file is None:
            yield from plain
            return
        # Before 6.4 the file's symbols of init code are not taken.
        fixed = [region for region in plain if region.kind == INIT]
        open_ones = [region for region in plain if region.kind != INIT]
        entries = merged([region.entries for region in open_ones], module.percpu, file)
        for region in open_ones:
            try:
                first = entries.index(region.entries[0])
                last = entries.index(region.entries[-1], first)
            except ValueError:
                yield region
                continue
            inside = tuple(entries[first : last + 1])
            yield Region(module, region.kind, inside, tuple(e.address for e in inside))
        yield from fixed

    def _plain_regions(self, module: Module) -> Iterator[Region]:
        symbols = sorted(self._symbols(module), key=lambda e: e.address)
        for span in module.ranges:
            first, last = OLD_MARKS.get(
                span.kind, (f"_MODULE_{span.kind}_START_", f"_MODULE_{span.kind}_END_")
            )
            end = span.end if span.kind in OLD_MARKS else span.end - 1
            inside = [e for e in symbols if span.base <= e.address <= end]
            entries = (
                Entry(span.base, first + module.name, "m"),
                *inside,
                Entry(end, last + module.name, "m"),
            )
            yield Region(module, span.kind, entries, tuple(e.address for e in entries))

    def _symbols(self, module: Module) -> Iterator[Entry]:
        """Exported symbols, which kallsyms may give a letter, then the others of kallsyms."""
        own = self._modules.kallsyms(module).symbols
        letters = {(s.value, strip_clone(s.name)): s.kind for s in reversed(own)}
        exported = set()
        for symbol in self._modules.exports(module):
            key = (symbol.value, strip_clone(symbol.name))
            exported.add(key)
            yield Entry(*key, letters.get(key, "?"))
        for symbol in own:
            key = (symbol.value, strip_clone(symbol.name))
            if key not in exported:
                yield Entry(*key, symbol.kind)
