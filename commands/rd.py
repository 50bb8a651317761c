"""rd: memory as numbers, characters or symbols."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pycrash.api import (
    ADDRESS,
    COUNT,
    FILE,
    OFFSET,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Part,
    ReadError,
    Row,
    UsageError,
    View,
    Word,
    evaluate,
    hexadecimal,
    is_hexadecimal,
    number,
    one,
)
from pycrash.api.symbolrows import UnknownSymbolRow, unknown_symbol, unknown_symbol_lines
from pycrash.render.memory import (
    CODES,
    PER_LINE,
    WIDTHS,
    Base,
    memory_lines,
)

#: Without a count -a goes on to the first character that cannot be printed.
UNLIMITED = (1 << 63) - 1
CHARACTERS_PER_LINE = 60
BLOCK = 1 << 16

Read = Callable[[int, int], bytes]


@dataclass(frozen=True)
class MemoryRow(Row):
    """Values that follow each other, `size` bytes each.

    `names` has what stands for each with -s and -S, and is empty without.
    """

    address: int
    size: int
    values: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class CharactersRow(Row):
    """A run of characters; not `ended` where the output stops behind it, in its line."""

    address: int
    text: str
    ended: bool = True


@dataclass(frozen=True)
class CopiedRow(Row):
    """How much was written to a file."""

    address: int
    size: int
    file: str


@dataclass
class Request:
    """What a line asks for. `kind` is KVADDR, UVADDR, PHYSADDR or FILEADDR as crash names it."""

    kind: str = "KVADDR"
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
    notices: list[Notice] = field(default_factory=list)


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
            "With 6 behind it: show values of 16 bits.",
            value=Word("6", "the second digit of the width"),
        ),
        Flag(
            "3",
            "With 2 behind it: show values of 32 bits.",
            value=Word("2", "the second digit of the width"),
        ),
        Flag(
            "6",
            "With 4 behind it: show values of 64 bits.",
            value=Word("4", "the second digit of the width"),
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
    examples = (
        ("The kernel's version", "rd -a linux_banner"),
        ("Four values from a structure on", "rd init_task 4"),
        ("What of a stack are symbols?", "rd -s ffffc90000003f00 32"),
        ("Bytes at a physical address", "rd -p -8 100000 64"),
    )
    minimal = True

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        request = self._request(ctx, args)
        if request.notices:
            yield from request.notices
            raise UsageError
        if not args.operands:
            raise UsageError
        address = self._address(ctx, args.operands[0])
        if address is None:
            yield unknown_symbol(ctx.kernel, args.operands[0])
            return
        memory, mask = ctx.kernel.memory, ctx.kernel.word_mask
        address = (address + request.offset) & mask
        count = self._number(args.operands[1]) if len(args.operands) > 1 else -1
        if count == -1:
            count = self._default_count(request, address)
        elif request.end:
            yield Notice("ending address ignored when count is specified", "WARNING")
        if request.kind == "KVADDR" and not memory.is_kernel(address):
            request.kind = "UVADDR"
        if request.reverse:
            count = count or 1
            if count > 1:
                address = (address - (count - 1) * request.size) & mask
        if count <= 0:
            raise CrashError(f"invalid count request: {count}")
        if request.form == "raw":
            yield self._copy(ctx, request, address, count)
        elif request.form == "characters":
            yield from self._characters(
                self._reader(ctx, request, "ascii"), address, count, ctx.kernel.page_size
            )
        else:
            what = f"{8 * request.size}-bit {request.kind}"
            yield from self._values(ctx, request, self._reader(ctx, request, what), address, count)

    def _request(self, ctx: Context, args: Args) -> Request:
        """What the flags ask for, in their order; complaints are among its notices."""
        request = Request(size=ctx.kernel.word_size)
        word = ctx.kernel.word_size
        for letter, value in args.given:
            if letter in "8136":
                self._width(request, letter, value or "", word)
            elif letter == "a":
                request.form, request.default_size, request.size = "characters", False, 1
            elif letter == "r":
                self._open(value or "")
                request.form, request.default_size, request.size = "raw", False, 1
                request.file = value or ""
            elif letter in "sS":
                if not request.default_size:
                    text = f"-{letter} option is only allowed with {8 * word}-bit display"
                    request.notices.append(Notice(text))
                request.symbolic = True
                request.slabs += letter == "S"
            elif letter in "puf":
                request.kind = {"p": "PHYSADDR", "u": "UVADDR", "f": "FILEADDR"}[letter]
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
    def _width(request: Request, letter: str, value: str, word: int) -> None:
        rest, size = {"8": ("", 1), "1": ("6", 2), "3": ("2", 4), "6": ("4", 8)}[letter]
        if value != rest:
            request.notices.append(Notice(f"invalid option: {letter}{value}"))
        request.form, request.size, request.default_size = "values", size, size == word

    @staticmethod
    def _open(file: str) -> None:
        try:
            open(file, "wb").close()
        except OSError:
            raise CrashError(f"cannot open output file: {file}") from None

    @staticmethod
    def _address(ctx: Context, word: str) -> int | None:
        if word.startswith("("):
            return evaluate(word, partial(_symbol_address, ctx), ctx.kernel.word_mask)
        if is_hexadecimal(word):
            return hexadecimal(word)
        return _symbol_address(ctx, word)

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
    def _reader(ctx: Context, request: Request, what: str) -> Read:
        memory = ctx.kernel.memory
        if request.kind == "UVADDR":
            return lambda at, size: memory.read_user(ctx.task, at, size, what)
        read = {
            "KVADDR": ctx.kernel.read,
            "PHYSADDR": memory.read_physical,
            "FILEADDR": memory.read_file,
        }[request.kind]
        return lambda at, size: read(at, size, what)

    def _copy(self, ctx: Context, request: Request, address: int, count: int) -> CopiedRow:
        read, page = self._reader(ctx, request, "raw dump to file"), ctx.kernel.page_size
        with open(request.file, "wb") as file:
            for block in blocks(read, address, count, page):
                file.write(block)
        return CopiedRow(address, count, request.file)

    @staticmethod
    def _characters(read: Read, address: int, count: int, page: int) -> Iterator[Row]:
        """A row for each run; the last is held back, for its line ends only with what follows."""
        start, run, going_on = address, "", False
        at = address
        try:
            for block in blocks(read, address, count, page):
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
        except ReadError:
            if run:
                yield CharactersRow(start, run, ended=False)
            raise
        yield CharactersRow(start, run)

    @staticmethod
    def _values(
        ctx: Context, request: Request, read: Read, address: int, count: int
    ) -> Iterator[Row]:
        size, code = request.size, CODES[request.size]
        order = ctx.kernel.byte_order
        if request.swap and size in (2, 4):
            order = ">"
        name = _namer(ctx, request)
        step = PER_LINE[size]
        unread = b""

        def rows(data: bytes) -> Iterator[MemoryRow]:
            nonlocal address
            values = struct.unpack(f"{order}{len(data) // size}{code}", data)
            if values:
                names = tuple(map(name, values)) if name is not None else ()
                yield MemoryRow(address, size, values, names)
                address += len(data)

        last = address + count * size
        try:
            least = size if request.kind == "FILEADDR" else ctx.kernel.page_size
            for block in blocks(read, address, count * size, least):
                unread += block
                whole = len(unread) - len(unread) % (step * size)
                yield from rows(unread[:whole])
                unread = unread[whole:]
        except ReadError as error:
            yield from rows(unread[: len(unread) - len(unread) % size])
            if request.kind != "FILEADDR":
                raise
            # Of the file crash goes on to read what lies behind its end.
            for lost in range(address, last, size):
                yield Notice(str(ReadError(lost, error.what, error.reason, error.space)))
            return
        yield from rows(unread)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width, order = view.pointer_width, view.byte_order
        base = _base(args)
        shown = base == "hex" and not {"s", "S", "x"} & {letter for letter, _ in args.given}
        open_line = unfinished = ""
        try:
            for row in rows:
                if isinstance(row, MemoryRow):
                    step = PER_LINE[row.size]
                    lines = memory_lines(
                        row.address,
                        width,
                        row.values,
                        row.names,
                        row.size,
                        base,
                        order if shown else None,
                    )
                    for line in lines:
                        if open_line:
                            yield open_line
                        open_line = line
                    columns = WIDTHS[row.size] - (-len(row.values) % step) * (2 * row.size + 1)
                    unfinished = open_line[: width + 3 + columns] if shown else open_line
                elif isinstance(row, CharactersRow):
                    line = f"{row.address:{width}x}:  {row.text}" if row.text else ""
                    yield line if row.ended else Part(line)
                elif isinstance(row, UnknownSymbolRow):
                    yield from unknown_symbol_lines(row, view.radix)
                elif isinstance(row, CopiedRow):
                    yield f"{row.size} bytes copied from 0x{row.address:x} to {row.file}"
        except ReadError:
            # crash leaves the line as it is when the next value cannot be read.
            if open_line:
                yield Part(unfinished)
            raise
        if open_line:
            yield open_line


def _base(args: Args) -> Base:
    return "decimal" if "d" in args else "unsigned" if "D" in args else "hex"


def blocks(read: Read, address: int, size: int, least: int) -> Iterator[bytes]:
    """Memory in blocks, small ones where a large one fails; raises ReadError at the first
    `least` bytes that cannot be read.
    """
    while size > 0:
        count = min(size, BLOCK)
        try:
            data = read(address, count)
        except ReadError:
            count = min(count, least - address % least)
            data = read(address, count)
        yield data
        address += count
        size -= count


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


def _symbol_address(ctx: Context, name: str) -> int | None:
    symbol = ctx.kernel.symbols.by_name(name)
    return symbol.address if symbol is not None else None
