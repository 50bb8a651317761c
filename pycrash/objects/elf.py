"""ELF files read in bulk: sections, and the symbol table as raw arrays.

pyelftools makes an object of each symbol, which for the 190,000 of a kernel takes seconds.
"""

from __future__ import annotations

import mmap
import struct
import sys
import zlib
from array import array
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from pycrash.errors import CrashError

SHT_SYMTAB = 2
SHT_NOBITS = 8
SHF_WRITE = 1
SHF_ALLOC = 2
SHF_EXECINSTR = 4
SHF_COMPRESSED = 0x800

SHN_UNDEF = 0
SHN_ABS = 0xFFF1
SHN_COMMON = 0xFFF2

STB_LOCAL, STB_WEAK, STB_UNIQUE = 0, 2, 10
STT_OBJECT, STT_SECTION, STT_IFUNC = 1, 3, 10

ELFCLASS64 = 2
ELFDATA_BIG = 2


def number(data: bytes, order: str) -> int:
    """Bytes as an unsigned number; `order` is struct's code of the byte order."""
    return int.from_bytes(data, "little" if order == "<" else "big")


@dataclass(frozen=True, slots=True)
class Section:
    """One section header, in bytes; `size` is the size in the file."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int

    @property
    def end(self) -> int:
        return self.address + self.size

    @property
    def letter(self) -> str:
        """nm's lower-case letter for what lies in it."""
        if self.flags & SHF_EXECINSTR:
            return "t"
        if self.flags & SHF_ALLOC and self.kind != SHT_NOBITS:
            return "d" if self.flags & SHF_WRITE else "r"
        if self.kind == SHT_NOBITS:
            return "b"
        if self.name.startswith((".debug", ".stab", ".line", ".zdebug")):
            return "N"
        return "?" if self.flags & SHF_WRITE else "n"


class ElfFile:
    """An ELF file mapped into memory. Raises CrashError where it is none or is cut short."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        except (OSError, ValueError) as error:
            raise CrashError(f"{path}: {error}") from error
        if self.data[:4] != b"\x7fELF":
            raise CrashError(f"{path}: not an ELF file")
        self.wide = self.data[4] == ELFCLASS64
        self.order = ">" if self.data[5] == ELFDATA_BIG else "<"

    @cached_property
    def sections(self) -> list[Section]:
        """The section headers, in the file's order."""
        try:
            return self._sections()
        except (struct.error, IndexError, OverflowError) as error:
            raise CrashError(f"{self.path}: damaged section headers") from error

    def _sections(self) -> list[Section]:
        data = self.data
        place, form = (0x28, "Q") if self.wide else (0x20, "I")
        (start,) = struct.unpack_from(self.order + form, data, place)
        each, count, names = struct.unpack_from(
            self.order + "HHH", data, 0x3A if self.wide else 0x2E
        )
        header = struct.Struct(self.order + ("IIQQQQII" if self.wide else "IIIIIIII"))
        if not start:
            return []
        rows = [header.unpack_from(data, start + i * each) for i in range(count or 1)]
        if not count:  # 65,280 sections or more: the count is in the first header
            rows = [header.unpack_from(data, start + i * each) for i in range(rows[0][5])]
        strings = rows[names][4]
        found = []
        for name, kind, flags, address, offset, size, link, _ in rows:
            at = strings + name
            text = data[at : data.find(b"\0", at)].decode("latin-1")
            found.append(Section(text, kind, flags, address, offset, size, link))
        return found

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((s for s in self.sections if s.name == name), None)

    def contents(self, section: Section) -> bytes:
        """The bytes of a section, unpacked where it is compressed. Raises CrashError."""
        if section.kind == SHT_NOBITS:
            return b""
        raw = self.data[section.offset : section.offset + section.size]
        if not section.flags & SHF_COMPRESSED:
            return raw
        header = 24 if self.wide else 12
        try:
            (kind,) = struct.unpack_from(self.order + "I", raw)
            if kind == 1:
                return zlib.decompress(raw[header:])
            if kind == 2:
                import zstandard

                return zstandard.ZstdDecompressor().decompress(raw[header:])
        except Exception as error:
            raise CrashError(f"{self.path}: {section.name}: {error}") from error
        raise CrashError(f"{self.path}: {section.name}: unknown compression {kind}")

    @cached_property
    def symbols(self) -> ElfSymbols:
        """The symbol table. Raises CrashError where the file has none."""
        table = next((s for s in self.sections if s.kind == SHT_SYMTAB), None)
        if table is None or table.link >= len(self.sections):
            raise CrashError(f"{self.path}: no symbols in this file")
        return ElfSymbols(self, self.contents(table), self.contents(self.sections[table.link]))


