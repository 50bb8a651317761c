"""sbitmapq: which bits of a scalable bitmap are in use, and who waits for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    STRUCT,
    Address,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Part,
    Row,
    UsageError,
    View,
    asked_radix,
    hexadecimal,
    is_number,
    one,
)
from pycrash.api.structrows import StructRow, entry_rows, struct_lines
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.structures.entries import EntryReader
from pycrash.errors import ReadError
from pycrash.kernel.block.bitmapqueues import BitmapQueues, WaitState, Word

#: Bytes of the bitmap on a line.
_LINE = 16


@dataclass(frozen=True)
class QueueRow(Row, kind="sbitmapq.queue"):
    """A struct sbitmap_queue. `bitmap` has the bits in use, the first in the lowest bit of the
    first byte; members that this kernel lacks are None. `unread` is the first member that could
    not be read to its end, "map", "alloc_hint" or "ws": that one and those behind are not whole.
    """

    address: Address
    depth: int
    busy: int
    cleared: int | None
    bits_per_word: int
    map_nr: int
    alloc_hint: tuple[int, ...]
    wake_batch: int
    wake_index: int
    ws_active: int | None
    ws: tuple[WaitState, ...]
    round_robin: int | None
    min_shallow_depth: int | None
    bitmap: bytes
    unread: str | None


@dataclass(frozen=True)
class EntryRow(Row, kind="sbitmapq.entry"):
    """A bit in use, and the address of what it stands for in the array that goes with it."""

    index: int
    address: Address


class Sbitmapq(Command):
    name = "sbitmapq"
    summary = "a queue for the bits of a scalable bitmap"
    synopsis = "[-s struct[.member[,member]] -a address [-p] [-v]] -[x|d] address"
    description = (
        "Shows a struct sbitmap_queue, by which the block layer gives out tags of requests: its "
        "counters, its wait queues, and its bitmap. With an array that has an element for each "
        "bit, it shows the elements of the bits in use in place of that."
    )
    flags = (
        Flag("s", "The elements of the array are of this structure.", value=STRUCT),
        Flag("a", "The address of the array.", value=HEX.named("address")),
        Flag("p", "The array is of pointers to the structures."),
        Flag("v", "Show the structures, or those members of them, and not the addresses alone."),
        Flag("x", "Show numbers in hexadecimal."),
        Flag("d", "Show numbers in decimal."),
    )
    operands = (one(HEX.named("address")),)
    rows = (QueueRow, EntryRow, StructRow)
    related = ("dev", "struct")
    examples = (("The tags of a disk's requests", "sbitmapq ff1816ac00a1aa90"),)

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        asked_radix(Args((*before.given, (letter, value))))
        if letter == "s" and "s" in before:
            raise CrashError(f"-s option ({before.value('s')}) already entered")
        if letter == "a":
            if "a" in before:
                earlier = _address(ctx, before.value("a") or "", "-a option")
                raise CrashError(f"-a option (0x{earlier:x}) already entered")
            _address(ctx, value or "", "-a option")
        return iter(())

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        given = args.value("a")
        array = None if given is None else _address(ctx, given, "-a option")
        if len(args.operands) != 1:
            yield Notice("too many arguments" if args.operands else "command argument is required")
            raise UsageError
        address = _address(ctx, args.operands[0], "command argument")
        name = args.value("s")
        wrong = _combined(name, array, "p" in args)
        if wrong:
            yield Notice(wrong)
            raise UsageError
        size = 0 if name is None else _size(ctx, name)
        bitmaps = ctx.kernel.part(BitmapQueues)
        if not bitmaps.known:
            raise CrashError("command not supported or applicable on this architecture or kernel")
        if name is None:
            yield from _queue(bitmaps, address)
        else:
            yield from _entries(ctx, args, bitmaps.set_bits(address), array or 0, size)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, QueueRow):
                yield from _queue_lines(row)
            elif isinstance(row, EntryRow):
                text = f"0x{row.address:08x}"
                yield f"{row.index} ({text}):" if "v" in args else f"{row.index}: {text}"
            elif isinstance(row, StructRow):
                yield from struct_lines(row, view)


def _address(ctx: Context, word: str, what: str) -> int:
    if not is_number(word):
        raise CrashError(f"invalid {what}: {word}")
    address = hexadecimal(word)
    if not ctx.kernel.memory.is_kernel(address):
        raise CrashError(f"invalid kernel virtual address: {word}")
    return address


def _combined(name: str | None, array: int | None, pointers: bool) -> str:
    """What is wrong with flags that do not go together, empty where nothing is."""
    if name is not None and array is None:
        return "-s option requires -a option"
    if array is not None and name is None:
        return "-a option is used with -s option only"
    return "-p option requires -a option" if pointers and array is None else ""


def _size(ctx: Context, name: str) -> int:
    """The bytes of a structure, whatever members are named behind it. Raises CrashError."""
    found = ctx.kernel.part(Expressions).types.find(name.partition(".")[0])
    size = 0 if found is None or found.kind != "struct" else found.ctype.size
    if not size:
        raise CrashError(f"invalid data structure reference: {name}")
    return size


def _queue(bitmaps: BitmapQueues, address: int) -> Iterator[Row]:
    """A queue, as far as it can be read. Raises CrashError behind it."""
    queue = bitmaps.queue(address)
    bitmap = queue.bitmap
    words, hints, waiting = list[Word](), list[int](), list[WaitState]()
    failure, unread = None, "map"
    try:
        words.extend(bitmaps.words(bitmap))
        unread = "alloc_hint"
        hints.extend(bitmaps.hints(queue))
        unread = "ws"
        waiting.extend(bitmaps.waiting(queue))
    except CrashError as error:
        failure = error
    yield QueueRow(
        address=address,
        depth=bitmap.depth,
        busy=sum(word.busy.bit_count() for word in words),
        cleared=sum(w.cleared.bit_count() for w in words) if bitmaps.keeps_cleared else None,
        bits_per_word=bitmap.bits_per_word,
        map_nr=bitmap.map_nr,
        alloc_hint=tuple(hints),
        wake_batch=queue.wake_batch,
        wake_index=queue.wake_index,
        ws_active=queue.ws_active,
        ws=tuple(waiting),
        round_robin=queue.round_robin if queue.round_robin is not None else bitmap.round_robin,
        min_shallow_depth=queue.min_shallow_depth,
        bitmap=_bytes(words),
        unread=None if failure is None else unread,
    )
    if failure is not None:
        raise failure


def _bytes(words: Sequence[Word]) -> bytes:
    """The bits in use, word after word without gaps."""
    bits = place = 0
    for word in words:
        bits |= (word.busy & (1 << word.depth) - 1) << place
        place += word.depth
    return bits.to_bytes(-(-place // 8), "little")


def _entries(ctx: Context, args: Args, bits: Iterable[int], array: int, size: int) -> Iterator[Row]:
    """The elements of the array that belong to bits in use. Raises CrashError."""
    kernel = ctx.kernel
    options = Session(ctx).options(asked_radix(args))
    contents = EntryReader(kernel, options, args.values("s"), False)
    step = kernel.word_size if "p" in args else size
    for index in bits:
        address = array + index * step
        yield EntryRow(index, address)
        if "v" not in args:
            continue
        if "p" in args:
            try:
                address = kernel.read_word(address, "read point of data")
            except ReadError as error:
                yield Notice(str(error), quiet=error.quiet)
                raise CrashError(f"Failed to read the point of data: 0x{address:08x}") from None
        yield from entry_rows(contents, address)


def _queue_lines(row: QueueRow) -> Iterator[str]:
    """crash's lines, up to what could not be read."""
    yield f"depth = {row.depth}"
    if row.unread == "map":
        return
    yield f"busy = {row.busy}"
    if row.cleared is not None:
        yield f"cleared = {row.cleared}"
    yield f"bits_per_word = {row.bits_per_word}"
    yield f"map_nr = {row.map_nr}"
    hints = ", ".join(map(str, row.alloc_hint))
    if row.unread == "alloc_hint":
        yield Part(f"alloc_hint = {{{hints}{', ' if hints else ''}")
        return
    yield f"alloc_hint = {{{hints}}}"
    yield f"wake_batch = {row.wake_batch}"
    yield f"wake_index = {row.wake_index}"
    if row.ws_active is not None:
        yield f"ws_active = {row.ws_active}"
    yield "ws = {"
    for count, active in row.ws:
        counted = "" if count is None else f".wait_cnt = {count % (1 << 64)}, "
        yield f"\t{{ {counted}.wait = {'active' if active else 'inactive'} }},"
    if row.unread == "ws":
        return
    yield "}"
    if row.round_robin is not None:
        yield f"round_robin = {row.round_robin}"
    if row.min_shallow_depth is not None:
        yield f"min_shallow_depth = {row.min_shallow_depth}"
    yield ""
    for at in range(0, len(row.bitmap), _LINE):
        yield f"{at:08x}: {row.bitmap[at : at + _LINE].hex(' ', 2)}"
