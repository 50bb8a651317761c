"""What list and tree show of each entry: the structures and members asked for with -s and -S."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pycrash.cexpr.datatypes import Datatype, find_datatype
from pycrash.cexpr.nodes import MemberNotFound
from pycrash.cexpr.scalars import DirectMember, direct_members
from pycrash.cexpr.structs import StructReader, split_members
from pycrash.cexpr.values import options_of, printer
from pycrash.command import Args, Context, Notice, Row
from pycrash.errors import CrashError, ReadError
from pycrash.kernel.spaces import is_kernel_address


@dataclass(frozen=True)
class Contents(Row):
    """A structure or a member of it, as lines."""

    name: str
    member: str
    address: int
    lines: tuple[str, ...]


def entry_radix(args: Args) -> int:
    """The radix of -x or -d, 0 where neither is given. Raises CrashError for both."""
    if "x" in args and "d" in args:
        raise CrashError("-d and -x are mutually exclusive")
    return 16 if "x" in args else 10 if "d" in args else 0


class EntryContents:
    """Shows what was asked for of the entry at an address.

    `wanted` are the arguments of -s, or of -S where `direct`: those read the member's memory
    only and print numbers as they stand.
    """

    def __init__(self, ctx: Context, wanted: Sequence[str], direct: bool, radix: int) -> None:
        self._ctx = ctx
        self._options = options_of(ctx.settings, radix)
        self._structs = StructReader(ctx.kernel, printer(ctx.kernel, self._options))
        self._wanted = [split_members(text) if "." in text else (text, None) for text in wanted]
        self._direct = direct
        self._fast: dict[int, list[DirectMember]] = {}

    def prepare(self) -> None:
        """Look up what -S names. Raises CrashError for a member that does not exist."""
        if not self._direct:
            return
        for place, (name, members) in enumerate(self._wanted):
            if members is not None:
                datatype = find_datatype(self._ctx.kernel, name)
                self._fast[place] = direct_members(datatype, name, members)

    def rows(self, address: int) -> Iterator[Row]:
        """What to show of one entry. Raises CrashError."""
        address &= self._ctx.kernel.word_mask
        for place, (name, members) in enumerate(self._wanted):
            if members is None:
                yield from self._whole(name, address)
            elif self._direct:
                yield from self._members_direct(place, name, address)
            else:
                for member in members:
                    yield from self._member(name, member, address)

    def _datatype(self, name: str) -> Datatype:
        datatype = find_datatype(self._ctx.kernel, name)
        if datatype is None or not datatype.shape.complete:
            raise CrashError(f"invalid structure name: {name}")
        return datatype

    def _whole(self, name: str, address: int) -> Iterator[Row]:
        datatype = self._datatype(name)
        try:
            lines = tuple(self._structs.whole(datatype, address))
        except ReadError as error:
            begun = f"struct {name} "
            if not error.quiet:
                yield Notice(str(error), line=begun)
            lines = (begun,) if error.quiet else ("",)
        yield Contents(name, "", address, lines)

    def _member(self, name: str, member: str, address: int) -> Iterator[Row]:
        datatype = self._datatype(name)
        try:
            if datatype.find(member) is None:
                raise MemberNotFound(member)
            lines = tuple(self._structs.member(datatype, member, address))
        except MemberNotFound as error:
            yield Notice(str(error))
            return
        except ReadError as error:
            if not error.quiet:
                yield Notice(str(error))
            # crash looks for the member in what gdb printed, which is nothing then.
            if "." in member or "[" in member:
                yield Notice(str(MemberNotFound(member)))
            return
        yield Contents(name, member, address, lines)

    def _members_direct(self, place: int, name: str, address: int) -> Iterator[Row]:
        if not is_kernel_address(self._ctx.kernel, address):
            return
        for member in self._fast[place]:
            if not member.direct:
                yield from self._member(name, member.name, address)
                continue
            try:
                line = member.line(self._ctx.kernel, address, self._options.radix)
            except ReadError:
                where = address + member.offset
                yield Notice(f"cannot access member: {member.name} at {where:x}")
                continue
            yield Contents(name, member.name, address, (line,))
