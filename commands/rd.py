"""rd: memory as numbers, characters or symbols."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from pycrash.api import (
    ADDRESS,
    COUNT,
    FILE,
    OFFSET,
    Address,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Hidden,
    Notice,
    Part,
    ReadError,
    Row,
    UsageError,
    View,
    Word,
    WrongOption,
    evaluate,
    hexadecimal,
    is_hexadecimal,
    number,
    one,
    symbol_resolver,
)
from pycrash.api.args import WRONG
from pycrash.api.memoryrows import MemoryRow, blocks, memory_rows
from pycrash.api.symbolrows import RefusedRow, refuse_symbol, unknown_symbol_lines
from pycrash.kernel.core.space import Space, SpaceWord, space_of
from pycrash.render.memory import Base, memory_text

#: Without a count -a goes on to the first character that cannot be printed.
UNLIMITED = (1 << 63) - 1
CHARACTERS_PER_LINE = 60
_SPACES: dict[str, SpaceWord] = {"p": "PHYSADDR", "u": "UVADDR", "f": "FILEADDR"}


@dataclass(frozen=True)
class CharactersRow(Row, kind="rd.characters"):
    """A run of characters; not `ended` where the output stops behind it, in its line."""

    address: Address
    text: str
    ended: Hidden[bool] = True


@dataclass(frozen=True)
class CopiedRow(Row, kind="rd.copied"):
    """How much was written to a file."""

    address: Address
    size: Bytes
    file: str


@dataclass
class Request:
    """What a line asks for."""

    space: SpaceWord = "KVADDR"
    size: int = 8
    default_size: bool = True
    base: Base = "hex"
    form: str = "values"  # "values", "characters" or "raw"
    symbolic: bool = False
    slabs: int = 0
    reverse: bool = False
    swap: bool = False
    offset: int = 0
    end: int = 0
    file: str = ""
    wrong: bool = False


class Rd(Command):
    name = "rd"
    summary = "read memory"
    synopsis = (
        "[-adDsSupxmfNR][-8|-16|-32|-64][-o offs][-e addr][-r file][address|symbol]\n     [count]"
    )
    description = (
        "Shows the contents of memory from an address on, given in hexadecimal, as a symbol, or "
        "as an expression in parentheses. Values are as wide as a long and hexadecimal, with "
        "their characters behind, unless told otherwise. An address that is none of the "
        "kernel's is taken for one of the current task's user space. What makedumpfile left "
        "out of the dump cannot be shown."
    )
    flags = (
        Flag("p", "The address is physical."),
        Flag("u", "The address is in the user space of the current task."),
        Flag("m", "The address is a machine address of a Xen host."),
        Flag("f", "The address is an offset in the dump file."),
        Flag("d", "Show signed decimal numbers."),
        Flag("D", "Show unsigned decimal numbers."),
        Flag("s", "Show symbols in place of values that are addresses of some."),
        Flag(
            "S",
            "As -s, and of addresses in slab objects the name of the cache in brackets; "
            "given twice, with the address.",
        ),
        Flag("x", "Do not show characters behind the values."),
        Flag("8", "Show values of 8 bits."),
        Flag(
            "1",
            "Show values of 16 bits.",
            value=Word("6", "the second digit of the width"),
            word="16",
        ),
        Flag(
            "3",
            "Show values of 32 bits.",
            value=Word("2", "the second digit of the width"),
            word="32",
        ),
        Flag(
            "6",
            "Show values of 64 bits.",
            value=Word("4", "the second digit of the width"),
            word="64",
        ),
        Flag(
            "a",
            "Show characters; without a count, up to the first that cannot be printed.",
        ),
        Flag("N", "Show 16- and 32-bit values in network byte order."),
        Flag("R", "Show the memory before the address, up to and including what is there."),
        Flag("o", "Begin so many bytes behind the address.", value=OFFSET.named("offs")),
        Flag("e", "Show memory up to this address.", value=ADDRESS.named("addr")),
        Flag("r", "Write the bytes to a file; the count is then in bytes.", value=FILE),
    )
    at_once = "m"
    operands = (one(ADDRESS), one(COUNT))
    rows = (MemoryRow, CharactersRow, CopiedRow)
    related = ("struct", "sym", "search", "ascii", "vtop")
    examples = (
        ("The kernel's version", "rd -a linux_banner"),
        ("Four values from a structure on", "rd init_task 4"),
        ("What of a stack are symbols?", "rd -s ff30dd53404e3a98 32"),
        ("Bytes at a physical address", "rd -p -8 100000 64"),
    )
    minimal = True

    def refuse(self, ctx: Context, error: WrongOption) -> Iterator[Row]:
        yield from self._request(ctx, Args(error.given))
        raise UsageError

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        request = yield from self._request(ctx, args)
        if request.wrong:
            raise UsageError
        if not args.operands:
            raise UsageError
        address = self._address(ctx, args.operands[0])
        if address is None:
            yield from refuse_symbol(ctx.kernel, args.operands[0])
            return
        memory, mask = ctx.kernel.memory, ctx.kernel.word_mask
        address = (address + request.offset) & mask
        count = self._number(args.operands[1]) if len(args.operands) > 1 else -1
        if count == -1:
            count = self._default_count(request, address)
        elif request.end:
            yield Notice("ending address ignored when count is specified", "WARNING")
        if request.space == "KVADDR" and not memory.is_kernel(address):
            request.space = "UVADDR"
        if request.reverse:
            count = count or 1
            if count > 1:
                address = (address - (count - 1) * request.size) & mask
        if count <= 0:
            raise CrashError(f"invalid count request: {count}")
        space = space_of(ctx.kernel, request.space, lambda: ctx.task)
        if request.form == "raw":
            yield self._copy(ctx, request, space, address, count)
        elif request.form == "characters":
            yield from self._characters(ctx, space, address, count)
        else:
            order = ">" if request.swap and request.size in (2, 4) else ""
            name = _namer(ctx, request)
            yield from memory_rows(ctx.kernel, space, address, count, request.size, order, name)

    def _request(self, ctx: Context, args: Args) -> Generator[Row, None, Request]:
        """What the flags ask for, each acted on in its turn. Raises CrashError."""
        request = Request(size=ctx.kernel.word_size)
        word = ctx.kernel.word_size
        for letter, value in args.given:
            if letter == WRONG:
                yield Notice(value or "")
            elif letter in "8136":
                yield from self._width(request, letter, value or "", word)
            elif letter == "a":
                request.form, request.default_size, request.size = "characters", False, 1
            elif letter == "r":
                self._open(value or "")
                request.form, request.default_size, request.size = "raw", False, 1
                request.file = value or ""
            elif letter in "sS":
                if not request.default_size:
                    text = f"-{letter} option is only allowed with {8 * word}-bit display"
                    request.wrong = True
                    yield Notice(text)
                request.symbolic = True
                request.slabs += letter == "S"
            elif letter in _SPACES:
                request.space = _SPACES[letter]
            elif letter == "m":
                raise CrashError("-m option only applies to xen architecture")
            elif letter == "e":
                request.end = hexadecimal(value or "")
            elif letter == "o":
                request.offset = number(value or "")
        request.base = _base(args)
        request.reverse, request.swap = "R" in args, "N" in args
        return request

    @staticmethod
    def _width(request: Request, letter: str, value: str, word: int) -> Iterator[Row]:
        rest, size = {"8": ("", 1), "1": ("6", 2), "3": ("2", 4), "6": ("4", 8)}[letter]
        if value != rest:
            request.wrong = True
            yield Notice(f"invalid option: {letter}{value}")
            return
        request.form, request.size, request.default_size = "values", size, size == word

    @staticmethod
    def _open(file: str) -> None:
        try:
            open(file, "wb").close()
        except OSError:
            raise CrashError(f"cannot open output file: {file}") from None

    @staticmethod
    def _address(ctx: Context, word: str) -> int | None:
        resolve = symbol_resolver(ctx.kernel)
        if word.startswith("("):
            return evaluate(word, resolve, ctx.kernel.word_mask)
        return hexadecimal(word) if is_hexadecimal(word) else resolve(word)

    @staticmethod
    def _number(word: str) -> int:
        """A count; one beyond a signed long wraps, as crash's does."""
        value = number(word)
        return value - (1 << 64) if value >> 63 else value

    @staticmethod
    def _default_count(request: Request, address: int) -> int:
        if request.end:
            if request.end <= address:
                raise CrashError(f"invalid ending address: {request.end:x}")
            return (request.end - address) // request.size
        if request.form == "raw":
            raise CrashError("-r option requires either a count argument or the -e option")
        return UNLIMITED if request.form == "characters" else 1

    @staticmethod
    def _copy(ctx: Context, request: Request, space: Space, address: int, count: int) -> CopiedRow:
        page = ctx.kernel.page_size
        with open(request.file, "wb") as file:
            for block in blocks(space, address, count, "raw dump to file", page):
                file.write(block)
        return CopiedRow(address, count, request.file)

    @staticmethod
    def _characters(ctx: Context, space: Space, address: int, count: int) -> Iterator[Row]:
        """A row for each run; the last is held back, for its line ends only with what follows."""
        start, run, going_on = address, "", False
        at = address
        in_file = space.word == "FILEADDR"
        least = 1 if in_file else 0
        try:
            for block in blocks(space, address, count, "ascii", ctx.kernel.page_size, least):
                for at, byte in enumerate(block, at):  # noqa: B020
                    if 0x20 <= byte < 0x7F:
                        if not going_on or len(run) == CHARACTERS_PER_LINE:
                            if run:
                                yield CharactersRow(start, run)
                            start, run, going_on = at, "", True
                        run += chr(byte)
                    elif count == UNLIMITED:
                        if run:
                            yield CharactersRow(start, run, ended=False)
                        return
                    else:
                        going_on = False
                at += 1
        except ReadError as error:
            if run:
                yield CharactersRow(start, run, ended=in_file)
            if not in_file or count == UNLIMITED:
                raise
            # Of the file crash goes on to read what lies behind its end.
            for lost in range(at, address + count):
                yield Notice(str(ReadError(lost, error.what, error.reason, error.space)))
            return
        yield CharactersRow(start, run)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        base = _base(args)
        shown = base == "hex" and not {"s", "S", "x"} & {letter for letter, _ in args.given}
        order = view.byte_order if shown else None
        yield from memory_text(rows, partial(_lines, view), view.pointer_width, base, order)


