"""mount: the mounted file systems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from pycrash.api import (
    ADDRESS,
    TASK,
    Address,
    Args,
    Begin,
    Bits,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Offer,
    ReadError,
    Row,
    Typed,
    View,
    Word,
    hexadecimal,
    is_hexadecimal,
    many,
)
from pycrash.kernel.vfs.dentries import Dentries
from pycrash.kernel.vfs.inodes import Inodes
from pycrash.kernel.vfs.mounts import Mount, Mounts
from pycrash.kernel.vfs.paths import Paths
from pycrash.kernel.vfs.superblocks import SuperBlocks
from pycrash.render.columns import centered

# Letter to the list of struct super_block that it shows: none of a kernel that opens here has
# either, the first since 3.13.
_LISTS = {"f": "s_files", "i": "s_dirty"}


class MountedKind(Word):
    """A device, or a directory where one is mounted."""

    needs_kernel = True

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        for row in _rows(ctx, ctx.kernel.part(Mounts).of_task(_first_task(ctx))):
            if isinstance(row, MountRow):
                for name in filter(None, (row.path, row.device)):
                    yield Offer(name, row.type or "")


MOUNTED = MountedKind("path", "a device, or a directory where one is mounted")


@dataclass(frozen=True)
class MountRow(Row, kind="mount.mount"):
    """One mount: `mount` is the struct mount (struct vfsmount before 3.3), `parent` the one it
    is mounted on, `mountpoint` the dentry there that it covers, `root` the dentry seen there.

    `type` and `device` are None where they cannot be read.
    """

    mount: Address
    vfsmount: Address
    superblock: Address
    type: str | None
    device: str | None
    path: str
    parent: Address
    mountpoint: Address
    root: Address
    flags: Bits


class MountCommand(Command):
    name = "mount"
    summary = "mounted file systems"
    synopsis = "[-f][-i] [-n pid|task] [mount|vfsmount|superblock|dev|dir|dentry|inode]"
    description = (
        "Lists the file systems that are mounted in the namespace of the first process: the "
        "address of the struct mount, of its super_block, the type, what is mounted, and where. "
        "With arguments, only those that one of them names: by the address of the mount, of its "
        "struct vfsmount or super_block, by device, type or directory, or by the address of a "
        "dentry or inode on it."
    )
    flags = (
        Flag("f", "The open files of each file system. Kernels since 3.13 keep no list of them."),
        Flag("i", "The dirty inodes of each file system. Kernels since 2.6.32 keep no such list."),
        Flag("n", "The file systems in the namespace of this task.", value=TASK),
    )
    at_once = "i"
    checked = "n"
    operands = (many(ADDRESS, MOUNTED),)
    rows = (MountRow,)
    related = ("files", "fuser", "cls", "swap")
    examples = (
        ("Every mount", "mount"),
        ("Where a device is mounted", "mount /dev/vda"),
        ("What process 81 sees", "mount -n 81"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        task = _first_task(ctx)
        for letter, value in args.given:
            if letter == "i":
                yield from _refused("i")
            if letter == "n" and value is not None:
                task = TASK.parse(ctx, value).tasks[0].address
        mounts = list(ctx.kernel.part(Mounts).of_task(task))
        if not args.operands:
            if "f" in args:
                yield from _refused("f")
            yield Begin()
            yield from _rows(ctx, mounts)
            return
        listed = []
        for row in _rows(ctx, mounts):
            if isinstance(row, MountRow):
                listed.append(row)
            else:
                yield row
        for row in (r for o in args.operands for r in _named(ctx, o, listed)):
            if "f" in args:
                yield from _refused("f")
            yield row

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        due = True
        for row in rows:
            if due and not isinstance(row, Notice):
                yield _heading(row, view.pointer_width)
                due = False
            if isinstance(row, MountRow):
                yield _line(row, view.pointer_width)


def _refused(letter: str) -> Iterator[Row]:
    yield Notice(f"the super_block.{_LISTS[letter]} linked list does not exist in this kernel")
    raise CrashError(f"-{letter} option not supported or applicable on this architecture or kernel")


def _first_task(ctx: Context) -> int:
    """The task of the lowest pid but the idle ones: init, where it is there. Raises CrashError."""
    known = (task.address for task in ctx.kernel.tasks.all if task.pid)
    return next(known, None) or ctx.kernel.required_symbol("init_task")


def _rows(ctx: Context, mounts: Iterable[Mount]) -> Iterator[Row]:
    kernel = ctx.kernel
    blocks, path, table = kernel.part(SuperBlocks), kernel.part(Paths).path, kernel.part(Mounts)
    for mount in mounts:
        if mount.is_cursor:
            continue
        if not kernel.memory.is_kernel(mount.superblock):
            text = f"cannot get super_block from vfsmnt: 0x{mount.address:x}"
            yield Notice(text, level="WARNING")
            continue
        yield MountRow(
            mount.address,
            mount.vfsmount,
            mount.superblock,
            blocks.type_name(mount.superblock),
            _device(table, mount),
            path(mount.mountpoint, table.vfsmount(mount.parent)),
            mount.parent,
            mount.mountpoint,
            mount.root,
            mount.flags,
        )


def _device(mounts: Mounts, mount: Mount) -> str | None:
    try:
        return mounts.device(mount) or None
    except ReadError:
        return None


def _named(ctx: Context, operand: str, rows: list[MountRow]) -> list[MountRow]:
    """The mounts that an operand names: by a word of their line, or by what is on them."""
    wanted = _path(operand)
    number = -1
    if is_hexadecimal(operand):
        number = hexadecimal(operand.rstrip(" "))
    found = [
        row
        for row in rows
        if number in (row.mount, row.vfsmount, row.superblock)
        or any(wanted == _path(word) for word in (row.type, row.device, row.path) if word)
    ]
    if found or not ctx.kernel.memory.is_kernel(number):
        return found
    on = _superblocks(ctx, number)
    return [row for row in rows if row.superblock in on]


def _path(text: str) -> str:
    """A path without needless slashes, to compare."""
    return re.sub("/+", "/", text).rstrip("/") or "/"


def _superblocks(ctx: Context, address: int) -> set[int]:
    """The super_blocks that what lies at an address may be on, taken for a dentry or an inode."""
    inodes, found = ctx.kernel.part(Inodes), set()
    with suppress(ReadError):
        found.add(inodes.get(address).superblock)
    with suppress(ReadError):
        dentry = ctx.kernel.part(Dentries).get(address)
        if not dentry.inode or inodes.get(dentry.inode).superblock == dentry.superblock:
            found.add(dentry.superblock)
    return found


def _heading(row: Row, width: int) -> str:
    split = not isinstance(row, MountRow) or row.mount != row.vfsmount
    name = centered("MOUNT" if split else "VFSMOUNT", width)
    return f"{name} {centered('SUPERBLK', width)} TYPE   DEVNAME   DIRNAME"


def _line(row: MountRow, width: int) -> str:
    source = f"{row.type or 'unknown':6} {row.device or '(unknown)':9} "
    # The columns are kept as long as blanks between them will give way.
    while len(source) > 17 and source[-2] == " ":
        source = source[:-1]
    return f"{row.mount:{width}x} {row.superblock:{width}x} {source}{row.path:10}"
