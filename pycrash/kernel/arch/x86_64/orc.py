"""The ORC tables of an x86-64 kernel: for each range of text, where its caller's frame lies.

Every entry of `__start_orc_unwind` (struct orc_entry) belongs to the address that
`__start_orc_unwind_ip` holds, as an offset from itself, at the same index. `orc_lookup`
cuts the text into blocks and holds the index of the first entry of each. A module has
tables of its own (struct mod_arch_specific).
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, bit_places, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.modules.table import Module, ModuleTable

#: What sp_reg and bp_reg of an OrcEntry can be; REG_OTHER is a register nobody follows.
REG_OTHER = -1
REG_UNDEFINED = 0
REG_PREV_SP = 1
REG_BP = 4
REG_SP = 5

#: The kernel's numbers for them, and since 7.1.
_OLD_NUMBERS = {0: REG_UNDEFINED, 1: REG_PREV_SP, 4: REG_BP, 5: REG_SP}
_NEW_NUMBERS = {0: REG_UNDEFINED, 8: REG_PREV_SP, 4: REG_BP, 3: REG_SP}
#: The number of the stack pointer, by which nearly every entry goes.
_OLD_SP, _NEW_SP = 5, 3
#: Entries that are looked at to tell the one numbering from the other.
_SAMPLE = 512

#: Bytes of text that share one entry of orc_lookup.
_BLOCK = 256
#: No module has more entries; a larger count is damage.
_MAX_MODULE_ENTRIES = 1 << 22


@dataclass(frozen=True, slots=True)
class OrcEntry:
    """One struct orc_entry. `call` tells that a return address lies right under the frame."""

    sp_offset: int
    bp_offset: int
    sp_reg: int
    bp_reg: int
    call: bool


class OrcTables:
    """Looks up the entry of a text address, in the kernel's tables or a module's."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._entries: dict[int, OrcEntry | None] = {}
        self._modules: dict[int, _ModuleTable | None] = {}

    @cached_property
    def exists(self) -> bool:
        """Whether this kernel has ORC tables that can be read."""
        return self._format is not None and None not in self._bounds

    def find(self, pc: int) -> OrcEntry | None:
        """The entry that covers a text address; None where there is none."""
        try:
            return self._entries[pc]
        except KeyError:
            try:
                entry = self._search(pc)
            except ReadError:
                entry = None
            self._entries[pc] = entry
            return entry

    @cached_property
    def _format(self) -> _Format | None:
        prog = self._kernel.prog
        bits = bit_places(prog, "struct orc_entry")
        return None if bits is None else _Format(bits, type_size(prog, "struct orc_entry") or 0)

    @cached_property
    def _bounds(self) -> tuple[int | None, ...]:
        names = (
            "lookup_num_blocks",
            "orc_lookup",
            "__start_orc_unwind_ip",
            "__start_orc_unwind",
            "_stext",
        )
        return tuple(self._kernel.symbol_address(name) for name in names)

    @cached_property
    def _blocks(self) -> int:
        return _u32(self._kernel.read(self._bounds[0] or 0, 4, "lookup_num_blocks"))

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """The numbering of registers; neither a type nor a symbol tells which one it is."""
        form, table = self._format, self._bounds[3]
        if form is None or table is None:
            return _OLD_NUMBERS
        data = self._kernel.read(table, _SAMPLE * form.size, "kernel orc_entry")
        seen = [
            form.field("sp_reg", data[at : at + form.size]) for at in range(0, len(data), form.size)
        ]
        return _NEW_NUMBERS if seen.count(_NEW_SP) > seen.count(_OLD_SP) else _OLD_NUMBERS

    def _search(self, pc: int) -> OrcEntry | None:
        if not self.exists:
            return None
        _, lookup, ips, entries, start = (address or 0 for address in self._bounds)
        block = (pc - start) // _BLOCK
        if not 0 <= block < self._blocks - 1:
            return self._search_module(pc)
        data = self._kernel.read(lookup + 4 * block, 8, "orc_lookup")
        first, last = struct.unpack("<II", data)
        # A block holds at most an entry for each of its bytes.
        if not 0 <= last - first <= _BLOCK:
            return None
        table = self._kernel.read(ips + 4 * first, 4 * (last + 1 - first), "orc_ip")
        place = _last_at_most(table, ips + 4 * first, pc)
        return self._entry(entries, first + place)

    def _search_module(self, pc: int) -> OrcEntry | None:
        module = self._kernel.part(ModuleTable).find(pc)
        if module is None:
            return None
        if module.address not in self._modules:
            self._modules[module.address] = self._read_module(module)
        table = self._modules[module.address]
        if table is None:
            return None
        return self._entry(table.entries, _last_at_most(table.ips, table.base, pc))

    def _read_module(self, module: Module) -> _ModuleTable | None:
        members = ["arch.num_orcs", "arch.orc_unwind_ip", "arch.orc_unwind"]
        try:
            layout = Layout(self._kernel.prog, "struct module", members)
        except MissingFeature:
            return None
        span = self._kernel.read(module.address + layout.start, layout.size, "module num_orcs")
        count, ips, entries = layout.unpack(span)
        if not 0 < count <= _MAX_MODULE_ENTRIES:
            return None
        return _ModuleTable(ips, self._kernel.read(ips, 4 * count, "orc_ip"), entries)

    def _entry(self, table: int, place: int) -> OrcEntry | None:
        form = self._format
        if form is None or place < 0:
            return None
        data = self._kernel.read(table + place * form.size, form.size, "kernel orc_entry")
        return form.decode(data, self._numbers)


@dataclass(frozen=True, slots=True)
class _ModuleTable:
    base: int
    ips: bytes
    entries: int


class _Format:
    """How this kernel packs struct orc_entry."""

    def __init__(self, bits: dict[str, tuple[int, int]], size: int) -> None:
        self.size = size
        self._bits = bits
        # 6.4 put two types before that of a call when it dropped the member `end`; `signal`
        # had come in 6.3.
        self._call = 2 if "signal" in self._bits and "end" not in self._bits else 0

    def field(self, name: str, data: bytes) -> int:
        """A member as an unsigned number."""
        offset, width = self._bits[name]
        return int.from_bytes(data, "little") >> offset & (1 << width) - 1

    def decode(self, data: bytes, numbers: dict[int, int]) -> OrcEntry:
        """The entry in the bytes of one, with the numbering of its registers."""
        return OrcEntry(
            self._signed("sp_offset", data),
            self._signed("bp_offset", data),
            numbers.get(self.field("sp_reg", data), REG_OTHER),
            numbers.get(self.field("bp_reg", data), REG_OTHER),
            self.field("type", data) == self._call,
        )

    def _signed(self, name: str, data: bytes) -> int:
        value, width = self.field(name, data), self._bits[name][1]
        return value - (1 << width) if value >> width - 1 else value


def _u32(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _last_at_most(table: bytes, base: int, pc: int) -> int:
    """Index of the last address of an ip table that is not beyond pc; -1 where all are."""
    offsets: tuple[int, ...] = struct.unpack(f"<{len(table) // 4}i", table)

    def address(place: int) -> int:
        return base + 4 * place + offsets[place]

    return bisect_right(range(len(offsets)), pc, key=address) - 1
