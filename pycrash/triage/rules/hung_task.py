"""A task that waited for minutes."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage, named_by

HUNG_TASK = Rule(
    "hung-task",
    "hung task",
    "A task waited uninterruptibly for longer than the limit: for a lock, for input and "
    "output, or for another task.",
    Stage.END,
    says=(r"Kernel panic - not syncing: hung_task: blocked tasks",),
    on_stack=("check_hung_uninterruptible_tasks",),
    explains=("panic",),
    suspect=named_by("hung-task"),
    next=("foreach UN bt", "ps -m | grep UN"),
)

HUNG_TASK_SEEN = Rule(
    "hung-task",
    "hung task",
    "A task waited uninterruptibly for longer than the limit, and the machine went on.",
    Stage.SIGN,
    says=(r"INFO: task (?P<comm>.+):(?P<pid>\d+) blocked for more than (?P<seconds>\d+) seconds",),
    next=("foreach UN bt",),
)
