"""cls: names in directories, as far as they are cached."""

from __future__ import annotations

import stat
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    TASK,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    Word,
    many,
)
from pycrash.api.cachedfiles import NOTHING, CachedFileRow, cached_file, tree_of
from pycrash.kernel.vfs.tree import DirectoryTree, Place

_MARKS = {"DIR": "/", "LNK": "@", "FIFO": "|", "SOCK": "="}


@dataclass(frozen=True)
class DirectoryRow(Row, kind="cls.directory"):
    """The names in this directory follow."""

    path: str


class Cls(Command):
    name = "cls"
    summary = "cached names and pages of files"
    synopsis = "[-adlRtU] [-n pid|task] abspath ..."
    description = """\
Lists what is at absolute paths, and in the directories there, as far as the kernel had the names
in its cache: the address of the dentry and of the inode, how many pages of the file are cached and
which part of the file that is. "ccat" shows what is in them.

A mark stands behind directories (/), programs (*), symbolic links (@), named pipes (|) and sockets
(=); a name that was removed stands in parentheses."""
    flags = (
        Flag("a", "Also names that stand for nothing (negative dentries)."),
        Flag("d", "A directory itself, not what is in it."),
        Flag("l", "Also the mode, the size, and when the file was written."),
        Flag("R", "Directories below as well."),
        Flag("t", "Sorted by when it was written, the last one first."),
        Flag("U", "Not sorted."),
        Flag("n", "As this task sees its mounts and root directory.", value=TASK),
    )
    operands = (many(Word("abspath", "an absolute path")),)
    rows = (CachedFileRow, DirectoryRow)
    related = ("cfind", "ccat", "files", "mount")
    examples = (
        ("What is in a directory", "cls /etc"),
        ("All below it, with sizes and times", "cls -l -R /etc"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        tree = tree_of(ctx, args)
        for path in args.operands:
            try:
                place = tree.find(path)
            except CrashError as error:
                yield Notice(str(error))
                continue
            if len(args.operands) > 1 and "d" not in args:
                yield DirectoryRow(path)
            yield from _Lister(ctx, args, tree).rows(place)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        begun = headed = False
        for row in rows:
            if isinstance(row, DirectoryRow):
                yield from ("",) if begun else ()
                yield f"{row.path}:"
            elif isinstance(row, CachedFileRow):
                if not headed:
                    yield _heading(view.pointer_width, "l" in args)
                headed = True
                yield _line(row, view.pointer_width, "l" in args)
            begun = True


class _Lister:
    """Lists places under one line's options."""

    def __init__(self, ctx: Context, args: Args, tree: DirectoryTree) -> None:
        self._ctx, self._args, self._tree = ctx, args, tree

    def rows(self, top: Place) -> Iterator[Row]:
        """What is at a place, and in it."""
        args = self._args
        inside = "d" not in args and self._is_directory(top)
        yield cached_file(self._ctx, top, "." if inside else top.path)
        waiting, seen = [top] if inside else [], set[tuple[int, int]]()
        while waiting:
            place = waiting.pop()
            if place is not top:
                yield DirectoryRow(place.path)
            seen.add((place.dentry.address, place.mount))
            below = []
            children = yield from self._children(place)
            for child in children:
                key = child.dentry.address, child.mount
                if "R" in args and key not in seen and self._is_directory(child):
                    below.append(child)
            waiting += reversed(below)

    def _children(self, place: Place) -> Generator[Row, None, list[Place]]:
        """The rows of the names in a directory; gives their places."""
        found: list[tuple[CachedFileRow, Place]] = []
        try:
            for child in self._tree.children(place):
                name = child.dentry.name if not child.dentry.is_root else child.path
                shown = name if name[:1] != "/" else child.path.rpartition("/")[2]
                if child.dentry.inode or "a" in self._args:
                    found.append((cached_file(self._ctx, child, shown), child))
        except CrashError as error:
            yield Notice(str(error))
        if "t" in self._args:
            found.sort(key=lambda each: (each[0].modified, each[0].modified_nanoseconds))
            found.reverse()
        elif "U" not in self._args:
            found.sort(key=lambda each: each[0].shown)
        yield from (row for row, _ in found)
        return [child for _, child in found]

    def _is_directory(self, place: Place) -> bool:
        return bool(place.dentry.inode) and cached_file(self._ctx, place, "").type == "DIR"


def _heading(width: int, full: bool) -> str:
    more = f"{'MODE':>6} {'SIZE':>11} {'MTIME':<29} " if full else ""
    return f"{'DENTRY':<{width}} {'INODE':<{width}} NRPAGES   % {more}PATH"


def _line(row: CachedFileRow, width: int, full: bool) -> str:
    if not row.inode:
        more = f"{NOTHING:>6} {NOTHING:>11} {NOTHING:<29} " if full else ""
        begun = f"{row.dentry:<{width}x} {NOTHING:<{width}} {NOTHING:>7} {NOTHING:>3}"
        return f"{begun} {more}{row.shown}"
    more = f"{row.mode:>6o} {row.size:>11} {_date(row)} " if full else ""
    begun = f"{row.dentry:<{width}x} {row.inode:<{width}x} {row.cached:7} {row.percent:3}"
    program = row.type == "REG" and row.mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    mark = "*" if program else _MARKS.get(row.type, "")
    mark = "" if row.shown == "/" else mark
    name = f"({row.shown})" if row.removed else row.shown
    return f"{begun} {more}{name}{mark}"


def _date(row: CachedFileRow) -> str:
    try:
        text = time.strftime("%Y-%m-%d.%H:%M:%S", time.localtime(row.modified))
    except (OverflowError, OSError, ValueError):
        text = str(row.modified)
    return f"{text}.{row.modified_nanoseconds:09}"
