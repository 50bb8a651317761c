"""An ELF file that stands for a vmlinux: its symbols and its build ID.

The sections are where the kernel's own symbols say. They have the letters of their symbols, and
of their bytes the file has none: between them lies a hole.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from pycrash.errors import CrashError
from pycrash.objects.elf import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_ABS,
    SHT_NOBITS,
    SHT_SYMTAB,
    STB_WEAK,
    STT_OBJECT,
    Section,
)
from pycrash.objects.kallsyms import Symbol

_PROGBITS, _STRTAB, _NOTE = 1, 3, 7
_PAGE = 4096
_GLOBAL, _FUNCTION = 1, 2
#: What all per-CPU variables may take.
_LARGEST_PER_CPU = 1 << 24
_WEAK = frozenset("wvWV")
_CODE, _WRITTEN = SHF_ALLOC | SHF_EXECINSTR, SHF_ALLOC | SHF_WRITE

#: Sections: name, kind, flags, and the symbols that bound it.
_SECTIONS = (
    (".text", _PROGBITS, _CODE, "_stext", "_etext"),
    (".rodata", _PROGBITS, SHF_ALLOC, "__start_rodata", "__start_BTF"),
    (".BTF", _PROGBITS, SHF_ALLOC, "__start_BTF", "__stop_BTF"),
    (".data", _PROGBITS, _WRITTEN, "_sdata", "_edata"),
    (".init.text", _PROGBITS, _CODE, "_sinittext", "_einittext"),
    (".bss", SHT_NOBITS, _WRITTEN, "__bss_start", "__bss_stop"),
    (".brk", SHT_NOBITS, _WRITTEN, "__bss_stop", "_end"),
    (".init.scratch", SHT_NOBITS, _WRITTEN, "__init_scratch_begin", "__init_scratch_end"),
)
#: The one that not every kernel has.
_OPTIONAL = ".init.scratch"
_PER_CPU = ".data..percpu"


@dataclass(frozen=True, slots=True)
class _Part:
    """A section to be: its bytes are `data`, or `size` of a hole."""

    name: str
    kind: int
    flags: int
    address: int
    size: int
    data: bytes = b""
    link: int = 0
    info: int = 0
    each: int = 0


@dataclass(frozen=True)
class StandIn:
    """What is known of a kernel. The symbols, by address, are those of the image where it was
    linked for; `machine` is the ELF file's number of it (EM_X86_64), `order` the byte order."""

    symbols: Sequence[Symbol]
    build_id: bytes
    machine: int
    order: str

    def write(self, out: IO[bytes]) -> None:
        """Write the file. Raises CrashError where the symbols bound no image."""
        image = self._sections()
        sections = image + self._per_cpu()
        low, high = image[0].address, max(s.address + s.size for s in image)
        table, strings, local = self._table(sections)
        note = self._pack("III4s", 4, len(self.build_id), 3, b"GNU\0") + self.build_id
        names = [s.name for s in sections] + [".notes", ".symtab", ".strtab", ".shstrtab"]
        parts = [
            *sections,
            _Part(".notes", _NOTE, 0, 0, len(note), note),
            _Part(".symtab", SHT_SYMTAB, 0, 0, len(table), table, len(names) - 1, local, 24),
            _Part(".strtab", _STRTAB, 0, 0, len(strings), strings),
        ]
        heading = "\0".join(["", *names, ""]).encode()
        parts.append(_Part(".shstrtab", _STRTAB, 0, 0, len(heading), heading))
        rows = [bytes(64)]
        end = 0
        for part in parts:
            # What is in memory lies in the file as it does there, so one segment has it all.
            at = _PAGE + part.address - low if part in image else end
            out.seek(at)
            out.write(part.data)
            if part.kind != SHT_NOBITS:
                end = at + part.size + 7 & ~7
            name = heading.index(b"\0" + part.name.encode() + b"\0") + 1
            fields = (name, part.kind, part.flags, part.address, at, part.size)
            rows.append(self._pack("IIQQQQIIQQ", *fields, part.link, part.info, 8, part.each))
        out.seek(end)
        out.write(b"".join(rows))
        filled = max(s.address + s.size for s in image if s.kind != SHT_NOBITS) - low
        out.seek(0)
        out.write(self._head(end, len(rows)))
        out.write(self._pack("IIQQQQQQ", 1, 7, _PAGE, low, low, filled, high - low, _PAGE))

    def _head(self, table: int, count: int) -> bytes:
        magic = b"\x7fELF\2" + (b"\1" if self.order == "<" else b"\2") + b"\1" + bytes(9)
        numbers = (2, self.machine, 1, 0, 64, table, 0, 64, 56, 1, 64, count, count - 1)
        return magic + self._pack("HHIQQQIHHHHHH", *numbers)

    def _sections(self) -> list[_Part]:
        """The sections of the image, `.text` the first."""
        at = {symbol.name: symbol for symbol in self.symbols}
        found = []
        for name, kind, flags, first, last in _SECTIONS:
            low, high = at.get(first), at.get(last)
            if name == _OPTIONAL and (low is None or high is None):
                continue
            if low is None or high is None or not 0 <= high.address - low.address < 1 << 31:
                raise CrashError(f"kallsyms: {first} and {last} bound no {name}")
            if low.letter == "D":  # some linkers have .rodata written to
                flags |= SHF_WRITE
            found.append(_Part(name, kind, flags, low.address, high.address - low.address))
        if any(not 0 <= s.address - found[0].address < 1 << 31 for s in found):
            raise CrashError("kallsyms: its sections are far apart")
        return found

    def _per_cpu(self) -> list[_Part]:
        """The section of per-CPU variables, where their addresses are mere offsets."""
        bounds = {s.name: s.address for s in self.symbols if s.absolute}
        low, high = bounds.get("__per_cpu_start"), bounds.get("__per_cpu_end")
        if low is None or high is None or not 0 < high - low <= _LARGEST_PER_CPU:
            return []
        return [_Part(_PER_CPU, _PROGBITS, _WRITTEN, low, high - low)]

    def _table(self, sections: list[_Part]) -> tuple[bytes, bytes, int]:
        """The symbol table, its strings, and the place of its first symbol that is not local."""
        addresses = [symbol.address for symbol in self.symbols]
        pack = struct.Struct(f"{self.order}IBBHQQ").pack
        homes = _Homes(sections)
        strings, names = bytearray(b"\0"), dict[str, int]()
        local, others = [bytes(24)], []
        for symbol in self.symbols:
            address, letter, name = symbol
            start = names.get(name)
            if start is None:
                start = names[name] = len(strings)
                strings += name.encode() + b"\0"
            home = homes.of(symbol)
            # Nothing says more of a size than where the next one begins.
            behind = bisect_right(addresses, address)
            size = addresses[behind] - address if behind < len(addresses) else 0
            if symbol.absolute and size > _LARGEST_PER_CPU:
                size = 0  # behind the last one the kernel begins
            kind = _FUNCTION if letter in "tTwW" else STT_OBJECT
            if letter in _WEAK:
                others.append(pack(start, STB_WEAK << 4 | kind, 0, home, address, size))
            elif letter.isupper():
                others.append(pack(start, _GLOBAL << 4 | kind, 0, home, address, size))
            else:
                local.append(pack(start, kind, 0, home, address, size))
        return b"".join(local + others), bytes(strings), len(local)

    def _pack(self, form: str, *values: object) -> bytes:
        return struct.pack(self.order + form, *values)


class _Homes:
    """The number of the section of each symbol: that at its address, if the letter is of it."""

    def __init__(self, sections: list[_Part]) -> None:
        self._sections = [
            (number, Section(s.name, s.kind, s.flags, s.address, 0, s.size, 0))
            for number, s in enumerate(sections, 1)
        ]
        self._by_letter: dict[str, int] = {}
        for number, section in self._sections:
            self._by_letter.setdefault(section.letter, number)
        for weak, letter in (("w", "t"), ("v", "d"), ("?", "d")):
            self._by_letter[weak] = self._by_letter[letter]

    def of(self, symbol: Symbol) -> int:
        """The number; of what is absolute SHN_ABS, but for per-CPU variables."""
        address, letter = symbol.address, symbol.letter.lower()
        for number, section in self._sections:
            inside = section.address <= address < section.end
            if section.name == _PER_CPU and symbol.absolute and (inside or address == section.end):
                return number
            if inside and section.letter == letter:
                return number
        return SHN_ABS if symbol.absolute else self._by_letter.get(letter, self._by_letter["d"])
