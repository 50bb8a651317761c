"""cfind: every cached name below a directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    TASK,
    Address,
    Args,
    Begin,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Row,
    UsageError,
    View,
    Word,
    one,
    quick,
)
from pycrash.api.cachedfiles import NOTHING, tree_of
from pycrash.kernel.vfs.tree import DirectoryTree, Place


@quick
@dataclass(frozen=True)
class NameRow(Row, kind="cfind.name"):
    """A cached name: its dentry and its inode, which is 0 of a name that stands for nothing."""

    path: str
    dentry: Address
    inode: Address


@dataclass(frozen=True)
class CountRow(Row, kind="cfind.count"):
    """How many names of a directory are cached, and how many of them stand for nothing."""

    path: str
    dentries: int
    negative: int


class Cfind(Command):
    name = "cfind"
    summary = "find cached names"
    synopsis = "[-ac] [-n pid|task] abspath"
    description = """\
Shows every name below an absolute path that the kernel had in its cache, across mounts: the
address of its dentry and of its inode, and its path."""
    flags = (
        Flag("a", "Also names that stand for nothing (negative dentries)."),
        Flag("c", "Count the names in each directory."),
        Flag("n", "As this task sees its mounts and root directory.", value=TASK),
    )
    operands = (one(Word("abspath", "an absolute path")),)
    rows = (NameRow, CountRow)
    related = ("cls", "ccat", "mount")
    examples = (
        ("Where a file is", "cfind / | grep motd"),
        ("Which directories have many names", "cfind -c /etc"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if len(args.operands) != 1:
            raise UsageError
        tree = tree_of(ctx, args)
        top = tree.find(args.operands[0])
        problems: list[Notice] = []

        def problem(error: CrashError) -> None:
            problems.append(Notice(str(error)))

        if "c" in args:
            yield Begin()
        for place in tree.walk(top, problem):
            if "c" in args:
                yield from _counted(tree, place)
            elif place.dentry.inode or "a" in args:
                yield NameRow(place.path, place.dentry.address, place.dentry.inode)
            yield from problems
            problems.clear()
        yield from problems

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = view.pointer_width
        for row in rows:
            if isinstance(row, Begin):
                yield "  TOTAL DENTRY N_DENT PATH"
            elif isinstance(row, CountRow):
                positive = row.dentries - row.negative
                yield f"{row.dentries:7} {positive:6} {row.negative:6} {row.path}"
            elif isinstance(row, NameRow):
                inode = f"{row.inode:<{width}x}" if row.inode else f"{NOTHING:<{width}}"
                yield f"{row.dentry:<{width}x} {inode} {row.path}"


def _counted(tree: DirectoryTree, place: Place) -> Iterator[Row]:
    """The count of a directory that has names; one that cannot be read has been told of."""
    names = []
    with contextlib.suppress(CrashError):
        names += [child.dentry.inode for child in tree.children(place)]
    if names:
        yield CountRow(place.path, len(names), sum(not inode for inode in names))
