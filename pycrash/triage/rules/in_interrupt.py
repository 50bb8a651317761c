"""A fault in an interrupt, of which the log has nothing else."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

IN_INTERRUPT = Rule(
    "fault-in-interrupt",
    "fault in an interrupt",
    "A fault came in an interrupt, where no task can be ended for it.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?:Fatal exception in interrupt|Aiee, killing interrupt "
        r"handler!)",
    ),
    explains=("panic",),
)
