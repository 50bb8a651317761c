"""Kinds of operands that many commands take: numbers, tasks, patterns, CPU lists.

The rules and the messages are those of crash; what is wrong raises CrashError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pycrash.api.ere import compile_ere
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task, TaskTable

#: The longest command name a task_struct holds, without the closing NUL.
COMM_LENGTH = 15
_LARGEST = 2**64 - 1
_HEX_DIGITS = 16


def is_decimal(text: str) -> bool:
    """Whether text is made of decimal digits (and blanks)."""
    return bool(re.fullmatch(r" *[0-9][0-9 ]*", text))


def is_hexadecimal(text: str) -> bool:
    """Whether text can be read as hexadecimal; an x may stand anywhere, a blank at the end."""
    return bool(re.fullmatch(r"[xX]*[0-9a-fA-F][0-9a-fA-FxX]* ?", text))


def is_number(text: str) -> bool:
    """Whether text is a number, decimal or hexadecimal without 0x."""
    return is_decimal(text) or is_hexadecimal(text)


def decimal(text: str) -> int:
    """A decimal number, at most the largest unsigned long. Raises CrashError."""
    bare = text.lstrip(" ")
    wrong = next((c for c in bare if c not in "0123456789"), "")
    if wrong or not bare:
        raise CrashError(f'{text}: "{wrong}" is not a digit 0 - 9')
    return min(int(bare), _LARGEST)


def hexadecimal(text: str) -> int:
    """A hexadecimal number with or without 0x. Raises CrashError."""
    bare = text[2:] if text[:2] in ("0x", "0X") else text
    if len(bare) > _HEX_DIGITS:
        raise CrashError(f'input string too large: "{bare}" ({len(bare)} vs {_HEX_DIGITS})')
    digits = bare.translate({ord(c): None for c in "xXh"})
    if not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise CrashError(f'invalid input: "{bare}"')
    return int(digits or "0", 16)


def number(text: str, hex_first: bool = False) -> int:
    """A number: decimal if it can be, else hexadecimal; the other way round for `hex_first`.

    Raises CrashError.
    """
    if hex_first and is_hexadecimal(text):
        return hexadecimal(text.rstrip(" "))
    if is_decimal(text):
        return decimal(text)
    if is_hexadecimal(text):
        return hexadecimal(text.rstrip(" "))
    raise CrashError(f"not a valid number: {text}")


def cpu_list(text: str, count: int) -> list[int]:
    """The CPUs of "a", "all", or numbers and ranges joined by commas ("1,3-5"), sorted.

    `count` is the number of CPUs there are. Raises CrashError.
    """
    cpus: set[int] = set()
    for part in filter(None, text.split(",")):
        if part in ("a", "all"):
            first, last = 0, count - 1
        else:
            ends = [integer(end) for end in filter(None, part.split("-"))]
            if not ends:
                raise CrashError("received NULL string")
            first, last = ends[0], ends[0] if len(ends) == 1 else ends[1]
        if not (0 <= first < count and 0 <= last < count):
            raise CrashError(f"invalid cpu specification: {text}")
        cpus.update(range(first, last + 1))
    return sorted(cpus)


def integer(text: str) -> int:
    """A decimal number, wrapped as C's int wraps it. Raises CrashError."""
    return (min(decimal(text), 2**63 - 1) + 2**31) % 2**32 - 2**31


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
        if len(bare) <= _HEX_DIGITS:
            value = hexadecimal(bare.rstrip(" "))
            if value not in values:
                values.append(value)
    # The largest value stands for "no value".
    return [value for value in values if value != _LARGEST]


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
