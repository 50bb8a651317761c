"""An address that no page table can hold, or an instruction that was not allowed."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

PROTECTION_FAULT = Rule(
    "general-protection",
    "general protection fault",
    "The processor refused an address that is none (not canonical), or a privileged operation.",
    Stage.FAULT,
    says=(
        r"general protection fault(?:, (?:probably|maybe) for (?:non-canonical )?address "
        r"(?P<address>0x[0-9a-f]+))?",
    ),
    next=("bt", "dis -rl {pc}", "log"),
)
