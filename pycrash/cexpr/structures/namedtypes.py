"""Structures, unions and other types by the names crash's commands take, and their declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

import drgn
from drgn import TypeKind

from pycrash.cexpr.printing.ctype import Member, Shape
from pycrash.cexpr.printing.numbers import plain
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
    """

    bit: int
    bits: int
    shape: Shape
    top: tuple[Member, ...]


class Datatype:
    """A type under the name it was asked for.

    `kind` says what is behind typedefs; `typedef` whether the name itself is one.
    """

    def __init__(self, name: str, type_: drgn.Type, typedef: bool) -> None:
        self.name = name
        self.shape = Shape(type_)
        self.kind: Kind = _KINDS.get(self.shape.kind, "other")
        self.typedef = typedef
        self._found: dict[str, Found | None] = {}

    @property
    def size(self) -> int:
        """Bytes."""
        return self.shape.size

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The type with its body, as gdb's ptype prints it."""
        return tuple(format_type(self.shape.type).split("\n"))

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
        bit, bits, shape = 0, 0, self.shape
        top: tuple[Member, ...] = ()
        for step in steps:
            match = _STEP.match(step)
            if match is None:
                return None
            way = shape.find(match[1])
            if not way:
                return None
            top = top or tuple(way)
            bit += sum(m.bit for m in way)
            bits, shape = way[-1].bits, way[-1].shape
            for index in _INDEX.findall(match[2]):
                if shape.kind != TypeKind.ARRAY:
                    return None
                shape = shape.element
                bit += int(index, 0) * shape.size * 8
        return Found(bit, bits, shape, top)

    def offset(self, path: str) -> int | None:
        """The offset of a member in bytes, None where there is none of that name."""
        found = self.find(path)
        return found.bit // 8 if found is not None else None


_types: WeakKeyDictionary[Kernel, dict[tuple[int, str], Datatype | None]] = WeakKeyDictionary()


def find_datatype(kernel: Kernel, name: str) -> Datatype | None:
    """A type by its bare name: a tag of a struct, union or enum, then a typedef or a base type.

    None where there is no such type.
    """
    known = _types.setdefault(kernel, {})
    # What is known of a name ends when the types of another module are added.
    key = kernel.type_changes, name
    if key not in known:
        known[key] = _look_up(kernel, name)
    return known[key]


def _look_up(kernel: Kernel, name: str) -> Datatype | None:
    if re.fullmatch(r"[A-Za-z_$][\w$]*", name):
        declared = None
        for tag in ("struct", "union", "enum"):
            try:
                type_ = kernel.prog.type(f"{tag} {name}")
            except (LookupError, ValueError, SyntaxError):
                continue
            if type_.is_complete():
                return Datatype(name, type_, typedef=False)
            declared = declared or type_
        try:
            type_ = kernel.prog.type(name)
        except (LookupError, ValueError, SyntaxError):
            return Datatype(name, declared, typedef=False) if declared is not None else None
        return Datatype(name, type_, typedef=type_.kind == TypeKind.TYPEDEF)
    try:
        return Datatype(name, kernel.prog.type(name), typedef=False)
    except (LookupError, ValueError, SyntaxError):
        return None


def variable_shape(kernel: Kernel, name: str) -> Shape | None:
    """The type of a variable, None where the debugging data does not know one of that name."""
    try:
        return Shape(kernel.prog.variable(name).type_)
    except (LookupError, ValueError, drgn.BadDataError):
        return None


def member_offset(kernel: Kernel, text: str) -> int | None:
    """The offset that `structure.member` stands for in an option; None where it is not that."""
    name, dot, member = text.partition(".")
    if not dot or not name or not member or "." in member:
        return None
    datatype = find_datatype(kernel, name)
    if datatype is None or "[" in member or datatype.kind not in ("struct", "union"):
        return None
    return datatype.offset(member)


