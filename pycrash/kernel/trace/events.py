"""What happened, event by event: the records of all CPUs in the order of time, decoded."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property, partial
from operator import attrgetter
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.tasks.table import TaskTable
from pycrash.kernel.trace.cformat import Names
from pycrash.kernel.trace.formats import (
    EventFormat,
    EventFormats,
    Value,
    dynamic_span,
    field_value,
)
from pycrash.kernel.trace.printformat import PrintFormat, Unknown, Values
from pycrash.kernel.trace.ringbuffer import Record, TraceBuffers

#: Bytes of a name, more of them than are kept, and entries of a stack that are shown.
_COMM, _MOST_NAMES, _MOST_STACK = 16, 1 << 20, 64
_FLAG_NAMES = ("IRQS_OFF", "NEED_RESCHED", "HARDIRQ", "SOFTIRQ", "PREEMPT_RESCHED", "NMI", "BH_OFF")


class State(NamedTuple):
    """What the CPU was doing at an event: the names of the set TRACE_FLAGs, how deep preemption
    was disabled, and migration."""

    flags: frozenset[str]
    preempt: int
    migrate: int


class Event(NamedTuple):
    """One event: `time` in nanoseconds of the buffer's clock, mostly since boot.

    `fields` are its members by name, `message` what the kernel would say of it.
    """

    time: int
    cpu: int
    pid: int
    comm: str
    state: State
    system: str
    name: str
    fields: dict[str, Value]
    message: str


class TraceEvents:
    """Decodes what the buffers hold. Methods raise CrashError."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._formats = kernel.part(EventFormats)
        self._messages: dict[int, PrintFormat | None] = {}
        #: What functions are called that were looked up.
        self._called: dict[int, str] = {}

    def of(
        self, buffer: int, cpus: Collection[int] | None, problem: Callable[[CrashError], None]
    ) -> Iterator[Event]:
        """The events of a trace_buffer, those of some CPUs or of all, the oldest first.

        What cannot be read is passed to `problem`, and the rest goes on.
        """
        buffers = self._kernel.part(TraceBuffers)
        rings = [
            buffers.records(address, problem)
            for cpu, address in buffers.cpus(buffer).items()
            if cpus is None or cpu in cpus
        ]
        for record in heapq.merge(*rings, key=attrgetter("time")):
            try:
                found = self._event(record)
            except CrashError as error:
                problem(error)
                continue
            if found is not None:
                yield found

    def _event(self, record: Record) -> Event | None:
        """A record decoded; None for one of a kind that is not there any more."""
        if len(record.data) < self._entry.size:
            raise ReadError(0, "trace_entry", "invalid")
        kind, flags, count, pid = self._entry.unpack_from(record.data)
        form = self._formats.get(kind)
        if form is None:
            return None
        names = {name for name, bit in self._flag_bits if flags & bit}
        state = State(frozenset(names), count & 15, count >> 4)
        values = {
            field.name: field_value(self._kernel, field, record.data) for field in form.fields
        }
        message = self._message(form, values, record.data)
        place = (record.time, record.cpu, pid, self._comm(pid), state)
        return Event(*place, form.system, form.name, values, message)

    def _message(self, form: EventFormat, values: dict[str, Value], data: bytes) -> str:
        if form.system == "ftrace" and form.name == "function":
            ips = (values.get(name) for name in ("ip", "parent_ip"))
            return " <-".join(self._symbol(ip) for ip in ips if isinstance(ip, int))
        if form.system == "ftrace" and form.name in ("kernel_stack", "user_stack"):
            return self._stack(form, data)
        known = self._known(form)
        if known is not None:
            try:
                return known.text(self._all(form, values, data)).rstrip("\n")
            except Unknown:
                pass
        shown = (
            f"{name}={value:#x}" if isinstance(value, int) else f"{name}={_plain(value)}"
            for name, value in values.items()
        )
        return " ".join(shown)

    def _known(self, form: EventFormat) -> PrintFormat | None:
        if form.id not in self._messages:
            try:
                made: PrintFormat | None = PrintFormat(form.print_format, self._names)
            except (Unknown, RecursionError):
                made = None
            self._messages[form.id] = made
        return self._messages[form.id]

    def _all(self, form: EventFormat, values: dict[str, Value], data: bytes) -> Values:
        """The values a format may ask for: common members and lengths of dynamic ones too."""
        kernel = self._kernel
        common = {one.name: field_value(kernel, one, data) for one in self._formats.common}
        dynamic = (field for field in form.fields if field.dynamic)
        sizes = {f"{one.name}_len": dynamic_span(kernel, one, data)[1] for one in dynamic}
        return {**common, **sizes, **values}

    def _stack(self, form: EventFormat, data: bytes) -> str:
        caller = next((field for field in form.fields if field.name == "caller"), None)
        start = caller.offset if caller else len(data)
        size = (len(data) - start) // self._kernel.word_size * self._kernel.word_size
        words = struct.iter_unpack(self._kernel.struct_format("P"), data[start : start + size])
        found = [ip for (ip,) in words][:_MOST_STACK]
        # A word of all bits ends it before its room does.
        end = found.index(self._kernel.word_mask) if self._kernel.word_mask in found else None
        return "<stack trace>" + "".join(f"\n => {self._symbol(ip)}" for ip in found[:end] if ip)

    @cached_property
    def _names(self) -> Names:
        prog, digits = self._kernel.prog, 2 * self._kernel.word_size
        sizes = partial(type_size, prog)
        return Names(self._place, self._symbol, self._number, sizes, digits)

    def _number(self, name: str) -> int | None:
        """An enumerator, or a variable that is a word (vmemmap_base)."""
        found = constant(self._kernel.prog, name)
        span = self._kernel.symbol_span(name)
        if found is None and span is not None and span[1] == self._kernel.word_size:
            return self._kernel.read_word(span[0], name)
        return found

    def _symbol(self, address: int) -> str:
        if address not in self._called:
            found = self._kernel.part(SymbolTable).lookup(address)
            self._called[address] = f"{address:#x}" if found is None else found[0].name
        return self._called[address]

    def _place(self, address: int) -> str:
        """A place as the kernel prints it: with the size of the function, and its module."""
        table = self._kernel.part(SymbolTable)
        found = table.lookup(address)
        if found is None:
            return f"{address:#x}"
        symbol, offset = found
        following = table.next(symbol)
        size = following.address - symbol.address if following else 0
        module = f" [{symbol.module}]" if symbol.module else ""
        return f"{symbol.name}+{offset:#x}/{size:#x}{module}"

    @cached_property
    def _entry(self) -> struct.Struct:
        """struct trace_entry: type, flags, preempt_count, pid. It has not changed since 2.6.39."""
        return struct.Struct(f"{self._kernel.byte_order}HBBi")

    @cached_property
    def _flag_bits(self) -> list[tuple[str, int]]:
        found = ((name, constant(self._kernel.prog, f"TRACE_FLAG_{name}")) for name in _FLAG_NAMES)
        return [(name, bit) for name, bit in found if bit]

    def _comm(self, pid: int) -> str:
        """The name of a task, noted when it was traced, else as it is now."""
        if not pid:
            return "<idle>"
        found = self._saved.get(pid) or self._present.get(pid)
        return found if found is not None else "<...>"

    def names(self) -> dict[int, str]:
        """The names of tasks by pid: as they are now, and as they were noted."""
        return {**self._present, **self._saved}

    @cached_property
    def _present(self) -> dict[int, str]:
        return {task.pid: task.comm for task in self._kernel.part(TaskTable).all}

    @cached_property
    def _saved(self) -> dict[int, str]:
        """The names that were noted (struct saved_cmdlines_buffer), as far as there are any."""
        try:
            return dict(self._saved_names())
        except CrashError:
            return {}

    def _saved_names(self) -> Iterable[tuple[int, str]]:
        kernel = self._kernel
        at = kernel.read_word(kernel.required_symbol("savedcmd"), "savedcmd")
        fields = ("map_cmdline_to_pid", "cmdline_num", "saved_cmdlines")
        layout = Layout(kernel.prog, "struct saved_cmdlines_buffer", fields)
        pids_at, count = layout.unpack(kernel.read(at + layout.start, layout.size))[:2]
        if count > _MOST_NAMES:
            raise ReadError(at, "saved_cmdlines_buffer", "invalid")
        pids = kernel.read(pids_at, 4 * count, "saved_cmdlines_buffer")
        place = find_member(kernel.prog, "struct saved_cmdlines_buffer", "saved_cmdlines")
        if place is None or not type_size(kernel.prog, "struct saved_cmdlines_buffer"):
            raise MissingFeature("no struct saved_cmdlines_buffer in this kernel")
        names_at = at + place.offset
        if place.size:  # a pointer before 6.9
            names_at = kernel.read_word(names_at, "saved_cmdlines_buffer")
        names = kernel.read(names_at, _COMM * count, "saved_cmdlines_buffer")
        for nth, (pid,) in enumerate(struct.iter_unpack(f"{kernel.byte_order}I", pids)):
            name = names[_COMM * nth : _COMM * (nth + 1)].partition(b"\0")[0]
            if name:
                yield pid, name.decode("utf-8", "backslashreplace")


def _plain(value: Value) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
