"""Makes dumps of other makers, small or out of a real machine's memory."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

PAGE = 4096


def text(name: str) -> bytes:
    return bytes((len(name),)) + name.encode()


# --- QEMU: all numbers big-endian

FILL, SIZES, FULL, DONE, SAME, DELTA, PACKED = 2, 4, 8, 0x10, 0x20, 0x40, 0x100
START, PART, END = 1, 2, 3


def head(machine: str = "pc-q35-7.2", *subsections: bytes) -> bytes:
    """The head of a stream, as machines write it since 2.4."""
    configuration = struct.pack(">BI", 7, len(machine)) + machine.encode()
    return b"QEVM" + struct.pack(">I", 3) + configuration + b"".join(subsections)


def subsection(name: str, data: bytes) -> bytes:
    return b"\x05" + text(name) + struct.pack(">I", 1) + data


def ram(kind: int, records: bytes, number: int = 2) -> bytes:
    """A section of memory; the first has the name and the sizes of the blocks."""
    names = text("ram") + struct.pack(">II", 0, 4) if kind == START else b""
    footer = struct.pack(">BI", 0x7E, number)
    return struct.pack(">BI", kind, number) + names + records + struct.pack(">Q", DONE) + footer


def sizes(blocks: Mapping[str, int]) -> bytes:
    listed = b"".join(text(name) + struct.pack(">Q", size) for name, size in blocks.items())
    return struct.pack(">Q", sum(blocks.values()) | SIZES) + listed


def page(offset: int, data: bytes | int, block: str | None = None) -> bytes:
    """A page full of one byte, or its bytes; without a block it is in that of the one before."""
    flags = (FILL if isinstance(data, int) else FULL) | (SAME if block is None else 0)
    content = bytes((data,)) if isinstance(data, int) else data
    return struct.pack(">Q", offset | flags) + (text(block) if block else b"") + content


def device(name: str, number: int, instance: int, version: int, state: bytes) -> bytes:
    heads = struct.pack(">BI", 4, number) + text(name) + struct.pack(">II", instance, version)
    return heads + state + struct.pack(">BI", 0x7E, number)


def x86_state(general: Sequence[int], rip: int, flags: int, segments: Sequence[int]) -> bytes:
    """A CPU's state up to its segments: es, cs, ss, ds, fs, gs, each with its base."""
    numbers = struct.pack(">18Q", *general, rip, flags)
    bases = b"".join(struct.pack(">IQII", seg, 0x1000 + seg, 0, 0) for seg in segments)
    return numbers.ljust(236, b"\0") + bases


def libvirt(stream: bytes, packed: int = 0, magic: bytes = b"LibvirtQemudSave") -> bytes:
    xml = b"<domain/>\0"
    return struct.pack("<16sIIIII56x", magic, 2, len(xml), 1, packed, 0) + xml + stream


# --- VMware: little-endian

GENERAL = (
    *("rax", "rcx", "rdx", "rbx", "rbp", "rsp", "rsi", "rdi"),
    *(f"r{number}" for number in range(8, 16)),
)
SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr")


def value(name: str, number: int, size: int, *indices: int) -> bytes:
    tag = len(name) << 8 | len(indices) << 6 | size
    places = struct.pack(f"<{len(indices)}I", *indices)
    return struct.pack("<H", tag) + name.encode() + places + number.to_bytes(size, "little")


def block_head(name: str, size: int, padding: int, *indices: int, packed: bool = False) -> bytes:
    tag = len(name) << 8 | len(indices) << 6 | (62 if packed else 63)
    places = struct.pack(f"<{len(indices)}I", *indices)
    return (
        struct.pack("<H", tag) + name.encode() + places + struct.pack("<QQH", size, size, padding)
    )


def vmware_cpu(cpu: int, registers: Mapping[str, int], as_block: bool = False) -> bytes:
    made = [value("rip", registers["rip"], 8, cpu), value("eflags", registers["eflags"], 4, cpu)]
    if as_block:
        made.append(block_head("gpregs", 128, 0, cpu))
        made.append(struct.pack("<16Q", *(registers[name] for name in GENERAL)))
    else:
        made += [value(name, registers[name], 8, cpu) for name in GENERAL]
    for index, name in enumerate(SEGMENTS):
        made.append(value("S", registers.get(name, 0), 4, cpu, index))
        made.append(value("S.base64", registers.get(f"{name}_base", 0), 8, cpu, index))
    for index, name in enumerate(("cr0", "cr1", "cr2", "cr3", "cr4")):
        made.append(value("CR64", registers.get(name, 0), 8, cpu, index))
    idt = registers.get("idtr", 0)
    made.append(value("IDTR", idt & 0xFFFFFFFF, 4, cpu, 1))
    made.append(value("IDTR", idt >> 32, 4, cpu, 2))
    return b"".join(made)


