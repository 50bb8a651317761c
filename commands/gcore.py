"""gcore: the core file of a user program."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pycrash.api import (
    TASK,
    Args,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Pages,
    Row,
    TaskRow,
    UsageError,
    View,
    Word,
    find_task,
    is_decimal,
    is_number,
    many,
    whose,
)
from pycrash.api.newfile import new_file
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.coredump.areas import USUAL, Filter
from pycrash.kernel.coredump.memory import Piece
from pycrash.kernel.coredump.process import UserProcess
from pycrash.kernel.tasks.table import Task

#: The bits of the level of words: what is being done, what failed to be read, missing pages.
_STEPS, _ERRORS, _MISSING = 1, 2, 4
_MOST_LEVEL, _MOST_FILTER = 7, 255
#: How the reasons for which memory is missing are told.
_REASONS = {
    "swapped": "swapped out",
    "excluded": "not in the dump",
    "not cached": "never read from their file",
    "no page table": "without a page table that can be read",
}


@dataclass(frozen=True)
class CoreRow(TaskRow, kind="gcore.core"):
    """A core file that was written: `path` its name, `threads` how many it has, `size` the bytes
    of it with its holes, `written` the pages in it, `missing` those that belong into it and are
    not in the dump."""

    path: str
    threads: int
    size: Bytes
    written: Pages
    missing: Pages


class Gcore(Command):
    name = "gcore"
    summary = "core files of user programs"
    synopsis = "[-v vlevel] [-f filter] [pid | taskp] ..."
    description = (
        "Writes the core file of a process into the working directory, under the name "
        "core.PID.COMM: its memory as far as the dump has it, the registers of all its threads, "
        "and what gdb asks for besides. It begins with the thread that was named; without one it "
        "is the current task's process. A file that is there already is left alone.\n\n"
        "Memory is found by the page tables, and where these have nothing, among the cached "
        "pages of the file that is mapped. What the program never touched takes no room. Pages "
        "that were swapped out, or left out by makedumpfile, are missing from the file too, and "
        "counted: gdb says of them that they cannot be accessed, and takes what the program's "
        "own file has. A dump of the usual level 31 has no user data at all: there the registers "
        "remain. A program of 32 bits is refused."
    )
    flags = (
        Flag(
            "v",
            "What to say, a sum of: 1 each step, 2 each read that fails, 4 each page that is "
            "missing. 0, the default, says only how many are.",
            value=Word("vlevel", "a number up to 7"),
        ),
        Flag(
            "f",
            "What to write, a sum of bits as in /proc/PID/coredump_filter: 1 anonymous private "
            "memory, 2 anonymous shared, 4 private mappings of files, 8 shared ones, 16 the first "
            "page of programs and libraries, 32 private huge pages, 64 shared ones, 128 what the "
            "program asked to leave out. The default is 51.",
            value=Word("filter", "a number up to 255"),
        ),
    )
    operands = (many(TASK.named("pid|taskp")),)
    rows = (CoreRow,)
    related = ("vm", "bt", "files")
    examples = (
        ("The first process", "gcore 1"),
        ("Another one with all that it has mapped", "gcore -f 255 81"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        level = _number(args, "v", "vlevel", 0, _MOST_LEVEL)
        wanted = Filter(_number(args, "f", "filter", int(USUAL), _MOST_FILTER))
        for word in args.operands:
            try:
                yield from _save(ctx, _task(ctx, word), wanted, level)
            except CrashError as error:
                if len(args.operands) == 1:
                    raise
                yield Notice(str(error))
        if not args.operands:
            yield from _save(ctx, ctx.kernel.tasks.get(ctx.task), wanted, level)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, CoreRow)
            yield f"Saved {row.path}"


def _number(args: Args, letter: str, what: str, default: int, most: int) -> int:
    """The value of an option. Raises CrashError, and UsageError where it was given twice."""
    values = args.values(letter)
    if not values:
        return default
    if len(values) > 1:
        raise UsageError
    if not is_decimal(values[0]):
        raise CrashError(f"{what} must be a decimal: {values[0]}.")
    if int(values[0]) > most:
        raise CrashError(f"invalid {what}{' value' * (letter == 'f')}: {values[0]}.")
    return int(values[0])


def _task(ctx: Context, word: str) -> Task:
    if not is_number(word):
        raise CrashError(f"neither pid nor taskp: {word}")
    found = find_task(ctx.kernel.tasks, word)
    if found is None:
        raise CrashError(f"invalid task or pid: {word}")
    return found.tasks[0]


def _save(ctx: Context, task: Task, wanted: Filter, level: int) -> Iterator[Row]:
    """Write the core file of a task's process. Raises CrashError."""
    process = UserProcess(ctx.kernel, ctx.kernel.arch, task)
    path = f"core.{task.tgid}.{task.comm}".replace("/", "!")
    for thread, reason in process.lost:
        yield Notice(f"thread {thread.pid} is left out: {reason}", "WARNING")
    if level & _STEPS:
        yield Notice(f"Opening file {path} ...", "NOTE")
    with new_file(path) as file:
        written, missing = yield from _write(ctx, process, file, wanted, level)
        file.flush()
        size = os.fstat(file.fileno()).st_size
    for problem in ctx.kernel.part(Problems).take():
        yield Notice(problem)
    if missing:
        reasons = ", ".join(f"{n} {_REASONS[reason]}" for reason, n in missing.items())
        total = sum(missing.values())
        yield Notice(f"{path}: {_count(total, 'page')} missing: {reasons}", "WARNING")
    threads = len(process.threads)
    yield CoreRow(*whose(task), path, threads, size, written, sum(missing.values()))


def _write(
    ctx: Context, process: UserProcess, file: BinaryIO, wanted: Filter, level: int
) -> Generator[Row, None, tuple[int, Counter[str]]]:
    """Write the file; gives the pages written, and the missing ones by reason."""
    page, written = ctx.kernel.page_size, 0
    missing: Counter[str] = Counter()
    done, total = 0, sum(area.end - area.start for area in process.areas)
    if level & _STEPS:
        yield Notice(f"Writing {_count(len(process.threads), 'thread')} ...", "NOTE")
    for piece, size in process.write(file, wanted):
        done += piece.size
        written += size // page
        ctx.shell.progress("gcore", done, total)
        if piece.absent is not None:
            missing[piece.absent] += piece.size // page
            yield from _told(piece, page, level)
    return written, missing


def _told(piece: Piece, page: int, level: int) -> Iterator[Row]:
    """What is said of missing pages."""
    if level & _ERRORS and piece.error is not None:
        yield Notice(str(piece.error))
    if level & _MISSING:
        for address in range(piece.address, piece.address + piece.size, page):
            yield Notice(f"page fault at {address:x}", "WARNING")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
