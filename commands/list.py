"""list: the entries of a linked list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pycrash.api import (
    ADDRESS,
    OFFSET_OF,
    STRUCTURE,
    Address,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Gap,
    Notice,
    Row,
    UsageError,
    View,
    asked_radix,
    can_evaluate,
    evaluate,
    hexadecimal,
    is_decimal,
    is_hexadecimal,
    is_number,
    number,
    offset_operand,
    one,
    symbol_resolver,
)
from pycrash.api.structrows import StructRow, entry_rows, struct_lines
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.structures.entries import EntryReader
from pycrash.kernel.walks.lists import Chain, DuplicateEntry, InvalidEntry, Loop, walk, walk_brent


@dataclass(frozen=True)
class EntryRow(Row, kind="list.entry"):
    """One entry of the list; the structures shown of it follow."""

    address: Address


@dataclass(frozen=True)
class EmptyRow(Row, kind="list.empty"):
    """The list has a head and no entries."""

    head: Address


@dataclass
class _Request:
    """What the line asks for; None for what was not given."""

    start: int | None = None
    offset: int | None = None
    head: int | None = None
    inside: int = 0
    end: int = 0
    wanted: list[str] = field(default_factory=list)


class List(Command):
    name = "list"
    summary = "linked list"
    synopsis = (
        "[[-o] offset][-e end][-[s|S] struct[.member[,member] [-l offset]] -[x|d]]\n"
        "       [-r|-B] [-h [-O head_offset]|-H] start"
    )
    description = """\
Follows pointers from entry to entry and shows the address of each. The start is an address,
a symbol, or arithmetic on them (`modules+8`). The pointer to the next entry lies at the
beginning of an entry unless an offset is given, as a number or as `structure.member`.

