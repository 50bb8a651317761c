"""What the kinds of machines of QEMU decide about a saved guest: where its memory lies, and what
the state of a CPU looks like."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.files.image import Region
from pycrash.files.registers import AARCH64, X86_64

_4G = 1 << 32
#: How much memory lies below 4 GiB on machines of a kind: where it is at least so many bytes
#: it ends at the second number.
_SPLIT = {"pc-q35": (0xB0000000, 0x80000000), "pc": (0xE0000000, 0xC0000000)}
#: Where memory begins on the machine "virt" of arm64.
_ARM_START = 1 << 30
#: Names of the block that is main memory, and of its parts where there are several NUMA nodes.
_MAIN = ("pc.ram", "mach-virt.ram", "microvm.ram")
_NODE = re.compile(r"(?:/objects/)?ram-node(\d+)")

#: The head of a section of a CPU: its number, name, the CPU's number, and the version.
_CPU = re.compile(rb"\x04.{4}\x03cpu(.{4})(.{4})", re.DOTALL)
_MOST_CPUS, _LAST_VERSION = 4096, 64

#: The state of an x86 CPU: general registers, rip, flags; then behind the FPU's ten segments.
_X86_GENERAL = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *(f"r{number}" for number in range(8, 16)),
    *("rip", "eflags"),
)
_X86_SEGMENTS_AT, _X86_SEGMENT = 236, struct.Struct(">IQII")
_X86_SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs")
#: That of an ARM CPU: sixteen registers of 32 bits, then those of 64, pc, and the flags.
_ARM_AT, _ARM = 64, struct.Struct(">33QI")


class Placed(NamedTuple):
    """A part of a block of memory: its offset in the block, and where it lies."""

    offset: int
    region: Region


def machine_of(machine: str, blocks: Mapping[str, int]) -> int:
    """The processor of a kind of machine, as ELF numbers it. Raises CrashError."""
    if "mach-virt.ram" in blocks or machine.startswith("virt-"):
        return AARCH64
    # Releases before 2.4 do not say which kind it is, and RHEL gave them names of its own.
    if not machine or machine.startswith(("pc", "rhel", "microvm")):
        return X86_64
    raise CrashError(f"a saved guest of a machine that is not known: {machine}")


def placed_blocks(machine: str, blocks: Mapping[str, int]) -> dict[str, list[Placed]]:
    """Where in physical memory the blocks lie that are main memory. Raises CrashError."""
    spans = list(_spans(machine, sum(blocks[name] for name in _main_blocks(blocks)), blocks))
    placed: dict[str, list[Placed]] = {}
    for name in _main_blocks(blocks):
        offset, size = 0, blocks[name]
        placed[name] = []
        while offset < size:
            region = spans.pop(0)
            some = min(size - offset, region.size)
            placed[name].append(Placed(offset, Region(region.address, some)))
            offset += some
            if some < region.size:
                spans.insert(0, Region(region.address + some, region.size - some))
    return placed


def _main_blocks(blocks: Mapping[str, int]) -> list[str]:
    """The names of the blocks that are main memory, the lowest first."""
    nodes = sorted((int(found[1]), name) for name in blocks if (found := _NODE.fullmatch(name)))
    if nodes:
        return [name for _, name in nodes]
    for name in _MAIN:
        if name in blocks:
            return [name]
    # A block may have any name that the user gave it (-object memory-backend-...).
    return [max(blocks, key=lambda name: blocks[name])]


def _spans(machine: str, size: int, blocks: Mapping[str, int]) -> Iterator[Region]:
    """Where main memory lies, the lowest first."""
    if machine_of(machine, blocks) == AARCH64:
        yield Region(_ARM_START, size)
        return
    least, end = _SPLIT["pc-q35" if machine.startswith("pc-q35") else "pc"]
    if size < least:
        end = size
    yield Region(0, end)
    if size > end:
        yield Region(_4G, size - end)


def state_of_cpus(machine: int, sections: bytes) -> list[dict[str, int]]:
    """The registers of each CPU that has a section there, in the order of their numbers."""
    parse = _x86_registers if machine == X86_64 else _arm_registers
    found: dict[int, dict[str, int]] = {}
    for head in _CPU.finditer(sections):
        cpu, version = (int.from_bytes(part, "big") for part in head.groups())
        if cpu < _MOST_CPUS and 0 < version <= _LAST_VERSION and cpu not in found:
            registers = parse(sections, head.end())
            if registers:
                found[cpu] = registers
    return [found[cpu] for cpu in sorted(found)]


def _x86_registers(sections: bytes, at: int) -> dict[str, int]:
    """The registers of an x86 CPU, none where the state is cut short."""
    end = at + _X86_SEGMENTS_AT + len(_X86_SEGMENTS) * _X86_SEGMENT.size
    if end > len(sections):
        return {}
    values = struct.unpack_from(f">{len(_X86_GENERAL)}Q", sections, at)
    registers = dict(zip(_X86_GENERAL, values, strict=True))
    for number, name in enumerate(_X86_SEGMENTS):
        place = at + _X86_SEGMENTS_AT + number * _X86_SEGMENT.size
        selector, base, _, _ = _X86_SEGMENT.unpack_from(sections, place)
        registers[name] = selector
        if name in ("fs", "gs"):
            registers[f"{name}_base"] = base
    return registers


def _arm_registers(sections: bytes, at: int) -> dict[str, int]:
    """The registers of an arm64 CPU, none where the state is cut short."""
    if at + _ARM_AT + _ARM.size > len(sections):
        return {}
    names = (*(f"x{number}" for number in range(31)), "sp", "pc", "pstate")
    return dict(zip(names, _ARM.unpack_from(sections, at + _ARM_AT), strict=True))
