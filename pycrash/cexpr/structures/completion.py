"""Names of structures and of their members that complete a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from drgn import TypeKind

from pycrash.cexpr.printing.ctype import CType, Member
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.cexpr.structures.namedtypes import NamedType, NamedTypes
from pycrash.errors import CrashError
from pycrash.matching import SLIPS, Slip, Typed, letters, near
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

    def slip(self, word: str, kinds: tuple[str, ...] = ("struct", "union")) -> Slip | None:
        """What means nothing in `name.member,member`; None where all of it does."""
        name, _, rest = word.partition(".")
        found = self._types.find(name)
        if found is None or found.kind not in kinds:
            return Slip(name, self.near(name))
        for path in filter(None, rest.split(",")):
            ctype = found.ctype
            for step in path.split("."):
                member = step.partition("[")[0]
                way = ctype.find(member)
                if not way:
                    return Slip(member, near(member, (name for name, _ in members(ctype))))
                ctype = way[-1].ctype
                while ctype.kind == TypeKind.ARRAY:
                    ctype = ctype.element
        return None

    def near(self, word: str) -> list[str]:
        """The types whose names a word may be a slip for."""
        return near(word, sorted(self._names_like(word)), self._is_type)

    def _names_like(self, word: str) -> set[str]:
        """Strings about as long as a word: all that stand alone, and the tails of longer ones
        that begin or end as it does."""
        strings = self._debug_strings
        least, most = max(len(word) - SLIPS, 2), len(word) + SLIPS
        begin, end = re.escape(word[:2]), re.escape(word[-2:])
        found: set[bytes] = set()
        for pattern in (
            rf"(?<=\0)\w{{{least},{most}}}(?=\0)",
            rf"{begin}\w{{{least - 2},{most - 2}}}(?=\0)",
        ):
            found.update(re.findall(pattern.encode(), strings))
        for match in re.finditer(rf"{end}\0".encode(), strings):
            behind = match.end() - 1
            found.update(strings[behind - size : behind] for size in range(least, most + 1))
        return {name.decode("ascii", "replace") for name in found if b"\0" not in name}

    def _is_type(self, name: str) -> bool:
        datatype = self._types.find(name)
        return datatype is not None and datatype.ctype.complete

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
