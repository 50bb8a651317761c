"""Structures with what their pointers lead to, as `struct -p` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import drgn

from pycrash.cexpr.eval.state import ExprState
from pycrash.cexpr.printing.ctype import CType
from pycrash.cexpr.printing.nested import NestedValue
from pycrash.cexpr.printing.places import Place
from pycrash.cexpr.structures.namedtypes import NamedType, NamedTypes
from pycrash.cexpr.structures.structs import Shown, StructReader, Trouble
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Longest string shown for a char pointer.
_STRING = 1499

_SYMBOL_KINDS = (
    drgn.TypeKind.ARRAY,
    drgn.TypeKind.UNION,
    drgn.TypeKind.STRUCT,
    drgn.TypeKind.INT,
    drgn.TypeKind.POINTER,
)


PointerKind = Literal["pointer", "double", "function", "typedef"]


@dataclass(frozen=True)
class _Pointer:
    """A member that is a pointer: its type's text as far as it is shown, what kind it is, its
    type, and where it stands."""

    text: str
    kind: PointerKind
    ctype: CType
    place: Place


class Dereferencer:
    """Follows the pointers of structures read by a StructReader."""

    def __init__(self, reader: StructReader) -> None:
        self._reader = reader
        self._kernel: Kernel = reader.kernel

    def whole(self, datatype: NamedType, address: int) -> Shown | Trouble:
        """A structure with each pointer of its own followed."""
        shown = self._reader.whole(datatype, address)
        if isinstance(shown, Trouble):
            # crash looks through the text that gdb made of it before it shows any.
            return replace(shown, line="", gap=False, behind=shown.line)
        return replace(shown, lines=lambda: list(self._lines(shown, datatype, address)))

    def member(self, datatype: NamedType, name: str, address: int) -> Shown | Trouble:
        """A member; a pointer with its target. Raises CrashError where that cannot be read."""
        pointer = self._pointer(datatype, name, address)
        if pointer is None:
            return self._reader.member(datatype, name, address)

        def lines() -> Iterable[str]:
            found = self._target(name, pointer)
            return found or self._reader.read_member(datatype, name, address).lines()

        return Shown(name, lines, NestedValue(pointer.ctype, lambda: pointer.place))

    def _lines(self, shown: Shown, datatype: NamedType, address: int) -> Iterator[str]:
        for line in shown.lines():
            inner = line.startswith("  ") and line[2:3] != " "
            if inner and "{" not in line and "}" not in line:
                name = line[2:].partition(" =")[0]
                pointer = self._pointer(datatype, name, address)
                lines = self._target(name, pointer) if pointer is not None else None
                if lines is not None:
                    yield from lines
                    continue
            yield line

    def _pointer(self, datatype: NamedType, name: str, address: int) -> _Pointer | None:
        """A pointer member as it stands in memory; None where it is no such member.

        Raises CrashError where it cannot be read.
        """
        found = datatype.find(name)
        declared = _declared_pointer(datatype, name)
        if found is None or declared is None:
            return None
        at = address + found.bit // 8
        try:
            data = self._kernel.read(at, self._kernel.word_size, "target address")
        except CrashError:
            error = CrashError(f"cannot access {datatype.name}.{name} {at:x}")
            whole = self._reader.whole(datatype, address)
            if isinstance(whole, Trouble) and not whole.quiet:
                error.before = whole.text
            raise error from None
        return _Pointer(*declared, found.ctype, Place(data, at))

    def _target(self, name: str, pointer: _Pointer) -> list[str] | None:
        """The lines of a pointer and what it leads to; None where that cannot be read."""
        target = self._kernel.unsigned(pointer.place.data)
        symbol = self._symbol(target)
        variable = self._variable(symbol) if symbol else None
        named = f"<{symbol}> " if symbol else ""
        kind = pointer.kind
        if kind == "function":
            what = f"<{symbol}>" if symbol else ("(unknown)" if target else "NULL")
            return [f"  {pointer.text} = {target:#x}", f"  -> {what}"]
        head = f"  {pointer.text}{' ' if kind == 'typedef' else ''}{name} = {target:#x}"
        if kind == "pointer" and "char *" in pointer.text:
            return [head, f"  -> {named}{self._string(target)}"]
        if kind == "pointer" and "void *" in pointer.text and variable is None:
            what = f"<{symbol}>" if symbol else ("(unknown target type)" if target else "NULL")
            return [head, f"  -> {what}"]
        if not target or not self._accessible(target):
            return [head, f"  -> {'(not accessible)' if target else 'NULL'}"]
        if kind == "double":
            value = f"{self._kernel.read_word(target, 'target value'):x}"
            return [head, f"  -> {named}{value}"]
        return self._value(name, pointer, target, symbol, variable)

    def _value(
        self,
        name: str,
        pointer: _Pointer,
        target: int,
        symbol: str,
        variable: CType | None,
    ) -> list[str] | None:
        text = pointer.text
        star = ""
        if pointer.kind == "pointer":
            text, star = text[:-2], "*"
        head = f"  {text} {star}{name} = {target:#x}"
        wanted = variable or pointer.ctype.element
        if not pointer.ctype.element.complete:
            return [head, f"  -> ({text}: no debuginfo data)"]
        try:
            data = self._kernel.read(target, wanted.size) if wanted.size else b""
        except CrashError:
            return None
        printed = self._reader.printer.value(wanted, Place(data, target)).split("\n")
        # crash has gdb print the target, which counts as a value of its history.
        value = drgn.Object(self._kernel.prog, wanted.type, address=target)
        self._kernel.part(ExprState).record(value)
        named = f"<{symbol}> " if symbol else ""
        opaque = wanted.kind == drgn.TypeKind.POINTER
        if opaque and (pointer.kind == "typedef" or variable is not None):
            return [head, f"  -> {named}"]
        return [head, f"  -> {named}{printed[0]}", *(f"     {line}" for line in printed[1:])]

    def _symbol(self, address: int) -> str:
        if not address:
            return ""
        found = self._kernel.symbols.lookup(address)
        return found[0].name if found is not None and not found[1] else ""

    def _variable(self, name: str) -> CType | None:
        """The type of a symbol's variable, where it is one that is shown by name."""
        ctype = self._kernel.part(NamedTypes).of_variable(name)
        return ctype if ctype is not None and ctype.kind in _SYMBOL_KINDS else None

    def _accessible(self, address: int) -> bool:
        try:
            self._kernel.read_word(address)
        except CrashError:
            return False
        return True

    def _string(self, address: int) -> str:
        if not address:
            return "NULL"
        if not self._accessible(address):
            return "(not accessible)"
        try:
            data = self._kernel.read(address, _STRING)
        except CrashError:
            data = b""
        text = data.split(b"\0")[0].decode("utf-8", "surrogateescape")
        return f'"{text}"' if text else "(not accessible)"


def _declared_pointer(datatype: NamedType, name: str) -> tuple[str, PointerKind] | None:
    """How the structure's own text declares a member, if as a pointer: see _Pointer."""
    for line in datatype.lines:
        if not line.startswith("    ") or line[4:5] == " ":
            continue
        text = line[4:]
        if f" *{name};" in line:
            return text[: text.index("*") + 1], "pointer"
        if f"**{name};" in line:
            return text[: text.index("**") + 2], "double"
        if f"(*{name})(" in line:
            return text[: text.index(";")], "function"
        if f" {name};" in line:
            found = datatype.find(name)
            if found is not None and _is_pointer_typedef(found.ctype):
                return text.partition(" ")[0], "typedef"
    return None


def _is_pointer_typedef(ctype: CType) -> bool:
    return ctype.type.kind == drgn.TypeKind.TYPEDEF and ctype.kind == drgn.TypeKind.POINTER
