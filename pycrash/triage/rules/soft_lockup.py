"""A CPU on which no task but one got to run."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

SOFT_LOCKUP = Rule(
    "soft-lockup",
    "soft lockup",
    "A CPU ran kernel code for many seconds without letting other tasks run.",
    Stage.END,
    says=(r"Kernel panic - not syncing: softlockup: hung tasks",),
    explains=("panic",),
    next=("bt", "runq", "log"),
)

SOFT_LOCKUP_SEEN = Rule(
    "soft-lockup",
    "soft lockup",
    "A CPU ran kernel code for many seconds without letting other tasks run, and the machine "
    "went on.",
    Stage.SIGN,
    says=(
        r"BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for (?P<seconds>\d+)s! "
        r"\[(?P<comm>.+):(?P<pid>\d+)\]",
    ),
    next=("bt -a", "runq"),
)
