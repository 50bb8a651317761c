"""A check in the code that must never fail, and failed."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

BUG = Rule(
    "bug",
    "BUG()",
    "The code found itself in a state that it holds impossible: the condition at that line was "
    "true.",
    Stage.FAULT,
    says=(
        r"[Kk]ernel BUG at (?P<place>\S+:\d+)!?",
        r"Kernel BUG at (?P<place>\S+)",
        r"kernel BUG at",
    ),
    next=("bt", "dis -s {function}", "log"),
)
