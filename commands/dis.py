"""dis: instructions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pycrash.api import (
    ADDRESS,
    COUNT,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Part,
    Row,
    UsageError,
    View,
    asked_radix,
    leading_integer,
    number,
    one,
)
from pycrash.api.instructionrows import (
    CutRow,
    InstructionNames,
    InstructionRow,
    head,
    instruction_line,
    unreadable,
)
from pycrash.api.operands.numbers import DECIMAL
from pycrash.api.symbolrows import (
    SymbolRow,
    UnknownSymbolRow,
    symbol_line,
    unknown_symbol_lines,
)
from pycrash.api.textplace import TextPlace, TextPlaces
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.kernel.text.disasm.instruction import Instruction
from pycrash.kernel.text.disasm.listing import READING, CodeError, Disassembler
from pycrash.kernel.text.sourcefiles import SourceFiles

#: The most instructions that one line shows, and how many are held back to see what fails.
MOST, HELD = 1 << 32, 1 << 17
#: Lines of source shown before the one asked for, and at a time.
BEFORE, AT_A_TIME = 5, 10
#: Letters that exclude each other, and what crash says.
_KERNEL_ONLY = "-s can only be used with kernel addresses"
_EXCLUSIVE = {
    frozenset("rf"): "-r and -f are mutually exclusive",
    frozenset("rs"): "-r and -s are mutually exclusive",
    frozenset("fs"): "-f and -s are mutually exclusive",
    frozenset("us"): _KERNEL_ONLY,
}


@dataclass(frozen=True)
class SkippedRow(Row, kind="dis.skipped"):
    """How many bytes behind a ud2 are taken for a part of it."""

    count: int


@dataclass(frozen=True)
class SourceRow(Row, kind="dis.source"):
    """Where an instruction was written; None where that is not known."""

    file: str | None
    line: int | None


@dataclass(frozen=True)
class SourceLineRow(Row, kind="dis.source.line"):
    """A line of a source file; `marked` is the one the instruction was made of."""

    line: int
    text: str
    marked: bool


@dataclass(frozen=True)
class EndRow(Row):
    """For the text alone: the lines of source end, and not because the file does."""


class Dis(Command):
    name = "dis"
    summary = "disassemble"
    synopsis = "[-rfludxs][-b [num]] [address | symbol | (expression)] [count]"
    description = (
        "Shows the instructions of a function that is named, or the one instruction at an "
        "address, or as many as the count says. Each stands behind its address and its place "
        "in the function."
    )
    flags = (
        Flag("r", "From the beginning of the function up to the instruction at the address."),
        Flag("f", "From the address to the end of the function."),
        Flag("l", "The source file and line before the instructions that were made of it."),
        Flag("u", "The address is in the user space of the current task."),
        Flag("U", "Show the instructions as gdb does."),
        Flag("x", "Show offsets in hexadecimal."),
        Flag("h", "As -x."),
        Flag("d", "Show offsets in decimal."),
        Flag(
            "s",
            "Show the source in place of instructions, where the file is found: below the "
            "directory of --src, where it was compiled, or below the working directory. The "
            "count is how many lines follow the one that is marked.",
        ),
        Flag(
            "b",
            "Take so many bytes behind a ud2 for a part of it; alone, show how many.",
            value=DECIMAL.named("num"),
        ),
        Flag("B", "As -b.", value=DECIMAL.named("num")),
    )
    operands = (one(ADDRESS), one(COUNT))
    rows = (InstructionRow, SourceRow, SourceLineRow, SkippedRow, SymbolRow, UnknownSymbolRow)
    related = ("sym", "bt", "list", "rd")
    examples = (
        ("The first instructions of a function", "dis schedule 5"),
        ("What was called before a return address", "dis -r (schedule+48) 2"),
        ("With source lines", "dis -l schedule 5"),
    )
    minimal = True

    def parse(self, words: Sequence[str]) -> Args:
        # Alone it has no value.
        return Args(given=(("b", None),)) if list(words) == ["-b"] else super().parse(words)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        disassembler = ctx.kernel.part(Disassembler)
        if args.given == (("b", None),):
            yield SkippedRow(disassembler.behind_bug)
            return
        _refuse(args)
        skipped = [value for letter, value in args.given if letter in "bB"]
        for value in skipped:
            disassembler.behind_bug = leading_integer(value or "")
        if not args.operands:
            if skipped:
                return
            raise UsageError
        place = yield from TextPlaces(ctx).find(args.operands[0], "u" in args)
        if place is None:
            return
        count = 0
        if len(args.operands) > 1:
            count = number(args.operands[1])
            if not count:
                raise CrashError("invalid count argument: 0")
        if "s" in args:
            yield from _source(ctx, args.operands[0], place, count)
        elif "u" in args or "U" in args or not place.known:
            yield from _plain(ctx, args, place.address, count)
        else:
            yield from _listed(ctx, args, place, count)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        radix = asked_radix(args, "xh") or view.radix
        last = ""
        for row in rows:
            if isinstance(row, InstructionRow):
                if row.source is not None and row.source != last:
                    last = row.source
                    yield last
                yield instruction_line(row, radix)
            elif isinstance(row, CutRow):
                yield Part(head(row, radix))
            elif isinstance(row, SourceRow):
                yield f"FILE: {row.file or '(unknown)'}"
                yield f"LINE: {row.line or '(unknown)'}"
                yield ""
            elif isinstance(row, SourceLineRow):
                yield f"{'*' if row.marked else ' '} {row.line}\t{row.text}"
            elif isinstance(row, EndRow):
                yield ""
            elif isinstance(row, SymbolRow):
                yield symbol_line(row, radix)
            elif isinstance(row, UnknownSymbolRow):
                yield from unknown_symbol_lines(row, radix)
            elif isinstance(row, SkippedRow):
                yield f"encoded bytes being skipped after ud2a: {row.count}"


def _refuse(args: Args) -> None:
    """Raise CrashError for flags that exclude each other, at the first that does."""
    asked_radix(args, "xh")
    seen: list[str] = []
    for letter, _ in args.given:
        for pair in (frozenset((letter, other)) for other in "rfsu" if other in seen):
            if pair in _EXCLUSIVE:
                raise CrashError(_EXCLUSIVE[pair])
        seen.append(letter)


def _plain(ctx: Context, args: Args, at: int, count: int) -> Iterator[Row]:
    """Instructions as gdb shows them."""
    kernel, memory = ctx.kernel, ctx.kernel.memory
    names = InstructionNames(kernel, plain=True)
    # With -U, crash forgets which space was meant.
    user = "u" in args and "U" not in args

    def read(address: int, size: int) -> bytes:
        if user:
            return memory.read_user(ctx.task, address, size, READING)
        return kernel.read(address, size, READING)

    try:
        for found in islice(kernel.part(Disassembler).walk(at, read), min(count or 1, MOST)):
            yield names.row(found)
            at = found.end
    except CodeError as error:
        yield names.cut(at)
        # Of user space that was not asked for crash says nothing.
        if user or memory.is_kernel(at):
            yield from unreadable(error)


def _listed(ctx: Context, args: Args, place: TextPlace, count: int) -> Iterator[Row]:
    """Instructions with crash's names."""
    kernel = ctx.kernel
    if not kernel.memory.is_kernel(place.address):
        raise CrashError(f"{place.address:x} is not a kernel virtual address")
    names = InstructionNames(kernel, plain=False)
    forward = "f" in args and not count
    start = place.address
    if forward or "r" in args:
        near = kernel.symbols.lookup(start)
        if near is None:
            raise CrashError(f"cannot resolve address: {start:x}")
        start = near[0].address
    found: list[Instruction] = []
    at, missing = start, None
    try:
        for instruction in _wanted(ctx, args, place, start, count):
            if not forward or instruction.address >= place.address:
                found.append(instruction)
            at = instruction.end
            if len(found) > HELD and "r" not in args:
                yield from _rows(ctx, args, names, found)
                found.clear()
    except CodeError as error:
        # crash has all of them before it shows the first.
        missing = error
        yield from unreadable(error)
    if "r" in args and count and found:
        # ...and counts it where they do not reach it.
        short = found[-1].address < place.address
        del found[: max(len(found) + short - count, 0)]
    yield from _rows(ctx, args, names, found)
    if missing is not None:
        yield names.cut(at)