def _lines(view: View, rows: Iterator[Row]) -> Iterator[str]:
    """The lines of what is no run of values."""
    for row in rows:
        if isinstance(row, CharactersRow):
            line = f"{row.address:{view.pointer_width}x}:  {row.text}" if row.text else ""
            yield line if row.ended else Part(line)
        elif isinstance(row, RefusedRow):
            yield from unknown_symbol_lines(row.unknown, view.radix)
        elif isinstance(row, CopiedRow):
            yield f"{row.size} bytes copied from 0x{row.address:x} to {row.file}"


def _base(args: Args) -> Base:
    return "decimal" if "d" in args else "unsigned" if "D" in args else "hex"


def _namer(ctx: Context, request: Request) -> Callable[[int], str] | None:
    """What finds the name to show in place of a value, empty where there is none, if any is."""
    kernel, radix = ctx.kernel, ctx.settings.radix
    if not request.symbolic or request.base != "hex" or request.size != kernel.word_size:
        return None

    def name(value: int) -> str:
        text = kernel.symbols.text(value, radix) if kernel.symbols.in_range(value) else ""
        if text or not request.slabs or not kernel.memory.is_kernel(value):
            return text
        cache = kernel.slab.cache_of(value)
        if not cache:
            return ""
        return f"[{value:x}:{cache}]" if request.slabs > 1 else f"[{cache}]"

    return name
