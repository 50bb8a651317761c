"""The text of a C value, exactly as gdb 16 prints it under crash's settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import drgn
from drgn import TypeKind

from pycrash.cexpr.printing import numbers, strings
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.cexpr.printing.ctype import CType, Member, is_plain_char
from pycrash.cexpr.printing.places import Place, place_of, unpack
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Structures, unions and arrays nested deeper than this are printed as `{...}`.
MAX_DEPTH = 20
_RADIX_LETTERS = {16: "x", 8: "o"}


@dataclass(frozen=True)
class ValueOptions:
    """How values are printed; the defaults are those crash starts gdb with.

    `radix` is gdb's output radix (10, 16 or 8); `format` one of gdb's print formats
    ("x", "d", "u", "o", "t", "z", "c", "a", "f", "s", or "" for none), which overrides it;
    `print_max` the number of array elements or characters shown (0: all);
    `repeats` how many equal elements become `<repeats N times>` (0: never);
    `array` lays arrays out one element a line; `symbol` puts `<name+offset>` behind
    pointers; `null_stop` ends character arrays at the first NUL.
    """

    radix: int = 10
    format: str = ""
    print_max: int = 256
    repeats: int = 0
    pretty: bool = True
    array: bool = False
    array_indexes: bool = False
    symbol: bool = True
    address: bool = True
    union: bool = True
    null_stop: bool = False


class Printer:
    """Prints values of one kernel under one set of options."""

    def __init__(self, kernel: Kernel, options: ValueOptions) -> None:
        self.kernel = kernel
        self.options = options
        self.names = kernel.part(AddressNames)
        self._limit = options.print_max or 1 << 62
        self._big = kernel.byte_order == ">"

    def value(self, ctype: CType, place: Place, depth: int = 0, shallow: int = 0) -> str:
        """The text of one value. `depth` indents; `shallow` counts anonymous levels above."""
        if ctype.aggregate:
            if depth - shallow >= MAX_DEPTH:
                return "{...}"
            return self._aggregate(ctype, place, depth, shallow)
        kind = ctype.kind
        if kind == TypeKind.ARRAY:
            return self._array(ctype, place, depth, shallow)
        if kind == TypeKind.FUNCTION:
            return self._function(ctype, place)
        if kind == TypeKind.VOID:
            return "void"
        if not ctype.complete:
            return "<incomplete type>"
        return self._scalar(ctype, place)

    def member(self, member: Member, place: Place, depth: int = 0, shallow: int = 0) -> str:
        """`name = value` of a member of the structure at `place`, without indentation."""
        inner = Place(place.data, place.address, place.bit + member.bit, member.bits)
        if not member.name:
            return self.value(member.ctype, inner, depth + 1, shallow + 1)
        return f"{member.name} = {self.value(member.ctype, inner, depth + 1, shallow)}"

    def _aggregate(self, ctype: CType, place: Place, depth: int, shallow: int) -> str:
        if ctype.kind == TypeKind.UNION and depth and not self.options.union:
            return "{...}"
        if not ctype.complete:
            return "<incomplete type>"
        if not ctype.members:
            return "{<No data fields>}"
        texts = (self.member(m, place, depth, shallow) for m in ctype.members)
        if not self.options.pretty:
            return "{" + ", ".join(texts) + "}"
        gap = "\n" + " " * (2 + 2 * depth)
        return "{" + gap + ("," + gap).join(texts) + "\n" + " " * (2 * depth) + "}"

    def _array(self, ctype: CType, place: Place, depth: int, shallow: int) -> str:
        element = ctype.element
        if not ctype.length or not element.size:
            if self.options.format not in ("", "s"):
                return self._address(place.at)
            return self._pointer(place.at, element)
        textual = element.textual and self.options.format in ("", "s")
        if textual:
            return self._char_array(element, place, ctype.length)
        if depth - shallow >= MAX_DEPTH:
            return "{...}"
        return "{" + "".join(self._elements(ctype, place, depth, shallow)) + "}"

    def _elements(self, ctype: CType, place: Place, depth: int, shallow: int) -> Iterator[str]:
        options = self.options
        element, length = ctype.element, ctype.length
        first, size = place.bit // 8, element.size
        gap = "\n" + " " * (2 + 2 * depth) if options.array else ""
        index = shown = 0
        while index < length and shown < self._limit:
            if index:
                yield "," + gap if options.array else ", "
            elif options.array:
                yield gap
            if options.array_indexes:
                yield f"[{numbers.plain(index, options.radix)}] = "
            start = first + index * size
            yield self.value(
                element, Place(place.data, place.address, start * 8), depth + 1, shallow
            )
            again = _run(place.data, start, size, length - index) if options.repeats else 1
            if options.repeats and again > options.repeats:
                yield f" <repeats {again} times>"
                index += again
                shown += options.repeats
            else:
                index += 1
                shown += 1
        if index < length:
            yield "..."
        if options.array:
            yield "\n" + " " * (2 * depth)

    def _char_array(self, element: CType, place: Place, length: int) -> str:
        start = place.bit // 8
        width = element.size
        data = place.data[start : start + length * width]
        ellipsis = False
        if self.options.null_stop:
            shown = min(length, self._limit)
            end = strings.first_nul(data[: shown * width], width)
            ellipsis = end == shown < length
            data = data[: end * width]
        return self._string(data, width, ellipsis)

    def _string(self, data: bytes, width: int, ellipsis: bool) -> str:
        return strings.quote(
            data,
            width=width,
            limit=self._limit,
            repeats=self.options.repeats,
            ellipsis=ellipsis,
            big=self._big,
        )

    def _scalar(self, ctype: CType, place: Place) -> str:
        options = self.options
        value = unpack(ctype, place)
        code = "" if options.format == "s" else options.format
        if isinstance(value, float):
            if code and code != "f":
                # gdb takes the bytes of the number for an integer.
                start = place.bit // 8
                order: Literal["little", "big"] = "little" if ctype.little else "big"
                raw = place.data[start : start + ctype.size]
                return numbers.formatted(int.from_bytes(raw, order), ctype.size, True, code)
            return numbers.floating(value, ctype.size)
        kind = ctype.kind
        if code:
            return self._formatted(ctype, value, code)
        if kind == TypeKind.POINTER:
            return self._pointer(value, ctype.element)
        if kind == TypeKind.ENUM:
            return enum_text(ctype, value)
        if options.radix != 10:
            return numbers.formatted(value, ctype.size, False, _RADIX_LETTERS[options.radix])
        if kind == TypeKind.BOOL:
            return {0: "false", 1: "true"}.get(value, str(value))
        if ctype.textual:
            return f"{value} {strings.character(value & 0xFF)}"
        return str(value)

    def _formatted(self, ctype: CType, value: int, code: str) -> str:
        size = ctype.size
        if code == "a":
            return self._address(value & ((1 << size * 8) - 1))
        if code == "c":
            # gdb cuts larger integers to one byte.
            byte = value if size == 1 else (value & 0xFF) - (value << 1 & 0x100)
            if self.options.radix != 10:
                return numbers.formatted(byte, 1, False, _RADIX_LETTERS[self.options.radix])
            return f"{byte} {strings.character(byte & 0xFF)}"
        if code == "f":
            if size not in (4, 8) or ctype.kind == TypeKind.ENUM:
                return str(value)
            raw = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
            return numbers.floating(numbers.unpack_float(raw, little=True), size)
        return numbers.formatted(value, size, ctype.signed, code)

    def _address(self, address: int) -> str:
        name = self.names.describe(address) if self.options.symbol else ""
        return f"{address:#x} {name}" if name else f"{address:#x}"

    def _pointer(self, address: int, target: CType) -> str:
        parts = []
        if self.options.address:
            parts.append(f"{address:#x}")
        if self.options.symbol or target.kind == TypeKind.FUNCTION:
            name = self.names.describe(address)
            if name:
                parts.append(name)
        if address and target.textual:
            parts.append(self._pointed_string(address, target.size))
        return " ".join(parts)

    def _pointed_string(self, address: int, width: int) -> str:
        """The string a char pointer points to, up to its NUL, the limit or bad memory."""
        data, error = read_string(self.kernel, address, width, self._limit)
        found = len(data) >= width and not any(data[-width:])
        ellipsis = False
        if not found and error is None:
            try:
                ellipsis = any(self.kernel.read(address + len(data), width))
            except CrashError:
                ellipsis = False
        text = self._string(data, width, ellipsis) if data or error is None else ""
        if error is not None:
            text += f"<error: Cannot access memory at address {error:#x}>"
        return text

    def _function(self, ctype: CType, place: Place) -> str:
        name = self.names.describe(place.at)
        text = f"{{{format_type_name(ctype.type)}}} {place.at:#x}"
        return f"{text} {name}" if name else text


def _run(data: bytes, start: int, size: int, most: int) -> int:
    """How many elements from `start` on have the same bytes."""
    first = data[start : start + size]
    count = 1
    while count < most and data.startswith(first, start + count * size):
        count += 1
    return count


def enum_text(ctype: CType, value: int) -> str:
    """An enumerator's name, `(A | B)`, `(A | unknown: 0x8)`, or the number."""
    name = ctype.names.get(value)
    if name is not None:
        return name
    if ctype.flags is None:
        return str(value)
    found = []
    rest = value
    for flag, bit in ctype.flags:
        if rest & bit:
            found.append(flag)
            rest &= ~bit
    if rest:
        found.append(f"unknown: {rest & ((1 << 64) - 1):#x}")
    return f"({' | '.join(found)})" if found else "0"


