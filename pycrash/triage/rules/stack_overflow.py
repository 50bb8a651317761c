"""A kernel stack that was not large enough."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

STACK_OVERFLOW = Rule(
    "stack-overflow",
    "kernel stack overflow",
    "A task's kernel stack ran over its end: recursion, or large variables on the stack.",
    Stage.FAULT,
    says=(
        r"BUG: (?:\w+ )?stack guard page was hit at (?P<address>\S+)",
        r"[Kk]ernel stack overflow",
        r"Insufficient stack space to handle exception",
        r"corrupted stack end detected inside scheduler",
    ),
    explains=("double-fault", "panic"),
    on_stack=("handle_stack_overflow",),
    next=("bt", "bt -v", "bt -f"),
)
