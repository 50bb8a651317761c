"""A module's symbols once its object file is loaded: the file's, placed where the module lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pycrash.kernel.modules.objectfile import PERCPU, FileSymbol, LoadedFile, ObjectFile
from pycrash.kernel.symbols.vmlinux import strip_clone

SECTION_START, SECTION_END = "_MODULE_SECTION_START [", "_MODULE_SECTION_END ["


@dataclass(frozen=True, slots=True)
class Entry:
    """One symbol or mark: `letter` is nm's, "?" where unknown, "m" or "S" for a mark."""

    address: int
    name: str
    letter: str

    @property
    def mark(self) -> bool:
        return self.name.startswith("_MODULE_")


def merged(known: Sequence[Sequence[Entry]], percpu: int, file: LoadedFile) -> list[Entry]:
    """The symbols of a module with its object file loaded, sorted.

    `known` are the entries of each region without the file, marks included; `percpu` is the
    module's per-CPU offset. A section of the file is placed by the first known symbol of it;
    a symbol of the file that is known by name keeps its known address. What the file lacks
    is kept.
    """
    places = _places(known, percpu, file.content)
    by_name = [_unused(region) for region in known]
    found = []
    for symbol in file.content.symbols:
        start = places.get(symbol.section)
        if start is None or symbol.name.startswith("."):
            continue
        address = symbol.value + start
        for region in by_name:
            same = region.get(symbol.name)
            if same:
                address = same.pop(0)
        found.append(Entry(address, strip_clone(symbol.name), symbol.letter))
    names = {entry.name for entry in found}
    for region_entries in known:
        for entry in region_entries:
            if entry.name not in names:
                names.add(entry.name)
                found.append(entry)
    if file.section_marks:
        # Where two sections begin at one address crash names the later one first.
        for name, start in reversed(places.items()):
            if name in PERCPU and known and known[0][0].name.startswith("_MODULE_START_"):
                # Before 6.4 crash takes them to lie where the module begins.
                start = known[0][0].address
            found.append(Entry(start, f"{SECTION_START}{name}]", "S"))
            found.append(Entry(start + file.content.sections[name], f"{SECTION_END}{name}]", "S"))
    return sorted(found, key=_rank)


def _places(known: Sequence[Sequence[Entry]], percpu: int, content: ObjectFile) -> dict[str, int]:
    """The address of each section of the file that can be told, in the file's order."""
    sections = content.sections
    homes: dict[str, FileSymbol] = {}
    for symbol in content.symbols:
        homes.setdefault(symbol.name, symbol)
    found = {name: percpu for name in PERCPU if percpu and name in sections}
    for region in known:
        for entry in region[:-1]:
            if entry.mark or any(
                start <= entry.address < start + sections[name] for name, start in found.items()
            ):
                continue
            home = homes.get(entry.name)
            if home is not None and home.section:
                found.setdefault(home.section, entry.address - home.value)
    return {name: found[name] for name in sections if name in found}


def _unused(entries: Iterable[Entry]) -> dict[str, list[int]]:
    """Name to the addresses known by it; each is used for one symbol of the file."""
    found: dict[str, list[int]] = {}
    for entry in entries:
        found.setdefault(entry.name, []).append(entry.address)
    return found


#: What stands first at one address; other names follow. Where modules have a range for each
#: kind of contents, crash puts a section's start before the mark of the text.
_FIRST = ("_MODULE_START_", SECTION_END, SECTION_START, "_MODULE_TEXT_START_")


def _rank(entry: Entry) -> tuple[int, int]:
    if not entry.mark:
        return entry.address, len(_FIRST)
    ranks = (i for i, prefix in enumerate(_FIRST) if entry.name.startswith(prefix))
    return entry.address, next(ranks, len(_FIRST))
