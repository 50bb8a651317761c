"""What list and tree show of each entry: the structures and members asked for with -s and -S."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.cexpr.printing.nested import NestedValue
from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.structures.innermembers import MemberNotFound
from pycrash.cexpr.structures.namedtypes import NamedType, NamedTypes
from pycrash.cexpr.structures.scalars import DirectMember, direct_members
from pycrash.cexpr.structures.structs import StructReader, split_members
from pycrash.errors import CrashError, ReadError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@dataclass(frozen=True)
class Part:
    """A structure of an entry, or a member of it, as lines and as nested plain data."""

    name: str
    member: str
    address: int
    lines: tuple[str, ...]
    value: NestedValue


@dataclass(frozen=True)
class Trouble:
    """What could not be shown, and why; `line` is the text that had begun on its line."""

    text: str
    line: str = ""


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

    def parts(self, address: int) -> Iterator[Part | Trouble]:
        """What to show of one entry.

        Raises CrashError for a structure that does not exist.
        """
        self.prepare()
        address &= self._kernel.word_mask
        for place, (name, members) in enumerate(self._wanted):
            if members is None:
                yield from self._whole(name, address)
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

    def _whole(self, name: str, address: int) -> Iterator[Part | Trouble]:
        datatype = self._datatype(name)
        try:
            lines = tuple(self._structs.whole(datatype, address))
        except ReadError as error:
            begun = f"struct {name} "
            if not error.quiet:
                yield Trouble(str(error), begun)
            lines = (begun,) if error.quiet else ("",)
        yield Part(name, "", address, lines, self._structs.nested(datatype, address))

    def _member(self, name: str, member: str, address: int) -> Iterator[Part | Trouble]:
        datatype = self._datatype(name)
        try:
            if datatype.find(member) is None:
                raise MemberNotFound(member)
            lines = tuple(self._structs.member(datatype, member, address))
        except MemberNotFound as error:
            yield Trouble(str(error))
            return
        except ReadError as error:
            if not error.quiet:
                yield Trouble(str(error))
            # crash looks for the member in what gdb printed, which is nothing then.
            if "." in member or "[" in member:
                yield Trouble(str(MemberNotFound(member)))
            return
        value = self._structs.nested(datatype, address, member)
        yield Part(name, member, address, lines, value)

    def _members_direct(
        self, members: Sequence[DirectMember], name: str, address: int
    ) -> Iterator[Part | Trouble]:
        if not self._kernel.memory.is_kernel(address):
            return
        for member in members:
            if not member.direct:
                yield from self._member(name, member.name, address)
                continue
            try:
                line = member.line(self._kernel, address, self._radix)
            except ReadError:
                where = address + member.offset
                yield Trouble(f"cannot access member: {member.name} at {where:x}")
                continue
            value = member.nested(self._kernel, address)
            yield Part(name, member.name, address, (line,), value)
