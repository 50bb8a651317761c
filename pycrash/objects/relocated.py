"""The debug sections of a module's object file, as if linked to where the module lies.

An object file (ET_REL) has its addresses, and its offsets between debug sections, only in
relocations.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pycrash.objects.dwarf import Dwarf
from pycrash.objects.elf import SHF_COMPRESSED, ElfFile, Section

SHT_RELA, SHT_REL = 4, 9

#: Machine (e_machine) to the relocation types that store a symbol plus an addend: type to bytes.
ABSOLUTE: dict[int, dict[int, int]] = {
    3: {1: 4},  # i386
    20: {1: 4},  # PowerPC
    21: {38: 8, 1: 4},  # PowerPC 64
    22: {22: 8, 4: 4},  # s390
    40: {2: 4},  # ARM
    62: {1: 8, 10: 4, 11: 4},  # x86-64
    183: {257: 8, 258: 4},  # AArch64
    243: {2: 8, 1: 4},  # RISC-V
    258: {2: 8, 1: 4},  # LoongArch
}


class RelocatedFile(ElfFile):
    """An object file whose debug sections have their absolute relocations applied.

    `places` gives the run-time address of each section of code and data, by name.
    """

    def __init__(self, path: Path, places: Mapping[str, int]) -> None:
        super().__init__(path)
        self._places = places
        (machine,) = struct.unpack_from(self.order + "H", self.data, 18)
        self._sizes = ABSOLUTE.get(machine, {})

    def contents(self, section: Section) -> bytes:
        """The bytes of a section, relocated if it is one of debug information."""
        data = super().contents(section)
        if not section.name.startswith(".debug_"):
            return data
        for kind in (SHT_RELA, SHT_REL):
            for table in self.sections:
                if table.kind == kind and table.name in (
                    f".rela{section.name}",
                    f".rel{section.name}",
                ):
                    data = self._applied(bytearray(data), table)
        return data

    def _applied(self, data: bytearray, table: Section) -> bytes:
        with_addend = table.kind == SHT_RELA
        word = "Q" if self.wide else "I"
        form = self.order + word * 2 + (word.lower() if with_addend else "")
        relocations = super().contents(table)
        step = struct.calcsize(form)
        shift, mask = (32, 0xFFFFFFFF) if self.wide else (8, 0xFF)
        values = self._symbol_values()
        packers = {4: struct.Struct(self.order + "I"), 8: struct.Struct(self.order + "Q")}
        for row in struct.iter_unpack(form, relocations[: len(relocations) // step * step]):
            offset, info = row[0], row[1]
            size = self._sizes.get(info & mask)
            if size is None or offset + size > len(data) or info >> shift >= len(values):
                continue
            packer = packers[size]
            addend = row[2] if with_addend else packer.unpack_from(data, offset)[0]
            value = (values[info >> shift] + addend) & ((1 << 8 * size) - 1)
            packer.pack_into(data, offset, value)
        return bytes(data)

    def _symbol_values(self) -> list[int]:
        """Every symbol's run-time address; that of a debug section is an offset into it."""
        starts = [self._places.get(s.name, 0) for s in self.sections]
        table = self.symbols
        found = []
        for index in range(len(table)):
            _, _, section, value = table.entry(index)
            found.append(value + (starts[section] if section < len(starts) else 0))
        return found


class RelocatedDwarf(Dwarf):
    """DWARF of an object file: no part of a section can be read before it is relocated."""

    def span(self, name: str, start: int, size: int) -> bytes:
        """A part of a section."""
        return self.contents(name)[start : start + size] if start >= 0 else b""


def open_plain(path: Path) -> int:
    """A file descriptor of an object file, or of a copy whose debug sections are not compressed.

    drgn 0.3.0 unpacks a compressed section when it relocates it, then fails to unpack it
    again, and from there on every look-up of a type fails.
    """
    elf = ElfFile(path)
    packed = [(i, s) for i, s in enumerate(elf.sections) if s.flags & SHF_COMPRESSED]
    if not packed:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    content = bytearray(elf.data)
    place, form = (0x28, "Q") if elf.wide else (0x20, "I")
    (headers,) = struct.unpack_from(elf.order + form, content, place)
    (each,) = struct.unpack_from(elf.order + "H", content, 0x3A if elf.wide else 0x2E)
    flags_at, offset_at, align_at = (8, 24, 48) if elf.wide else (8, 16, 32)
    for index, section in packed:
        data = elf.contents(section)
        content += bytes(-len(content) % 16)
        header = headers + index * each
        # The alignment of what was packed stands in the section's own header (Elf64_Chdr).
        chdr = section.offset + (16 if elf.wide else 8)
        (align,) = struct.unpack_from(elf.order + form, content, chdr)
        struct.pack_into(
            elf.order + form, content, header + flags_at, section.flags ^ SHF_COMPRESSED
        )
        struct.pack_into(elf.order + form * 2, content, header + offset_at, len(content), len(data))
        struct.pack_into(elf.order + form, content, header + align_at, align)
        content += data
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())
