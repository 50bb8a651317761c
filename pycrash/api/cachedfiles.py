"""Files as the caches of names and pages have them: shown by cls, cfind and ccat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.api.fields import Address, Bytes, Date, Hidden, Pages
from pycrash.api.operands.tasks import TASK
from pycrash.api.rows import Row
from pycrash.errors import CrashError
from pycrash.kernel.vfs.filetimes import FileTimes
from pycrash.kernel.vfs.inodes import Inode, Inodes
from pycrash.kernel.vfs.pagecache import PageCache
from pycrash.kernel.vfs.tree import DirectoryTree, Place

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context

#: What is said of a name that stands for nothing.
NOTHING = "-"


@dataclass(frozen=True)
class CachedFileRow(Row, kind="cached.file"):
    """A name that is cached: its dentry, its inode and address_space, how many of its pages are
    cached. Those of a name that stands for nothing (a negative dentry) are 0, its `type` "".

    `modified_nanoseconds` are those of the second `modified`. `shown` is the path from where it
    is listed.
    """

    path: str
    dentry: Address
    inode: Address
    mapping: Address
    type: str
    mode: int
    size: Bytes
    modified: Date
    modified_nanoseconds: int
    cached: Pages
    page_size: Bytes
    removed: bool
    shown: Hidden[str]

    @property
    def percent(self) -> int:
        """How much of the file is cached."""
        pages = -(-self.size // self.page_size)
        return min(100 * self.cached // pages, 100) if pages else 0


def cached_file(ctx: Context, place: Place, shown: str) -> CachedFileRow:
    """The row of a name. Raises CrashError."""
    kernel, dentry = ctx.kernel, place.dentry
    seconds = rest = cached = 0
    inode = Inode(0, 0, 0, 0, 0, 0, 0)
    if dentry.inode:
        inode = kernel.part(Inodes).get(dentry.inode)
        cached = kernel.part(PageCache).count(inode.mapping)
        seconds, rest = kernel.part(FileTimes).modified(inode.address)
    return CachedFileRow(
        path=place.path,
        dentry=dentry.address,
        inode=inode.address,
        mapping=inode.mapping,
        type=inode.type if dentry.inode else "",
        mode=inode.mode,
        size=inode.size,
        modified=seconds,
        modified_nanoseconds=rest,
        cached=cached,
        page_size=kernel.page_size,
        removed=dentry.removed,
        shown=shown,
    )


def tree_of(ctx: Context, args: Args) -> DirectoryTree:
    """The directories that the task behind -n sees, else those of the task of the lowest pid.

    Raises CrashError.
    """
    value = args.value("n")
    if value is not None:
        return DirectoryTree(ctx.kernel, TASK.parse(ctx, value).tasks[0].address)
    first = next((task for task in ctx.kernel.tasks.all if task.pid), None)
    if first is None:
        raise CrashError("no task that has a root directory")
    return DirectoryTree(ctx.kernel, first.address)
