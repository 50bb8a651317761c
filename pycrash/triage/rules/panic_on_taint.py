"""A taint that the kernel was told not to bear."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

PANIC_ON_TAINT = Rule(
    "panic-on-taint",
    "panic_on_taint",
    "The kernel was told to stop when it gets this taint.",
    Stage.END,
    says=(r"Kernel panic - not syncing: (?P<what>panic_on_taint.*)",),
    explains=("panic",),
    next=("sys -t", "mod -t"),
)
