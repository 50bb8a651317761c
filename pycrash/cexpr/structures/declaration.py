"""How crash shows that a type is declared: its text, offsets in front of members, its size."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pycrash.cexpr.printing.numbers import plain
from pycrash.cexpr.structures.namedtypes import NamedType


def declaration(
    datatype: NamedType,
    member: str = "",
    *,
    offsets: bool = False,
    address: int = 0,
    radix: int = 10,
) -> Iterator[str]:
    """The lines crash shows for a type: its text, offsets in front of members, its size.

    With a member only that member is shown, and no size. With an address the addresses of
    members stand in place of their offsets.
    """
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

    def __init__(self, datatype: NamedType, member: str, address: int, radix: int) -> None:
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