#: Bytes of a string read at a time.
_CHUNK = 256


def read_string(kernel: Kernel, address: int, width: int, limit: int) -> tuple[bytes, int | None]:
    """Bytes from `address` up to and with a NUL of `width` bytes, at most `limit` characters.

    With them the address that could not be read, or None.
    """
    data = b""
    most = _CHUNK
    while len(data) < limit * width:
        here = address + len(data)
        size = min(4096 - here % 4096, limit * width - len(data), most)
        size = max(size // width, 1) * width
        try:
            data += kernel.read(here, size)
        except CrashError:
            if size <= width:
                return data, here
            most = size // 2
            continue
        end = strings.first_nul(data, width)
        if end * width < len(data):
            return data[: (end + 1) * width], None
    return data, None


def format_value(kernel: Kernel, value: drgn.Object, options: ValueOptions | None = None) -> str:
    """The text of a value as it stands inside a structure; lines are joined by newlines.

    Raises ReadError where the value's own memory cannot be read; what it points to is
    printed as gdb's `<error: Cannot access memory at address 0x...>`.
    """
    ctype = CType(value.type_)
    return Printer(kernel, options or ValueOptions()).value(ctype, place_of(kernel, value, ctype))


def format_output(kernel: Kernel, value: drgn.Object, options: ValueOptions | None = None) -> str:
    """The text gdb's `print` and `output` give: a pointer has its type in front of it."""
    options = options or ValueOptions()
    text = format_value(kernel, value, options)
    type_ = value.type_
    if CType(type_).kind != TypeKind.POINTER or options.format not in ("", "s"):
        return text
    if type_.kind == TypeKind.POINTER and is_plain_char(type_.type):
        return text
    return f"({format_type_name(type_)}) {text}"
