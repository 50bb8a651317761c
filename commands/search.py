"""search: where values or texts stand in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pycrash.api import (
    ADDRESS,
    COUNT,
    DECIMAL,
    EXPRESSION,
    HEX,
    SYMBOL,
    Address,
    Args,
    Bits,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    TaskHeader,
    UsageError,
    View,
    Word,
    WrongOption,
    can_evaluate,
    decimal,
    evaluate,
    header_line,
    hexadecimal,
    many,
    number,
    symbol_resolver,
)
from pycrash.api.args import WRONG
from pycrash.api.searchrows import MatchList, MatchRow, Numbers, TextRow, Texts, on_stacks
from pycrash.kernel.core.space import SpaceWord, space_of
from pycrash.kernel.mm.spaces import KernelArea, Piece, Spaces
from pycrash.kernel.mm.vmas import Vmas
from pycrash.render.memory import PER_LINE, characters, memory_line, with_characters

#: Areas of the kernel's space that -K searches; -V searches the others.
_UNITY = ("direct", "image")
_SPACES: dict[str, SpaceWord] = {
    **{"u": "UVADDR", "p": "PHYSADDR", "k": "KVADDR", "K": "KVADDR", "V": "KVADDR"}
}
#: Bytes of a value by the letter that says so; of texts, of a character.
_SIZES = {"w": 4, "h": 2, "c": 1}
_LAST = (1 << 64) - 1

_Words = Sequence[tuple[Address, Bits]]


@dataclass(frozen=True)
class Request:
    """What a line asks for; `end` and `length` are 0 where they are not given.

    `stacks` is the letter that asks for the stacks of tasks, if one does. `size` is the bytes of
    a value, 1 for texts.
    """

    size: int
    letter: str = ""
    space: SpaceWord | None = None
    areas: str = ""
    stacks: str = ""
    starts: bool = False
    start: int = 0
    end: int = 0
    length: int = 0
    mask: int = 0
    context: int = 0

    @property
    def texts(self) -> bool:
        return self.letter == "c"

    def has(self, area: KernelArea) -> bool:
        """Whether an area of the kernel's space is to be searched."""
        left_out = "V" if area.kind in _UNITY else "K"
        return left_out not in self.areas and self.start < area.end and self.end > area.start


class Search(Command):
    name = "search"
    summary = "search memory"
    synopsis = (
        "[-s start] [ -[kKV] | -u | -p | -t | -T ] [-e end | -l length] [-m mask]\n"
        "         [-x count] -[cwh] [value | (expression) | symbol | string] ..."
    )
    description = (
        "Shows where in memory one of some values stands, at addresses that are multiples of its "
        "width, or with -c where a text stands. Values are hexadecimal; a symbol stands for its "
        "address, and an expression for its value, which is shown behind each place. Without a "
        "choice all of the kernel's memory is searched, area by area: what lies in two of them "
        "is found twice. Pages that are not in the dump are passed over."
    )
    flags = (
        Flag("s", "Begin at this address.", value=ADDRESS.named("start")),
        Flag("k", "Search the kernel's memory, as is done anyway."),
        Flag("K", "Of the kernel's memory, search only the direct map and the image."),
        Flag("V", "Of the kernel's memory, leave out the direct map and the image."),
        Flag("u", "Search the user space of the current task."),
        Flag("p", "Search physical memory; addresses are physical."),
        Flag("t", "Search the kernel stacks of all tasks."),
        Flag("T", "Search the kernel stacks of the tasks that the CPUs ran."),
        Flag("e", "End before this address.", value=ADDRESS.named("end")),
        Flag("l", "Search so many bytes.", value=COUNT.named("length")),
        Flag("m", "Bits of this mask do not matter.", value=HEX.named("mask")),
        Flag(
            "x",
            "Show so many values before and behind each place.",
            value=DECIMAL.named("count"),
        ),
        Flag("c", "Search for texts."),
        Flag("w", "Values are of 32 bits."),
        Flag("h", "Values are of 16 bits."),
    )
    operands = (many(HEX, EXPRESSION, SYMBOL, Word("string", "a text")),)
    rows = (MatchRow, TextRow, TaskHeader)
    related = ("rd", "kmem", "explain", "vtop")
    examples = (
        ("Who points to the first task?", "search -k init_task"),
        ("A text in physical memory", 'search -p -c "Linux version"'),
        ("A value of 32 bits, and what is around it", "search -T -w -x 2 57ac6e9d"),
    )

    def refuse(self, ctx: Context, error: WrongOption) -> Iterator[Row]:
        yield from _request(ctx, Args(error.given))
        raise UsageError

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        request = yield from _request(ctx, args)
        if request.space is None:
            low = ctx.kernel.part(Spaces).kernel_areas[0].start
            start = request.start if request.starts else low
            request = replace(request, space="KVADDR", start=start)
        if not args.operands or (request.length and request.end):
            raise UsageError
        if not request.stacks:
            request = yield from _bounded(ctx, request)
        if request.mask and request.texts:
            yield Notice("mask ignored on string search")
        _check_context(ctx, request)
        wanted = _wanted(ctx, request, args.operands)
        yield from (_on_stacks if request.stacks else _found)(ctx, request, wanted)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        around = decimal(args.value("x") or "0")
        size = next((_SIZES[letter] for letter in "wh" if letter in args), view.word_size)
        begun = False
        for row in rows:
            if isinstance(row, MatchList):
                notes = [_note(text) for text in row.expressions]
                for address, value, which in row.matches:
                    yield f"{address:x}: {value:x} {notes[which]}"
            elif isinstance(row, MatchRow) and around:
                yield from _with_context(view, size, row)
            elif isinstance(row, MatchRow):
                yield f"{row.address:x}: {row.value:x} {_note(row.expression)}"
            elif isinstance(row, TextRow):
                yield f"{row.address:x}: {row.text}"
            elif isinstance(row, TaskHeader):
                if begun:
                    yield ""
                begun = True
                yield header_line(row, view.word_size)


