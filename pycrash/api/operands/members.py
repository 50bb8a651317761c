"""Structures and members as operands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pycrash.api.operands.base import Offer, Operand, Word
from pycrash.api.operands.numbers import is_number, number
from pycrash.matching import Typed

if TYPE_CHECKING:
    from pycrash.api.context import Context
    from pycrash.kernel.kernel import Kernel


class StructureKind(Operand[str]):
    """The name of a structure or union, with members behind a dot: `task_struct.pid,comm`."""

    def __init__(
        self, word: str, meaning: str, kinds: tuple[str, ...] = ("struct", "union")
    ) -> None:
        super().__init__(word, meaning)
        self.kinds = kinds

    def parse(self, ctx: Context, text: str) -> str:
        return text

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        from pycrash.cexpr.expressions import Expressions

        for found in ctx.kernel.part(Expressions).complete_structure(text, self.kinds):
            yield Offer(found.text, found.remark, found.start)


class OffsetKind(StructureKind):
    """An offset: a number, or a member written `structure.member`."""


class MembersOf(Word):
    """Members of one of some structures, with commas between."""

    needs_kernel = True

    def __init__(self, word: str, meaning: str, *structures: str) -> None:
        super().__init__(word, meaning)
        self.structures = structures

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        from pycrash.cexpr.expressions import Expressions

        for structure in self.structures:
            begun = f"{structure}."
            typed = Typed(begun + text, text.loose)
            for found in ctx.kernel.part(Expressions).complete_structure(typed):
                yield Offer(found.text, found.remark, found.start - len(begun))


def offset_operand(kernel: Kernel, text: str, what: str) -> int:
    """A number, or the offset of a `structure.member`.

    Raises CrashError, which names `what` it was for ("-l option").
    """
    from pycrash.cexpr.expressions import Expressions

    return (
        number(text)
        if is_number(text)
        else kernel.part(Expressions).types.required_offset(text, what)
    )


STRUCTURE = StructureKind("struct_name[.member]", "a structure or union, and members of it")
STRUCT = StructureKind("struct_name[.member]", "a structure, and members of it", ("struct",))
UNION = StructureKind("union_name[.member]", "a union, and members of it", ("union",))
OFFSET_OF = OffsetKind("offset", "a number of bytes, or structure.member")
