"""Registers as crash lays them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_X86_64 = """\
    RIP: {RIP:016x}  RSP: {RSP:016x}  RFLAGS: {RFLAGS:08x}
    RAX: {RAX:016x}  RBX: {RBX:016x}  RCX: {RCX:016x}
    RDX: {RDX:016x}  RSI: {RSI:016x}  RDI: {RDI:016x}
    RBP: {RBP:016x}   R8: {R8:016x}   R9: {R9:016x}
    R10: {R10:016x}  R11: {R11:016x}  R12: {R12:016x}
    R13: {R13:016x}  R14: {R14:016x}  R15: {R15:016x}
"""


def register_lines(registers: Mapping[str, int]) -> Iterator[str]:
    """Three registers a line, on x86-64 in its usual order with the segments last."""
    if "RIP" in registers:
        yield from _X86_64.format_map(registers).splitlines()
        origin = f"ORIG_RAX: {registers['ORIG_RAX']:016x}  " if "ORIG_RAX" in registers else ""
        yield f"    {origin}CS: {registers['CS']:04x}  SS: {registers['SS']:04x}"
        return
    cells = [f"{name:>3}: {value:016x}" for name, value in registers.items()]
    for at in range(0, len(cells), 3):
        yield "    " + "  ".join(cells[at : at + 3])
