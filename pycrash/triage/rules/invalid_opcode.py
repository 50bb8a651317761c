"""Bytes that are no instruction."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

INVALID_OPCODE = Rule(
    "invalid-opcode",
    "invalid instruction",
    "The processor met bytes that are no instruction where no BUG() stands: code was "
    "overwritten, or a wild jump.",
    Stage.FAULT,
    says=(
        r"invalid opcode: [0-9a-f]+",
        r"Internal error: Oops - undefined instruction",
    ),
    next=("bt", "dis -r {pc}"),
)
