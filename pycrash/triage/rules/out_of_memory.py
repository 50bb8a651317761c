"""Memory that ran out."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage, nobody

OUT_OF_MEMORY = Rule(
    "out-of-memory",
    "out of memory",
    "No memory could be found, and the kernel was told to stop then, or had nobody left to kill.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: [Oo]ut of memory[:.]? ?(?P<why>.*)",
        r"Kernel panic - not syncing: System is deadlocked on memory",
    ),
    on_stack=("out_of_memory",),
    explains=("panic",),
    suspect=nobody,
    next=("kmem -i", "ps -G", "kmem -s"),
)

OUT_OF_MEMORY_SEEN = Rule(
    "out-of-memory",
    "out of memory",
    "Memory ran out and a process was killed for it.",
    Stage.SIGN,
    says=(
        r"(?:Out of memory|Memory cgroup out of memory): Kill(?:ed)? process (?P<pid>\d+),? "
        r"\((?P<comm>.+?)\)",
    ),
    next=("kmem -i", "ps -G"),
)
