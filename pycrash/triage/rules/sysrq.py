"""A crash that somebody asked for."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage, nobody

SYSRQ = Rule(
    "sysrq",
    "crash by SysRq",
    "Somebody asked for the crash: `c` was written to /proc/sysrq-trigger or pressed.",
    Stage.FAULT,
    says=(
        r"(?i)sysrq ?: Trigger a crash",
        r"Kernel panic - not syncing: sysrq triggered crash",
    ),
    on_stack=("sysrq_handle_crash",),
    suspect=nobody,
    next=("log", "foreach UN bt", "runq"),
)
