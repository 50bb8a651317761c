"""*: what an address points to, for structures and unions alike."""

from __future__ import annotations

from pycrash.command.structures import StructureCommand


class Pointer(StructureCommand):
    name = "*"
    summary = "pointer-to short-cut"
    synopsis = "(struct or union command arguments)"
    description = """\
Stands for `struct` or `union`, whichever the name is. Operands and options are theirs."""
    examples = (("A member of the structure at an address", "* task_struct.pid ff175e6a82c68000"),)
