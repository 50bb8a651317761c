"""kmem: kernel memory: its use, pages, zones, slab caches, and what an address belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pycrash.api import (
    CACHE,
    HEX,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Gap,
    MembersOf,
    Notice,
    Row,
    UsageError,
    View,
    Word,
    hexadecimal,
    is_hexadecimal,
    many,
)
from pycrash.api.kmemfacts import (
    counter_rows,
    flag_rows,
    free_rows,
    node_rows,
    per_cpu_rows,
    pool_rows,
    use_rows,
    vmap_rows,
    zone_rows,
)
from pycrash.api.kmemrows import (
    AddressNotFound,
    CountersRow,
    FreeAreaRow,
    FreeBlockRow,
    FreePageRow,
    FreeTotalRow,
    MemoryBlockRow,
    MemoryUse,
    NodeRow,
    NodeZoneRow,
    PageFlagRow,
    PerCpuOffsetRow,
    PoolRow,
    SectionRow,
    VmapBegin,
    VmapRow,
    ZoneCountersRow,
    ZoneFreeRow,
)
from pycrash.api.kmemsearch import Where, free_page_rows, page_rows, search_rows, vmap_areas
from pycrash.api.pagememberrows import (
    PageMemberColumns,
    PageMembersBegin,
    PageMembersRow,
    every_page_members,
    members_of,
    page_members,
)
from pycrash.api.pagerows import PageColumns, PageHeading, PageRow, every_page
from pycrash.api.slabline import SlabLine, asked_cpus
from pycrash.api.slabrows import SLAB_ROWS
from pycrash.api.symbolrows import SymbolRow, symbol_line
from pycrash.api.taskcontext import TaskContext, context_lines
from pycrash.kernel.mm.pagearray import PageArray
from pycrash.kernel.mm.pagemembers import PageMember, member_names
from pycrash.kernel.mm.vmalloc import VmapAreas
from pycrash.render.kmemlines import KmemText
from pycrash.render.pagelines import member_lines, members_heading, page_heading, page_line
from pycrash.render.slablines import SlabText

_MEMBERS = MembersOf("member[,member]", "members of struct page", "page")
_SLABS = CACHE.named("slab[,slab]", "names of slab caches")
#: Letters of which the last one given counts.
_SIBLINGS = ("srS", "fF", "cC")
#: Letters that may stand beside others, and say how or what else.
_BESIDE = "nzPI"
#: Those with which an address may follow.
_WITH_ADDRESS = "fpmsSvcg"


class Kmem(Command):
    name = "kmem"
    summary = "kernel memory"
    synopsis = (
        "[-f|-F|-c|-C|-i[=shared]|-v|-V|-n|-z|-o|-h] [-p | -m member[,member]]\n"
        "       [[-s|-S|-S=cpu[s]|-r] [slab] [-I slab[,slab]]] [-g [flags]] [[-P] address]]"
    )
    description = (
        "Shows what the kernel knows of its memory. With an address alone, everything that it "
        "belongs to: a symbol, a task or its stack, an area of vmalloc space, a slab cache, a "
        "list of free pages, and the record of its page. Addresses are virtual, physical, or "
        "those of a struct page."
    )
    flags = (
        Flag(
            "i",
            "What memory is used for; -i=shared counts the pages with several users too.",
            value=Word("=shared", "pages with several users too"),
            joined=True,
        ),
        Flag("f", "How many free blocks each list of each zone has, or the one with an address."),
        Flag("F", "The free blocks of pages themselves."),
        Flag("v", "The areas of vmalloc space, or those with the addresses."),
        Flag("V", "The counters of zones, of nodes, and of events."),
        Flag("n", "The nodes with their zones, and the sections and blocks of memory."),
        Flag("z", "The zones, each with its counters."),
        Flag("o", "What is added to the address of a per-CPU variable, for each CPU."),
        Flag("h", "The pools of huge pages."),
        Flag("p", "The record of each page (struct page), or of the pages with the addresses."),
        Flag("m", "Instead of what -p shows, these members of struct page.", value=_MEMBERS),
        Flag("s", "The slab caches, or one, or the object with an address."),
        Flag(
            "S",
            "The same with all slabs and objects; -S=cpus only what those CPUs hold.",
            value=Word("=cpu[s]", "numbers of CPUs"),
            joined=True,
        ),
        Flag("r", "The slab caches that memory control groups have copies of."),
        Flag("I", "With -s and -S: the slab caches to leave out.", value=_SLABS),
        Flag("g", "The flags of pages, or those that are set in a word."),
        Flag("P", "The addresses are physical, whatever they look like."),
        Flag("c", "The hash table of cached pages, which kernels had long ago."),
        Flag("C", "The hash table of cached pages, which kernels had long ago."),
    )
    operands = (many(HEX.named("address"), CACHE),)
    rows = (
        MemoryUse,
        ZoneFreeRow,
        FreeAreaRow,
        FreeBlockRow,
        FreeTotalRow,
        NodeRow,
        NodeZoneRow,
        SectionRow,
        MemoryBlockRow,
        ZoneCountersRow,
        CountersRow,
        VmapRow,
        PerCpuOffsetRow,
        PoolRow,
        PageFlagRow,
        *SLAB_ROWS,
        FreePageRow,
        AddressNotFound,
        PageRow,
        PageMembersRow,
        TaskContext,
        SymbolRow,
    )
    related = ("vtop", "rd", "explain", "search", "tree")
    examples = (
        ("What memory is used for", "kmem -i"),
        ("The free blocks of each zone", "kmem -f"),
        ("The areas of vmalloc space", "kmem -v"),
        ("What the flags of a page mean", "kmem -g 4080"),
        ("The slab caches whose name has a word in it", "kmem -s | grep inode"),
        ("What the CPUs and nodes have of a slab cache", "kmem -S files_cache"),
    )

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "m":
            members_of(ctx.kernel, member_names(value or ""))
        if letter == "S":
            asked_cpus(Args((*before.given, (letter, value))), ctx.kernel.cpus.count)
        return iter(())

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        letters = _letters(args)
        members: Sequence[PageMember] = ()
        for value in args.values("m"):
            members = members_of(ctx.kernel, member_names(value))
        slabs = SlabLine(ctx, args)
        if sum(letter not in _BESIDE for letter in letters) > 1:
            yield Notice("only one flag allowed!")
            raise UsageError
        names, values = _operands(args.operands, bool(letters & set("srS")))
        slabs.name = "".join(names)
        yield from _Line(ctx, args, letters, values, slabs, members).rows()

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        makers = {**KmemText(view).makers, **SlabText(view).makers, **_page_makers(view)}
        for row in rows:
            if type(row) in makers:
                yield from makers[type(row)](row)


def _page_makers(view: View) -> dict[type[Row], Callable[[Any], Iterator[str]]]:
    """What makes the lines of pages, tasks and symbols."""

    def columns(row: PageColumns) -> Iterator[str]:
        # Not before it is needed: numpy costs a tenth of a second.
        from pycrash.render.pagetable import page_lines

        yield page_lines(row, view)

    return {
        PageHeading: lambda row: iter([page_heading(row, view)]),
        PageRow: lambda row: iter([page_line(row, view)]),
        PageColumns: columns,
        PageMembersBegin: lambda row: iter([members_heading(row, view)]),
        PageMemberColumns: lambda row: iter([member_lines(row, view)]),
        TaskContext: context_lines,
        SymbolRow: lambda row: iter([symbol_line(row, view.radix)]),
    }


def _letters(args: Args) -> set[str]:
    """The options that count."""
    found: dict[str, None] = {}
    for letter, _ in args.given:
        for other in next((group for group in _SIBLINGS if letter in group), ""):
            found.pop(other, None)
        found[letter] = None
    # Members are shown in place of what -p shows.
    return set(found) - ({"p"} if "m" in found else set())


def _operands(words: Sequence[str], named: bool) -> tuple[list[str], list[int]]:
    """The names of slab caches, if any may be `named`, and the numbers. Raises CrashError,
    UsageError."""
    names: list[str] = []
    values: list[int] = []
    for word in words:
        if is_hexadecimal(word):
            values.append(hexadecimal(word))
        elif not named:
            raise UsageError
        elif names:
            raise CrashError("only one kmem_cache reference is allowed")
        else:
            names.append(word)
    return names, values


@dataclass
class _Line:
    """Finds what a line asks for: something as a whole, or something of each of some addresses."""

    ctx: Context
    args: Args
    letters: set[str]
    values: list[int]
    slabs: SlabLine
    members: Sequence[PageMember]
    #: Whether the heading of pages was shown.
    _begun: bool = False

    def rows(self) -> Iterator[Row]:
        for place, value in enumerate(self.values):
            yield from self._of_address(place, value)
        whole = [
            letter
            for letter in self._whole
            if letter in self.letters and not (self.values and letter in _WITH_ADDRESS)
        ]
        for letter in whole:
            yield from self._whole[letter](self)
        if not whole and not self.values:
            raise UsageError

    def _of_address(self, place: int, value: int) -> Iterator[Row]:
        for letter in self._single:
            if letter in self.letters:
                yield from self._single[letter](self, place, value)
        if self.letters - set(_WITH_ADDRESS + "PI"):
            yield Notice("no address arguments allowed with this option")
            raise UsageError
        if not self.letters & set(_WITH_ADDRESS):
            yield from self._search(place, value)

    def _use(self) -> Iterator[Row]:
        shared = None
        if "=shared" in self.args.values("i"):
            shared = self.ctx.kernel.part(PageArray).count_shared()
        return use_rows(self.ctx.kernel, shared)

    def _areas(self) -> Iterator[Row]:
        areas = self.ctx.kernel.part(VmapAreas).all
        yield VmapBegin()
        yield from vmap_rows(areas)

    def _area_of(self, place: int, value: int) -> Iterator[Row]:
        return vmap_areas(self._where(value), begun=place > 0)

    def _pages(self) -> Iterator[Row]:
        return every_page(self.ctx.kernel)

    def _members(self) -> Iterator[Row]:
        return every_page_members(self.ctx.kernel, self.members)

    def _members_of(self, place: int, value: int) -> Iterator[Row]:
        page = self._where(value).page
        if page is None:
            return
        if not self._begun:
            yield PageMembersBegin(tuple(member.name for member in self.members))
        self._begun = True
        yield page_members(self.ctx.kernel, self.members, page)

    def _page_of(self, place: int, value: int) -> Iterator[Row]:
        self._begun = (yield from page_rows(self._where(value), self._begun)) or self._begun

    def _free_at(self, place: int, value: int) -> Iterator[Row]:
        if place:
            yield Gap()
        yield from free_page_rows(self._where(value), patient=False)

    def _search(self, place: int, value: int) -> Iterator[Row]:
        if place:
            yield Gap()
        yield from search_rows(self._where(value), self.ctx.settings.offline == "hide")

    def _where(self, value: int) -> Where:
        return Where.of(self.ctx.kernel, value, "P" in self.letters)

    def _slabs_at(self, place: int, value: int) -> Iterator[Row]:
        return self.slabs.address(value, place + 1 == len(self.values))

    def _flags_of(self, place: int, value: int) -> Iterator[Row]:
        if place:
            yield Gap()
        yield from flag_rows(self.ctx.kernel, value)

    def _no_hash(self, *address: int) -> Iterator[Row]:
        letter = "C" if "C" in self.letters else "c"
        raise CrashError(
            f"-{letter} option not supported or applicable on this architecture or kernel"
        )

    #: What is shown without an address, in crash's order.
    _whole: ClassVar[dict[str, Callable[[_Line], Iterator[Row]]]] = {
        "i": _use,
        "p": _pages,
        "m": _members,
        "f": lambda line: free_rows(line.ctx.kernel, listed=False),
        "F": lambda line: free_rows(line.ctx.kernel, listed=True),
        "h": lambda line: pool_rows(line.ctx.kernel),
        "s": lambda line: line.slabs.whole(),
        "r": lambda line: line.slabs.whole(),
        "S": lambda line: line.slabs.whole(),
        "v": _areas,
        "C": _no_hash,
        "c": _no_hash,
        "n": lambda line: node_rows(line.ctx.kernel),
        "z": lambda line: zone_rows(line.ctx.kernel),
        "V": lambda line: counter_rows(line.ctx.kernel),
        "o": lambda line: per_cpu_rows(line.ctx.kernel, line.ctx.settings.offline == "hide"),
        "g": lambda line: flag_rows(line.ctx.kernel, 0),
    }
    _single: ClassVar[dict[str, Callable[[_Line, int, int], Iterator[Row]]]] = {
        "s": _slabs_at,
        "S": _slabs_at,
        "f": _free_at,
        "p": _page_of,
        "m": _members_of,
        "v": _area_of,
        "c": _no_hash,
        "g": _flags_of,
    }
