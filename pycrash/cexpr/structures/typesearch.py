"""Types by their size, or by the types of their members: what `whatis -r` and `-m` list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.kinds import size_of
from pycrash.cexpr.eval.state import ExprState
from pycrash.errors import MissingFeature
from pycrash.objects.alltypes import AllTypes, NamedType, Progress
from pycrash.objects.elf import ElfFile

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Structures lie in one another at most this deep.
MAX_DEPTH = 64


class TypeSearch:
    """Goes through all types of one dump."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._types: list[NamedType] | None = None

    def like(
        self, low: int, high: int, member: str, progress: Progress | None = None
    ) -> list[tuple[int, str]]:
        """(size, name) of the types of `low` to `high` bytes, of any size if `high` is 0.

        With `member` only structures and unions are listed that have a member whose type's
        name contains it, themselves or in a structure inside them. Sorted by size and name.
        """
        search = _MemberSearch(self._kernel, member) if member else None
        found: dict[str, int] = {}
        # Of several types of a name gdb meets the last one first.
        types = self._all(progress)
        for number, type_ in enumerate(reversed(types)):
            if progress is not None:
                progress("looking at types", number, len(types))
            size = _size(self._kernel, type_)
            if type_.name in found or (high and not low <= size <= high):
                continue
            if search is None or search.matches(type_):
                found[type_.name] = size
        return sorted((size, name) for name, size in found.items())

    def _all(self, progress: Progress | None) -> list[NamedType]:
        if self._types is None:
            if self._kernel.vmlinux is None:
                raise MissingFeature("no vmlinux to take types from")
            told = progress and _in_mebibytes(progress)
            self._types = AllTypes(ElfFile(self._kernel.vmlinux), told).types
            self._kernel.part(ExprState).types_read = True
        return self._types


def _in_mebibytes(progress: Progress) -> Progress:
    """Tells in MiB what is told in bytes, which are too many to be read."""
    return lambda what, done, total: progress(f"{what}: MiB", done >> 20, total >> 20)


def _size(kernel: Kernel, type_: NamedType) -> int:
    """A type's size as gdb knows it."""
    if type_.kind != "typedef" or type_.size is None:
        return type_.size or 0
    try:
        return size_of(kernel.prog.type(type_.name))
    except (LookupError, SyntaxError, ValueError):
        return 0


class _MemberSearch:
    """Looks for a type's name among the members of structures."""

    def __init__(self, kernel: Kernel, wanted: str) -> None:
        self._prog = kernel.prog
        self._wanted = wanted
        self._answers: dict[str, bool] = {}

    def matches(self, type_: NamedType) -> bool:
        if type_.kind not in ("struct", "union", "class"):
            return False
        try:
            found = self._prog.type(f"{type_.kind} {type_.name}")
        except (LookupError, SyntaxError, ValueError):
            return False
        return self._has(found, 0)

    def _has(self, type_: drgn.Type, depth: int) -> bool:
        """Whether a member's type, or that of a structure in it, has the name."""
        key = f"{type_.kind.name} {type_.tag}" if type_.tag else ""
        if key and key in self._answers:
            return self._answers[key]
        found = depth < MAX_DEPTH and any(
            self._member_has(m.type, depth) for m in type_.members or ()
        )
        if key:
            self._answers[key] = found
        return found

    def _member_has(self, type_: drgn.Type, depth: int) -> bool:
        # gdb looks through one array and one pointer, and at no typedef's target.
        if type_.kind == TypeKind.ARRAY:
            type_ = type_.type
        if type_.kind in (TypeKind.STRUCT, TypeKind.CLASS) and self._has(type_, depth + 1):
            return True
        if type_.kind == TypeKind.POINTER:
            type_ = type_.type
        return any(self._wanted in name for name in _names(type_))


def _names(type_: drgn.Type) -> Iterator[str]:
    """The name of a type that has one."""
    if type_.kind in (TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS, TypeKind.ENUM):
        if type_.tag:
            yield type_.tag
    elif type_.kind == TypeKind.VOID:
        yield "void"
    elif type_.kind not in (TypeKind.POINTER, TypeKind.ARRAY, TypeKind.FUNCTION):
        yield type_.name
