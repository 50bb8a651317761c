"""Members of struct page by their names, for all pages at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import drgn

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader

#: What a member is to who shows it; "other" is what nobody shows.
Kind = Literal["pointer", "integer", "structure", "truth", "other"]


class PageMember(NamedTuple):
    """A member of struct page: where it lies, its bytes, and of a bit field the first bit in
    them and its width."""

    name: str
    kind: Kind
    offset: int
    size: int
    signed: bool
    bits: tuple[int, int] | None

    @property
    def word(self) -> int:
        """The bytes of the numbers that a structure is made of."""
        return next((size for size in (8, 4, 2) if self.size % size == 0), 1)


class PageMembers:
    """The members of struct page."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def get(self, name: str) -> PageMember:
        """A member by its name. Raises CrashError where struct page has none."""
        try:
            member = self._kernel.prog.type("struct page").member(name)
        except LookupError:
            raise CrashError(f"invalid page struct member: {name}") from None
        bare = member.type
        while bare.kind == drgn.TypeKind.TYPEDEF:
            bare = bare.type
        kind = _KINDS.get(bare.kind, "other")
        size = 0 if kind == "other" else drgn.sizeof(bare)
        offset, bits = member.bit_offset // 8, None
        if member.bit_field_size and size:
            offset = member.bit_offset // (8 * size) * size
            bits = member.bit_offset - 8 * offset, member.bit_field_size
        signed = bare.kind == drgn.TypeKind.INT and bare.is_signed
        return PageMember(name, kind, offset, size, signed, bits)

    def values(self, data: bytes, member: PageMember, whole: int) -> list[Any]:
        """A member of each of some structures of `whole` bytes: numbers, lists of them of a
        structure."""
        import numpy as np

        order = self._kernel.byte_order
        form = f"{order}{'i' if member.signed else 'u'}{member.size}"
        if member.kind == "structure":
            form = f"({member.size // member.word},){order}u{member.word}"
        kind = np.dtype(
            {"names": ["it"], "formats": [form], "offsets": [member.offset], "itemsize": whole}
        )
        found = np.frombuffer(data, kind)["it"]
        if member.bits is not None:
            first, width = member.bits
            found = found >> first & (1 << width) - 1
        values: list[Any] = found.tolist()
        return values


_KINDS: dict[Any, Kind] = {
    drgn.TypeKind.POINTER: "pointer",
    drgn.TypeKind.INT: "integer",
    drgn.TypeKind.STRUCT: "structure",
    drgn.TypeKind.BOOL: "truth",
}


def member_names(text: str) -> Sequence[str]:
    """The names in a list with commas or blanks between them. Raises CrashError."""
    if text[-1:] in (",", "."):
        raise CrashError(f"invalid format: {text}")
    names = text.replace(",", " ").split()
    if not names:
        raise CrashError(f"invalid page struct member list format: {text}")
    return names
