"""Suspended guests and snapshots of VMware: `.vmss` and `.vmsn`, with the memory inside or in the
`.vmem` beside.

Such a file is groups of tagged values. A tag says how long a name, how many indices and how large
a value follow; a block has its size before it. All numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, kept_name_of_all
from pycrash.files.compressed import Progress
from pycrash.files.image import PAGE, MemoryImage, Plan, Region, keep_image
from pycrash.files.registers import KIND, OWNER, X86_64, prstatus

#: What such files begin with, those of the releases that had numbers of 32 bits last.
_MAGICS = {0xBED2BED2, 0xBED3BED3, 0xBAD1BAD1, 0xBAD2BAD2}
_OLD = {0xBED0BED0, 0xBED2BED0}

_HEADER, _GROUP = struct.Struct("<III"), struct.Struct("<64sQQ")
_BLOCK_HEAD = struct.Struct("<QQH")
#: Sizes in a tag that say that a block follows, as it is or packed.
_PACKED, _PLAIN = 62, 63
_MOST_GROUPS, _MOST_TAGS, _MOST_REGIONS, _MOST_CPUS = 1024, 1 << 20, 256, 4096

#: The general registers as a block has them, and the segments by their index.
_GENERAL = (
    *("rax", "rcx", "rdx", "rbx", "rbp", "rsp", "rsi", "rdi"),
    *(f"r{number}" for number in range(8, 16)),
)
_SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs")
_SINGLE = {*_GENERAL, "rip", "eflags"}


@dataclass(frozen=True)
class _Value:
    """A value of a group: its name and indices; a block lies at a place in the file."""

    name: str
    indices: tuple[int, ...]
    place: int
    size: int
    packed: bool = False
    number: int = 0


@dataclass
class _Machine:
    """What the groups say: regions by their index (first page, page in the file, pages), where
    the memory lies in this file, and the registers of each CPU."""

    region_count: int = 0
    regions: dict[tuple[int, str], int] = field(default_factory=dict)
    memory: tuple[int, int] | None = None
    cpu_count: int = 0
    cpus: dict[int, dict[str, int]] = field(default_factory=dict)


class SavedMachine(NamedTuple):
    """Regions of memory, each behind its place in what was saved, and the CPUs' registers."""

    pieces: list[tuple[int, Region]]
    cpus: list[tuple[int, dict[str, int]]]


def is_vmware(head: bytes) -> bool:
    """Whether a file that begins so is of VMware."""
    return int.from_bytes(head[:4], "little") in _MAGICS | _OLD


def suspended_machine(path: Path, progress: Progress | None = None, limit: int = 0) -> Path:
    """In the cache the core file of a suspended guest: its memory and registers.

    `limit` is how many bytes the memory may become, 0 what is usual. Raises CrashError.
    """
    with open(path, "rb") as file:
        magic, _, groups = _HEADER.unpack(_read(path, file, _HEADER.size))
        if magic in _OLD:
            raise CrashError(f"{path}: a VMware suspend file of 32 bits, which is not supported")
        machine = _read_groups(path, file, groups)
        if machine.memory is not None:
            place, size = machine.memory
            saved = SavedMachine(list(_pieces(machine, size)), _whole_cpus(machine))
            return _kept(path, [file], saved, (place, size), progress, limit)
    size = memory_beside(path)
    saved = SavedMachine(list(_pieces(machine, size)), _whole_cpus(machine))
    return kept_with_memory(path, saved, progress, limit)


def memory_beside(path: Path) -> int:
    """The bytes of the memory that lies in a file beside. Raises CrashError."""
    beside = path.with_suffix(".vmem")
    try:
        return os.stat(beside).st_size
    except OSError as error:
        raise CrashError(
            f"{path}: its memory is in a file beside it: {beside}: {error.strerror}"
        ) from error


def kept_with_memory(
    path: Path, saved: SavedMachine, progress: Progress | None, limit: int
) -> Path:
    """The core file of a machine whose memory lies in a file beside. Raises CrashError."""
    try:
        with open(path, "rb") as file, open(path.with_suffix(".vmem"), "rb") as memory:
            whole = (0, os.fstat(memory.fileno()).st_size)
            return _kept(path, [file, memory], saved, whole, progress, limit)
    except OSError as error:
        raise CrashError(f"{error.filename}: {error.strerror}") from error


