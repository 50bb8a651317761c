"""Tasks as operands: pids, addresses of a task_struct, names, patterns, scheduling policies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pycrash.api.operands.base import Offer, Operand
from pycrash.api.operands.ere import compile_ere
from pycrash.api.operands.numbers import (
    HEX_DIGITS,
    LARGEST,
    decimal,
    hexadecimal,
    is_decimal,
    is_hexadecimal,
)
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.context import Context
    from pycrash.kernel.tasks.table import Task, TaskTable
    from pycrash.matching import Typed

#: The longest command name a task_struct holds, without the closing NUL.
COMM_LENGTH = 15


@dataclass(frozen=True)
class TaskOperand:
    """What a number names: a pid or the address of a task. `tasks` are the tasks it stands for:
    for pid 0 every idle thread."""

    kind: Literal["pid", "task"]
    value: int
    tasks: tuple[Task, ...]


def find_task(table: TaskTable, text: str) -> TaskOperand | None:
    """What a number means: a decimal or hexadecimal pid or task address, whichever exists.

    Where both readings are pids, the decimal one counts. None where no task fits, or where
    the readings fit different kinds of things.
    """
    found: list[TaskOperand] = []
    for value in _readings(text):
        pids = table.by_pid(value)
        if pids:
            found.append(TaskOperand("pid", value, tuple(pids)))
        task = table.by_address.get(value)
        if task is not None:
            found.append(TaskOperand("task", value, (task,)))
    if len(found) == 1 or (len(found) == 2 and all(f.kind == "pid" for f in found)):
        return found[0]
    return None


def _readings(text: str) -> list[int]:
    """The values a number can have: decimal first, then hexadecimal where it differs."""
    values: list[int] = []
    if is_decimal(text):
        values.append(decimal(text.replace(" ", "")))
    if is_hexadecimal(text):
        bare = text[2:] if text[:2] in ("0x", "0X") else text
        if len(bare) <= HEX_DIGITS:
            value = hexadecimal(bare.rstrip(" "))
            if value not in values:
                values.append(value)
    # The largest value stands for "no value".
    return [value for value in values if value != LARGEST]


def is_quoted(text: str) -> bool:
    """Whether text stands in single quotes, which makes it a regular expression."""
    return text[:1] == "'" and text[-1:] == "'"


def pattern(text: str) -> re.Pattern[str]:
    """The regular expression between the quotes. Raises CrashError."""
    bare = text[1:-1]
    try:
        return compile_ere(bare)
    except re.error:
        raise CrashError(f"invalid regular expression: {bare}") from None


def comm_name(text: str) -> str:
    """A command name as a task_struct can hold it; a leading backslash only protects it."""
    return text.removeprefix("\\")[:COMM_LENGTH]


# What sched_setscheduler() calls the policies, by number.
_POLICIES = ("NORMAL", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE")
_ABOUT = (
    "fair shares of the CPU",
    "real time, until it waits",
    "real time, by turns",
    "fair, but never hurried",
    "never made",
    "when nothing else runs",
    "real time, by its deadline",
)


def policies(text: str) -> frozenset[int]:
    """Scheduling policies by name or number, joined by commas. Raises CrashError."""
    found = set()
    for part in text.split(","):
        upper = part.upper()
        for value, name in enumerate(_POLICIES):
            if upper.startswith(name) or upper in (str(value), f"0X{value}"):
                found.add(value)
                break
        else:
            raise CrashError(f"{part}: invalid scheduling policy")
    return frozenset(found)


def policy_name(policy: int) -> str:
    """What a scheduling policy is called, as ps takes it."""
    return _POLICIES[policy] if 0 <= policy < len(_POLICIES) else "UNKNOWN"


class TaskKind(Operand[TaskOperand]):
    """A pid, decimal or hexadecimal, or the address of a task_struct."""

    def parse(self, ctx: Context, text: str) -> TaskOperand:
        found = find_task(ctx.kernel.tasks, text)
        if found is None:
            raise CrashError(f"invalid task or pid value: {text}")
        return found

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        for task in ctx.kernel.tasks.all:
            yield Offer(f"{task.pid}", task.comm, known_as=task.comm)


class CommKind(Operand[str]):
    """A command name, as a task_struct holds it."""

    def parse(self, ctx: Context, text: str) -> str:
        return comm_name(text)

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        tasks = Counter(task.comm for task in ctx.kernel.tasks.all)
        for name, count in sorted(tasks.items()):
            yield Offer(name, f"{count} task{'s' if count > 1 else ''} of this name")


class PolicyKind(Operand[frozenset[int]]):
    """Scheduling policies by name or number, joined by commas."""

    needs_kernel = False

    def parse(self, ctx: Context, text: str) -> frozenset[int]:
        return policies(text)

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        for value, name in enumerate(_POLICIES):
            yield Offer(name, f"policy {value}: {_ABOUT[value]}", text.rfind(",") + 1)


TASK = TaskKind("task", "a pid, or the address of a task_struct")
PID = TASK.named("pid")
COMM = CommKind("command", "the name of a program as the task bears it")
POLICY = PolicyKind("policy", "scheduling policies, with commas between")
