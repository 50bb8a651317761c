"""The sections of a report: what each asks, how much of it there may be, what is left out.

With a redactor, what a section takes from structures of the kernel is left out here; texts go
through the redactor's rules. docs/report.md lists both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pycrash.api import CrashError
from pycrash.api.fields import Json
from pycrash.kernel.kernel import Kernel
from pycrash.render.columns import clock_time
from pycrash.render.ctext import date_text, size_text
from pycrash.report.answers import Answers
from pycrash.report.flame import flame_graph
from pycrash.report.page import Facts, Lines, Picture, Piece, Saying, Section, Table, within
from pycrash.report.redact import Redactor
from pycrash.report.svg import cleaned

_T = TypeVar("_T")
#: The most bytes of a page that a section's texts take: together, and with what stands around
#: them, below the 5 MB that a mail bears.
TASKS, LOG, STACKS, CPUS = 1_500_000, 1_000_000, 400_000, 300_000
FLAMES, WAITS, GRAPH, MODULES, OTHERS = 400_000, 200_000, 200_000, 150_000, 100_000
#: How many tasks of a stack are named.
_NAMED = 30
#: What a message of a program is replaced by.
_SPOKEN = "<written by a program>"
#: Bytes of the tags of a cell, and of one that stands to the right.
_CELL, _NUMBER = 9, 19


@dataclass
class Source:
    """What sections are made of.

    `draw` turns a graph in Graphviz's language into SVG, None where no program is there to do it.
    """

    answers: Answers
    redactor: Redactor | None
    draw: Callable[[str], str | None]
    kernel: Kernel

    def rows(self, section: Section, name: str, *words: str) -> Iterator[Json]:
        """The rows of a command; one that fails on the way is said in the section. Raises
        CrashError where it fails at once."""
        return self._up_to_error(section, self.answers.rows(name, *words))

    def lines(self, section: Section, name: str, *words: str) -> Iterator[str]:
        """The same of its lines."""
        return self._up_to_error(section, self.answers.lines(name, *words))

    def _up_to_error(self, section: Section, items: Iterator[_T]) -> Iterator[_T]:
        begun = False
        try:
            for item in items:
                begun = True
                yield item
        except CrashError as error:
            if not begun:
                raise
            section.cut.append(f"The rest could not be read: {self.message(str(error))}")

    def text(self, text: str) -> str:
        """A fact or a line of a command, as readers may have it."""
        return text if self.redactor is None else self.redactor.text(text)

    def message(self, text: str) -> str:
        """A message of the log, as readers may have it."""
        return text if self.redactor is None else self.redactor.message(text)


def sections(source: Source) -> Iterator[Section]:
    """The sections in the order of the page. One that fails says why in its place."""
    for name, title, fill, private in PARTS:
        section = Section(name, title)
        if private and source.redactor is not None:
            continue
        try:
            fill(source, section)
        except CrashError as error:
            section.blocks.append(Saying(f"Not to be had: {source.message(str(error))}", "note"))
        except Exception as error:
            # A damaged dump may lead a command anywhere; the others have their say all the same.
            section.blocks.append(Saying(f"Failed inside: {type(error).__name__}", "note"))
        yield section


# The page of triage.


def _triage(source: Source, section: Section) -> None:
    rows: dict[str, list[Json]] = {}
    for row in source.rows(section, "triage"):
        rows.setdefault(row["kind"].partition(".")[2], []).append(row)
    add = section.blocks.append
    for row in rows.get("verdict", ()):
        where = ", in an interrupt" if row["in_interrupt"] else ""
        add(Saying(f"{_doubt(row['certain'])}{row['title']} ({row['name']}){where}", "verdict"))
        add(Saying(row["meaning"]))
    facts = [
        ("Proof", f"{_doubt(row['certain'])}{source.message(row['claim'])}  [{row['command']}]")
        for row in rows.get("proof", ())
    ]
    facts += [("Culprit", _culprit(source, row)) for row in rows.get("culprit", ())]
    facts += [
        (f"Log, {row['role']}", _timed(row["time"], source.message(row["message"])))
        for row in rows.get("message", ())
    ]
    facts += [
        ("Deadlock", f"{_doubt(row['proved'])}{' → '.join(map(str, row['pids']))}")
        for row in rows.get("deadlock", ())
    ]
    for row in rows.get("states", ()):
        facts.append(("Tasks", ", ".join(f"{s} {n}" for s, n in row["states"].items())))
    shares = [f"{r['use']} {size_text(r['size'])}" for r in rows.get("memory", ()) if r["size"]]
    facts.append(("Memory", ", ".join(shares)))
    facts += [("Look at", source.text(row["line"])) for row in rows.get("next", ())]
    add(Facts(within(((name + text, (name, text)) for name, text in facts), OTHERS)[0]))
    add(_table(rows.get("cpu", ()), {"CPU": "cpu", "PID": "pid", "COMMAND": "comm",
                                     "IN": "function"}))  # fmt: skip
    if "waiting" in rows:
        columns = {"PID": "pid", "COMMAND": "comm", "SECONDS": "seconds", "IN": "function"}
        add(_table(rows["waiting"], columns | {"WAITS FOR": "waits_for", "HELD BY": "owner_pid"}))
    if "holder" in rows:
        add(_table(rows["holder"], {"PID": "pid", "COMMAND": "comm", "RESIDENT BYTES": "size"}))


def _culprit(source: Source, row: Json) -> str:
    module = f" [{row['module']}]" if row["module"] else ""
    place = row["source"]
    if source.redactor is not None:
        place = place.rpartition("/")[2]  # who built a module stands in the folders
    return (
        f"{row['symbol']}+{row['offset']}{module} {place} in task {row['pid']} {row['comm']!r}"
        f" on CPU {row['cpu']}"
    )


def _doubt(certain: bool) -> str:
    return "" if certain else "likely: "


def _timed(time: int | None, text: str) -> str:
    return text if time is None else f"[{time / 1_000_000_000:12.6f}] {text}"


# The machine.


def _system(source: Source, section: Section) -> None:
    row = next(source.rows(section, "sys"))
    loads = row["load_average"]
    facts = {
        "Release": row["release"],
        "Version": row["version"] and source.text(row["version"]),
        "Machine": row["machine"],
        "Host": row["nodename"] if source.redactor is None else None,
        "Died": None if row["date"] is None else date_text(row["date"]),
        "Up": None if row["uptime"] is None else clock_time(row["uptime"]),
        "CPUs": row["cpus"],
        "Memory": row["memory"] and size_text(row["memory"]),
        "Load": loads and " ".join(f"{load:.2f}" for load in loads),
        "Tasks": row["tasks"],
        "Panic": row["panic"] and source.message(row["panic"]),
    }
    if source.redactor is None:
        facts["Command line"] = source.kernel.system.command_line
    section.blocks.append(Facts([(k, str(v)) for k, v in facts.items() if v is not None]))
    _bounded_lines(section, source.lines(section, "sys", "-t"), OTHERS)


def _hardware(source: Source, section: Section) -> None:
    _bounded_lines(section, source.lines(section, "sys", "-i"), OTHERS)


# Stacks.


def _panic_stack(source: Source, section: Section) -> None:
    lines = map(source.text, source.lines(section, "bt"))
    _bounded_lines(section, lines, OTHERS)


def _cpu_stacks(source: Source, section: Section) -> None:
    blocks: list[list[str]] = []
    for line in map(source.text, source.lines(section, "bt", "-a")):
        if line.startswith("PID:") or not blocks:
            blocks.append([])
        blocks[-1].append(line)
    pieces = [Piece(block[0], block[1:]) for block in blocks]
    sized = (("\n".join((piece.title, *piece.lines)), piece) for piece in pieces)
    kept, lost = within(sized, CPUS)
    section.blocks += kept
    _say_cut(section, lost, len(pieces), "stacks")


def _groups(source: Source, section: Section) -> None:
    groups = list(source.rows(section, "stacks"))
    stacks = [([_call(c) for c in reversed(g["calls"])], g["count"]) for g in groups]
    picture = flame_graph(stacks, FLAMES)
    if picture is not None:
        section.blocks.append(Picture(picture, "Flame graph of all stacks"))
    pieces = [_group_piece(group) for group in groups]
    sized = (("\n".join((piece.title, *piece.lines)), piece) for piece in pieces)
    kept, lost = within(sized, STACKS)
    section.blocks += kept
    _say_cut(section, lost, len(pieces), "different stacks")


def _group_piece(group: Json) -> Piece:
    states: dict[str, int] = {}
    for task in group["tasks"]:
        states[task["state"]] = states.get(task["state"], 0) + 1
    counts = ", ".join(f"{state} {count}" for state, count in states.items())
    named = ", ".join(f"{t['pid']} {t['comm']}" for t in group["tasks"][:_NAMED])
    more = "" if group["count"] <= _NAMED else f", and {group['count'] - _NAMED} more"
    inner = next((c for c in group["calls"] if not _is_switch(c["symbol"])), None)
    where = f": {_call(inner)}" if inner else ""
    return Piece(
        f"{group['count']} {'task' if group['count'] == 1 else 'tasks'} ({counts}){where}",
        [*(f"#{n} {_call(c)}+{c['offset']}" for n, c in enumerate(group["calls"])), named + more],
    )


def _is_switch(symbol: str) -> bool:
    """Whether a function is that in which every task sleeps."""
    return symbol.partition(".")[0] in ("__schedule", "schedule", "schedule_timeout")


def _call(call: Json) -> str:
    module = f" [{call['module']}]" if call["module"] else ""
    return f"{call['symbol']}{module}"


# Tasks.


def _waits(source: Source, section: Section) -> None:
    rows = list(source.rows(section, "blockers"))
    waits = [row for row in rows if row["kind"] == "blockers.wait"]
    for row in waits:
        lock = None if source.redactor is not None else row["lock"]
        row["of"] = row["name"] or lock
        if row["owner_pid"] is not None:
            sure = "" if row["proved"] else "likely "
            row["holder"] = f"{sure}{row['owner_pid']} {row['owner_comm'] or ''}"
    for row in rows:
        if row["kind"] == "blockers.cycle":
            ring = " → ".join(map(str, (*row["pids"], row["pids"][0])))
            section.blocks.append(Saying(f"{_doubt(row['proved'])}deadlock: {ring}", "verdict"))
    graph = "\n".join(source.lines(section, "blockers", "-g")) if waits else ""
    drawn = source.draw(graph) if 0 < len(graph) < GRAPH // 4 else None
    picture = None if drawn is None else cleaned(drawn)
    if picture is not None and len(picture) < GRAPH:
        section.blocks.append(Picture(picture, "Who waits for whom"))
    columns = {"PID": "pid", "COMMAND": "comm", "ST": "state", "SECONDS": "seconds"}
    columns |= {"WAITS FOR": "waits_for", "LOCK": "of", "IN": "function", "HELD BY": "holder"}
    _bounded_table(section, waits, columns, WAITS, "waiting tasks")
    if not waits:
        section.blocks.append(Saying("No task waits for another.", "note"))


def _tasks(source: Source, section: Section) -> None:
    rows = [row for row in source.rows(section, "ps") if row["kind"] == "ps.task"]
    # What was running, then what waits, then what has memory: what is cut is least telling.
    rows.sort(key=lambda r: (not r["active"], r["state"] not in ("RU", "UN"), -r["rss"], r["pid"]))
    for row in rows:
        row["mark"] = ">" if row["active"] else ""
    columns = {"": "mark", "PID": "pid", "PPID": "ppid", "CPU": "cpu", "ST": "state"}
    columns |= {"%MEM": "mem", "VSZ": "vsz", "RSS": "rss", "COMMAND": "comm"}
    if source.redactor is None:
        columns["TASK"] = "task"
    _bounded_table(section, rows, columns, TASKS, "tasks")


def _program(source: Source, section: Section) -> None:
    if not source.kernel.panic.task:
        section.blocks.append(Saying("No task is known to have crashed.", "note"))
        return
    for name, *words in (("ps", "-a"), ("files",)):
        words.append(f"{source.kernel.panic.task:x}")
        _bounded_lines(section, source.lines(section, name, *words), OTHERS)


# The rest.


def _memory(source: Source, section: Section) -> None:
    _bounded_lines(section, source.lines(section, "kmem", "-i"), OTHERS)


def _modules(source: Source, section: Section) -> None:
    rows = [row for row in source.rows(section, "mod") if row["kind"] == "mod.module"]
    columns = {"MODULE": "module", "BYTES": "size"}
    if source.redactor is None:
        columns["BASE"] = "base"
    _bounded_table(section, rows, columns, MODULES, "modules")
    if not rows:
        section.blocks.append(Saying("No modules are loaded.", "note"))


def _network(source: Source, section: Section) -> None:
    rows = [row for row in source.rows(section, "net") if row["kind"] == "net.device"]
    for row in rows:
        row["all"] = ", ".join(row["addresses"])
    columns = {"DEVICE": "name", "MTU": "mtu", "ADDRESSES": "all"}
    _bounded_table(section, rows, columns, OTHERS, "devices")


def _log(source: Source, section: Section) -> None:
    lines = list(_log_lines(source, section))
    # The end tells more than the boot.
    kept, lost = within(((line, line) for line in reversed(lines)), LOG)
    section.blocks.append(Lines(kept[::-1]))
    if lost:
        section.cut.append(f"The first {lost} of {len(lines)} lines are left out.")


def _log_lines(source: Source, section: Section) -> Iterator[str]:
    for row in source.rows(section, "log", "-m"):
        text = row.get("text") or ""
        if row["kind"] == "log.message":
            if row["facility"] and source.redactor is not None:
                text = _SPOKEN
            yield from _timed(row["time"], source.message(text)).split("\n")
        elif row["kind"] == "text":
            # Before 3.5 who spoke stands with the level in front of each line.
            mark, end, rest = text.partition(">")
            spoke = end and mark[:1] == "<" and mark[1:].isdigit() and int(mark[1:]) >= 8
            if source.redactor is None:
                yield rest if end and mark[:1] == "<" else text
            else:
                yield _SPOKEN if spoke else source.message(rest if end else text)


#: Anchor, title, what fills it, and whether it is left out by --redact as a whole.
PARTS: tuple[tuple[str, str, Callable[[Source, Section], None], bool], ...] = (
    ("triage", "What happened", _triage, False),
    ("system", "The system", _system, False),
    ("stack", "The task that crashed", _panic_stack, False),
    ("cpus", "What the CPUs ran", _cpu_stacks, False),
    ("waits", "Who waits for whom", _waits, False),
    ("stacks", "All stacks", _groups, False),
    ("tasks", "Tasks", _tasks, False),
    ("program", "The program that crashed", _program, True),
    ("memory", "Memory", _memory, False),
    ("modules", "Modules", _modules, False),
    ("network", "Network", _network, True),
    ("hardware", "Hardware", _hardware, True),
    ("log", "The log", _log, False),
)

# Bounds.


def _table(rows: Iterable[Json], columns: dict[str, str]) -> Table:
    cells = [tuple(row.get(field) for field in columns.values()) for row in rows]
    numbers = {
        place
        for place in range(len(columns))
        if cells and all(isinstance(row[place], (int, float, type(None))) for row in cells)
    }
    return Table(list(columns), [tuple(map(_shown, row)) for row in cells], frozenset(numbers))


def _shown(value: Any) -> Any:
    return f"{value:.1f}" if isinstance(value, float) else value


def _bounded_table(
    section: Section, rows: list[Json], columns: dict[str, str], limit: int, what: str
) -> None:
    if not rows:
        return
    table = _table(rows, columns)
    right = len(table.numbers)
    tags = " " * (_NUMBER * right + _CELL * (len(columns) - right))
    sized = ((tags + "".join("" if c is None else str(c) for c in row), row) for row in table.rows)
    kept, lost = within(sized, limit)
    section.blocks.append(replace(table, rows=kept))
    _say_cut(section, lost, len(rows), what)


def _bounded_lines(section: Section, lines: Iterable[str], limit: int) -> None:
    found = list(lines)
    kept, lost = within(((line, line) for line in found), limit)
    section.blocks.append(Lines(kept))
    _say_cut(section, lost, len(found), "lines")


def _say_cut(section: Section, lost: int, total: int, what: str) -> None:
    if lost:
        section.cut.append(f"{lost} of {total} {what} are left out.")
