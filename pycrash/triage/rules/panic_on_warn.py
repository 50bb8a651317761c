"""A warning that the kernel was told not to bear."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

PANIC_ON_WARN = Rule(
    "panic-on-warn",
    "panic_on_warn",
    "A warning came, and the kernel was told to stop at one.",
    Stage.END,
    says=(r"Kernel panic - not syncing: (?:\w+: )?panic_on_warn set",),
    explains=("panic",),
    next=("log", "bt"),
)
