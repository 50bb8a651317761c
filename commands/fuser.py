"""fuser: which tasks use a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    HEX,
    Args,
    Begin,
    Command,
    Context,
    CrashError,
    Notice,
    Row,
    TaskRow,
    UsageError,
    View,
    Word,
    hexadecimal,
    is_hexadecimal,
    many,
)
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.tasks.table import Task
from pycrash.kernel.vfs.dentries import Dentries
from pycrash.kernel.vfs.files import Files, OpenFile
from pycrash.kernel.vfs.paths import Paths
from pycrash.render.columns import centered


@dataclass(frozen=True)
class UserRow(TaskRow, kind="fuser.user"):
    """A task that uses a file, of the inode or path that was asked for: as its "root" or its
    working directory ("cwd"), by a descriptor ("fd"), or as a part of its memory ("mmap")."""

    reference: str
    uses: tuple[str, ...]


@dataclass(frozen=True)
class _NoUsers(Row):
    """No fact: no task uses what was asked for."""

    reference: str


class Fuser(Command):
    name = "fuser"
    summary = "tasks that use a file"
    synopsis = "[pathname | inode]"
    description = (
        "Shows each task that uses a file: as its root or working directory, by an open file "
        "descriptor, or mapped into its memory. A file is named by its path, without symbolic "
        "links, or by its end from a slash on; or by the address of its inode, dentry or struct "
        "file."
    )
    operands = (many(HEX.named("inode"), Word("pathname", "the path of a file")),)
    rows = (UserRow,)
    related = ("files", "mount", "vm")
    examples = (("Who uses a program", "fuser /bin/workload"),)

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if not args.operands:
            raise UsageError
        for nth, operand in enumerate(args.operands):
            try:
                wanted = _Wanted(ctx, operand)
            except CrashError as error:
                if not nth:
                    raise
                # By then crash has looked at the tasks in the name of foreach.
                yield Notice(str(error), command="foreach")
                return
            none = True
            for task in ctx.kernel.tasks.all:
                uses = []
                try:
                    for use in wanted.uses(task):
                        uses.append(use)
                except CrashError as error:
                    yield Notice(str(error))
                if uses:
                    if none:
                        yield Begin()
                    none = False
                    whose = task.pid, task.address, task.cpu, task.comm
                    yield UserRow(*whose, wanted.name, tuple(uses))
            if none:
                yield _NoUsers(wanted.name)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        width = view.pointer_width
        for row in rows:
            if isinstance(row, Begin):
                yield f" PID   {centered('TASK', width)}  COMM             USAGE"
            elif isinstance(row, UserRow):
                yield _line(row, width)
            elif isinstance(row, _NoUsers):
                yield f"No users of {row.reference} found"


class _Wanted:
    """What is looked for: the end of a path from a slash on, or an address. Raises CrashError.

    `name` is the operand without a 0x.
    """

    def __init__(self, ctx: Context, operand: str) -> None:
        kernel = ctx.kernel
        self._address = -1
        if not operand.startswith("/"):
            self._address = _address(operand)
            # The highest address stands for none.
            if not kernel.memory.is_kernel(self._address) or self._address == kernel.word_mask:
                raise CrashError(f"invalid argument: {operand}")
            operand = operand.removeprefix("0x")
        self.name = operand
        self._files, self._areas = kernel.part(Files), kernel.part(Vmas).of
        self._dentry, self._path = kernel.part(Dentries).get, kernel.part(Paths).path
        #: Threads share what they have open and mapped.
        self._mapped_in: dict[int, bool] = {}

    def uses(self, task: Task) -> Iterator[str]:
        """How a task uses it. Raises CrashError, after what is known."""
        files = self._files
        place = files.directories(task.address)
        if place is not None:
            if self._names(place.root, place.root_mount):
                yield "root"
            if self._names(place.cwd, place.cwd_mount):
                yield "cwd"
        if any(self._is(files.open_file(address)) for _, address in files.of_task(task.address)):
            yield "fd"
        if task.mm:
            if task.mm not in self._mapped_in:
                self._mapped_in[task.mm] = any(map(self._maps, self._areas(task.mm)))
            if self._mapped_in[task.mm]:
                yield "mmap"

    def _names(self, dentry: int, vfsmount: int) -> bool:
        """Whether it is a directory."""
        if not dentry:
            return False
        if self._address >= 0:
            return self._address == self._dentry(dentry).inode
        return self._path(dentry, vfsmount).endswith(self.name)

    def _is(self, file: OpenFile) -> bool:
        """Whether it is a file, by one of its addresses or its path."""
        if self._address >= 0:
            return self._address in (file.file, file.dentry, file.inode)
        return file.path is not None and file.path.endswith(self.name)

    def _maps(self, area: Vma) -> bool:
        """Whether it is an area of memory or the file in it."""
        if area.address == self._address:
            return True
        if not area.file:
            return False
        file = self._files.open_file(area.file)
        if self._address >= 0:
            return self._address == file.inode
        return file.path is not None and file.path.endswith(self.name)


def _address(text: str) -> int:
    """A hexadecimal number, -1 for anything else."""
    try:
        return hexadecimal(text) if is_hexadecimal(text) else -1
    except CrashError:
        return -1


def _line(row: UserRow, width: int) -> str:
    # The name stands in its quotes, cut to the column.
    name = f'"{row.comm}"'[:15]
    return f"{row.pid:5}  {row.task:{width}x}  {name:16} {' '.join(row.uses)} "
