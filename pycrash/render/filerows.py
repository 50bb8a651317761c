"""Rows about open files, dentries and cached pages, and their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pycrash.api.context import View
from pycrash.api.fields import Address, Bits, Bytes, Pages
from pycrash.api.header import TaskHeader, header_line
from pycrash.api.pagerows import PageHeading, PageRow
from pycrash.api.rows import Begin, Gap, Row, quick
from pycrash.render.columns import centered
from pycrash.render.pagelines import page_heading, page_line


@quick
@dataclass(frozen=True)
class DirectoriesRow(Row, kind="files.directories"):
    """The root and the working directory of a task."""

    root: str
    cwd: str


@quick
@dataclass(frozen=True)
class FileRow(Row, kind="files.file"):
    """One open file: `file` is the struct file, `mount` the struct mount it is on, `flags` what
    open() was given, `position` where the next read begins, `removed` whether its name is gone.

    `dentry`, `inode` and `path` are None where it has none. `mapping` and `pages`, its
    address_space and how much of it is cached, are asked for with -c.
    """

    fd: int
    file: Address
    dentry: Address | None
    inode: Address | None
    type: str | None
    path: str | None
    mount: Address
    flags: Bits
    position: Bytes
    removed: bool
    mapping: Address | None
    pages: Pages | None


@dataclass(frozen=True)
class DentryRow(Row, kind="files.dentry"):
    """What a dentry is the name of: `inode` and `type` are None for a name without a file."""

    dentry: Address
    inode: Address | None
    superblock: Address
    type: str | None
    path: str


@dataclass(frozen=True)
class CachedRow(Row, kind="files.cached"):
    """How many pages of a file are in the page cache."""

    inode: Address
    mapping: Address
    pages: Pages


@dataclass(frozen=True)
class NodeRow(Row, kind="files.node"):
    """How many pages of a file are cached on a NUMA node."""

    node: int
    pages: Pages


@dataclass(frozen=True)
class NoFiles(Row):
    """No fact: a task has no open files."""


def file_lines(view: View, rows: Iterable[Row], cached: bool, found: bool) -> Iterator[str]:
    """The lines: `cached` with the cached pages of each file, `found` of a search."""
    width, due = view.pointer_width, True
    line = _cache_line if cached else _file_line
    for row in rows:
        if isinstance(row, FileRow):
            if due:
                yield _heading(cached, width)
                due = False
            yield line(row, width) if row.path is not None else _empty_line(row, width)
        elif isinstance(row, TaskHeader):
            due = True
            yield header_line(row, view.word_size)
        elif isinstance(row, DirectoriesRow):
            yield f"ROOT: {row.root}    CWD: {row.cwd}{' ' if found else ''}"
        elif isinstance(row, NoFiles):
            yield "No open files"
        elif isinstance(row, Gap):
            yield ""
        elif isinstance(row, PageRow):
            yield page_line(row, view)
        elif isinstance(row, PageHeading):
            yield page_heading(row, view)
        elif isinstance(row, NodeRow):
            if due:
                yield "     NODE           PAGES"
                due = False
            yield f"     {row.node:2}          {row.pages:8}"
        else:
            yield from _other_lines(row, width)


def _heading(cached: bool, width: int) -> str:
    inode = centered("INODE", width)
    if cached:
        lean: Literal["left", "right"] = "left" if width > 8 else "right"
        mapping = centered("I_MAPPING", max(width, 9), lean)
        return f" FD {inode} {mapping} NRPAGES TYPE PATH"
    return f" FD {centered('FILE', width)} {centered('DENTRY', width)} {inode} TYPE PATH"


def _file_line(row: FileRow, width: int) -> str:
    return (
        f"{row.fd:3} {row.file:{width}x} {row.dentry:{width}x} {row.inode:{width}x} "
        f"{row.type:4} {row.path}"
    )


def _cache_line(row: FileRow, width: int) -> str:
    mapping = f"{row.mapping:x}"
    mapping = centered(mapping, max(width, 9), "right")
    return f"{row.fd:3} {row.inode:{width}x} {mapping} {row.pages:7} {row.type:4} {row.path}"


def _empty_line(row: FileRow, width: int) -> str:
    """A file without a name, or whose name stands for nothing."""
    nothing = "0" * width
    what = "?" if row.dentry is None else nothing
    dentry = nothing if row.dentry is None else f"{row.dentry:{width}x}"
    return f"{row.fd:3} {row.file:{width}x} {dentry} {centered(what, width)} ?    ?"


def _other_lines(row: Row, width: int) -> Iterator[str]:
    """What -d and -p show."""
    if isinstance(row, Begin):
        names = (centered(name, width) for name in ("DENTRY", "INODE", "SUPERBLK"))
        yield f"{' '.join(names)} TYPE PATH"
    elif isinstance(row, DentryRow):
        block = centered(f"{row.superblock:x}", width)
        inode = f"{row.inode or 0:{width}x}"
        kind = "N/A" if row.type is None else f"{row.type:4}"
        yield f"{row.dentry:{width}x} {inode} {block} {kind} {row.path}"
    elif isinstance(row, CachedRow):
        yield f"{centered('INODE', width)}  NRPAGES"
        yield f"{row.inode:{width}x}  {row.pages:7}"
        yield ""
