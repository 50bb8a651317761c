"""Names of structures and of their members that complete a word.

What completing a C expression needs of it: `Completer.types` for the words that may follow
`struct`, `union`, `sizeof(` or a bracket, `Completer.members` for those behind a dot or an
arrow, once the type of what stands before is known (`Evaluator.type_of` with `dry` finds it
without reading memory).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.cexpr.printing.ctype import CType, Member
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.cexpr.structures.namedtypes import NamedType, NamedTypes
from pycrash.errors import CrashError
from pycrash.objects.elf import ElfFile

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Letters a name must begin with before names are looked for.
LEAST = 2
#: Names looked at for one word.
_MOST = 5000


class Completer:
    """The names of one dump that a word could go on as."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._types = kernel.part(NamedTypes)

    def structures(
        self, word: str, kinds: tuple[str, ...] = ("struct", "union")
    ) -> Iterator[tuple[str, str]]:
        """What `name.member,member` could be completed to, each with a remark on its type.

        `kinds` are those of the types to offer.
        """
        name, dot, rest = word.partition(".")
        if not dot:
            for datatype in self.types(name):
                if datatype.kind in kinds:
                    remark = f"typedef, {datatype.kind}" if datatype.typedef else datatype.kind
                    yield datatype.name, f"{remark}, {datatype.size} bytes"
            return
        found = self._types.find(name)
        if found is None or found.kind not in kinds:
            return
        done, comma, path = rest.rpartition(",")
        before, dots, last = path.rpartition(".")
        inner = found.find(before) if dots else None
        if dots and inner is None:
            return
        for member, remark in self.members(inner.ctype if inner else found.ctype, last):
            yield f"{name}.{done}{comma}{before}{dots}{member}", remark

    def members(self, ctype: CType, prefix: str) -> Iterator[tuple[str, str]]:
        """The members of a structure or union whose names begin so, with their declarations."""
        for member in _named(ctype):
            if member.name.startswith(prefix):
                bits = f" : {member.bits}" if member.bits else ""
                yield member.name, format_type_name(member.ctype.type, member.name) + bits

    def types(self, prefix: str) -> Iterator[NamedType]:
        """The types whose names begin so, in the order of their names.

        The debugging data has no list of them that can be had without reading all of it; but
        every name is among its strings. There are none for a prefix of less than LEAST letters.
        """
        if len(prefix) < LEAST or not re.fullmatch(r"\w+", prefix):
            return
        # A name may be the tail of a longer string.
        pattern = re.compile(rb"(?=(" + prefix.encode() + rb"\w*)\0)")
        names = set()
        for match in pattern.finditer(self._debug_strings):
            names.add(match[1].decode("ascii", "replace"))
            if len(names) >= _MOST:
                break
        for name in sorted(names):
            datatype = self._types.find(name)
            if datatype is not None and datatype.ctype.complete:
                yield datatype

    @cached_property
    def _debug_strings(self) -> bytes:
        """The strings of the vmlinux's debugging data; empty where there are none."""
        if self._kernel.vmlinux is None:
            return b""
        try:
            elf = ElfFile(self._kernel.vmlinux)
            section = elf.section(".debug_str")
            return elf.contents(section) if section is not None else b""
        except CrashError:
            return b""


def _named(ctype: CType) -> Iterator[Member]:
    """The members a name can reach, those of anonymous structures among them."""
    for member in ctype.members:
        if member.name:
            yield member
        else:
            yield from _named(member.ctype)
