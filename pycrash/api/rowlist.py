"""The rows of a line as a sequence, for Python code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

from pycrash.api.fields import Json, record
from pycrash.api.rows import Bundle, Notice, Row


class Rows(Sequence[Row]):
    """The rows of one line: objects with the fields that docs/json.md names, but addresses and
    flags are numbers. `notices` are the messages that did not end it.

    The line is run when the first of them is asked for, and once.
    """

    def __init__(self, make: Callable[[], Iterable[Row]]) -> None:
        self._make = make

    @cached_property
    def _found(self) -> tuple[list[Row], list[Notice]]:
        rows: list[Row] = []
        notices: list[Notice] = []
        for row in facts(self._make()):
            if isinstance(row, Notice):
                notices.append(row)
            else:
                rows.append(row)
        return rows, notices

    @property
    def notices(self) -> list[Notice]:
        return self._found[1]

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        return self._found[0][place]

    def __len__(self) -> int:
        return len(self._found[0])

    def __repr__(self) -> str:
        return repr(self._found[0])

    def of_kind(self, kind: str) -> list[Row]:
        """Those of one kind ("bt.frame")."""
        return [row for row in self if row.kind == kind]

    def to_dicts(self) -> list[Json]:
        """What `--json` gives of each row: addresses as "0x...", structures as nested values."""
        return [{"kind": row.kind, **record(type(row)).encode(row)} for row in self]

    def to_pandas(self, kind: str = "") -> Any:
        """A pandas DataFrame: a column a field, and one for the kind if there are several.

        With `kind`, of the rows of that kind alone. Raises ImportError where pandas is missing.
        """
        import pandas

        chosen = self.of_kind(kind) if kind else list(self)
        several = len({row.kind for row in chosen}) > 1
        frame = [({"kind": row.kind} if several else {}) | _values(row) for row in chosen]
        return pandas.DataFrame(frame)


def facts(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows that are facts or notices: those of bundles one by one, and no headings."""
    for row in rows:
        if isinstance(row, Bundle):
            yield from row.rows()
        elif row.kind:
            yield row


def _values(row: Row) -> Json:
    """The fields of a row that are no matter of text alone, as they are."""
    return {name: getattr(row, name) for name in record(type(row)).schema["properties"]}
