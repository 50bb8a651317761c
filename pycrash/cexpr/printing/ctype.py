"""C types as the printers need them: drgn's types read once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import drgn
from drgn import TypeKind

AGGREGATES = frozenset((TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS))

#: Typedef names gdb takes for characters whatever their size.
_WIDE = frozenset(("wchar_t", "char16_t", "char32_t", "char8_t"))


@dataclass(frozen=True)
class Member:
    """A member of a structure: `bit` is its place in bits, `bits` a bit-field's width or 0.

    `name` is empty for an anonymous structure or union.
    """

    name: str
    bit: int
    bits: int
    ctype: CType


def is_plain_char(type_: drgn.Type) -> bool:
    """Whether a type is char itself, whose pointers gdb prints without their type."""
    return type_.kind in (TypeKind.INT, TypeKind.TYPEDEF) and (
        type_.name == "char" or type_.name in _WIDE
    )


class CType:
    """One C type. drgn makes new Python objects at every access, so each fact is kept here."""

    def __init__(self, type_: drgn.Type) -> None:
        self.type = type_
        real = type_
        while real.kind == TypeKind.TYPEDEF:
            real = real.type
        #: The type behind typedefs.
        self.real = real
        self.kind = real.kind
        self.aggregate = real.kind in AGGREGATES
        self.is_pointer = real.kind == TypeKind.POINTER

    @cached_property
    def complete(self) -> bool:
        """Whether the type is defined, and not only declared."""
        if self.aggregate or self.kind == TypeKind.ENUM:
            return bool(self.real.is_complete())
        return True

    @cached_property
    def size(self) -> int:
        """Bytes; 0 for functions, void, flexible arrays and types that are only declared."""
        kind = self.kind
        if kind in (TypeKind.VOID, TypeKind.FUNCTION) or not self.complete:
            return 0
        if kind == TypeKind.ARRAY:
            return (self.real.length or 0) * self.element.size
        return (self.real.type if kind == TypeKind.ENUM else self.real).size or 0

    @cached_property
    def signed(self) -> bool:
        if self.kind == TypeKind.ENUM:
            return bool(self.complete and self.real.type.is_signed)
        return bool(self.kind == TypeKind.INT and self.real.is_signed)

    @cached_property
    def little(self) -> bool:
        """Whether the bytes of a number stand least first."""
        real = self.real
        if self.kind == TypeKind.ENUM and self.complete:
            real = real.type
        return bool(getattr(real, "little_endian", True))

    @cached_property
    def textual(self) -> bool:
        """Whether gdb shows values as characters: any integer of one byte."""
        type_ = self.type
        while type_.kind == TypeKind.TYPEDEF:
            if type_.name in _WIDE:
                return True
            type_ = type_.type
        return bool(type_.kind == TypeKind.INT and type_.size == 1)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The members of a structure or union in order; empty where there are none."""
        if not self.aggregate:
            return ()
        return tuple(
            Member(m.name or "", m.bit_offset, m.bit_field_size or 0, CType(m.type))
            for m in self.real.members or ()
        )

    @cached_property
    def element(self) -> CType:
        """What an array is made of, or a pointer points to."""
        return CType(self.real.type)

    @cached_property
    def length(self) -> int:
        """Elements of an array; 0 for a flexible one."""
        return self.real.length or 0

    @cached_property
    def names(self) -> dict[int, str]:
        """An enumeration's values, each with the first name that has it."""
        names: dict[int, str] = {}
        for enumerator in self.real.enumerators or ():
            names.setdefault(enumerator.value, enumerator.name)
        return names

    @cached_property
    def flags(self) -> list[tuple[str, int]] | None:
        """Enumerators in order where each is one bit or none, which makes them flags."""
        flags = [(e.name, e.value) for e in self.real.enumerators or ()]
        return None if any(v < 0 or v & (v - 1) for _, v in flags) else flags

    def find(self, name: str) -> list[Member]:
        """The way to a member through anonymous ones, outermost first; empty if absent."""
        for member in self.members:
            if member.name == name:
                return [member]
        for member in self.members:
            if not member.name:
                inner = member.ctype.find(name)
                if inner:
                    return [member, *inner]
        return []
