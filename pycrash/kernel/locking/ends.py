"""Tasks that wait at one end of a pipe or of a Unix socket, and who has the other end open."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.owners import Owner, member, tolerant
from pycrash.kernel.tasks.table import Task, TaskTable
from pycrash.kernel.vfs.files import Files

#: struct file, f_mode.
_READ, _WRITE = 1, 2
_PIPE_READER = re.compile(r"(?:anon_)?pipe_read|fifo_pipe_read|pipe_wait_readable")
_PIPE_WRITER = re.compile(r"(?:anon_)?pipe_write|fifo_pipe_write|pipe_wait_writable")
_SOCKET = re.compile(r"unix_(?:stream|dgram|seqpacket)_\w+")


@dataclass(frozen=True)
class End:
    """What is waited for at one end: "pipe" or "socket", the struct pipe_inode_info or unix_sock
    that stands for it, and who may end the wait."""

    kind: str
    address: int
    owner: Owner


class Ends:
    """Finds who has open what a task waits for. What cannot be read is nobody's."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)
        self._files = kernel.part(Files)

    def of(self, task: Task, head: int, calls: Sequence[str]) -> End | None:
        """What a task in these functions waits for in the queue at `head` (wait_queue_head); None
        where that is neither a pipe nor a Unix socket."""
        if any(_PIPE_READER.fullmatch(name) for name in calls):
            return self._pipe(task, head, ("rd_wait", "wait"), _WRITE, "write")
        if any(_PIPE_WRITER.fullmatch(name) for name in calls):
            return self._pipe(task, head, ("wr_wait", "wait"), _READ, "read")
        if any(_SOCKET.fullmatch(name) for name in calls):
            return self._socket(task, head)
        return None

    def _pipe(
        self, task: Task, head: int, queues: Sequence[str], mode: int, end: str
    ) -> End | None:
        """The queues of readers and writers are one until 5.5."""
        for queue in queues:
            place = member(self._kernel, "struct pipe_inode_info", queue)
            if place is not None:
                pipe = head - place
                return End("pipe", pipe, self._holder(task, pipe, mode, f"its {end} end"))
        return None

    def _socket(self, task: Task, head: int) -> End | None:
        """The queue is in the struct socket; the other end is the peer of its struct unix_sock."""
        queue = member(self._kernel, "struct socket", "wq.wait")
        inner = member(self._kernel, "struct socket", "sk")
        peer = member(self._kernel, "struct unix_sock", "peer")
        outer = member(self._kernel, "struct sock", "sk_socket")
        if queue is None or inner is None or peer is None or outer is None:
            return None
        sock = tolerant(self._kernel, head - queue + inner, "socket.sk")
        if not sock or tolerant(self._kernel, sock + outer, "sock.sk_socket") != head - queue:
            return None
        other = tolerant(self._kernel, sock + peer, "unix_sock.peer")
        if not other:
            return End("socket", sock, Owner(None, False, "it is connected to none"))
        socket = tolerant(self._kernel, other + outer, "sock.sk_socket")
        return End("socket", sock, self._holder(task, socket, _READ | _WRITE, "the other end"))

    def _holder(self, task: Task, private: int, mode: int, end: str) -> Owner:
        """The one process that has open, for `mode`, the files of a pipe or socket."""
        found = self._open.get(private, ()) if private else ()
        holders = {holder.tgid: holder for holder, modes in found if modes & mode}
        others = [holder for tgid, holder in holders.items() if tgid != task.tgid]
        if len(others) == 1 and len(holders) == 1:
            return Owner(others[0], False, f"it alone has {end} open")
        if not others:
            return Owner(None, False, f"{'only itself' if holders else 'nobody'} has {end} open")
        return Owner(None, False, f"{len(holders)} processes have {end} open")

    @cached_property
    def _open(self) -> dict[int, list[tuple[Task, int]]]:
        """What files keep for their type, to the processes that have them open, and the modes."""
        found: dict[int, list[tuple[Task, int]]] = defaultdict(list)
        for task in self._tasks.all:
            if task.pid != task.tgid or not task.mm:
                continue
            try:
                for _, address in self._files.of_task(task.address):
                    file = self._files.get(address)
                    if file.private:
                        found[file.private].append((task, file.mode))
            except CrashError:
                continue
        return found
