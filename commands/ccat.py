"""ccat: what files hold, as far as it is cached."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

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
    Part,
    Row,
    UsageError,
    View,
    Word,
    hexadecimal,
    is_hexadecimal,
    one,
)
from pycrash.api.cachedfiles import tree_of
from pycrash.kernel.mm.filecontent import FileContent
from pycrash.kernel.vfs.inodes import Inode, Inodes
from pycrash.kernel.vfs.tree import Place

_OTHER = "not a regular file"


@dataclass(frozen=True)
class PieceRow(Row, kind="ccat.page"):
    """The bytes of a cached page, within the size of its file, and where in it they are."""

    offset: Bytes
    data: bytes


@dataclass(frozen=True)
class BeginRow(Row, kind="ccat.directory"):
    """A directory whose files are being written to another, or counted."""

    path: str
    doing: Literal["extracting", "estimating"]
    target: str | None


@dataclass(frozen=True)
class TotalRow(Row, kind="ccat.total"):
    """How many pages were written, or would be."""

    pages: Pages
    page_size: Bytes


class Ccat(Command):
    name = "ccat"
    summary = "what files hold, from the page cache"
    synopsis = (
        "[-cS] [-n pid|task] abspath|inode [outfile]\n  ccat -d [-cS] [-n pid|task] abspath outdir"
    )
    description = """\
Shows the bytes of a file that the kernel had in its page cache, one page behind the other: pages
that were not cached, or that makedumpfile left out of the dump (the sample has none), are not
there. Into an output file,
which may not exist yet, each page is written to its place, so that what lacks is a hole."""
    flags = (
        Flag("c", "Count the pages, and write nothing."),
        Flag("d", "Write all files of a directory, and those below it, to a new directory."),
        Flag("S", "Write no holes: one page behind the other."),
        Flag("n", "As this task sees its mounts and root directory.", value=TASK),
    )
    operands = (
        one(Word("file", "an absolute path, or the address of an inode")),
        one(Word("outfile", "a file or directory to make")),
    )
    rows = (PieceRow, BeginRow, TotalRow)
    related = ("cls", "cfind", "files")
    examples = (
        ("What is in a file", "ccat /etc/motd"),
        ("How much of it is cached", "ccat -c /etc/motd"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        count = len(args.operands)
        if count not in (1, 2) or ("d" in args and count != 2):
            raise UsageError
        writer = _Writer(ctx, args)
        if "d" in args:
            yield from writer.directory(*args.operands)
            return
        inode = _inode(ctx, args)
        if inode.type != "REG":
            raise CrashError(f"{args.operands[0]}: {_OTHER}")
        if "c" in args or count == 2:
            yield from writer.file(inode, None if "c" in args else args.operands[1])
            yield TotalRow(writer.pages, ctx.kernel.page_size)
            return
        for problem, offset, data in writer.pieces(inode):
            yield problem or PieceRow(offset, data)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, PieceRow):
                yield Part(row.data.decode("utf-8", "surrogateescape"))
            elif isinstance(row, BeginRow):
                target = f" to {row.target}" if row.target is not None else ""
                yield f"{row.doing.capitalize()} {row.path}{target}..."
            elif isinstance(row, TotalRow):
                yield f"Total {row.pages} pages ({row.pages * row.page_size // 1024} KiB)"


def _inode(ctx: Context, args: Args) -> Inode:
    """The file that is named, by its path or by the address of its inode. Raises CrashError."""
    word, inodes = args.operands[0], ctx.kernel.part(Inodes)
    if not word.startswith("/") and is_hexadecimal(word):
        return inodes.get(hexadecimal(word))
    dentry = tree_of(ctx, args).find(word).dentry
    if not dentry.inode:
        raise CrashError(f"{word}: not found in dentry cache")
    return inodes.get(dentry.inode)


class _Writer:
    """Writes files, or counts their pages, under one line's options."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx, self._args = ctx, args
        self.pages = 0

    def pieces(self, inode: Inode) -> Iterator[tuple[Notice | None, int, bytes]]:
        """(None, place, bytes) of each page; then what could not be read: the first, how many."""
        problems: list[CrashError] = []
        for offset, data in self._ctx.kernel.part(FileContent).pieces(inode, problems.append):
            self.pages += 1
            yield None, offset, data
        if problems:
            more = f", and {len(problems) - 1} more like it" if len(problems) > 1 else ""
            yield Notice(f"{problems[0]}{more}"), 0, b""

    def file(self, inode: Inode, target: str | None) -> Iterator[Row]:
        """Write a file; without a target, count. Raises CrashError."""
        if target is None:
            yield from (told for told, _, _ in self.pieces(inode) if told)
            return
        try:
            # Never another file's content, nor through a link.
            with open(target, "xb") as out:
                for told, offset, data in self.pieces(inode):
                    if told:
                        yield told
                    elif "S" in self._args:
                        out.write(data)
                    else:
                        out.seek(offset)
                        out.write(data)
                if "S" not in self._args:
                    out.truncate(inode.size)
        except OSError as error:
            raise CrashError(f"{target}: {error.strerror}") from error

    def directory(self, path: str, target: str) -> Iterator[Row]:
        """Write all files below a directory. Raises CrashError."""
        tree = tree_of(self._ctx, self._args)
        top = tree.find(path)
        counting = "c" in self._args
        yield BeginRow(
            path, "estimating" if counting else "extracting", None if counting else target
        )
        problems: list[Notice] = []
        for place in tree.walk(top, lambda error: problems.append(Notice(str(error)))):
            yield from problems
            problems.clear()
            inside = place.path[len(top.path.rstrip("/")) :].lstrip("/")
            try:
                yield from self._entry(place, None if counting else os.path.join(target, inside))
            except CrashError as error:
                if place is top:
                    raise
                yield Notice(str(error))
        yield from problems
        yield TotalRow(self.pages, self._ctx.kernel.page_size)

    def _entry(self, place: Place, target: str | None) -> Iterator[Row]:
        """Make a directory, or write a file. Raises CrashError."""
        name = place.dentry.name
        if not place.dentry.inode or place.dentry.removed:
            return
        if name in (".", "..") or ("/" in name and not place.dentry.is_root) or "\0" in name:
            raise CrashError(f"{place.path}: not a name of a file")
        inode = self._ctx.kernel.part(Inodes).get(place.dentry.inode)
        if inode.type == "DIR" and target is not None:
            try:
                os.mkdir(target)
            except OSError as error:
                raise CrashError(f"{target}: {error.strerror}") from error
        elif inode.type == "REG":
            yield from self.file(inode, target)
