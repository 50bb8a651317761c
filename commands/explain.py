"""explain: everything known of an address, or of the registers of the crash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    EXPRESSION,
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Row,
    View,
    can_evaluate,
    evaluate,
    hexadecimal,
    is_hexadecimal,
    many,
    symbol_resolver,
)
from pycrash.render.ctext import printable
from pycrash.triage.address import Explainer, What


@dataclass(frozen=True)
class AddressRow(Row, kind="explain.address"):
    """What the rows behind are about: an address, and the register that held it as the task
    crashed, None of an address that was asked for."""

    address: Address
    register: str | None


@dataclass(frozen=True)
class FactRow(Row, kind="explain.fact"):
    """One thing known of the address: what it is in, by a word and as a sentence; where that
    begins and how long it is, None where it is not known; and the line that shows it."""

    address: Address
    what: What
    text: str
    start: Address | None
    size: Bytes | None
    command: str


#: Registers that never hold an address.
_NO_POINTERS = {"RFLAGS", "ORIG_RAX", "CS", "SS", "PSTATE", "SYSCALLNO", "ORIG_X0"}


class Explain(Command):
    name = "explain"
    summary = "everything known of an address"
    synopsis = "[address | symbol | (expression)] ..."
    description = (
        "Tells what an address is in: a symbol's code or data, a per-CPU variable and of which "
        "CPU, a task_struct, a stack and the frame in it, an object of a slab cache, allocated "
        "or free, and what structure it is likely to be, a vmalloc area, a page and its record, "
        "an area of a user's memory; and which stacks of running tasks point to it. Without an "
        "operand it explains the registers that the crash left."
    )
    operands = (many(EXPRESSION),)
    rows = (AddressRow, FactRow)
    related = ("sym", "kmem", "vtop", "rd", "search")
    examples = (
        ("The registers of the crash:", "explain"),
        ("A variable:", "explain init_task"),
        ("What lies behind it:", "explain init_task+64"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        explainer = Explainer(ctx.kernel)
        for register, address in _asked(ctx, args):
            yield AddressRow(address, register)
            for fact in explainer.facts(address, ctx.task):
                yield FactRow(address, fact.what, fact.text, fact.start, fact.size, fact.command)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, AddressRow):
                name = f"{row.register}: " if row.register else ""
                yield f"{name}{row.address:0{view.pointer_width}x}"
            elif isinstance(row, FactRow):
                yield f"    {printable(row.text)}  [{row.command}]"


def _asked(ctx: Context, args: Args) -> list[tuple[str | None, int]]:
    """The addresses of operands, or of the crash's registers by name. Raises CrashError."""
    if args.operands:
        return [(None, _value(ctx, word)) for word in args.operands]
    from pycrash.triage.evidence import Evidence

    registers = Evidence(ctx.kernel).registers()
    if not registers:
        raise CrashError("no registers of a crash: name an address")
    return [(name, value) for name, value in registers.items() if name not in _NO_POINTERS]


def _value(ctx: Context, word: str) -> int:
    if can_evaluate(word):
        return evaluate(word, symbol_resolver(ctx.kernel), ctx.kernel.word_mask)
    if is_hexadecimal(word):
        return hexadecimal(word)
    address = symbol_resolver(ctx.kernel)(word)
    if address is not None:
        return address
    raise CrashError(f"not an address: {word}")
