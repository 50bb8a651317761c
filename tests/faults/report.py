"""What became of cases: as records, as a table, as lines that run a case again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from tests.faults.cases import Report
    from tests.faults.talk import Trouble

#: What must not be, in the order of the table.
KINDS = ("hang", "flood", "death", "traceback", "internal error", "memory", "control", "lost")
_SHOWN = 1500


@dataclass
class Record:
    """A case as it is kept. `peak` is in bytes, `slowest` and `seconds` are of work."""

    name: str
    number: int
    told: list[str]
    lines: list[str]
    answered: int
    opened: bool
    terminal: bool
    peak: int
    slowest: float
    seconds: float
    troubles: list[tuple[str, str, str]] = field(default_factory=list)


def record(report: Report) -> Record:
    """A case without what it said."""
    outcome = report.outcome
    return Record(
        report.name,
        report.number,
        report.told[:20],
        report.lines,
        outcome.lines,
        bool(outcome.lines),
        report.terminal,
        outcome.peak,
        round(outcome.slowest, 2),
        round(sum(outcome.costs.values()), 2),
        [(t.kind, t.line, _end(t)) for t in outcome.troubles],
    )


def table(records: Sequence[Record]) -> str:
    """A row a class: cases, those that opened, lines answered, and each kind of trouble."""
    rows = []
    names = [*dict.fromkeys(r.name for r in records)]
    for name in [*names, "all"]:
        of = [r for r in records if name in (r.name, "all")]
        counts = Counter(kind for r in of for kind, _, _ in r.troubles)
        rows.append(
            (
                name,
                len(of),
                sum(r.opened for r in of),
                sum(r.answered for r in of),
                *(counts[kind] for kind in KINDS),
                f"{max((r.slowest for r in of), default=0):.1f} s",
                f"{max((r.peak for r in of), default=0) >> 20} MB",
            )
        )
    heads = ("class", "cases", "opened", "lines", *(f"{k}s" for k in KINDS), "slowest", "memory")
    return tabulate(rows, heads, tablefmt="github")


def failures(records: Sequence[Record], seed: int) -> list[str]:
    """Each trouble in a line or two, with the line that runs its case again."""
    found = []
    for one in records:
        for kind, line, seen in one.troubles:
            again = (
                f'python3 -m tests.faults --class "{one.name}" --seed {seed} --only {one.number}'
            )
            found.append(f"{kind}: {line}: {_gist(seen)}\n    {again}")
    return found


def _gist(seen: str) -> str:
    """The line that says most."""
    lines = [line for line in seen.splitlines() if line.strip() and line != "crash> "]
    told = [line for line in lines if re.match(r"\S*(Error|Exception)\b|.*internal error", line)]
    return (told or lines or [""])[-1][:300]


def _end(trouble: Trouble) -> str:
    """Its end, or of a hang, where the innermost call comes first, its beginning."""
    return trouble.seen[:_SHOWN] if trouble.kind == "hang" else trouble.seen[-_SHOWN:]
