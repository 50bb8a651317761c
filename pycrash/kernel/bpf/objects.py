"""The BPF programs and maps that are loaded (struct bpf_prog, bpf_prog_aux, bpf_map)."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import (
    Layout,
    bit_places,
    enumerators,
    find_member,
    member_offset,
    type_size,
)
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.xarray import walk

#: Bytes of an instruction.
INSTRUCTION = 8
#: More maps than a program can use, more instructions than the verifier lets pass.
_MOST_USED, _MOST_INSTRUCTIONS = 1 << 16, 1 << 22
#: Maps that keep a value for each CPU, and those that keep descriptors, as crash counts them.
_PER_CPU = ("PERCPU_HASH", "PERCPU_ARRAY", "LRU_PERCPU_HASH", "PERCPU_CGROUP_STORAGE")
_OF_DESCRIPTORS = (
    *("PROG_ARRAY", "PERF_EVENT_ARRAY", "CGROUP_ARRAY"),
    *("ARRAY_OF_MAPS", "HASH_OF_MAPS"),
)


class Program(NamedTuple):
    """A struct bpf_prog: `length` instructions, `jited` bytes of code at `function`.

    `load_time` is nanoseconds since boot. None is what this kernel does not keep, and the user
    of a program whose user_struct cannot be read.
    """

    id: int
    address: int
    aux: int
    type: str
    tag: bytes
    length: int
    jited: int
    function: int
    pages: int | None
    gpl_compatible: bool | None
    load_time: int | None
    name: str | None
    uid: int | None
    used_maps: int
    used_map_count: int


class Map(NamedTuple):
    """A struct bpf_map. `memory` is bytes, None where nothing says how many; `user` the
    address of its user_struct, 0 where the kernel keeps none."""

    id: int
    address: int
    type: str
    flags: int
    key_size: int
    value_size: int
    max_entries: int
    memory: int | None
    name: str | None
    user: int
    uid: int | None


class BpfObjects:
    """The programs and maps by rising id. Methods raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    @property
    def is_there(self) -> bool:
        """Whether this kernel has BPF objects with ids (4.13)."""
        return all(self._kernel.symbol_address(name) for name in ("prog_idr", "map_idr"))

    @cached_property
    def program_places(self) -> dict[int, int]:
        """The struct bpf_prog of each program by its id."""
        return self._in_tree("prog_idr")

    @cached_property
    def map_places(self) -> dict[int, int]:
        """The struct bpf_map of each map by its id."""
        return self._in_tree("map_idr")

    @cached_property
    def program_types(self) -> list[tuple[str, int]]:
        """The types of programs that this kernel knows, without what their names begin with."""
        return _bare(enumerators(self._prog, "enum bpf_prog_type"), "BPF_PROG_TYPE_")

    @cached_property
    def map_types(self) -> list[tuple[str, int]]:
        """The types of maps, likewise."""
        return _bare(enumerators(self._prog, "enum bpf_map_type"), "BPF_MAP_TYPE_")

    def program(self, number: int) -> Program:
        """The program of an id out of `program_places`."""
        kernel, address = self._kernel, self.program_places[number]
        own, more = self._program, self._aux
        data = kernel.read(address, own.whole, "struct bpf_prog")
        aux, type_, tag, length, jited, function, pages = own.unpack(data, own.start)
        held = kernel.read(aux, more.whole, "struct bpf_prog_aux")
        used, count, load_time, user, name = more.unpack(held, more.start)
        return Program(
            *(number, address, aux, _named(self.program_types, type_), tag),
            *(length, jited, function, pages, self._gpl_compatible(data)),
            *(load_time, _text(name), self._uid(user), used, count),
        )

    def used_maps(self, program: Program) -> list[int]:
        """The ids of the maps a program uses, in its order."""
        if not program.used_map_count:
            return []
        kernel, ids = self._kernel, {at: number for number, at in self.map_places.items()}
        size = min(program.used_map_count, _MOST_USED) * kernel.word_size
        data = kernel.read(program.used_maps, size, "bpf_prog_aux.used_maps")
        found = (at for (at,) in struct.iter_unpack(kernel.struct_format("P"), data))
        return [ids[at] for at in found if at in ids]

    def bytecode(self, program: Program) -> bytes:
        """The translated instructions of a program. Raises CrashError too."""
        if program.length > _MOST_INSTRUCTIONS:
            raise CrashError(f"invalid number of BPF instructions: {program.length}")
        at = program.address + member_offset(self._prog, "struct bpf_prog", "insnsi")
        return self._kernel.read(at, program.length * INSTRUCTION, "bpf_prog.insnsi contents")

    def map(self, number: int) -> Map:
        """The map of an id out of `map_places`."""
        layout, address = self._map, self.map_places[number]
        data = self._kernel.read(address, layout.whole, "struct bpf_map")
        type_, flags, key, value, most, pages, user, name = layout.unpack(data, layout.start)
        kind = _named(self.map_types, type_)
        if pages is not None:
            memory: int | None = pages * self._kernel.page_size
        elif kind == "RINGBUF":
            memory = self._ring_memory(address, most)
        else:
            memory = self._memory(kind, key, value, most)
        return Map(
            *(number, address, kind, flags, key, value, most, memory),
            *(_text(name), user or 0, self._uid(user)),
        )

    def helper_name(self, number: int) -> str | None:
        """The name of a helper function by its number; None where there is none of it."""
        kernel, table = self._kernel, self._kernel.symbol_span("func_id_str")
        if table is None or not 0 <= number < table[1] // kernel.word_size:
            return None
        at = kernel.read_word(table[0] + number * kernel.word_size, "func_id_str pointer")
        return read_text(kernel, at, "func_id_str[] string") if at else None

    def _in_tree(self, name: str) -> dict[int, int]:
        inside = member_offset(self._prog, "struct idr", "idr_rt")
        return dict(walk(self._kernel, self._kernel.required_symbol(name) + inside, _give_up))

    def _gpl_compatible(self, data: bytes) -> bool | None:
        place = (bit_places(self._prog, "struct bpf_prog") or {}).get("gpl_compatible")
        return None if place is None else bool(self._kernel.unsigned(data) >> place[0] & 1)

    def _memory(self, kind: str, key: int, value: int, most: int) -> int | None:
        """Bytes of a map that the kernel does not count any more (5.11), as it reckoned them."""
        if kind in _PER_CPU:
            value = _up(value, 8) * len(self._kernel.cpus.possible)
        elif kind in _OF_DESCRIPTORS:
            value = 4
        return _up(most * _up(key + value, 8), self._kernel.page_size) or None

    def _ring_memory(self, address: int, most: int) -> int:
        """Bytes of a ring buffer: what holds it, its pages, and the list of these."""
        kernel, prog = self._kernel, self._prog
        map_at, ring_at = (
            member_offset(prog, "struct bpf_ringbuf_map", name) for name in ("map", "rb")
        )
        ring = kernel.read_word(address - map_at + ring_at, "bpf_ringbuf *")
        layout = Layout(prog, "struct bpf_ringbuf", ("nr_pages", "consumer_pos"))
        at = ring + layout.at("nr_pages")
        data = kernel.read(at, layout.width("nr_pages"), "bpf_ringbuf.nr_pages")
        page = kernel.page_size
        listed = layout.at("consumer_pos") // page + 2 + 2 * (most // page)
        whole = type_size(prog, "struct bpf_ringbuf_map") or 0
        return whole + kernel.unsigned(data) * page + listed * kernel.word_size

    def _uid(self, user: int | None) -> int | None:
        place = find_member(self._prog, "struct user_struct", "uid")
        if not user or place is None:
            return None
        try:
            return self._kernel.unsigned(self._kernel.read(user + place.offset, 4))
        except ReadError:
            return None

    @cached_property
    def _program(self) -> Layout:
        fields = ("aux", "type", "tag", "len", "jited_len", "bpf_func", "pages")
        return Layout(self._prog, "struct bpf_prog", fields, optional=("pages",))

    @cached_property
    def _aux(self) -> Layout:
        optional = ("load_time", "user", "name")
        fields = ("used_maps", "used_map_cnt", *optional)
        return Layout(self._prog, "struct bpf_prog_aux", fields, optional)

    @cached_property
    def _map(self) -> Layout:
        # What is charged to whom moved into bpf_map.memory in 5.3, and away in 5.11.
        pages, user = ("pages", "memory.pages"), ("user", "memory.user")
        fields = ("map_type", "map_flags", "key_size", "value_size", "max_entries")
        optional = ("pages", "user", "name")
        return Layout(self._prog, "struct bpf_map", (*fields, pages, user, "name"), optional)


def _bare(found: list[tuple[str, int]], prefix: str) -> list[tuple[str, int]]:
    return [(name.removeprefix(prefix), value) for name, value in found]


def _named(names: list[tuple[str, int]], number: int) -> str:
    """The first name of a number, "" where it has none."""
    return next((name for name, value in names if value == number), "")


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


def _give_up(error: ReadError) -> None:
    raise error
