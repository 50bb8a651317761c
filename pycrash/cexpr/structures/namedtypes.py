"""Structures, unions and other types by the names crash's commands take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import drgn
from drgn import TypeKind

from pycrash.cexpr.printing.ctype import CType, Member
from pycrash.cexpr.printing.typetext import format_type
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

Kind = Literal["struct", "union", "enum", "int", "pointer", "array", "function", "other"]

_KINDS: dict[TypeKind, Kind] = {
    TypeKind.STRUCT: "struct",
    TypeKind.CLASS: "struct",
    TypeKind.UNION: "union",
    TypeKind.ENUM: "enum",
    TypeKind.INT: "int",
    TypeKind.POINTER: "pointer",
    TypeKind.ARRAY: "array",
    TypeKind.FUNCTION: "function",
}

#: One step of a member path: a name and the indices behind it.
_STEP = re.compile(r"([A-Za-z_$][\w$]*)((?:\[(?:0[xX][0-9a-fA-F]+|\d+)\])*)\Z")
_INDEX = re.compile(r"\[(\w+)\]")


@dataclass(frozen=True)
class Found:
    """Where a member path leads: the bit offset from the structure, and the member's type.

    `top` is the way from the structure to the path's first name, through anonymous members.
    `inside` is false where an index lies beyond its array.
    """

    bit: int
    bits: int
    ctype: CType
    top: tuple[Member, ...]
    inside: bool = True


class NamedType:
    """A type under the name it was asked for.

    `kind` says what is behind typedefs; `typedef` whether the name itself is one.
    """

    def __init__(self, name: str, type_: drgn.Type, typedef: bool) -> None:
        self.name = name
        self.ctype = CType(type_)
        self.kind: Kind = _KINDS.get(self.ctype.kind, "other")
        self.typedef = typedef
        self._found: dict[str, Found | None] = {}

    @property
    def size(self) -> int:
        """Bytes."""
        return self.ctype.size

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The type with its body, as gdb's ptype prints it."""
        return tuple(format_type(self.ctype.type).split("\n"))

    def find(self, path: str) -> Found | None:
        """Where `member`, `member.inner` or `member[2].inner` lies; None where there is none.

        gdb finds longer paths only in types that have a tag.
        """
        if path not in self._found:
            self._found[path] = self._find(path)
        return self._found[path]

    def _find(self, path: str) -> Found | None:
        steps = path.split(".")
        simple = len(steps) == 1 and "[" not in path
        if not simple and self.typedef:
            return None
        bit, bits, ctype = 0, 0, self.ctype
        top: tuple[Member, ...] = ()
        inside = True
        for step in steps:
            match = _STEP.match(step)
            if match is None:
                return None
            way = ctype.find(match[1])
            if not way:
                return None
            top = top or tuple(way)
            bit += sum(m.bit for m in way)
            bits, ctype = way[-1].bits, way[-1].ctype
            for index in _INDEX.findall(match[2]):
                if ctype.kind != TypeKind.ARRAY:
                    return None
                inside &= int(index, 0) < ctype.length
                ctype = ctype.element
                bit += int(index, 0) * ctype.size * 8
        return Found(bit, bits, ctype, top, inside)

    def offset(self, path: str) -> int | None:
        """The offset of a member in bytes, None where there is none of that name."""
        found = self.find(path)
        return found.bit // 8 if found is not None else None


class NamedTypes:
    """The types of one dump, each looked up once."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[tuple[int, str], NamedType | None] = {}

    def find(self, name: str) -> NamedType | None:
        """A type by its bare name: a tag of a struct, union or enum, a typedef or a base type.

        None where there is no such type.
        """
        # What is known of a name ends when the types of another module are added.
        key = self._kernel.type_changes, name
        if key not in self._known:
            self._known[key] = self._look_up(name)
        return self._known[key]

    def _look_up(self, name: str) -> NamedType | None:
        if not re.fullmatch(r"[A-Za-z_$][\w$]*", name):
            type_ = self._type(name)
            return None if type_ is None else NamedType(name, type_, typedef=False)
        declared = None
        for tag in ("struct", "union", "enum"):
            type_ = self._type(f"{tag} {name}")
            if type_ is not None and type_.is_complete():
                return NamedType(name, type_, typedef=False)
            declared = declared or type_
        type_ = self._type(name) or declared
        if type_ is None:
            return None
        return NamedType(name, type_, typedef=type_.kind == TypeKind.TYPEDEF)

    def _type(self, name: str) -> drgn.Type | None:
        try:
            return self._kernel.prog.type(name)
        except (LookupError, ValueError, SyntaxError):
            return None

    def of_variable(self, name: str) -> CType | None:
        """The type of a variable, None where the debugging data does not know one so named."""
        try:
            return CType(self._kernel.prog.variable(name).type_)
        except (LookupError, ValueError, drgn.BadDataError):
            return None

    def offset(self, text: str) -> int | None:
        """The offset that `structure.member` stands for in an option; None if it is not that."""
        name, dot, member = text.partition(".")
        if not dot or not name or not member or "." in member:
            return None
        datatype = self.find(name)
        if datatype is None or "[" in member or datatype.kind not in ("struct", "union"):
            return None
        return datatype.offset(member)

    def required_offset(self, text: str, what: str) -> int:
        """The offset of a `structure.member`. Raises CrashError, which names `what` it was for."""
        offset = self.offset(text)
        if offset is None:
            raise CrashError(f"invalid {what}: {_refused_reference(text)}")
        return offset


def _refused_reference(text: str) -> str:
    """How crash repeats a `structure.member` it does not take: cut at the first of two dots."""
    return text.partition(".")[0] if text.count(".") > 1 else text
