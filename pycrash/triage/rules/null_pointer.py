"""A pointer that was NULL, or an offset from one."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

NULL_POINTER = Rule(
    "null-pointer",
    "NULL pointer dereference",
    "A structure was reached through a pointer that was NULL; the address is the offset of the "
    "member.",
    Stage.FAULT,
    says=(
        r"BUG: kernel NULL pointer dereference, address: (?P<address>[0-9a-f]+)",
        r"[Uu]nable to handle kernel NULL pointer dereference at (?:virtual address "
        r")?(?P<address>[0-9a-f]+)",
    ),
    next=("bt", "dis -rl {pc}", "log"),
)