def _kept(
    path: Path,
    files: list[IO[bytes]],
    saved: SavedMachine,
    extent: tuple[int, int],
    progress: Progress | None,
    limit: int,
) -> Path:
    """The core file of the memory that lies in an extent (place, size) of the last of these."""
    name = kept_name_of_all(files)
    kept = find_file(name)
    if kept is not None:
        return kept
    memory, pieces, (place, size) = files[-1], saved.pieces, extent
    behind = max((at + region.size for at, region in pieces), default=0)
    missing = max(behind - size, place + behind - os.fstat(memory.fileno()).st_size)
    if missing > 0:
        raise CrashError(f"{memory.name}: cut short: {missing:,} bytes of memory are missing")

    def fill(image: MemoryImage) -> None:
        for at, region in pieces:

            def told(done: int, before: int = at) -> None:
                if progress is not None:
                    progress(f"reading {memory.name}", before + done, behind)

            image.copy(region.address, memory, place + at, region.size, told)
        for cpu, registers in saved.cpus:
            image.add_note(OWNER, KIND, prstatus(X86_64, cpu, registers))

    plan = Plan(X86_64, tuple(region for _, region in pieces))
    return keep_image(Path(memory.name), name, plan, fill, limit)


def _pieces(machine: _Machine, size: int) -> Iterator[tuple[int, Region]]:
    """The regions, each with where in the memory that was saved it begins."""
    if not machine.region_count:
        yield 0, Region(0, size // PAGE * PAGE)
        return
    for index in range(machine.region_count):
        first, at, pages = (
            machine.regions.get((index, name), 0)
            for name in ("regionPPN", "regionPageNum", "regionSize")
        )
        if pages:
            yield at * PAGE, Region(first * PAGE, pages * PAGE)


def _whole_cpus(machine: _Machine) -> list[tuple[int, dict[str, int]]]:
    """The registers of all CPUs; none if those of one are missing, for notes are counted."""
    cpus = sorted(machine.cpus.items())
    if len(cpus) != machine.cpu_count or not all({"rip", "rsp"} <= have.keys() for _, have in cpus):
        return []
    return cpus


def _read_groups(path: Path, file: IO[bytes], count: int) -> _Machine:
    if count > _MOST_GROUPS:
        raise CrashError(f"{path}: damaged: {count:,} groups")
    table = _read(path, file, count * _GROUP.size)
    machine = _Machine()
    for name, place, _ in _GROUP.iter_unpack(table):
        group = name.partition(b"\0")[0]
        if group == b"memory":
            for value in _values(path, file, place):
                _note_memory(path, machine, value)
        elif group == b"cpu":
            for value in _values(path, file, place):
                _note_cpu(path, file, machine, value)
    return machine


def _values(path: Path, file: IO[bytes], place: int) -> Iterator[_Value]:
    """The values of a group that begins at a place."""
    end = os.fstat(file.fileno()).st_size
    for _ in range(_MOST_TAGS):
        # Behind what a file system can have, to seek is an error.
        file.seek(min(place, end))
        (tag,) = struct.unpack("<H", _read(path, file, 2))
        if not tag:
            return
        name = _read(path, file, tag >> 8).decode("latin-1")
        count = tag >> 6 & 3
        indices = struct.unpack(f"<{count}I", _read(path, file, 4 * count))
        size = tag & 63
        if size in (_PACKED, _PLAIN):
            stored, _, padding = _BLOCK_HEAD.unpack(_read(path, file, _BLOCK_HEAD.size))
            begin = file.tell() + padding
            yield _Value(name, indices, begin, stored, size == _PACKED)
            place = begin + stored
        else:
            number = int.from_bytes(_read(path, file, size), "little")
            place = file.tell()
            yield _Value(name, indices, place - size, size, number=number)
    raise CrashError(f"{path}: damaged: a group without an end")


def _note_memory(path: Path, machine: _Machine, value: _Value) -> None:
    if value.name == "Memory":
        if value.packed:
            raise CrashError(
                f"{path}: its memory is packed, which is not supported; vmss2core may unpack it"
            )
        machine.memory = (value.place, value.size)
    elif value.name == "regionsCount":
        machine.region_count = value.number
        if value.number > _MOST_REGIONS:
            raise CrashError(f"{path}: damaged: {value.number:,} regions of memory")
    elif value.name.startswith("region") and value.indices:
        machine.regions[value.indices[0], value.name] = value.number


def _note_cpu(path: Path, file: IO[bytes], machine: _Machine, value: _Value) -> None:
    name, indices = value.name, value.indices
    if name == "cpu:numVCPUs":
        machine.cpu_count = value.number
    if not indices or indices[0] >= _MOST_CPUS:
        return
    registers = machine.cpus.setdefault(indices[0], {})
    if name == "gpregs" and value.size == 8 * len(_GENERAL):
        file.seek(value.place)
        numbers = struct.unpack(f"<{len(_GENERAL)}Q", _read(path, file, value.size))
        registers.update(zip(_GENERAL, numbers, strict=True))
    elif name.lower() in _SINGLE:
        registers[name.lower()] = value.number
    elif name in ("S", "S.base64") and len(indices) > 1 and indices[1] < len(_SEGMENTS):
        segment = _SEGMENTS[indices[1]]
        registers[segment if name == "S" else f"{segment}_base"] = value.number


def _read(path: Path, file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise CrashError(f"{path}: cut short at byte {file.tell():,}")
    return data