def _request(ctx: Context, args: Args) -> Generator[Row, None, Request]:
    """What the flags ask for, each acted on in its turn. Raises CrashError."""
    request = Request(ctx.kernel.word_size)
    for letter, value in args.given:
        word = value or ""
        if letter == WRONG:
            yield Notice(word)
        elif letter in _SPACES:
            start = request.start if request.starts else _first(ctx, letter)
            areas = request.areas + letter
            request = replace(request, space=_SPACES[letter], start=start, areas=areas, starts=True)
        elif letter == "s":
            request = replace(request, start=_address(ctx, word), starts=True)
        elif letter == "e":
            request = replace(request, end=_address(ctx, word))
            if not request.end:
                raise CrashError("invalid ending address: 0")
        elif letter == "l":
            request = replace(request, length=number(word))
        elif letter == "m":
            request = replace(request, mask=hexadecimal(word))
        elif letter == "x":
            request = replace(request, context=decimal(word))
        elif letter in "tT":
            if request.stacks not in ("", letter):
                raise CrashError("-t and -T options are mutually exclusive")
            request = replace(request, stacks=letter)
        else:
            if request.letter:
                what = "type" if letter == "c" else "mode"
                yield Notice(f'WARNING: overriding previously set search {what} with "{letter}"')
            request = replace(request, letter=letter, size=_SIZES[letter])
    if request.stacks and (request.space or request.start or request.end or request.length):
        raise CrashError(
            f"-{request.stacks} option cannot be used with other memory-selection options"
        )
    return request


def _address(ctx: Context, word: str) -> int:
    value = symbol_resolver(ctx.kernel)(word)
    return hexadecimal(word) if value is None else value


def _first(ctx: Context, letter: str) -> int:
    """Where the memory that a letter means begins. Raises CrashError."""
    kernel = ctx.kernel
    spaces = kernel.part(Spaces)
    if letter == "p":
        return spaces.physical_span[0]
    if letter != "u":
        return spaces.kernel_areas[0].start
    task = kernel.tasks.get(ctx.task)
    if kernel.tasks.is_kernel_thread(task) or not task.mm:
        raise CrashError("current context has no user address space")
    area = next(kernel.part(Vmas).of(task.mm), None)
    return _LAST if area is None else area.start


def _bounded(ctx: Context, request: Request) -> Generator[Row, None, Request]:
    """The request with an end. Raises UsageError for bounds that are none."""
    kernel, start = ctx.kernel, request.start
    spaces, memory = kernel.part(Spaces), kernel.memory
    if request.space == "UVADDR" and not memory.is_user(start):
        yield Notice(f"invalid user virtual address: {start:x}")
        raise UsageError
    if request.space == "KVADDR" and not memory.is_kernel(start):
        yield Notice(f"invalid kernel virtual address: {start:x}")
        raise UsageError
    top = kernel.arch.tables.kernel_base
    if request.length:
        end = start + request.length & kernel.word_mask
    elif request.end:
        end = request.end
    elif request.space == "UVADDR":
        end = top
    elif request.space == "PHYSADDR":
        end = spaces.physical_span[1]
    else:
        end = max(area.end for area in spaces.kernel_areas)
    if request.space == "UVADDR" and end > top:
        yield Notice(f"ending address {end:x} is in kernel space: {end:x}")
        raise UsageError
    if end < start:
        yield Notice(f"ending address {end:x} is below starting address {start:x}")
        raise UsageError
    return replace(request, end=end)


