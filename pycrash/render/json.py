"""Rows as JSON: one object a line, whatever the command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pycrash.api.args import UsageError
from pycrash.api.fields import Json, record
from pycrash.api.rows import Bundle, Notice, Row, TaskRow
from pycrash.errors import CrashError, ReadError

_encode = json.JSONEncoder(ensure_ascii=True).encode


def json_lines(
    command: str, rows: Iterable[Row], aside: Callable[[str], None] | None = None
) -> Iterator[str]:
    """One object a row: `kind`, the row's fields, and `of`, the task that a header before it
    named. Notices are objects of their own kind, with the command that speaks, and under foreach
    with the task it was at; they are handed to `aside` where that is given."""
    whose: Json | None = None
    for row in _single(rows):
        if isinstance(row, Notice):
            said = _notice(command, row)
            # Only what a command says that foreach runs is sure to be about its task.
            line = _encode({**said, "of": whose} if row.command and whose else said)
            if aside is None:
                yield line
            else:
                aside(line)
            continue
        if not row.kind:
            continue
        found = {"kind": row.kind, **record(type(row)).encode(row)}
        if isinstance(row, TaskRow) and row.introduces:
            whose = {name: found[name] for name in ("pid", "task", "cpu", "comm")}
        elif whose is not None:
            found["of"] = whose
        yield _encode(found)


def _single(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows one by one, those of bundles too."""
    for row in rows:
        if isinstance(row, Bundle):
            yield from row.rows()
        else:
            yield row


def error_line(command: str, error: Exception) -> str:
    """What ended a command: its message, and of a failed read the address, what was read, and
    why it could not be."""
    found: dict[str, Any] = {"kind": "error", "command": command}
    if isinstance(error, UsageError):
        found |= {"message": str(error) or "wrong usage", "reason": "usage"}
    elif isinstance(error, ReadError):
        found |= {"message": str(error), **_failed_read(error)}
    else:
        found |= {"message": str(error).strip("\n")}
        if not isinstance(error, CrashError):
            found["reason"] = "internal"
    return _encode(found)


def _failed_read(error: ReadError) -> Json:
    return {"reason": error.reason, "address": f"{error.address:#x}", "what": error.what}


def notice_line(command: str, row: Notice) -> str:
    """A message that does not end the command."""
    return _encode(_notice(command, row))


def _notice(command: str, row: Notice) -> Json:
    cause = {} if row.cause is None else _failed_read(row.cause)
    return {
        "kind": "notice",
        "command": row.command or command,
        "level": row.level,
        "message": row.text.strip("\n"),
        **cause,
    }
