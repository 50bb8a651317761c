"""Oopses or warnings, more than the kernel was told to bear."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

OOPS_LIMIT = Rule(
    "oops-limit",
    "too many oopses or warnings",
    "The kernel bore oopses or warnings until their number reached a limit (kernel.oops_limit, "
    "warn_limit).",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?:Oopsed|Warned|\w+:? ?warned) too often "
        r"\((?P<what>[^)]*)\)",
        r"Kernel panic - not syncing: .*too often \((?P<what>[^)]*)\)",
    ),
    explains=("panic",),
)
