"""A pool of workers that made no headway."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

WORKQUEUE_LOCKUP = Rule(
    "workqueue-lockup",
    "workqueue lockup",
    "Work was queued and no worker of its pool came to it.",
    Stage.SIGN,
    says=(
        r"BUG: workqueue lockup - pool(?P<what>.*?) stuck for (?P<seconds>\d+)s!",
        r"Kernel panic - not syncing: BUG: workqueue lockup",
    ),
    explains=("panic",),
    next=("runq", "foreach UN bt"),
)