class ElfSymbols:
    """A symbol table: entries by their index, names and letters made only when asked for."""

    def __init__(self, elf: ElfFile, table: bytes, strings: bytes) -> None:
        self._sections = elf.sections
        self._entry = struct.Struct(elf.order + ("IBBHQQ" if elf.wide else "IIIBBH"))
        self._wide, self._order = elf.wide, elf.order
        self._word, self._kind = struct.Struct(elf.order + "I"), struct.Struct(elf.order + "BxH")
        self._table = table[: len(table) - len(table) % self._entry.size]
        self._strings = strings
        self._letters: dict[tuple[int, int], str] = {}

    def __len__(self) -> int:
        return len(self._table) // self._entry.size

    @cached_property
    def values(self) -> list[int]:
        """Every entry's value, by index."""
        words, each = (self._words("Q"), 3) if self._wide else (self._words("I"), 4)
        return words[1::each].tolist()

    def entry(self, index: int) -> tuple[int, int, int, int]:
        """(name's offset, st_info, section index, value) of one entry."""
        fields = self._entry.unpack_from(self._table, index * self._entry.size)
        if self._wide:
            name, info, _, section, value, _ = fields
        else:
            name, value, _, info, _, section = fields
        return name, info, section, value

    @cached_property
    def nameless(self) -> set[int]:
        """The indices of entries without any name."""
        return {index for index in self._starting_at([0]) if not self.name(index)}

    @cached_property
    def _starts(self) -> list[int]:
        """Where each entry's name begins among the strings, by index."""
        return self._words("I")[:: self._entry.size // 4].tolist()

    def _words(self, code: str) -> array[int]:
        words = array(code, self._table)
        if (self._order == ">") != (sys.byteorder == "big"):
            words.byteswap()
        return words

    def name(self, index: int) -> str:
        """An entry's name; that of its section for a section symbol."""
        name, info, section, _ = self.entry(index)
        return self._name(name, info, section)

    def letter(self, index: int) -> str:
        """An entry's letter as nm prints it."""
        _, info, section, _ = self.entry(index)
        return self._letter(info, section)

    def all(self) -> tuple[list[str], list[str]]:
        """The names and the letters of all entries, by index."""
        text = self._strings.decode("latin-1")
        pieces = text.split("\0")
        places = accumulate((len(piece) + 1 for piece in pieces), initial=0)
        at = dict(zip(places, pieces, strict=False))
        names = [
            # A name that is the tail of another is no piece of its own.
            text[start : text.find("\0", start)] if name is None else name
            for name, start in zip(map(at.get, self._starts), self._starts, strict=True)
        ]
        for index in self._starting_at([0]):
            names[index] = self.name(index)
        # In both layouts the type, a byte of no use here and the section make up one word.
        codes = self._words("I")[1 if self._wide else 3 :: self._entry.size // 4].tolist()
        letters = {
            code: self._letter(*self._kind.unpack(self._word.pack(code))) for code in set(codes)
        }
        return names, list(map(letters.__getitem__, codes))

    def find(self, name: str) -> list[int]:
        """The indices of the entries with exactly that name."""
        return self._named(name.encode("latin-1", "replace") + b"\0")

    def find_prefix(self, prefix: str) -> list[int]:
        """The indices of the entries whose name begins so."""
        return self._named(prefix.encode("latin-1", "replace"))

    def having(self, value: int) -> list[int]:
        """The indices of the entries of a value."""
        return _indices(self.values, value)

    def _named(self, wanted: bytes) -> list[int]:
        places = []
        at = self._strings.find(wanted)
        while at >= 0:
            # A name may be the tail of a longer one, so any place counts that an entry names.
            places.append(at)
            at = self._strings.find(wanted, at + 1)
        return self._starting_at(places)

    def _starting_at(self, places: list[int]) -> list[int]:
        """The indices of the entries whose names begin at any of these places."""
        if len(places) > 4:
            wanted = set(places)
            return [index for index, start in enumerate(self._starts) if start in wanted]
        return [index for place in places for index in _indices(self._starts, place)]

    def _name(self, start: int, info: int, section: int) -> str:
        end = self._strings.find(b"\0", start)
        text = self._strings[start:end].decode("latin-1")
        if not text and info & 0xF == STT_SECTION and section < len(self._sections):
            return self._sections[section].name
        return text

    def _letter(self, info: int, section: int) -> str:
        code = (info, section)
        if code not in self._letters:
            self._letters[code] = self._decide(info >> 4, info & 0xF, section)
        return self._letters[code]

    def _decide(self, binding: int, kind: int, section: int) -> str:
        if section == SHN_COMMON:
            return "C"
        if section == SHN_UNDEF:
            return ("v" if kind == STT_OBJECT else "w") if binding == STB_WEAK else "U"
        if kind == STT_IFUNC:
            return "i"
        if binding == STB_WEAK:
            return "V" if kind == STT_OBJECT else "W"
        if binding == STB_UNIQUE:
            return "u"
        if section == SHN_ABS:
            letter = "a"
        elif section < len(self._sections):
            letter = self._sections[section].letter
        else:
            letter = "?"
        return letter if binding == STB_LOCAL else letter.upper()


def _indices(numbers: list[int], wanted: int) -> list[int]:
    """Where a number stands in a list."""
    found = []
    at = -1
    try:
        while True:
            at = numbers.index(wanted, at + 1)
            found.append(at)
    except ValueError:
        return found
