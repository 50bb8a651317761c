"""Sleeping where that is not allowed."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

ATOMIC = Rule(
    "sleep-in-atomic",
    "sleep in atomic context",
    "Code slept, or could have, where it must not: with preemption or interrupts off, or under "
    "a spinlock.",
    Stage.SIGN,
    says=(
        r"BUG: (?P<what>scheduling while atomic: .*|sleeping function called from invalid "
        r"context at .*)",
    ),
    explains=("panic-on-warn",),
    next=("log", "bt"),
)
