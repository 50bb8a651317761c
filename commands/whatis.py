"""whatis: what a name is declared as, or which types have a size or a member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    STRUCTURE,
    TYPE_OR_EXPRESSION,
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    Word,
    many,
    number,
)
from pycrash.api.typerows import TypeRow, type_lines, type_row
from pycrash.cexpr.eval.evaluator import evaluate
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.gdb.declared import declared
from pycrash.cexpr.gdb.printing import type_text
from pycrash.cexpr.syntax.errors import ExprError

#: Bytes of the largest integer crash knows the size of.
LARGEST_INT = 8


@dataclass(frozen=True)
class VariableRow(Row, kind="whatis.variable"):
    """A variable or a function: its type, its declaration in C, and where it lies; None for one
    of the marks that crash makes itself."""

    name: str
    type: str
    declaration: str
    address: Address | None


@dataclass(frozen=True)
class EnumeratorRow(Row, kind="whatis.enumerator"):
    """A name of an enumeration, whose tag may be empty."""

    name: str
    enum: str
    value: int


@dataclass(frozen=True)
class ExpressionRow(Row, kind="whatis.expression"):
    """Any other expression, by its type."""

    expression: str
    type: str


@dataclass(frozen=True)
class SizedType(Row, kind="whatis.size"):
    """A type found by its size or by what it contains."""

    size: Bytes
    type: str


@dataclass(frozen=True)
class TypedArgs(Args):
    """`options` are the words of the options as they were typed."""

    options: tuple[str, ...] = ()


class Whatis(Command):
    name = "whatis"
    summary = "declaration of a type, variable or function"
    synopsis = (
        "[[-o] [struct | union | typedef | symbol]] | \n         [[-r [size|range]] [-m member]]"
    )
    description = """\
Shows how a structure, union, enumeration, typedef, variable or function is declared. Any
other expression is given to the evaluator, which tells its type.

With -r or -m every type of the kernel is gone through, and those that fit are listed by size
and name."""
    flags = (
        Flag("o", "put the offset of each member in front of it"),
        Flag(
            "r",
            "list the types of this size, or of a range of sizes",
            value=Word("size", "a size in bytes, or a range of sizes: 100-200"),
        ),
        Flag(
            "m",
            "list the structures with a member whose type's name contains this",
            value=STRUCTURE.named("member", "a part of the name of a member's type"),
        ),
    )
    operands = (many(STRUCTURE, TYPE_OR_EXPRESSION),)
    rows = (TypeRow, VariableRow, EnumeratorRow, ExpressionRow, SizedType)
    related = ("struct", "sym", "p", "gdb")
    examples = (
        ("A structure", "whatis list_head"),
        ("The declaration of a function", "whatis schedule"),
        ("Types of 192 to 196 bytes", "whatis -r 192-196"),
        ("Structures that point to an mm_struct or contain one", "whatis -m mm_struct"),
    )

    def parse(self, words: Sequence[str]) -> Args:
        args = super().parse(words)
        options = tuple(word for word in words if len(word) > 1 and word[0] == "-")
        return TypedArgs(args.given, args.operands, options)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if "r" in args or "m" in args:
            low, high = _range(args.value("r"))
            expressions = ctx.kernel.part(Expressions)
            member = args.value("m") or ""
            found = expressions.types_like(low, high, member, ctx.shell.progress)
            yield from (SizedType(size, name) for size, name in found)
            return
        words = list(args.operands)
        tagged = bool(words) and words[0] in ("struct", "union", "enum")
        if not words[tagged:]:
            raise UsageError
        name = words[tagged]
        alone = False
        if not tagged and ctx.kernel.symbols.exists(name):
            yield _variable(ctx, name)
            return
        if name.count(".") > 1 and name[0] != ".":
            # crash loses all but the first name.
            name = words[tagged] = name.partition(".")[0]
            alone = True
        try:
            yield _declaration(ctx, name, words, "o" in args, alone)
        except ExprError:
            # As crash has the line once the options stand in front.
            options = args.options if isinstance(args, TypedArgs) else ()
            yield Notice(f"cannot resolve: {' '.join((*options, *words))}")
            raise UsageError from None

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        if "r" in args or "m" in args:
            yield from _table([row for row in rows if isinstance(row, SizedType)])
            return
        for row in rows:
            if isinstance(row, TypeRow):
                yield from type_lines(row, view.radix)
            elif isinstance(row, VariableRow):
                yield row.declaration
            elif isinstance(row, EnumeratorRow):
                yield f"enum{' ' if row.enum else ''}{row.enum} = {row.value}"
            elif isinstance(row, ExpressionRow):
                yield row.type


def _range(text: str | None) -> tuple[int, int]:
    """The lowest and the highest size; (0, 0) for any. Raises CrashError."""
    if text is None:
        return 0, 0
    low, dash, high = text[:15].partition("-")
    first = number(low)
    return first, number(high) if dash else first


def _variable(ctx: Context, name: str) -> VariableRow:
    try:
        type_ = type_text(Session(ctx), name)
    except CrashError as error:
        raise CrashError(f"gdb request failed: whatis {name}") from error
    symbol = ctx.kernel.symbols.by_name(name)
    address = None if symbol is None else symbol.address
    return VariableRow(name, type_, declared(type_, name), address)


def _declaration(ctx: Context, name: str, words: list[str], offsets: bool, alone: bool) -> Row:
    """The row of what is not a symbol; with `alone` it is no type's name either.

    Raises ExprError where nothing fits.
    """
    bare, dot, member = name.partition(".")
    types = ctx.kernel.part(Expressions).types
    datatype = None if alone or (dot and not member) else types.find(bare)
    if datatype is not None and dot and datatype.find(member) is None:
        datatype = None
    # Of other kinds crash does not know the size, and asks gdb.
    if datatype is not None and (datatype.kind == "other" or datatype.size > LARGEST_INT):
        datatype = datatype if datatype.kind not in ("other", "int") else None
    if datatype is None:
        return _other(ctx, name, words, offsets)
    return type_row(datatype, member, offsets=offsets)


def _other(ctx: Context, name: str, words: list[str], offsets: bool) -> Row:
    """An enumerator, or an expression, which has no offsets to show. Raises ExprError."""
    found = ctx.kernel.part(Expressions).lookup.enumerator(name)
    if found is not None:
        value = evaluate(Session(ctx), name)
        return EnumeratorRow(name, value.type_.tag or "", found)
    if offsets:
        raise ExprError("an option that gdb does not know")
    text = " ".join(words)
    return ExpressionRow(text, type_text(Session(ctx), text))


def _table(rows: list[SizedType]) -> Iterator[str]:
    if not rows:
        yield "(none found)"
        return
    width = max(len(str(rows[-1].size)), len("SIZE"))
    yield f"{'SIZE':>{width}}  TYPE"
    for row in rows:
        yield f"{row.size:>{width}}  {row.type}"