def _rows(
    ctx: Context, args: Args, names: InstructionNames, found: Sequence[Instruction]
) -> Iterator[InstructionRow]:
    for instruction in found:
        source = ctx.kernel.sources.at(instruction.address) if "l" in args else None
        yield names.row(instruction, source)


def _wanted(
    ctx: Context, args: Args, place: TextPlace, start: int, count: int
) -> Iterator[Instruction]:
    """The instructions from the start to the last to show. Raises CodeError, CrashError."""
    reverse, forward = "r" in args, "f" in args and not count
    whole = place.is_function and not count
    end = _end(ctx, place) if reverse or forward or whole else 0
    # Back from the last, crash looks at no more instructions than there are bytes before it...
    left = max(place.address - start, 1) if reverse else count or 1
    for instruction in ctx.kernel.part(Disassembler).kernel(start):
        if end and not reverse and instruction.address >= end:
            return
        yield instruction
        if reverse and instruction.address >= place.address:
            return
        left -= 1
        if not left and (reverse or not end):
            return


def _end(ctx: Context, place: TextPlace) -> int:
    """Where the function of a place ends. Raises CrashError where that cannot be told."""
    symbols, symbol = ctx.kernel.symbols, place.symbol
    inside = symbol.address if symbol is not None else place.address
    span = ctx.kernel.part(AddressNames).function(inside)
    if span is not None and span[0] <= inside < span[1]:
        return span[1]
    found = symbols.lookup(place.address)
    near = symbol or (found[0] if found is not None else None)
    following = symbols.next(near) if near is not None else None
    if following is not None:
        return following.address
    if symbol is not None:
        raise CrashError(f"unable to determine symbol after {symbol.name}")
    raise CrashError(f"gdb unable to disassemble kernel virtual address {place.address:x}")


