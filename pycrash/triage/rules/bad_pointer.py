"""A pointer to memory that is not there, or not to be used so."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

BAD_POINTER = Rule(
    "bad-pointer",
    "bad pointer",
    "An address was used that leads to no memory, or to memory that does not allow it.",
    Stage.FAULT,
    says=(
        r"BUG: unable to handle page fault for address: (?P<address>[0-9a-f]+)",
        r"[Uu]nable to handle kernel (?:paging request|access to user memory[^:]*|execute[^:]*|"
        r"write[^:]*|read[^:]*) at (?:virtual address )?(?P<address>[0-9a-f]+)",
        r"Unhandled fault.* at (?:0x)?(?P<address>[0-9a-f]+)",
        r"Unable to handle kernel (?!NULL)",
    ),
    next=("bt", "vtop {address}", "dis -rl {pc}"),
)
