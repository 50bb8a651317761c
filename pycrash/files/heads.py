"""The heads of kdump files, made good where libkdumpfile would not take them.

libkdumpfile knows the machine by the header's struct new_utsname alone, and the VMCOREINFO by
the notes alone, which it follows from the first on: of one damaged byte in the note of a CPU it
knows nothing any more. Whatever it needs is said elsewhere, too: the machine by the vmlinux and
by the size of the CPUs' notes, the VMCOREINFO by the second header.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import IO, NamedTuple

from pycrash.files.dumpfile import KdumpHeader

#: Bytes to be written at a place in the file.
Change = tuple[int, bytes]

#: Bytes that hold both headers.
_HEADS = 1 << 17
_LARGEST_NOTES = 1 << 24
#: Where a kdump header has its struct new_utsname: six strings of this size, none of which may
#: fill its place. What stands for the first ones where they are damaged; the machine is next.
_UTSNAME_AT, _UTSNAME_SIZE = 12, 65
_STAND_INS = (b"Linux", b"(none)", b"(none)", b"(none)")
_MACHINE = len(_STAND_INS)
#: Machines that libkdumpfile knows.
_KNOWN = re.compile(
    rb"x86_64|aarch64|ppc64(le)?|ppc|s390x?|riscv64|i[3-6]86|arm.*|alpha|ia64|mips", re.DOTALL
)
#: Machines by the e_machine of their vmlinux, and the bytes of their struct elf_prstatus.
ELF_MACHINES = {62: b"x86_64", 183: b"aarch64", 21: b"ppc64", 22: b"s390x", 243: b"riscv64"}
_STATUS_SIZES = {
    b"x86_64": 336, b"aarch64": 392, b"ppc64": 504, b"ppc64le": 504, b"riscv64": 376,
    b"s390x": 336,
}  # fmt: skip
#: Machines by the bytes of their struct elf_prstatus and their byte order.
_MACHINES = {
    (336, "<"): b"x86_64", (392, "<"): b"aarch64", (376, "<"): b"riscv64",
    (504, "<"): b"ppc64", (504, ">"): b"ppc64", (336, ">"): b"s390x",
}  # fmt: skip
#: Where struct disk_dump_header counts the CPUs that have notes.
_CPUS_AT = 456
#: Where struct kdump_sub_header has the place and the size of VMCOREINFO, then of all notes.
_PLACES_AT, _PLACES = 32, "QQQQ"
#: Where it has those of the rules by which data was erased.
_ERASED_AT = 64
#: The first version of the header that has notes.
_WITH_NOTES = 4
#: The head of a note: the size of its name, of what it holds, and its kind.
_NOTE = "III"
_PRSTATUS = 1
_CPU_NAME, _INFO_NAME = b"CORE\0\0\0\0", b"VMCOREINFO\0\0"
#: A line of VMCOREINFO, and how its first one begins.
_FIRST_LINE = b"OSRELEASE="
_LINE = re.compile(rb"[A-Za-z][\w-]*(\([\w .-]+\))?=[\x20-<>-\x7e]*")


class _Note(NamedTuple):
    """An ELF note."""

    name: bytes
    kind: int
    data: bytes

    @property
    def is_status(self) -> bool:
        """Whether it has the registers of a CPU."""
        return self.name == b"CORE" and self.kind == _PRSTATUS


class Heads:
    """Both headers of an open kdump file and its notes; of other files there is nothing to say.

    `machine` is that of the vmlinux as uname says it, empty where it is not known.
    """

    def __init__(self, file: IO[bytes], machine: bytes = b"") -> None:
        self._file = file
        self._given = machine
        self._size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._head = file.read(_HEADS)
        self._header = KdumpHeader.parse(self._head)
        self._order = self._header.order if self._header else "<"

    @property
    def has_sound_notes(self) -> bool:
        """Whether the notes lead to a VMCOREINFO of plain text, and those of the CPUs have
        their size; true of files without notes."""
        place, size = self._places[2:]
        if not self._has_notes:
            return True
        if place + size > self._size:
            return False
        notes = list(self._walk())
        right = _STATUS_SIZES.get(self._machine, 0)
        infos = [_text(note.data) for note in notes if note.name == b"VMCOREINFO"]
        sizes = {len(note.data) for note in notes if note.is_status}
        return bool(infos) and all(map(_is_plain, infos)) and (not right or sizes <= {right})

    @cached_property
    def changes(self) -> list[Change]:
        """What is to be written for libkdumpfile to take the file; nothing where it does."""
        if self._header is None:
            return []
        notes = [] if self.has_sound_notes else self._noted_anew()
        return self._renamed() + self._nothing_erased() + notes

    # The names.

    def _renamed(self) -> list[Change]:
        found = [self._field(number) for number in range(len(_STAND_INS) + 2)]
        texts = [field[:-1].partition(b"\0")[0] for field in found]
        right = texts[0] == _STAND_INS[0] and texts[_MACHINE] == self._machine
        if right and all(texts[2:_MACHINE]) and not any(field[-1] for field in found):
            return []
        texts = [b"" if field[-1] else text for field, text in zip(found, texts, strict=True)]
        known = [text or other for text, other in zip(texts, _STAND_INS, strict=False)]
        wanted = [_STAND_INS[0], *known[1:], self._machine, texts[-1]]
        return [
            (_UTSNAME_AT + number * _UTSNAME_SIZE, new.ljust(_UTSNAME_SIZE, b"\0"))
            for number, (new, old) in enumerate(zip(wanted, found, strict=True))
            if new != old.rstrip(b"\0")
        ]

    def _field(self, number: int) -> bytes:
        at = _UTSNAME_AT + number * _UTSNAME_SIZE
        return self._head[at : at + _UTSNAME_SIZE].ljust(_UTSNAME_SIZE, b"\0")

    @cached_property
    def _machine(self) -> bytes:
        """The machine as the header says, unless that is none, or the vmlinux and the notes of
        the CPUs agree on another."""
        name, given = self._field(_MACHINE)[:-1].partition(b"\0")[0], self._given
        size = next((len(note.data) for note in self._walk() if note.is_status), 0)
        if _KNOWN.fullmatch(name):
            agreed = given in _STATUS_SIZES and size == _STATUS_SIZES[given]
            return given if agreed and size != _STATUS_SIZES.get(name) else name
        return given or _MACHINES.get((size, self._order), name if name.isascii() else b"")

    # The notes.

    def _nothing_erased(self) -> list[Change]:
        """Rules by which data was erased that do not lie in the file: there are none."""
        if not self._has_notes:
            return []
        assert self._header is not None
        at = self._header.block_size + _ERASED_AT
        form = struct.Struct(self._order + "QQ")
        place, size = form.unpack(self._head[at : at + form.size].ljust(form.size, b"\0"))
        return [(at, bytes(form.size))] if place + size > self._size else []

    @property
    def _has_notes(self) -> bool:
        header = self._header
        return header is not None and header.word_size == 8 and header.version >= _WITH_NOTES

    @cached_property
    def _places(self) -> tuple[int, int, int, int]:
        """Place and size of VMCOREINFO, and of all notes."""
        if self._header is None:
            return 0, 0, 0, 0
        at = self._header.block_size + _PLACES_AT
        form = struct.Struct(self._order + _PLACES)
        here = self._head[at : at + form.size].ljust(form.size, b"\0")
        info, info_size, notes, size = form.unpack(here)
        return info, info_size, notes, size

    def _read(self, place: int, size: int) -> bytes:
        """Bytes of the file, as many as there are."""
        if place >= self._size:
            return b""
        self._file.seek(place)
        return self._file.read(min(size, _LARGEST_NOTES))

    @cached_property
    def _notes(self) -> bytes:
        return self._read(*self._places[2:]) if self._has_notes else b""

    def _walk(self) -> Iterator[_Note]:
        """The notes up to the first that is none."""
        data, at = self._notes, 0
        form = struct.Struct(self._order + _NOTE)
        while at + form.size <= len(data):
            name_size, size, kind = form.unpack_from(data, at)
            begin = at + form.size + _padded(name_size)
            if begin + size > len(data):
                return
            name = data[at + form.size : at + form.size + name_size].rstrip(b"\0")
            yield _Note(name, kind, data[begin : begin + size])
            at = begin + _padded(size)

    def _noted_anew(self) -> list[Change]:
        """New notes behind the end of the file, of what is left of the old ones."""
        assert self._header is not None
        text = self._info()
        if not text:
            return []
        head = struct.pack(self._order + _NOTE, len(b"VMCOREINFO") + 1, len(text), 0)
        notes = self._statuses() + head + _INFO_NAME + text
        place = _padded(self._size)
        places = (place + len(notes) - len(text), len(text), place, len(notes))
        return [
            (self._header.block_size + _PLACES_AT, struct.pack(self._order + _PLACES, *places)),
            (place, notes.ljust(_padded(len(notes)), b"\0")),
        ]

    def _info(self) -> bytes:
        """The lines of VMCOREINFO that are whole, wherever they stand; empty without any."""
        place, size = self._places[:2]
        walked = [note.data for note in self._walk() if note.name == b"VMCOREINFO"]
        _, mark, rest = self._head.partition(_FIRST_LINE)
        for data in (*walked, self._read(place, size), mark + rest.partition(b"\0")[0]):
            text = _text(data)
            if _FIRST_LINE not in text and b"PAGESIZE=" not in text:
                continue
            if _is_plain(text):
                return text
            return b"".join(line + b"\n" for line in text.split(b"\n") if _LINE.fullmatch(line))
        return b""

    def _statuses(self) -> bytes:
        """The notes of the CPUs, found by their names; none where one is lost, for then nobody
        knows which CPU the others are of."""
        size = _STATUS_SIZES.get(self._machine, 0)
        head = struct.pack(self._order + _NOTE, len(b"CORE") + 1, size, _PRSTATUS)
        found = [match.end() for match in re.finditer(re.escape(_CPU_NAME), self._notes)]
        (count,) = struct.unpack_from(self._order + "I", self._head, _CPUS_AT)
        if not size or len(found) != count or found[-1:] > [len(self._notes) - size]:
            return b""
        return b"".join(head + _CPU_NAME + self._notes[at : at + size] for at in found)


def apply(changes: Iterable[Change], out: IO[bytes]) -> None:
    """Write them into a file."""
    for at, data in changes:
        out.seek(at)
        out.write(data)


def elf_machine(head: bytes) -> bytes:
    """The machine of an ELF file as uname says it, by its first bytes; empty for others."""
    if not head.startswith(b"\x7fELF") or len(head) < 20:
        return b""
    return ELF_MACHINES.get(int.from_bytes(head[18:20], "big" if head[5] == 2 else "little"), b"")


def _padded(size: int) -> int:
    """A size up to the next multiple of four, to which notes are filled."""
    return (size + 3) & ~3


def _text(data: bytes) -> bytes:
    return data.rstrip(b"\0")


def _is_plain(text: bytes) -> bool:
    return text.isascii() and b"\0" not in text
