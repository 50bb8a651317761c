"""What list and tree show of each entry: the structures and members asked for with -s and -S."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.structures.innermembers import MemberNotFound
from pycrash.cexpr.structures.namedtypes import NamedType, NamedTypes
from pycrash.cexpr.structures.scalars import DirectMember, direct_members
from pycrash.cexpr.structures.structs import Shown, StructReader, Trouble, split_members
from pycrash.errors import CrashError, ReadError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


class EntryReader:
    """Shows what was asked for of the entry at an address.

    `wanted` are the arguments of -s, or of -S where `direct`: those read the member's memory
    only and print numbers as they stand.
    """

    def __init__(
        self, kernel: Kernel, options: ValueOptions, wanted: Sequence[str], direct: bool
    ) -> None:
        self._kernel = kernel
        self._types = kernel.part(NamedTypes)
        self._radix = options.radix
        self._structs = StructReader(kernel, options)
        self._wanted = [split_members(text) if "." in text else (text, None) for text in wanted]
        self._direct = direct
        self._fast: dict[int, list[DirectMember]] = {}

    def prepare(self, all_members: bool = False) -> None:
        """Look up what -S names; with `all_members`, what -s names too.

        Raises CrashError for a member that does not exist.
        """
        wanted = self._wanted if self._direct or all_members else []
        for place, (name, members) in enumerate(wanted):
            if members is not None and place not in self._fast:
                datatype = self._types.find(name)
                self._fast[place] = direct_members(datatype, name, members)

    def shown(self, address: int) -> Iterator[tuple[str, Iterator[Shown | Trouble]]]:
        """Each structure to show of one entry: its name, and the parts of it.

        Both raise CrashError, for a structure that does not exist.
        """
        self.prepare()
        for place, (name, members) in enumerate(self._wanted):
            yield name, self._parts(place, name, members, address)

    def _parts(
        self, place: int, name: str, members: list[str] | None, address: int
    ) -> Iterator[Shown | Trouble]:
        if members is None:
            yield self._structs.whole(self._datatype(name), address)
        elif self._direct:
            yield from self._members_direct(self._fast[place], name, address)
        else:
            for member in members:
                yield from self._member(name, member, address)

    def _datatype(self, name: str) -> NamedType:
        datatype = self._types.find(name)
        if datatype is None or not (datatype.typedef or datatype.kind in ("struct", "union")):
            raise CrashError(f"invalid structure name: {name}")
        if not datatype.ctype.complete:
            raise CrashError(f"invalid structure name: {name}")
        return datatype

    def _member(self, name: str, member: str, address: int) -> Iterator[Shown | Trouble]:
        datatype = self._datatype(name)
        part = self._structs.member(datatype, member, address)
        yield part
        unread = isinstance(part, Trouble) and datatype.find(member) is not None
        if unread and ("." in member or "[" in member):
            # crash looks for the member in what gdb printed, which is nothing then.
            yield Trouble.of(MemberNotFound(member))

    def _members_direct(
        self, members: Sequence[DirectMember], name: str, address: int
    ) -> Iterator[Shown | Trouble]:
        if not self._kernel.memory.is_kernel(address):
            return
        for member in members:
            if not member.direct:
                yield from self._member(name, member.name, address)
                continue
            try:
                yield member.shown(self._kernel, address, self._radix)
            except ReadError as error:
                where = address + member.offset
                yield Trouble(f"cannot access member: {member.name} at {where:x}", cause=error)
