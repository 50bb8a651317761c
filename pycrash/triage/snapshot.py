"""The figures of one dump that another one is compared with, and what differs between two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.triage.evidence import Evidence
from pycrash.triage.machine import largest_caches, memory_shares

Area = Literal["system", "config", "modules", "tasks", "memory", "slab", "log"]
#: Numbers in messages, which no two dumps have in common.
_NUMBERS = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+")
#: More caches than any kernel has.
_ALL_CACHES = 1 << 16

Figures = dict[str, "int | str"]


@dataclass(frozen=True)
class Change:
    """One figure that differs: None where one of the two does not have it."""

    area: Area
    name: str
    before: int | str | None
    after: int | str | None

    @property
    def growth(self) -> int:
        """How much it grew, 0 of what is no number."""
        if isinstance(self.before, str) or isinstance(self.after, str):
            return 0
        return (self.after or 0) - (self.before or 0)


def system(kernel: Kernel) -> Figures:
    """What the machine and its kernel are."""
    facts, names = kernel.system, kernel.system.utsname
    return {
        "nodename": names.nodename,
        "release": names.release,
        "version": names.version,
        "machine": names.machine,
        "cpus": kernel.cpus.count,
        "memory": facts.memory,
        "tasks": len(kernel.tasks.all),
        "taint": facts.taints.letters.replace(" ", ""),
        "uptime": facts.ticks // facts.hz,
        "panic": facts.panic_message.strip(),
    }


def config(kernel: Kernel) -> Figures:
    """The kernel's configuration. Raises CrashError where it does not carry it."""
    if not kernel.system.config.settings:
        raise CrashError("a kernel does not carry its configuration")
    return dict(kernel.system.config.settings)


def modules(kernel: Kernel) -> Figures:
    """Modules with their bytes."""
    return {module.name: module.size for module in kernel.modules.all}


def tasks(kernel: Kernel) -> Figures:
    """How many tasks there are of each name, without the numbers in it."""
    return dict(Counter(re.sub(r"\d+", "N", task.comm) for task in kernel.tasks.all))


def slab(kernel: Kernel) -> Figures:
    """Bytes of each slab cache."""
    return dict(largest_caches(kernel, _ALL_CACHES))


def memory(kernel: Kernel) -> Figures:
    """Pages by their use."""
    return dict(memory_shares(kernel))


def log(kernel: Kernel) -> Figures:
    """How often each message came, without its numbers."""
    lines = (line.text.strip() for line in Evidence(kernel).log)
    return dict(Counter(_NUMBERS.sub("N", line) for line in lines if line))


AREAS: dict[Area, Callable[[Kernel], Figures]] = {
    "system": system,
    "config": config,
    "modules": modules,
    "tasks": tasks,
    "memory": memory,
    "slab": slab,
    "log": log,
}


def changes(area: Area, before: Kernel, after: Kernel) -> Iterator[Change]:
    """What differs in one area, the largest growth first. Raises CrashError."""
    old, new = AREAS[area](before), AREAS[area](after)
    found = [
        Change(area, name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    yield from sorted(found, key=lambda change: -abs(change.growth))
