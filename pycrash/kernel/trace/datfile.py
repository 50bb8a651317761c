"""A trace.dat file of what the buffers hold: version 6, which trace-cmd and KernelShark read.

A header names the formats of all events, the symbols and the tasks; the pages of each CPU's
buffer follow as they lie in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import BinaryIO

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.trace.events import TraceEvents
from pycrash.kernel.trace.formats import EventFormat, EventFormats, Field
from pycrash.kernel.trace.ringbuffer import TraceBuffers

_MAGIC = b"\x17\x08\x44tracing6\0"
#: What tracefs/events/header_event says, the same for every kernel.
_HEADER_EVENT = """\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""


class TraceFile:
    """Writes the buffers of one dump."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._formats = kernel.part(EventFormats)

    def write(self, out: BinaryIO, buffer: int, problem: Callable[[CrashError], None]) -> None:
        """Write a trace_buffer into a file that can be sought in.

        What cannot be read is passed to `problem` and left out. Raises CrashError, and OSError
        where the file cannot be written.
        """
        kernel = self._kernel
        order = 1 if kernel.byte_order == ">" else 0
        out.write(_MAGIC + bytes([order, kernel.word_size]) + self._number(kernel.page_size))
        for name, text in (("header_page", self._header_page()), ("header_event", _HEADER_EVENT)):
            out.write(_encoded(name) + b"\0" + self._text(text))
        self._write_formats(out, problem)
        symbols = kernel.part(SymbolTable).kernel()
        lines = (f"{each.address:x} {each.letter} {each.name}\n" for each in symbols)
        for text in ("".join(lines), ""):  # symbols, and formats of trace_printk
            held = _encoded(text)
            out.write(self._number(len(held)) + held)
        names = kernel.part(TraceEvents).names()
        out.write(self._text("".join(f"{pid} {name}\n" for pid, name in sorted(names.items()))))
        self._write_pages(out, buffer, problem)

    def _write_formats(self, out: BinaryIO, problem: Callable[[CrashError], None]) -> None:
        """Those of the tracers first, then those of each system."""
        found: dict[str, list[EventFormat]] = {"ftrace": []}
        for number in self._formats.numbers():
            try:
                form = self._formats.get(number)
            except CrashError as error:
                problem(error)
                continue
            if form is not None:
                found.setdefault(form.system, []).append(form)
        out.write(self._listed(found.pop("ftrace")))
        out.write(self._number(len(found)))
        for system, forms in found.items():
            out.write(_encoded(system) + b"\0" + self._listed(forms))

    def _listed(self, forms: list[EventFormat]) -> bytes:
        return self._number(len(forms)) + b"".join(self._text(self._format(each)) for each in forms)

    def _format(self, form: EventFormat) -> str:
        """A format as tracefs has it."""
        lines = [f"name: {form.name}", f"ID: {form.id}", "format:"]
        lines += [*map(_field_line, self._formats.common), "", *map(_field_line, form.fields), ""]
        return "\n".join([*lines, f"print fmt: {form.print_format}", ""])

    def _header_page(self) -> str:
        kernel = self._kernel
        word, page = kernel.word_size, kernel.page_size
        return (
            "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
            f"\tfield: local_t commit;\toffset:8;\tsize:{word};\tsigned:1;\n"
            "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
            f"\tfield: char data;\toffset:{8 + word};\tsize:{page - 8 - word};\tsigned:0;\n"
        )

    def _write_pages(
        self, out: BinaryIO, buffer: int, problem: Callable[[CrashError], None]
    ) -> None:
        """Where the pages of each CPU lie in the file, and they, each CPU's behind the other."""
        kernel, buffers = self._kernel, self._kernel.part(TraceBuffers)
        rings = buffers.cpus(buffer)
        count = max(rings, default=-1) + 1
        out.write(self._number(count) + b"options  \0" + bytes(2) + b"flyrecord\0")
        table = out.tell()
        out.write(bytes(16 * count))
        places = []
        for cpu in range(count):
            start = -(-out.tell() // kernel.page_size) * kernel.page_size
            out.seek(start)
            pages: Iterable[bytes] = ()
            if cpu in rings:
                pages = buffers.pages(rings[cpu], problem)
            places.append((start, sum(out.write(page) for page in pages)))
        out.truncate()
        out.seek(table)
        for place in places:
            out.write(struct.pack(f"{kernel.byte_order}QQ", *place))

    def _number(self, value: int) -> bytes:
        return struct.pack(f"{self._kernel.byte_order}I", value)

    def _text(self, text: str) -> bytes:
        held = _encoded(text)
        return struct.pack(f"{self._kernel.byte_order}Q", len(held)) + held


def _field_line(field: Field) -> str:
    """A member as a declaration: the length of an array stands behind its name."""
    kind, bracket, length = field.type.partition("[")
    declared = f"{kind} {field.name}{bracket}{length}"
    if field.dynamic:
        declared = f"{field.type} {field.name}"
    place = f"offset:{field.offset};\tsize:{field.size};\tsigned:{int(field.signed)};"
    return f"\tfield:{declared};\t{place}"


def _encoded(text: str) -> bytes:
    """A name as it lies in the dump, whatever its bytes are."""
    return text.encode("utf-8", "surrogateescape")
