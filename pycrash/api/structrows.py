"""What is shown of a structure in memory: by struct, union, *, list and tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pycrash.api.context import View
from pycrash.api.fields import Address
from pycrash.api.rows import Begin, Gap, Notice, Row
from pycrash.cexpr.structures.entries import EntryReader
from pycrash.cexpr.structures.innermembers import MemberNotFound
from pycrash.cexpr.structures.structs import Shown, Trouble
from pycrash.errors import CrashError, ReadError


class Fields:
    """What is shown of one structure, in its order: all of it, or some of its members."""

    def __init__(self, parts: Sequence[Shown | Trouble]) -> None:
        self.parts = parts

    def plain(self) -> Any:
        """The members by their names, or by their paths as they were asked for."""
        shown = [part for part in self.parts if isinstance(part, Shown)]
        if len(shown) == 1 and not shown[0].path:
            return shown[0].value.plain()
        return {part.path: part.value.plain() for part in shown}


@dataclass(frozen=True)
class StructRow(Row, kind="struct"):
    """The structure of type `name` at an address; `cpu` where it is that CPU's of a per-CPU
    variable. `fields` has its members: all, or those asked for (`se.load.weight` by that path).
    """

    name: str
    address: Address
    fields: Fields
    cpu: int | None = None


@dataclass(frozen=True)
class Begun(Begin):
    """The text of something that could not be shown, as far as it goes."""

    text: str


def struct_rows(
    name: str, address: int, parts: Iterable[Shown | Trouble], cpu: int | None = None
) -> Iterator[Row]:
    """The row of a structure, and what could not be shown of it.

    Raises the CrashError that ends `parts`, behind the row of those before.
    """
    found: list[Shown | Trouble] = []
    failure: CrashError | None = None
    try:
        found.extend(parts)
    except CrashError as error:
        failure = error
    some = any(isinstance(part, Shown) for part in found)
    if some:
        yield StructRow(name, address, Fields(found), cpu)
    for part in found:
        if isinstance(part, Trouble):
            # The row's text tells of it where it belongs.
            yield replace(_notice(part), quiet=True) if some else _notice(part)
            if part.behind:
                yield Begun(part.behind)
            if part.gap:
                yield Gap()
    if failure is not None:
        raise failure


def _notice(trouble: Trouble) -> Notice:
    return Notice(trouble.text, line=trouble.line, quiet=trouble.quiet, cause=trouble.cause)


def struct_lines(row: StructRow, view: View) -> Iterator[str]:
    """The lines of a structure; what could not be shown is said where it stands among them."""
    for part in row.fields.parts:
        if isinstance(part, Trouble):
            view.say(_notice(part))
            continue
        try:
            yield from part.lines()
        except (MemberNotFound, ReadError) as error:
            view.say(Notice(str(error), quiet=error.quiet))


def entry_rows(reader: EntryReader, address: int) -> Iterator[Row]:
    """The rows of what list and tree show of the entry at an address. Raises CrashError."""
    for name, parts in reader.shown(address):
        yield from struct_rows(name, address, parts)
