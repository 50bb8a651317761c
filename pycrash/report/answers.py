"""What commands answer, for the sections of a report: their rows, or their lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pycrash.api import Bundle, Context, CrashError, Notice, Part, Row
from pycrash.api.fields import Json, record
from pycrash.api.rowlist import facts
from pycrash.report.redact import Redactor

#: Fields of rows, and of values in them, that hold the name of a task.
_NAMES = frozenset(("comm", "owner_comm", "comms"))


class Answers:
    """The commands of a dump, those names that a redactor hides left out of their rows."""

    def __init__(self, context: Context, redactor: Redactor | None) -> None:
        self._context = context
        self._redactor = redactor

    def rows(self, name: str, *words: str) -> Iterator[Json]:
        """The rows of a command as docs/json.md has them, without notices. Raises CrashError."""
        for row in facts(self._run(name, words)):
            if not isinstance(row, Notice):
                yield {"kind": row.kind, **record(type(row)).encode(row)}

    def lines(self, name: str, *words: str) -> Iterator[str]:
        """What a command prints, its messages among it. Raises CrashError."""
        said: list[str] = []

        def say(notice: Notice) -> None:
            said.append(f"{name}: {notice.text}")

        def without_notices() -> Iterator[Row]:
            for row in self._run(name, words):
                if isinstance(row, Notice):
                    say(row)
                else:
                    yield row

        command = self._context.registry.find(name)
        assert command is not None
        view = dataclasses.replace(self._context.view, say=say)
        begun = ""
        for line in command.text(view, command.parse(words), without_notices()):
            begun += line
            if not isinstance(line, Part):
                yield from (*said, *begun.split("\n"))
                said.clear()
                begun = ""
        yield from said

    def _run(self, name: str, words: tuple[str, ...]) -> Iterator[Row]:
        rows = self._context.shell.rows(name, self._context, words)
        return rows if self._redactor is None else map(self._hidden, rows)

    def _hidden(self, row: Row) -> Row:
        if isinstance(row, Bundle):
            raise CrashError("rows in bundles cannot be redacted")
        found: Row = self._value(row, "")
        return found

    def _value(self, value: Any, field: str) -> Any:
        """A value without the names of user programs, however deep they stand in it."""
        assert self._redactor is not None
        if isinstance(value, str):
            return self._redactor.name(value) if field in _NAMES else value
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            own = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
            return dataclasses.replace(
                value, **{name: self._value(held, name) for name, held in own.items()}
            )
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            pairs = zip(value._fields, value, strict=True)
            return type(value)(*(self._value(held, name) for name, held in pairs))
        if isinstance(value, (tuple, list)):
            return type(value)(self._value(held, field) for held in value)
        return value
