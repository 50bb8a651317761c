"""C expressions as operands, as gdb takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pycrash.api.operands.addresses import AddressKind
from pycrash.api.operands.base import Offer, Operand
from pycrash.api.operands.cpus import CPUS

if TYPE_CHECKING:
    from pycrash.api.context import Context
    from pycrash.matching import Typed

_SPEC = re.compile(r"([A-Za-z_]\w*):([\w,-]*)")
#: What gdb's commands may have in front of an expression: a word of info's or set's, options, a
#: format.
_IN_FRONT = re.compile(r"(?:(?:line|symbol|address|var|variable|/\w+|-[\w-]+|--)\s+)*")


class CExpression(Operand[str]):
    """A C expression, which may have blanks in it; `types` tells that it may be a type.

    Behind a per-CPU variable and a colon it has CPUs.
    """

    def __init__(self, word: str, meaning: str, types: bool = False) -> None:
        super().__init__(word, meaning)
        self.types = types

    def parse(self, ctx: Context, text: str) -> str:
        return text

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        from pycrash.cexpr.expressions import Expressions

        if not text.before and _is_per_cpu(ctx, text):
            yield from cpus_behind(ctx, text)
            return
        whole = text.before + text
        skipped = self.skipped(whole)
        typed = text.part(whole[skipped:])
        for found in ctx.kernel.part(Expressions).complete(ctx, typed, self.types):
            yield Offer(found.text, found.remark, found.start + skipped - len(text.before))

    def skipped(self, text: str) -> int:
        """How many characters of the operands stand in front of the expression."""
        return 0


class GdbExpression(CExpression):
    """An expression behind a command of gdb."""

    def skipped(self, text: str) -> int:
        found = _IN_FRONT.match(text)
        return found.end() if found else 0


class PerCpuAddress(AddressKind):
    """An address, with CPUs behind a colon where it is that of a per-CPU variable."""

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        spec = cpus_behind(ctx, text) if _is_per_cpu(ctx, text) else None
        return super().complete(ctx, text) if spec is None else spec


def _is_per_cpu(ctx: Context, text: str) -> bool:
    """Whether a text is the name of a per-CPU variable and a colon, or more."""
    match = _SPEC.fullmatch(text)
    symbols = ctx.kernel.symbols
    symbol = symbols.percpu(match[1]) if match else None
    return symbol is not None


def cpus_behind(ctx: Context, text: Typed) -> Iterator[Offer]:
    """The CPUs that may stand behind a colon."""
    begun = text.part(text[text.index(":") + 1 :])
    for text_, remark, kept, _ in CPUS.complete(ctx, begun):
        yield Offer(text_, remark, len(text) - len(begun) + kept)


C_EXPRESSION = CExpression("expression", "a C expression")
GDB_EXPRESSION = GdbExpression("expression", "a type, or a C expression", types=True)
TYPE_OR_EXPRESSION = CExpression("expression", "a type, or a C expression", types=True)
PER_CPU_ADDRESS = PerCpuAddress("address", "an address or a symbol, with :CPUs if it is per CPU")
