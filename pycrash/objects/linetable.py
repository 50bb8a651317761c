"""One DWARF line program, decoded to the table gdb makes of it.

gdb keeps a table for each source file and closes it when the program turns to another file;
of an address it names the entry nearest below among those of all files. The difference to a
plain reading of the program shows where inlined functions meet, so its rules are kept.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from pycrash.objects.dwarf import CompileUnit, Dwarf, DwarfError, sleb, uleb
from pycrash.objects.elf import number

DW_LNCT_PATH, DW_LNCT_DIRECTORY_INDEX = 1, 2
DW_LNE_END_SEQUENCE, DW_LNE_SET_ADDRESS, DW_LNE_SET_DISCRIMINATOR = 1, 2, 4

#: Sizes of the forms a header's tables may use; others have a length of their own.
FORM_SIZES = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16}
FORM_STRING, FORM_UDATA, FORM_STRP, FORM_LINE_STRP = 0x08, 0x0F, 0x0E, 0x1F


@dataclass
class SourceFile:
    """One source file of a unit and its entries as (address, line, is a statement).

    Line 0 closes a stretch. `name` is as gdb shows it, `key` tells files apart.
    """

    name: str
    key: str
    entries: list[tuple[int, int, bool]] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)


class Header(NamedTuple):
    """The head of a line program; `files` by the number the program uses."""

    start: int
    end: int
    version: int
    step: int
    operations: int
    statement: bool
    line_base: int
    line_range: int
    opcode_base: int
    lengths: bytes
    files: list[tuple[str, str]]
    first_file: int


class LineTable:
    """The source lines of one unit, by address in the file."""

    def __init__(self, dwarf: Dwarf, unit: CompileUnit, order: str) -> None:
        self._dwarf = dwarf
        self._order = order
        self._unit = unit
        self.name, self.directory = unit.name, unit.directory
        self._files: dict[str, SourceFile] = {}
        self._main = self._file(unit.name, unit.name)
        if unit.lines is not None:
            self._decode(unit.lines)

    def find(self, address: int) -> tuple[str, int] | None:
        """The file and line of an address; the file as gdb names it. None where unknown."""
        best: tuple[int, int, bool] | None = None
        name = ""
        for file in self._files.values():
            at = bisect_right(file.addresses, address) - 1
            if at < 0:
                continue
            entry = file.entries[at]
            if not entry[1] or (best is not None and entry[0] <= best[0]):
                continue
            # Of entries at one address a statement is better, if nothing ends between.
            other = at
            while not file.entries[other][2] and other:
                before = file.entries[other - 1]
                if before[0] != entry[0] or not before[1]:
                    break
                other -= 1
            best, name = file.entries[other] if file.entries[other][2] else entry, file.name
        return (name, best[1]) if best else None

    def stretch(self, address: int) -> tuple[int, int] | None:
        """The first and the last address (not in it) of the line an address belongs to.

        Entries of the same line that are no statements go on with it.
        """
        first, last = 0, 0
        for file in self._files.values():
            at = bisect_right(file.addresses, address)
            line = file.entries[at - 1][1] if at else 0
            if line:
                first = max(first, file.addresses[at - 1])
            while line and at < len(file.entries) and file.entries[at][1:] == (line, False):
                at += 1
            if at < len(file.addresses):
                last = min(last or file.addresses[at], file.addresses[at])
        return (first, last) if first and last else None

    def _file(self, name: str, key: str) -> SourceFile:
        directory = self._unit.directory
        full = key if key.startswith("/") or not directory else f"{directory}/{key}"
        if full not in self._files:
            self._files[full] = SourceFile(name, key)
        return self._files[full]

    def _decode(self, offset: int) -> None:
        head = self._dwarf.span(".debug_line", offset, 12)
        if len(head) < 12:
            return
        (length,) = struct.unpack_from(self._order + "I", head)
        size = 4
        if length == 0xFFFFFFFF:
            (length,) = struct.unpack_from(self._order + "Q", head, 4)
            size = 12
        data = self._dwarf.span(".debug_line", offset, size + length)
        try:
            header = self._header(data, size)
            files = [self._file(name, key) for name, key in header.files]
            Program(data, header, files, self._order).run()
        except (IndexError, struct.error, ValueError, ZeroDivisionError) as error:
            raise DwarfError(f"damaged line program at {offset:x}") from error
        self._close()

    def _close(self) -> None:
        for file in self._files.values():
            file.entries.sort(key=lambda e: (e[0], e[1] != 0))
            file.addresses = [e[0] for e in file.entries]
        # A main file without lines of its own takes those of the file named alike.
        if not self._main.entries:
            base = self._main.key.rpartition("/")[2]
            alike = [
                f
                for f in self._files.values()
                if f.entries and f.key.rpartition("/")[2] == base and f is not self._main
            ]
            if len(alike) == 1:
                alike[0].name = self._main.name

    def _header(self, data: bytes, at: int) -> Header:
        order, offset_size = self._order, 8 if at == 12 else 4
        offset = order + ("Q" if offset_size == 8 else "I")
        (version,) = struct.unpack_from(order + "H", data, at)
        if not 2 <= version <= 5:
            raise ValueError("unknown version")
        at += 2 + (2 if version >= 5 else 0)
        (length,) = struct.unpack_from(offset, data, at)
        at += offset_size
        start = at + length
        step, at = data[at], at + 1
        operations = 1
        if version >= 4:
            operations, at = data[at] or 1, at + 1
        statement, line_base, line_range, opcode_base = struct.unpack_from("<BbBB", data, at)
        at += 4
        lengths = bytes(1) + data[at : at + opcode_base - 1]
        at += opcode_base - 1
        if version >= 5:
            directories, at = self._entries(data, at, offset_size)
            names, at = self._entries(data, at, offset_size)
            paths = [d[0] for d in directories]
        else:
            paths, names, at = self._old_entries(data, at)
        files = []
        for name, index in names:
            directory = paths[index] if index < len(paths) else ""
            key = f"{directory}/{name}" if directory and not name.startswith("/") else name
            files.append((key, key))
        return Header(
            start,
            len(data),
            version,
            step,
            operations,
            bool(statement),
            line_base,
            line_range,
            opcode_base,
            lengths,
            files,
            0 if version >= 5 else 1,
        )

    def _entries(self, data: bytes, at: int, offset_size: int) -> tuple[list[tuple[str, int]], int]:
        """A table of DWARF 5: (name, directory's index) of each, and the place behind it."""
        count, at = data[at], at + 1
        forms = []
        for _ in range(count):
            content, at = uleb(data, at)
            form, at = uleb(data, at)
            forms.append((content, form))
        total, at = uleb(data, at)
        found = []
        for _ in range(total if forms else 0):
            name, index = "", 0
            for content, form in forms:
                value, at = self._form(data, at, form, offset_size)
                if content == DW_LNCT_PATH:
                    name = str(value)
                elif content == DW_LNCT_DIRECTORY_INDEX and isinstance(value, int):
                    index = value
            found.append((name, index))
        return found, at

    def _form(self, data: bytes, at: int, form: int, offset_size: int) -> tuple[str | int, int]:
        if form == FORM_STRING:
            end = data.index(b"\0", at)
            return data[at:end].decode("utf-8", "replace"), end + 1
        if form == FORM_UDATA:
            return uleb(data, at)
        if form in (FORM_STRP, FORM_LINE_STRP):
            section = ".debug_str" if form == FORM_STRP else ".debug_line_str"
            place = number(data[at : at + offset_size], self._order)
            return self._dwarf.string(section, place), at + offset_size
        if form not in FORM_SIZES:
            raise ValueError("unknown form")
        size = FORM_SIZES[form]
        return number(data[at : at + size], self._order), at + size

    @staticmethod
    def _old_entries(data: bytes, at: int) -> tuple[list[str], list[tuple[str, int]], int]:
        """The tables before DWARF 5: directories counted from 1, 0 being that of the unit."""
        paths = [""]
        while data[at]:
            end = data.index(b"\0", at)
            paths.append(data[at:end].decode("utf-8", "replace"))
            at = end + 1
        at += 1
        names = []
        while data[at]:
            end = data.index(b"\0", at)
            name = data[at:end].decode("utf-8", "replace")
            index, at = uleb(data, end + 1)
            _, at = uleb(data, at)
            _, at = uleb(data, at)
            names.append((name, index))
        return paths, names, at + 1


class Program:
    """Runs a line program, adding entries to the files."""

    def __init__(self, data: bytes, header: Header, files: list[SourceFile], order: str) -> None:
        self._data = data
        self._header = header
        self._files = files
        self._order = order

    def run(self) -> None:
        at = self._header.start
        while at < self._header.end:
            at = self._sequence(at)

    def _file_of(self, number: int) -> SourceFile | None:
        index = number - self._header.first_file
        return self._files[index] if 0 <= index < len(self._files) else None

    def _sequence(self, at: int) -> int:
        """One sequence, up to its end; returns the place behind it."""
        data, header = self._data, self._header
        base, line_base, line_range = header.opcode_base, header.line_base, header.line_range
        step, end = header.step, header.end
        advance = (255 - base) // line_range * step
        address = index = discriminator = last_line = 0
        line, statement, discriminated, recording = 1, header.statement, False, True
        file = self._file_of(1)
        last_file: SourceFile | None = None
        last_address, statement_seen = 0, False
        operations = header.operations
        while at < end:
            opcode = data[at]
            at += 1
            emit = False
            if opcode >= base:
                opcode -= base
                index += opcode // line_range
                address += index // operations * step
                index %= operations
                delta = line_base + opcode % line_range
                line += delta
                if delta:
                    discriminated = discriminator != 0
                emit = True
            elif opcode == 0:
                size, at = uleb(data, at)
                following = at + size
                code = data[at]
                if code == DW_LNE_END_SEQUENCE:
                    if recording and last_file is not None and file is not None:
                        close(last_file.entries, address)
                    return following
                if code == DW_LNE_SET_ADDRESS:
                    address = number(data[at + 1 : following], self._order)
                    index = 0
                    gone = (0, (1 << 8 * (size - 1)) - 1, (1 << 8 * (size - 1)) - 2)
                    recording = recording and address not in gone
                elif code == DW_LNE_SET_DISCRIMINATOR:
                    discriminator, _ = uleb(data, at + 1)
                    discriminated = discriminated or discriminator != 0
                at = following
            elif opcode == 1:
                emit = True
            elif opcode == 2:
                count, at = uleb(data, at)
                index += count
                address += index // operations * step
                index %= operations
            elif opcode == 3:
                delta, at = sleb(data, at)
                line += delta
                if delta:
                    discriminated = discriminator != 0
            elif opcode == 4:
                which, at = uleb(data, at)
                file = self._file_of(which)
                if file is not None:
                    discriminated = discriminator != 0
            elif opcode == 6:
                statement = not statement
            elif opcode == 8:
                address += advance
            elif opcode == 9:
                (count,) = struct.unpack_from(self._order + "H", data, at)
                address += count
                index, at = 0, at + 2
            elif opcode not in (7, 10, 11):  # a column, an ISA, or what is not known here
                for _ in range(header.lengths[opcode]):
                    _, at = uleb(data, at)
            if not emit:
                continue
            if file is not None and index == 0:
                changed = last_file is not file
                ignored = line == 0 or (
                    changed and last_address == address and not statement and statement_seen
                )
                if not ignored:
                    if changed and last_file is not None and recording:
                        close(last_file.entries, address)
                    if changed or line != last_line or not discriminated:
                        if recording:
                            file.entries.append((address, line, statement))
                        last_file, last_line = file, line
            if last_address != address:
                statement_seen, last_address = False, address
            statement_seen = statement_seen or statement
            discriminator = 0
        return at


def close(entries: list[tuple[int, int, bool]], address: int) -> None:
    """End a file's stretch at an address: entries without an extent go, then line 0 stands."""
    last = None
    while entries:
        last = entries[-1]
        if last[0] != address:
            break
        entries.pop()
    if last is not None and last[1]:
        entries.append((address, 0, True))