def _source(ctx: Context, word: str, place: TextPlace, count: int) -> Iterator[Row]:
    """The source around an address, to the end of the function or `count` lines on."""
    kernel, address = ctx.kernel, place.address
    found = kernel.symbols.lookup(address)
    if found is None or not kernel.symbols.is_text_symbol(found[0]):
        raise CrashError(f"{address:x}: not a kernel text address")
    module = kernel.symbols.module_of(address)
    if module and kernel.modules.by_name[module].address not in kernel.modules.loaded:
        raise CrashError(f"{module}: module source code is not available")
    stretch = kernel.sources.stretch(address)
    file, line = (None, None) if stretch is None else stretch[:2]
    yield SourceRow(file, line)
    path = None
    if file is not None:
        full = kernel.sources.at(address).rpartition(": ")[0]
        path = kernel.part(SourceFiles).find(full, file)
    if path is None or line is None:
        # An empty line follows the message.
        raise CrashError(f"{word}: source code is not available\n")
    lines = path.read_text(errors="replace").splitlines()
    first, last = max(line - BEFORE, 1), len(lines)
    if count:
        last = line + count
    elif path.suffix == ".S":
        last = first + AT_A_TIME - 1
    else:
        last = next((n for n in range(line + 1, last + 1) if lines[n - 1] == "}"), last + 1)
    for at in range(first, min(last, len(lines)) + 1):
        yield SourceLineRow(at, lines[at - 1], at == line)
    if last <= len(lines):
        yield EndRow()
