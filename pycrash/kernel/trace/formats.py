"""The formats of trace events (struct trace_event_call, trace_event_class, ftrace_event_field)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, constant, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import Chain, entries

#: More bytes than a format has.
_MOST_FORMAT = 1 << 16
_ARRAY = re.compile(r"\[(\w*)\]$")

Value = int | str | bytes


class Field(NamedTuple):
    """A member of an event: where it lies, and what it is.

    Of `dynamic` ones a word with place and length lies there; the place counts from the event's
    beginning or, of `relative` ones, from behind the word.
    """

    name: str
    type: str
    offset: int
    size: int
    signed: bool
    array: bool
    text: bool
    dynamic: bool
    relative: bool

    @classmethod
    def of(cls, name: str, kind: str, offset: int, size: int, signed: bool) -> Field:
        dynamic = kind.startswith(("__data_loc ", "__rel_loc "))
        array = bool(_ARRAY.search(kind))
        element = _ARRAY.sub("", kind).removeprefix("__data_loc ").removeprefix("__rel_loc ")
        text = array and element in ("char", "const char")
        relative = kind.startswith("__rel_loc ")
        return cls(name, kind, offset, size, signed, array, text, dynamic, relative)


class EventFormat(NamedTuple):
    """One kind of event, by the number its records begin with."""

    id: int
    system: str
    name: str
    fields: tuple[Field, ...]
    print_format: str


class EventFormats:
    """Every kind of event of one kernel, by its number, each read when it is first asked for."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog
        self._known: dict[int, EventFormat | None] = {}

    def get(self, number: int) -> EventFormat | None:
        """The format of a kind; None where there is none of that number. Raises CrashError."""
        if number not in self._known:
            address = self._calls.get(number)
            self._known[number] = None if address is None else self._read(address, number)
        return self._known[number]

    def numbers(self) -> list[int]:
        """The numbers of all kinds, in their order. Raises CrashError."""
        return sorted(self._calls)

    @cached_property
    def common(self) -> tuple[Field, ...]:
        """What every event begins with. Raises CrashError."""
        return tuple(self._fields(self._kernel.required_symbol("ftrace_common_fields")))

    @cached_property
    def _calls(self) -> dict[int, int]:
        """The trace_event_call of each number."""
        kernel, layout = self._kernel, self._call
        head = kernel.required_symbol("ftrace_events")
        first = kernel.read_word(head, "ftrace_events")
        found = {}
        for link in entries(kernel, Chain(first, end=head, circular=True), "ftrace_events"):
            address = link - layout.at("list")
            data = kernel.read(address + layout.start, layout.size, "trace_event_call")
            found[layout.unpack(data)[-1]] = address
        return found

    def _read(self, address: int, number: int) -> EventFormat:
        kernel, layout = self._kernel, self._call
        data = kernel.read(address + layout.start, layout.size, "trace_event_call")
        _, kind, name, print_format, held, flags, _ = layout.unpack(data)
        tracepoint = constant(self._prog, "TRACE_EVENT_FL_TRACEPOINT")
        if tracepoint and flags & tracepoint:
            place = member_offset(self._prog, "struct tracepoint", "name")
            name = kernel.read_word(name + place, "tracepoint.name")
        layout = self._class
        data = kernel.read(kind + layout.start, layout.size, "trace_event_class")
        system, ask = layout.unpack(data)
        fields = kind + member_offset(self._prog, "struct trace_event_class", "fields")
        if ask:
            # Who asks for the fields of a system call is told where that one keeps its own.
            place = member_offset(self._prog, "struct syscall_metadata", "enter_fields")
            fields = held + place
        return EventFormat(
            number,
            read_text(kernel, system, "trace_event_class.system"),
            read_text(kernel, name, "trace_event_call.name"),
            tuple(self._fields(fields)),
            read_text(kernel, print_format, "trace_event_call.print_fmt", _MOST_FORMAT),
        )

    def _fields(self, head: int) -> Iterator[Field]:
        """The members of a list, which has the last one first."""
        kernel, layout = self._kernel, self._field
        chain = Chain(kernel.read_word(head, "trace_event_class.fields"), end=head, circular=True)
        found = []
        for link in entries(kernel, chain, "ftrace_event_field", _MOST_FORMAT):
            address = link - layout.at("link")
            data = kernel.read(address + layout.start, layout.size, "ftrace_event_field")
            _, name, kind, offset, size, signed = layout.unpack(data)
            name, kind = (read_text(kernel, at, "ftrace_event_field") for at in (name, kind))
            found.append(Field.of(name, kind, offset, size, bool(signed)))
        return reversed(found)

    @cached_property
    def _call(self) -> Layout:
        fields = ("list", "class", "name", "print_fmt", "data", "flags", "event.type")
        return Layout(self._prog, "struct trace_event_call", fields)

    @cached_property
    def _class(self) -> Layout:
        return Layout(self._prog, "struct trace_event_class", ("system", "get_fields"))

    @cached_property
    def _field(self) -> Layout:
        fields = ("link", "name", "type", "offset", "size", "is_signed")
        return Layout(self._prog, "struct ftrace_event_field", fields)


def field_value(kernel: Reader, field: Field, data: bytes) -> Value:
    """What an event says in a member. Raises ReadError where the event ends before it does."""
    at, size = field.offset, field.size
    if field.dynamic:
        at, size = dynamic_span(kernel, field, data)
    elif field.array and not size:
        size = max(len(data) - at, 0)
    held = data[at : at + size]
    # The last array of an event may be as long as the event has room for.
    if len(held) < size and (field.dynamic or not field.array):
        raise ReadError(at, f"trace event {field.name}", "invalid")
    if field.text:
        return held.partition(b"\0")[0].decode("utf-8", "backslashreplace")
    if field.array or size not in (1, 2, 4, 8):
        return held
    order = "little" if kernel.byte_order == "<" else "big"
    return int.from_bytes(held, order, signed=field.signed)  # type: ignore[arg-type]


def dynamic_span(kernel: Reader, field: Field, data: bytes) -> tuple[int, int]:
    """Where what a word tells of lies in the event, and its bytes. Raises ReadError."""
    held = data[field.offset : field.offset + 4]
    if len(held) < 4:
        raise ReadError(field.offset, f"trace event {field.name}", "invalid")
    word = kernel.unsigned(held)
    at = word & 0xFFFF
    return at + (field.offset + 4 if field.relative else 0), word >> 16
