"""Names of structures and of their members that complete a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pycrash.cexpr.printing.ctype import CType, Member
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.cexpr.structures.namedtypes import NamedType, NamedTypes
from pycrash.errors import CrashError
from pycrash.matching import Typed, letters
from pycrash.objects.elf import ElfFile

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Letters a name must begin with before names are looked for.
LEAST = 2
#: Names looked at for one word.
_MOST = 5000


class Suggestion(NamedTuple):
    """What could stand behind the first `start` characters of what is typed, and a remark."""

    text: str
    start: int
    remark: str = ""


class Completer:
    """The names of one dump that a word could go on as."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._types = kernel.part(NamedTypes)

    def structures(
        self, word: Typed, kinds: tuple[str, ...] = ("struct", "union")
    ) -> Iterator[Suggestion]:
        """What `name.member,member` could be completed to, each with a remark on its type.

        `kinds` are those of the types to offer.
        """
        name, dot, rest = word.partition(".")
        if not dot:
            for datatype in self.types(word):
                if datatype.kind in kinds:
                    yield Suggestion(datatype.name, 0, about(datatype))
            return
        found = self._types.find(name)
        if found is None or found.kind not in kinds:
            return
        path = rest.rpartition(",")[2]
        before, dots, last = path.rpartition(".")
        inner = found.find(before) if dots else None
        if dots and inner is None:
            return
        start = len(word) - len(last)
        for member, remark in members(inner.ctype if inner else found.ctype):
            yield Suggestion(member, start, remark)

    def types(self, typed: Typed) -> Iterator[NamedType]:
        """The types whose names fit, in the order of their names; the best first if loose."""
        for name in self.names(typed):
            datatype = self._types.find(name)
            if datatype is not None and datatype.ctype.complete:
                yield datatype

    def names(self, typed: Typed) -> list[str]:
        """What fits of the strings of the debugging data, among which is the name of every type.

        It has no list of the types that can be had without reading all of it. There are none for
        what has less than LEAST letters.
        """
        if len(typed) < LEAST or not re.fullmatch(r"\w+", typed):
            return []
        if not typed.loose:
            return sorted(self._beginning_with(typed.encode()))
        # Where only the letters have to be there, the first one stands first.
        first, rest = re.escape(typed[0].lower()), letters(typed[1:].lower(), "\0")
        pattern = re.compile(f"\0(?=_*{first}{rest}\\w*\0)".encode())
        strings = self._debug_strings
        names = set()
        for match in pattern.finditer(self._small_strings):
            name = strings[match.end() : strings.index(b"\0", match.end())]
            names.add(name.decode("ascii", "replace"))
        return typed.best(sorted(names))

    def _beginning_with(self, prefix: bytes) -> set[str]:
        pattern = re.compile(prefix + rb"\w*\0")
        found: set[str] = set()
        at = 0
        # A name may be the tail of a longer string, also of one that begins alike.
        while len(found) < _MOST and (match := pattern.search(self._debug_strings, at)):
            found.add(match[0][:-1].decode("ascii", "replace"))
            at = match.start() + 1
        return found

    @cached_property
    def _small_strings(self) -> bytes:
        """The same as `_debug_strings` in small letters."""
        return self._debug_strings.lower()

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


def about(datatype: NamedType) -> str:
    """A remark on a type: what it is, and its size."""
    kind = f"typedef, {datatype.kind}" if datatype.typedef else datatype.kind
    return f"{kind}, {datatype.size} bytes"


def members(ctype: CType) -> Iterator[tuple[str, str]]:
    """The members of a structure or union, each with its declaration."""
    for member in _named(ctype):
        bits = f" : {member.bits}" if member.bits else ""
        yield member.name, format_type_name(member.ctype.type, member.name) + bits


def _named(ctype: CType) -> Iterator[Member]:
    """The members a name can reach, those of anonymous structures among them."""
    for member in ctype.members:
        if member.name:
            yield member
        else:
            yield from _named(member.ctype)