def required_offset(kernel: Kernel, text: str, what: str) -> int:
    """The offset of a `structure.member`. Raises CrashError, which names `what` it was for."""
    offset = member_offset(kernel, text)
    if offset is None:
        raise CrashError(f"invalid {what}: {_refused_reference(text)}")
    return offset


def _refused_reference(text: str) -> str:
    """How crash repeats a `structure.member` it does not take: cut at the first of two dots."""
    return text.partition(".")[0] if text.count(".") > 1 else text


def declaration(
    datatype: Datatype,
    member: str = "",
    *,
    offsets: bool = False,
    address: int = 0,
    radix: int = 10,
) -> Iterator[str]:
    """The lines crash shows for a type: its text, offsets in front of members, its size.

    With a member only that member is shown, and no size. With an address the addresses of
    members stand in place of their offsets.
    Raises CrashError for a member path with dots.
    """
    if "." in member:
        raise CrashError(f"invalid data structure reference: {datatype.name}.{member}")
    first, *rest = datatype.lines
    typedef = "typedef " if datatype.typedef else ""
    body = bool(rest)
    if not body:
        yield typedef + _single(first, datatype.name)
    else:
        yield typedef + first
    offsets = offsets or bool(member)
    column = _Offsets(datatype, member, address, radix)
    for line in rest:
        if body and line.startswith("}") and datatype.typedef:
            yield f"{line} {datatype.name};"
        elif offsets and line.startswith(" "):
            yield from column.line(line)
        else:
            yield line
    if not member:
        yield f"SIZE: {plain(datatype.size, radix)}"


def _single(text: str, name: str) -> str:
    """A one-line declaration of a name."""
    for mark in ("(*)()", "()"):
        if mark in text:
            head = text.partition(mark)[0]
            return f"{head}({'*' if '*' in mark else ''}{name})();"
    return f"{text} {name};"


class _Offsets:
    """Puts `[offset]` in front of the lines of a structure's text."""

    def __init__(self, datatype: Datatype, member: str, address: int, radix: int) -> None:
        self._datatype = datatype
        self._member = member
        self._address = address
        self._radix = radix
        self._blocks: set[str] = set()
        self._width = len(plain(datatype.size, radix))

    def line(self, text: str) -> Iterator[str]:
        """The line with its offset; nothing where another member is wanted."""
        if match := _BLOCK.match(text):
            self._blocks.add(match[1])
        ends_block = text.startswith("    } ")
        name = declared_name(text)
        offset = self._datatype.offset(name) if name else None
        if self._member:
            if name != self._member or offset is None:
                if ends_block:
                    self._blocks.clear()
                return
        elif offset is None:
            yield " " * (self._width + 1) + text
            return
        assert offset is not None
        if ends_block and self._member:
            # Of a nameless type only the first line is shown with the last; crash tells it
            # by what began since the last named one, and leaves it out when it cannot.
            head = f"{self._blocks.pop()} {{" if len(self._blocks) == 1 else None
            self._blocks.clear()
            margin = " " * (self._width + 5)
            if head is None:
                text = text[:3] + margin + text[3:]
            else:
                yield margin + head
        if self._address:
            column = f"  [{offset + self._address:x}]"
        else:
            column = f"  [{plain(offset, self._radix)}]"
        yield f"{column:>{self._width + 4}}{text[3:]}"


#: A structure or union that begins at the first level.
_BLOCK = re.compile(r"    (struct|union) \{")


def declared_name(line: str) -> str:
    """The name that a line of a structure's text declares; empty for a brace.

    For `(* const name)(...)` it is the qualifier, as for crash, which finds no offset then.
    """
    match = re.search(r"(\S+) : \d+;", line) or re.search(r"\(\*+\s*(\w+)", line)
    if match:
        return match[1]
    last = line.split()[-1] if line.split() else ""
    if not last.endswith(";"):
        return ""
    words = re.findall(r"[^*\[\];()\s]+", last)
    return words[0] if words and words[0] != "}" else ""
