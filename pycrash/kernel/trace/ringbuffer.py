"""The ring buffers of ftrace (struct trace_array, trace_buffer, ring_buffer_per_cpu).

A CPU's buffer is a ring of pages (struct buffer_page) from its head to the page that is being
written, and one page beside the ring that belongs to a reader. A page begins with a time; an
event in it with 27 bits of the time since the one before, and 5 bits of its length or kind.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import Chain, entries

#: More pages than a buffer has, more CPUs than a machine, more orders than a page.
_MOST_PAGES, _MOST_CPUS, _MOST_ORDER = 1 << 22, 1 << 14, 10
#: The low bits of a pointer to the next page: it is the head, or is being made it.
_FLAGS, _HEAD = 3, 1
#: What else buffer_data_page.commit says, above the bytes that are written.
_WRITTEN = (1 << 30) - 1
#: Kinds of events that hold no data: none, more bits of the time, the whole time.
_DATA_MOST, _PADDING, _EXTEND, _STAMP = 28, 29, 30, 31
_DELTA_BITS, _STAMP_BITS = 27, 59


class Instance(NamedTuple):
    """A struct trace_array: the first is without a name, others are those of tracefs/instances."""

    name: str
    address: int
    buffer: int
    tracer: str


class Counts(NamedTuple):
    """What a CPU's buffer says of itself: its pages, the events in it, those that were
    overwritten, and those that found no room."""

    pages: int
    events: int
    overwritten: int
    dropped: int


class Record(NamedTuple):
    """An event: when (nanoseconds of the buffer's clock), and its bytes."""

    time: int
    cpu: int
    data: bytes


class _Page(NamedTuple):
    """A struct buffer_page: the bytes a reader has taken, its memory, the pages beside it."""

    address: int
    following: int
    read: int
    memory: int
    order: int


Problem = Callable[[CrashError], None]


class TraceBuffers:
    """The buffers of one dump. Methods raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    def instances(self) -> list[Instance]:
        """Every instance, the one that is always there first. Raises CrashError."""
        kernel, layout = self._kernel, self._array
        head = kernel.required_symbol("ftrace_trace_arrays")
        first = kernel.read_word(head, "ftrace_trace_arrays")
        found = []
        for link in entries(kernel, Chain(first, end=head, circular=True), "trace_array.list"):
            address = link - layout.at("list")
            data = kernel.read(address + layout.start, layout.size, "trace_array")
            _, name, buffer, tracer = layout.unpack(data)
            text = read_text(kernel, name, "trace_array.name") if name else ""
            found.append(Instance(text, address, buffer, self._tracer(tracer)))
        return sorted(found, key=lambda each: each.name)

    def _tracer(self, address: int) -> str:
        if not address:
            return "nop"
        kernel = self._kernel
        at = address + member_offset(self._prog, "struct tracer", "name")
        return read_text(kernel, kernel.read_word(at, "tracer.name"), "tracer.name")

    def counts(self, address: int) -> Counts:
        """What a ring_buffer_per_cpu says of itself."""
        fields = ("nr_pages", "entries", "overrun", "dropped_events")
        layout = Layout(self._prog, "struct ring_buffer_per_cpu", fields)
        data = self._kernel.read(address + layout.start, layout.size, "ring_buffer_per_cpu")
        pages, *counts = layout.unpack(data)
        written, overwritten, dropped = map(self._kernel.unsigned, counts)
        return Counts(pages, max(written - overwritten, 0), overwritten, dropped)

    def cpus(self, buffer: int) -> dict[int, int]:
        """The ring_buffer_per_cpu of each CPU of a trace_buffer."""
        kernel, layout = self._kernel, self._buffer
        data = kernel.read(buffer + layout.start, layout.size, "trace_buffer")
        at, _ = layout.unpack(data)
        count = min(len(kernel.cpus.offsets) or 1, _MOST_CPUS)
        held = kernel.read(at, count * kernel.word_size, "trace_buffer.buffers")
        words = struct.iter_unpack(kernel.struct_format("P"), held)
        return {
            cpu: address
            for cpu, (address,) in enumerate(words)
            if address and cpu in kernel.cpus.possible
        }

    def records(self, address: int, problem: Problem) -> Iterator[Record]:
        """The events of a ring_buffer_per_cpu, the oldest first.

        What cannot be read is passed to `problem`, and the rest goes on.
        """
        cpu, pages = self._in_order(address, problem)
        for page in pages:
            try:
                yield from self._of_page(page, cpu)
            except CrashError as error:
                problem(error)

    def pages(self, address: int, problem: Problem) -> Iterator[bytes]:
        """The pages of a ring_buffer_per_cpu that have events, as they lie in memory, the oldest
        first: what a reader has taken of one is there as well."""
        for page in self._in_order(address, problem)[1]:
            try:
                yield self._memory(page)
            except CrashError as error:
                problem(error)

    def _in_order(self, address: int, problem: Problem) -> tuple[int, list[_Page]]:
        """The CPU of a ring_buffer_per_cpu, and its pages with events, the oldest first."""
        layout = self._per_cpu
        data = self._kernel.read(address + layout.start, layout.size, "ring_buffer_per_cpu")
        cpu, head, commit, reader = layout.unpack(data)
        try:
            return cpu, self._from_head(head, commit, reader)
        except CrashError as error:
            problem(error)
            return cpu, []

    def _from_head(self, head: int, commit: int, reader: int) -> list[_Page]:
        found = [self._page(reader)] if reader else []
        if commit == reader:
            return found
        ring = self._ring(head)
        places = {page.address: place for place, page in enumerate(ring)}
        # head_page may lag behind: the pointer to the real head has a mark.
        marked = [page for page in ring if page.following & _FLAGS == _HEAD]
        start = places.get(marked[0].following & ~_FLAGS, 0) if marked else 0
        end = places.get(commit)
        count = len(ring) if end is None else (end - start) % len(ring) + 1
        return found + [ring[(start + step) % len(ring)] for step in range(count)]

    def _ring(self, head: int) -> list[_Page]:
        """Every page of the ring, once around. Raises CrashError for a ring that is none."""
        found, seen, at = list[_Page](), set[int](), head
        while at not in seen:
            if len(found) >= _MOST_PAGES:
                raise CrashError(f"ring buffer too long: {head:x}")
            seen.add(at)
            found.append(self._page(at))
            at = found[-1].following & ~_FLAGS
        return found

    def _page(self, address: int) -> _Page:
        layout = self._pages
        data = self._kernel.read(address + layout.start, layout.size, "buffer_page")
        following, read, memory, order = layout.unpack(data)
        return _Page(address, following, read, memory, min(order or 0, _MOST_ORDER))

    def _memory(self, page: _Page) -> bytes:
        size = self._kernel.page_size << page.order
        return self._kernel.read(page.memory, size, "buffer_data_page")

    def _of_page(self, page: _Page, cpu: int) -> Iterator[Record]:
        """The events of a page that no reader has taken."""
        kernel, layout = self._kernel, self._head
        start = layout.at("data")
        data = self._memory(page)
        time, commit, _ = layout.unpack(data, layout.start)
        written = kernel.unsigned(commit) & _WRITTEN
        if written > len(data) - start:
            raise ReadError(page.memory, "buffer_data_page.commit", "invalid")
        number = struct.Struct(f"{kernel.byte_order}I")
        at, end, first = start, start + written, start + page.read
        high = time >> _STAMP_BITS << _STAMP_BITS
        while at + 4 <= end:
            (word,) = number.unpack_from(data, at)
            kind, delta = word & 31, word >> 5
            if kernel.byte_order == ">":
                kind, delta = word >> _DELTA_BITS, word & (1 << _DELTA_BITS) - 1
            (more,) = number.unpack_from(data, at + 4) if at + 8 <= len(data) else (0,)
            here, at = at, at + 8
            if kind == _EXTEND:
                time += delta + (more << _DELTA_BITS)
            elif kind == _STAMP:
                time = high | delta + (more << _DELTA_BITS)
            elif kind == _PADDING:
                if not delta:
                    return
                time += delta
                at = here + 4 + more
            else:
                time += delta
                size = 4 * kind if kind else more
                inside = here + (4 if kind else 8)
                at = here + 4 + size
                if at > end:
                    raise ReadError(page.memory + here, "ring_buffer_event", "invalid")
                if here >= first:
                    yield Record(time, cpu, data[inside:at])

    @cached_property
    def _array(self) -> Layout:
        # The buffer had another name before 5.6.
        buffer = ("array_buffer.buffer", "trace_buffer.buffer")
        return Layout(self._prog, "struct trace_array", ("list", "name", buffer, "current_trace"))

    @cached_property
    def _buffer(self) -> Layout:
        kinds = ("struct trace_buffer", "struct ring_buffer")
        found = next((kind for kind in kinds if type_size(self._prog, kind)), None)
        if found is None:
            raise MissingFeature("no struct trace_buffer in this kernel")
        return Layout(self._prog, found, ("buffers", "flags"))

    @cached_property
    def _per_cpu(self) -> Layout:
        fields = ("cpu", "head_page", "commit_page", "reader_page")
        return Layout(self._prog, "struct ring_buffer_per_cpu", fields)

    @cached_property
    def _pages(self) -> Layout:
        # Since 6.8 a page may be made of several.
        fields = ("list", "read", "page", "order")
        return Layout(self._prog, "struct buffer_page", fields, optional=("order",))

    @cached_property
    def _head(self) -> Layout:
        return Layout(self._prog, "struct buffer_data_page", ("time_stamp", "commit", "data"))