The walk ends at a null pointer, where it began, or at an entry that points to itself. An
entry that comes a second time is a damaged list: it is named, and the walk is over."""
    flags = (
        Flag("o", "Where in an entry the pointer to the next one lies.", value=OFFSET_OF),
        Flag("e", "The entry (or head) at which the walk ends.", value=ADDRESS.named("end")),
        Flag(
            "s",
            "For each entry, what this structure holds, or the members named. May be given "
            "more than once.",
            value=STRUCTURE.named("struct"),
        ),
        Flag(
            "S",
            "As -s, but reads the members themselves, and shows numbers and addresses as they "
            "stand: faster, for members that are not structures.",
            value=STRUCTURE.named("struct"),
        ),
        Flag("l", "Where the pointer lies in the structure of -s or -S.", value=OFFSET_OF),
        Flag("x", "With -s and -S, integers in hexadecimal."),
        Flag("d", "With -s and -S, integers in decimal."),
        Flag("r", "Goes backwards along a list of struct list_head."),
        Flag("B", "Finds loops by Brent's algorithm, which needs no memory for long lists."),
        Flag("h", "The start is an entry of a list of struct list_head, not the list's head."),
        Flag(
            "O",
            "With -h, the start has the list's head at this offset.",
            value=OFFSET_OF.named("head_offset"),
        ),
        Flag("H", "The start is the head of a list of struct list_head."),
    )
    rows = (EntryRow, EmptyRow, StructRow)
    operands = (one(OFFSET_OF, ADDRESS.named("start")), one(ADDRESS.named("start")))
    related = ("tree", "struct", "waitq", "dis")
    examples = (
        (
            "Every task's pid and name",
            "list task_struct.tasks -s task_struct.pid,comm -h init_task",
        ),
        ("The loaded modules, from their list's head", "list -H modules -o module.list"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        request = _Request()
        _options(ctx, args, request)
        radix = asked_radix(args)
        if len(args.operands) > 2:
            yield Notice("too many arguments")
            raise UsageError()
        if request.inside and not request.wanted:
            yield Notice("-l option can only be used with -s or -S option")
            raise UsageError()
        yield from _operands(ctx, args.operands, request)
        if request.start is None:
            yield Notice("starting address required")
            raise UsageError()
        if request.offset is not None and request.wanted and request.inside:
            yield Notice("-l and -o are mutually exclusive")
            raise UsageError()
        chain = _chain(ctx, args, request)
        if chain is None:
            yield EmptyRow(request.start)
            return
        contents = EntryReader(ctx.kernel, Session(ctx).options(radix), request.wanted, "S" in args)
        inside = request.inside if request.wanted else 0
        yield from _entries(ctx, chain, contents, inside, "B" in args)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, EntryRow):
                yield f"{row.address:x}"
            elif isinstance(row, StructRow):
                yield from struct_lines(row, view)
            elif isinstance(row, Gap):
                yield ""
            elif isinstance(row, EmptyRow):
                yield "(empty)"


def _options(ctx: Context, args: Args, request: _Request) -> None:
    """Take in the options in their order. Raises CrashError."""
    kind = ""
    for letter, value in args.given:
        if value is None:
            continue
        if letter in "sS":
            request.wanted.append(value)
            if kind not in ("", letter):
                raise CrashError("-S and -s options are mutually exclusive")
            kind = letter
        elif letter == "l":
            request.inside = offset_operand(ctx.kernel, value, "-l option")
        elif letter == "O":
            if request.head is not None:
                raise _already(request.head)
            request.head = offset_operand(ctx.kernel, value, "-O argument")
        elif letter == "o":
            if request.offset is not None:
                raise _already(request.offset)
            request.offset = offset_operand(ctx.kernel, value, "-o argument")
        elif letter == "e":
            request.end = hexadecimal(value)


def _already(offset: int) -> CrashError:
    return CrashError(f"offset value {offset} (0x{offset:x}) already entered")


def _operands(ctx: Context, operands: tuple[str, ...], request: _Request) -> Iterator[Row]:
    """Tell the start from the offset among the operands. Raises CrashError."""
    resolve = symbol_resolver(ctx.kernel)
    types = ctx.kernel.part(Expressions).types

    def set_start(address: int) -> None:
        if request.start is not None:
            raise CrashError("list start already entered")
        request.start = address

    for at, word in enumerate(operands):
        following = operands[at + 1] if at + 1 < len(operands) else None
        offset = types.offset(word) if "." in word else None
        if offset is not None:
            if request.offset is not None:
                raise _already(request.offset)
            request.offset = offset
            continue
        address = resolve(word)
        if address is not None:
            set_start(address)
            continue
        if not is_number(word):
            if can_evaluate(word):
                address = evaluate(word, resolve, ctx.kernel.word_mask)
                if ctx.kernel.memory.is_kernel(address):
                    set_start(address)
                    continue
            raise CrashError(f"invalid argument: {word}")
        if request.start is not None:
            request.offset = number(word)
            return
        if request.offset is not None or following is None:
            address = hexadecimal(word)
            if not ctx.kernel.memory.is_kernel(address):
                raise CrashError(f"invalid kernel virtual address: {word}")
            request.start = address
            return
        if resolve(following) is not None:
            request.offset = number(word)
            continue
        if not is_number(following) and not can_evaluate(following) and "." not in following:
            raise CrashError(f"symbol not found: {following}")
        if is_hexadecimal(word) and not is_decimal(word):
            address = hexadecimal(word)
            if ctx.kernel.memory.is_kernel(address):
                request.start = address
                continue
        request.offset = number(word)
    yield from ()


def _chain(ctx: Context, args: Args, request: _Request) -> Chain | None:
    """The list to walk; None where its head says that it is empty. Raises ReadError."""
    start, offset = request.start or 0, request.offset or 0
    mask = ctx.kernel.word_mask
    if not any(letter in args for letter in "Hhr"):
        return Chain(start, link=offset, end=request.end)
    link = ctx.kernel.word_size if "r" in args else 0
    end = request.end
    if "H" in args or request.head is not None:
        head = start + (0 if "H" in args else (request.head or 0))
        place = head + (link if "H" in args else 0)
        end = end or head
        start = ctx.kernel.read_word(place & mask, "LIST_HEAD contents")
        if start == end:
            return None
    else:
        start = (start + offset) & mask
    return Chain(start, link=link, back=offset, end=end, circular=True)


def _entries(
    ctx: Context, chain: Chain, contents: EntryReader, inside: int, brent: bool
) -> Iterator[Row]:
    """The entries and what is shown of each. Raises CrashError."""
    mask = ctx.kernel.word_mask
    steps: Iterator[int | Loop] = (
        walk_brent(ctx.kernel, chain) if brent else walk(ctx.kernel, chain)
    )
    try:
        for step in steps:
            if isinstance(step, Loop):
                if step.length >= 0:
                    yield Notice(f"loop detected, loop length: {step.length}")
                else:
                    yield Notice(f"length from start to loop: {step.distance:x}")
                continue
            contents.prepare()
            yield EntryRow((step - chain.back) & mask)
            yield from entry_rows(contents, (step - chain.back - inside) & mask)
    except InvalidEntry as error:
        yield Notice(f"\n{error}")
    except DuplicateEntry as error:
        raise CrashError(f"{'' if brent else chr(10)}{error}") from None
