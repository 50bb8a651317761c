"""A panic with a message of its own."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

PANIC = Rule(
    "panic",
    "panic",
    "The code stopped the kernel with a message of its own.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?P<what>.*)",
        r"Kernel panic: (?P<what>.*)",
    ),
)
