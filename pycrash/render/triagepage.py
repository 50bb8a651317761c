"""The page that triage prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TypeVar

from pycrash.api.rows import Row
from pycrash.api.triagerows import (
    CpuRow,
    CulpritRow,
    DeadlockRow,
    HolderRow,
    MachineRow,
    MemoryRow,
    MessageRow,
    NextRow,
    ProofRow,
    StatesRow,
    VerdictRow,
    WaitingRow,
)
from pycrash.render.columns import clock_time
from pycrash.render.ctext import printable, size_text
from pycrash.render.tables import table

_Row = TypeVar("_Row", bound=Row)
#: Where the text of a section begins.
_INDENT = 10
_WIDTH = 100


class TriagePage:
    """The page as lines, section by section."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def lines(self) -> Iterator[str]:
        """Sections with their name in front, an empty line between them."""
        sections = (
            ("MACHINE", self._machine),
            ("CRASH", self._verdict),
            ("PROOF", self._proofs),
            ("CULPRIT", self._culprit),
            ("LOG", self._messages),
            ("CPUS", self._cpus),
            ("WAITING", self._waiting),
            ("MEMORY", self._holders),
            ("NEXT", self._next),
        )
        first = True
        for name, section in sections:
            for number, line in enumerate(section()):
                if not number and not first:
                    yield ""
                first = False
                yield f"{name if not number else '':>{_INDENT - 2}}  {line}".rstrip()

    def _of(self, kind: type[_Row]) -> list[_Row]:
        return [row for row in self._rows if isinstance(row, kind)]

    def _machine(self) -> Iterator[str]:
        for row in self._of(MachineRow):
            parts = [row.nodename, f"Linux {row.release}" if row.release else None, row.machine]
            parts += [f"{row.cpus} CPUs" if row.cpus else None]
            parts += [size_text(row.memory) if row.memory else None]
            yield ", ".join(printable(part) for part in parts if part)
            parts = [f"up {clock_time(row.uptime)}" if row.uptime is not None else None]
            if row.load_average is not None:
                parts += ["load " + " ".join(f"{load:.2f}" for load in row.load_average)]
            parts += [f"{row.tasks} tasks" if row.tasks else None]
            parts += [f"taint {row.taint}" if row.taint else None]
            yield ", ".join(part for part in parts if part)

    def _verdict(self) -> Iterator[str]:
        for row in self._of(VerdictRow):
            doubt = "" if row.certain else "likely: "
            where = ", in an interrupt" if row.in_interrupt else ""
            yield f"{doubt}{row.title} ({row.name}){where}"
            yield from textwrap.wrap(row.meaning, _WIDTH - _INDENT)

    def _proofs(self) -> Iterator[str]:
        found = self._of(ProofRow)
        claims = [("" if row.certain else "likely: ") + printable(row.claim) for row in found]
        for claim, row in zip(claims, found, strict=True):
            *others, last = textwrap.wrap(claim, _WIDTH - _INDENT) or [""]
            yield from others
            yield f"{last}  [{row.command}]"

    def _culprit(self) -> Iterator[str]:
        for row in self._of(CulpritRow):
            module = f" [{row.module}]" if row.module else ""
            taint = f", module taint {row.module_taint}" if row.module_taint else ""
            yield f"{row.symbol}+{row.offset}{module} at {row.address:x}{taint}"
            if row.source:
                yield row.source
            yield f'in task {row.pid} "{printable(row.comm)}" on CPU {row.cpu}'

    def _messages(self) -> Iterator[str]:
        for row in self._of(MessageRow):
            when = "" if row.time is None else f"[{row.time / 1_000_000_000:12.6f}] "
            yield f"{row.role + ':':9}{when}{printable(row.message)}"

    def _cpus(self) -> Iterator[str]:
        cells = [
            (r.cpu, r.pid, printable(r.comm), r.function or "?", "" if r.online else "offline")
            for r in self._of(CpuRow)
        ]
        yield from table(cells, ("CPU", "PID", "COMM", "IN", ""))

    def _waiting(self) -> Iterator[str]:
        for states in self._of(StatesRow):
            yield "tasks by state: " + ", ".join(f"{s} {n}" for s, n in states.states.items())
        found = self._of(WaitingRow)
        cells = [
            (
                row.pid,
                printable(row.comm),
                None if row.seconds is None else f"{row.seconds:.1f}",
                row.function,
                row.waits_for,
                ("" if row.proved or row.owner_pid is None else "likely ")
                + f"{row.owner_pid or '?'}",
            )
            for row in found
        ]
        yield from table(cells, ("PID", "COMM", "SECONDS", "IN", "WAITS FOR", "HELD BY"))
        if found and found[0].total > len(found):
            yield f"and {found[0].total - len(found)} more: see blockers"
        for ring in self._of(DeadlockRow):
            doubt = "" if ring.proved else "likely "
            yield f"{doubt}deadlock: {' -> '.join(map(str, (*ring.pids, ring.pids[0])))}"

    def _holders(self) -> Iterator[str]:
        shares = [f"{row.use} {size_text(row.size)}" for row in self._of(MemoryRow) if row.size]
        if shares:
            yield from textwrap.wrap(", ".join(shares), _WIDTH - _INDENT)
        cells = [(r.pid, printable(r.comm), size_text(r.size)) for r in self._of(HolderRow)]
        yield from table(cells, ("PID", "COMM", "RESIDENT"))

    def _next(self) -> Iterator[str]:
        for row in self._of(NextRow):
            yield row.line
