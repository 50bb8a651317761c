"""net: network devices and their addresses, the ARP cache, and the sockets of tasks."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pycrash.api import (
    HEX,
    OFFSET,
    TASK,
    Args,
    Begin,
    Context,
    CrashError,
    Flag,
    Given,
    Notice,
    Row,
    TaskCommand,
    TaskHeader,
    UsageError,
    View,
    WrongOption,
    find_task,
    header_line,
    hexadecimal,
    is_decimal,
    is_hexadecimal,
    many,
    number,
    parse_args,
    task_header,
    whose,
)
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.structures.namedtypes import NamedType
from pycrash.cexpr.structures.structs import Shown, StructReader, Trouble
from pycrash.kernel.net.devices import Devices
from pycrash.kernel.net.neighbours import Neighbours
from pycrash.kernel.net.sockets import Sockets
from pycrash.kernel.tasks.table import Task
from pycrash.kernel.vfs.files import Files
from pycrash.render.netrows import (
    FAMILIES,
    HARDWARE,
    NEIGHBOUR_HEADING,
    SOCKET_HEADING,
    STATES,
    TYPES,
    DeviceRow,
    InetAddressRow,
    NeighbourRow,
    SocketRow,
    StructuresRow,
    device_heading,
    device_line,
    neighbour_line,
    neighbour_states,
    socket_line,
    structure_lines,
)


@dataclass(frozen=True)
class _Devices(Begin):
    """A list of devices begins."""


@dataclass(frozen=True)
class _Neighbours(Begin):
    """The ARP cache begins."""


@dataclass(frozen=True)
class _Blank(Begin):
    """An empty line."""


@dataclass(frozen=True)
class _Searched(Begin):
    """All sockets of a task were seen, `found` of them shown."""

    found: int


class Net(TaskCommand):
    name = "net"
    summary = "network devices, the ARP cache, open sockets"
    synopsis = "[[-s | -S] [-xd] [-R ref] [pid | task]] [-a] [ -n [pid | task]] [-N addr]"
    description = (
        "Without arguments, shows the network devices and their IP addresses. With -s or -S, the "
        "sockets that the current task has open, or the tasks that are named."
    )
    flags = (
        Flag(
            "s",
            "One line for each open socket: its socket and sock structures, family and type, and "
            "for INET and INET6 the addresses and ports of both ends.",
        ),
        Flag("S", "The two structures of each open socket, with all that they hold."),
        Flag("x", "With -S, shows integers in hexadecimal."),
        Flag("d", "With -S, shows integers in decimal."),
        Flag(
            "R",
            "With -s or -S, only sockets with this file descriptor, or with this address of one "
            "of their structures.",
            value=HEX.named("ref"),
        ),
        Flag("a", "The ARP cache."),
        Flag(
            "n",
            "The devices in the network namespace of the task that stands behind it, or of the "
            "current task.",
        ),
        Flag("N", "Writes a number as the IPv4 address it is in memory.", OFFSET.named("addr")),
    )
    operands = (many(TASK),)
    rows = (DeviceRow, NeighbourRow, InetAddressRow, TaskHeader, SocketRow, StructuresRow)
    related = ("files", "foreach", "dev")
    examples = (
        ("The network devices", "net"),
        ("The sockets of pid 1", "net -s 1"),
        ("The sockets of every task", "foreach net -s"),
        ("Who has something open as descriptor 5", "foreach net -s -R 5"),
        ("An address as it stands in a structure", "net -N 100007f"),
    )
    at_once = "N"
    task_flags = "xd"
    task_values = "R"

    def parse(self, words: Sequence[str]) -> Args:
        """As getopt does; behind each -n, the word that is next when crash looks at it."""
        try:
            args = parse_args(self.name, self.flags, words, self.at_once)
        except WrongOption as error:
            raise WrongOption(self.name, _with_words(error.given, words)) from None
        return replace(args, given=_with_words(args.given, words))

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "a":
            yield from _neighbours(ctx)
        elif letter == "n" and value is not None:
            _task(ctx, value)
        elif letter in "sS" and _first_of("sS", before) not in (None, letter):
            yield Notice("only one -s or -S option allowed")
        elif letter == "R" and "R" in before:
            yield Notice("only one -R option allowed")
        elif letter in "xd" and _first_of("xd", before) not in (None, letter):
            raise CrashError("-d and -x are mutually exclusive")

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        address = args.value("N")
        if address is not None:
            yield _inet_address(ctx, address)
        elif "s" in args or "S" in args:
            yield from self._tasks(ctx, args)
        elif "n" in args:
            word = args.value("n")
            yield _Devices()
            yield from _devices(ctx, ctx.task if word is None else _task(ctx, word).address)
        elif not (args.given or args.operands):
            yield _Devices()
            yield from _devices(ctx, ctx.kernel.required_symbol("init_task"))
        elif "a" not in args:
            raise UsageError

    def _tasks(self, ctx: Context, args: Args) -> Iterator[Row]:
        """The sockets of the tasks that are named, or of the current one."""
        if not args.operands:
            yield from self._one(ctx, args, ctx.kernel.tasks.get(ctx.task))
        said = False
        for word in args.operands:
            found = find_task(ctx.kernel.tasks, word)
            if found is None:
                if said:
                    yield _Blank()
                yield Notice(f"invalid task or pid value: {word}")
            for task in found.tasks if found else ():
                if said and "R" not in args:
                    yield _Blank()
                yield from self._one(ctx, args, task)
                said = said or "R" not in args
            said = said or found is None

    def _one(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        if "R" not in args:
            yield task_header(task)
        yield from self.run_task(ctx, args, task)

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        files, sockets = ctx.kernel.part(Files), ctx.kernel.part(Sockets)
        reference = next(iter(args.values("R")), None)
        wanted = None if reference is None else _wanted(reference, files.room(task.address))
        make = _structures if _dumps(args) else _socket
        found = 0
        for fd, file in files.of_task(task.address):
            places = sockets.of_file(file)
            if places is None or (wanted and not wanted(fd, *places)):
                continue
            if wanted and not found:
                yield task_header(task)
            yield make(ctx, args, task, fd, *places)
            found += 1
        yield _Searched(found)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "s" in args and "S" in args:
            yield Notice("net -s and -S options are mutually exclusive!", "WARNING")
            return
        if "s" not in args and "S" not in args:
            yield Notice("net command requires -s or -S option\n", "WARNING")
        if "x" in args and "d" in args:
            raise CrashError("net: -x and -d options are mutually exclusive")

    def task_words(self, args: Args, operands: Sequence[str]) -> list[str]:
        letter = "-S" if "S" in args and "s" not in args else "-s"
        rest = super().task_words(args, operands)
        return [letter, *(word for word in rest if letter == "-S" or word not in ("-x", "-d"))]

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        fresh = True
        for row in rows:
            if isinstance(row, SocketRow):
                if fresh:
                    yield SOCKET_HEADING
                yield socket_line(row, view)
                fresh = False
            elif isinstance(row, StructuresRow):
                if not fresh:
                    yield ""
                yield from structure_lines(row, view)
                fresh = False
            elif isinstance(row, TaskHeader):
                yield header_line(row, view.word_size)
            elif isinstance(row, _Searched):
                if "R" not in args and not row.found:
                    yield "No open sockets."
                elif "R" in args and row.found:
                    yield ""
                fresh = True
            else:
                yield from _other_lines(row, view)


def _other_lines(row: Row, view: View) -> Iterator[str]:
    if isinstance(row, _Devices):
        yield device_heading(view)
    elif isinstance(row, DeviceRow):
        yield device_line(row, view)
    elif isinstance(row, _Neighbours):
        yield NEIGHBOUR_HEADING
    elif isinstance(row, NeighbourRow):
        yield neighbour_line(row)
    elif isinstance(row, InetAddressRow):
        yield row.address
    elif isinstance(row, _Blank):
        yield ""


def _first_of(letters: str, args: Args) -> str | None:
    """The first of some letters that is given."""
    return next((letter for letter, _ in args.given if letter in letters), None)


def _with_words(given: Given, words: Sequence[str]) -> Given:
    """Options with the word behind each -n in place of its argument."""
    nexts = iter(_behind_n(words))
    return tuple((k, next(nexts) if k == "n" else v) for k, v in given)


def _behind_n(words: Sequence[str]) -> Iterator[str | None]:
    """For each -n the word behind it: the rest of its own word where letters follow it."""
    for place, word in enumerate(words):
        count = _count_n(words[: place + 1]) - _count_n(words[:place])
        for turn in range(count):
            at_end = word[-1] == "n" and turn == count - 1
            yield next(iter(words[place + 1 :]), None) if at_end else word


def _count_n(words: Sequence[str]) -> int:
    try:
        given = parse_args("net", Net.flags, words).given
    except WrongOption as error:
        given = error.given
    return sum(letter == "n" for letter, _ in given)


def _task(ctx: Context, word: str) -> Task:
    found = find_task(ctx.kernel.tasks, word)
    if found is None:
        raise CrashError(f"invalid task or pid value: {word}")
    return found.tasks[0]


def _dumps(args: Args) -> bool:
    """Whether the structures are asked for: the first of -s and -S decides."""
    return _first_of("sS", args) == "S"


def _wanted(reference: str, room: int) -> Callable[[int, int, int], bool]:
    """Tells which (descriptor, socket, sock) are meant in a table of some room.

    A decimal number that is no descriptor for want of room is a hexadecimal one. Raises CrashError.
    """
    if is_decimal(reference) and number(reference) <= room:
        wanted = number(reference)
        return lambda fd, socket, sock: fd == wanted
    if not is_hexadecimal(reference):
        return lambda fd, socket, sock: False
    value = hexadecimal(reference)
    return lambda fd, socket, sock: value in (fd, socket, sock)


def _devices(ctx: Context, task: int) -> Iterator[Row]:
    devices = ctx.kernel.part(Devices)
    for device in devices.all(devices.namespace(task)):
        yield DeviceRow(
            device.address,
            device.name,
            device.number,
            device.type,
            device.flags,
            device.mtu,
            (*devices.ipv4(device), *devices.ipv6(device)),
        )


def _neighbours(ctx: Context) -> Iterator[Row]:
    devices = ctx.kernel.part(Devices)
    begun = False
    for found in ctx.kernel.part(Neighbours).arp():
        if not begun:
            yield _Neighbours()
        begun = True
        device = devices.get(found.device)
        yield NeighbourRow(
            found.address,
            found.ip,
            HARDWARE.get(device.type, "UNKNOWN"),
            found.hardware[: device.address_length],
            device.name,
            neighbour_states(found.state),
        )


def _inet_address(ctx: Context, text: str) -> InetAddressRow:
    value = number(text) & 0xFFFFFFFF
    data = struct.pack(f"{ctx.kernel.byte_order}I", value)
    return InetAddressRow(value, socket.inet_ntoa(data))


def _socket(ctx: Context, args: Args, task: Task, fd: int, place: int, sock: int) -> Row:
    found = ctx.kernel.part(Sockets).get(sock)
    source, destination = found.source, found.destination
    return SocketRow(
        *whose(task),
        fd,
        place,
        sock,
        FAMILIES.get(found.family, str(found.family)),
        TYPES.get(found.type, str(found.type)),
        found.protocol,
        STATES.get(found.state, str(found.state)),
        found.device or None,
        source and source.address,
        source and source.port,
        destination and destination.address,
        destination and destination.port,
        found.received,
        found.queued,
        found.backlog,
        found.most_backlog,
        found.path,
        found.peer or None,
    )


def _structures(ctx: Context, args: Args, task: Task, fd: int, place: int, sock: int) -> Row:
    radix = 10 if "d" in args else 16 if "x" in args else 0
    expressions = ctx.kernel.part(Expressions)
    reader = expressions.structs(Session(ctx).options(radix))
    shown = [
        _shown(reader, expressions.types.find(name), address)
        for name, address in (("socket", place), ("inet_sock", sock))
    ]
    fields, lines = [one.value for one in shown], tuple(one.lines for one in shown)
    return StructuresRow(*whose(task), fd, place, sock, fields[0], fields[1], lines)


def _shown(reader: StructReader, datatype: NamedType | None, address: int) -> Shown:
    """One of the two structures. Raises ReadError, CrashError."""
    if datatype is None:
        raise CrashError("cannot determine what an inet_sock structure is")
    shown = reader.whole(datatype, address)
    if isinstance(shown, Trouble):
        raise shown.cause or CrashError(shown.text)
    return shown