def _check_context(ctx: Context, request: Request) -> None:
    if not request.context:
        return
    if request.texts:
        raise CrashError("-x option is not allowed with -c")
    most = ctx.kernel.page_size // request.size
    if request.context > most:
        raise CrashError(f"context value {request.context} is too large: maximum is {most}")


def _wanted(ctx: Context, request: Request, operands: Sequence[str]) -> Numbers | Texts:
    """What is looked for. Raises CrashError, and UsageError where nothing is."""
    kernel = ctx.kernel
    if request.texts:
        texts = [word for word in operands if word]
        if not texts:
            raise UsageError
        return Texts(kernel, texts)
    values, expressions = [], []
    for word in operands:
        value, expression = _value(ctx, word)
        expressions.append("" if request.mask else expression)
        if request.letter and value >> 8 * request.size:
            note = _note(expressions[-1])
            raise CrashError(f"value too large for -{request.letter} option: {value:x} {note}")
        values.append(value)
    space = space_of(kernel, request.space or "KVADDR", lambda: ctx.task)
    return Numbers(kernel, request.size, values, expressions, request.mask, request.context, space)


def _value(ctx: Context, word: str) -> tuple[int, str]:
    """The value of an operand, and the operand again if it is more than a number."""
    resolve = symbol_resolver(ctx.kernel)
    if can_evaluate(word):
        return evaluate(word, resolve, ctx.kernel.word_mask), word
    value = resolve(word)
    return (hexadecimal(word), "") if value is None else (value, word)


def _found(ctx: Context, request: Request, wanted: Numbers | Texts) -> Iterator[Row]:
    """What is found in the spaces of addresses that were asked for."""
    spaces = ctx.kernel.part(Spaces)
    if request.space == "PHYSADDR":
        yield from _in_span(ctx, wanted, spaces.physical, request.start, request.end)
    elif request.space == "UVADDR":
        mm = ctx.kernel.tasks.get(ctx.task).mm
        pieces = partial(spaces.user, mm)
        yield from _in_span(ctx, wanted, pieces, request.start, request.end)
    else:
        for area in filter(request.has, spaces.kernel_areas):
            pieces = partial(spaces.kernel, area.kind)
            low, high = max(request.start, area.start), min(request.end, area.end)
            yield from _in_span(ctx, wanted, pieces, low, high)


def _in_span(
    ctx: Context,
    wanted: Numbers | Texts,
    pieces: Callable[[int, int], Iterator[Piece]],
    start: int,
    end: int,
) -> Iterator[Row]:
    """What is found in the whole words from an address up to another."""
    word = ctx.kernel.word_size
    if start % word:
        start -= start % word
        yield Notice(f"rounding down start address to: {start:x}")
    end = end + 1 if end == _LAST else end - end % word
    yield from wanted.find(_told(ctx, pieces(start, end)), start, end)


def _told(ctx: Context, pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces; somebody who waits is shown how many pages there were."""
    pages = 0
    for piece in pieces:
        ctx.shell.progress("search: pages", pages, 0)
        pages += len(piece.frames)
        yield piece


def _on_stacks(ctx: Context, request: Request, wanted: Numbers | Texts) -> Iterator[Row]:
    """What is found on the kernel stacks of all tasks, or of those that the CPUs ran."""
    kernel, spaces = ctx.kernel, ctx.kernel.part(Spaces)
    tasks = [
        task
        for task in kernel.tasks.all
        if task.stack and (request.stacks == "t" or kernel.panic.is_active(task.address))
    ]
    size = kernel.stacks.size
    return on_stacks(wanted, tasks, (spaces.stack(task.stack, size) for task in tasks), size)


def _note(expression: str) -> str:
    return f"({expression})" if expression and expression[0] != "(" else expression


def _with_context(view: View, size: int, row: MatchRow) -> Iterator[str]:
    """A match between the values around it, and an empty line."""
    yield from _around(view, size, row.before)
    yield f"{row.address:{view.pointer_width}x}:  {row.value:x} {_note(row.expression)}"
    yield from _around(view, size, row.after)
    yield ""


def _around(view: View, size: int, words: _Words) -> Iterator[str]:
    width, step = view.pointer_width, PER_LINE[size]
    for at in range(0, len(words), step):
        values = [value for _, value in words[at : at + step]]
        line = memory_line(words[at][0], width, values, [""] * len(values), size, "hex")
        yield with_characters(line, width, size, characters(values, size, view.byte_order))
