"""What the kernel's own lock checking reports."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

LOCK_DEBUG = Rule(
    "lock-error",
    "lock error",
    "The lock checker found a lock damaged, held too long, or an order of locks that can deadlock.",
    Stage.SIGN,
    says=(
        r"BUG: (?P<what>(?:spinlock|rwlock|mutex) .*)",
        r"WARNING: (?P<what>possible (?:circular locking dependency|recursive locking|irq lock "
        r"inversion dependency) detected.*)",
        r"WARNING: (?P<what>inconsistent lock state.*|bad unlock balance.*|lock held when "
        r"returning.*)",
    ),
    explains=("soft-lockup", "bug"),
    next=("bt -a", "log"),
)