def vmss(
    cpus: Sequence[bytes],
    regions: Iterable[tuple[int, int, int]] = (),
    memory: int | None = None,
    magic: int = 0xBED2BED2,
    packed: bool = False,
) -> bytes:
    """A file up to where the `memory` bytes of its memory begin, None if they lie beside it.

    `regions` are first page, first page in the file, and pages, in this order.
    """
    cpu = value("cpu:numVCPUs", len(cpus), 4) + b"".join(cpus) + b"\0\0"
    said = list(regions)
    layout = value("align_mask", 0xFFF, 4) + value("regionsCount", len(said), 4)
    for index, (first, at, pages) in enumerate(said):
        layout += value("regionPPN", first, 4, index) + value("regionPageNum", at, 4, index)
        layout += value("regionSize", pages, 4, index)
    # crash reads eighty times the groups that there are, and wants a file of that size.
    start = 16384
    middle = start + len(cpu)
    groups = struct.pack("<64sQQ", b"cpu", start, len(cpu))
    # The memory begins at a page, and the end of its group follows it.
    before = len(layout) + len(block_head("Memory", 0, 0, 0, 0))
    padding = -(middle + before) % PAGE
    if memory is None:
        layout += b"\0\0"
    else:
        layout += block_head("Memory", memory, padding, 0, 0, packed=packed) + bytes(padding)
    groups += struct.pack("<64sQQ", b"memory", middle, len(layout))
    return (struct.pack("<III", magic, 8, 2) + groups).ljust(start, b"\0") + cpu + layout


RELEASES = {1: (13, "<QIII4I"), 4: (14, "<QQII4Q"), 6: (15, "<QQII4Q"), 7: (8, "<QQII4Q")}


def guest(
    registers: Sequence[int], cpus: int, pages: int, hole: tuple[int, int] | None, release: int
) -> bytes:
    """A `.guest` file, whose CPUs all have the same registers, of so many pages of memory."""
    gap, numbers = RELEASES[release]
    end = (pages + (hole[1] if hole else 0)) * PAGE
    holes = (*(hole or (0, 0)), 0, 0)
    made = struct.pack("<II", release, cpus) + bytes(gap)
    made += struct.pack(numbers, end - 1, pages, 0, int(hole is not None), *holes)
    if release == 1:
        made += bytes(4 + 8 * (hole is not None))
    if release == 7:
        made += struct.pack("<I", 1) + bytes(7)
    state = bytes(116 + (45 if release < 4 else 42)) + struct.pack("<27Q", *registers)
    return made + cpus * (state + bytes(17 + 4096))


# --- sadump: little-endian


def partition(rank: int = 0, used: int = 0, volume: bytes = b"V" * 16) -> bytes:
    """The head of a partition, or of a disk of a set."""
    ids = b"S" * 16 + b"D" * 16 + volume
    made = b"sadump\0\0".ljust(88, b"\0") + ids + b"T" * 16 + struct.pack("<IIQ", rank, 0, used)
    rule = [7]
    while len(rule) < 982:
        rule.append((rule[-1] + 7) * 11 & 0xFFFFFFFF)
    return made + struct.pack("<982I", *rule)


def medium(number: int = 1) -> bytes:
    return (b"S" * 16 + b"D" * 16 + b"T" * 16 + bytes((number,))).ljust(PAGE, b"\0")


def bits(pages: Iterable[int], size: int) -> bytes:
    """A bitmap of whole blocks, the highest bit of a byte first."""
    made = bytearray(-(-size // (8 * PAGE)) * PAGE)
    for number in pages:
        made[number >> 3] |= 0x80 >> (number & 7)
    return bytes(made)


def sadump_head(memory: bytes, dumped: bytes, count: int, version: int = 1) -> bytes:
    """The head of a dump and what follows it up to its pages; one block is the CPUs' state."""
    made = b"sadump\0\0" + struct.pack("<II", version, 0) + b"T" * 16 + struct.pack("<II", 0, 0)
    blocks = (len(memory) // PAGE, len(dumped) // PAGE)
    made += struct.pack("<IIIII", PAGE, 0, 1, *blocks)
    made += struct.pack("<IIIIII4xQQQQ", count, 0, 0, 0, 0, 2, count, 0, 0, 0)
    state = struct.pack("<I", 0).ljust(PAGE, b"\0")
    return made.ljust(PAGE, b"\0") + state + memory + dumped


def disk_set(volumes: Sequence[bytes]) -> bytes:
    """The head of a set, which stands on its first disk; the IDs of the others."""
    made = struct.pack("<IIQ", 1, len(volumes) + 1, 0)
    made += b"".join(volume + bytes(16) for volume in volumes)
    return made.ljust(PAGE, b"\0")
