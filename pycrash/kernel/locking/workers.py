"""Workers of work queues, and what they are at (struct worker, kernel/workqueue_internal.h)."""

from __future__ import annotations

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.owners import Owner, member
from pycrash.kernel.tasks.table import TaskTable
from pycrash.kernel.walks.lists import Chain, entries

#: More pieces of work than wait behind one that is being done.
_MOST_WORK = 1 << 16


class Workers:
    """Finds workers by the work that hangs behind theirs."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)

    def busy_with_barrier(self, completion: int) -> Owner | None:
        """Who does the work behind which the barrier with that completion waits.

        flush_work() puts a struct wq_barrier into the list of the worker that does the work, or,
        where that is not begun yet, into a pool's list; then nobody is named.
        """
        kernel = self._kernel
        done = member(kernel, "struct wq_barrier", "done")
        work = member(kernel, "struct wq_barrier", "work.entry")
        scheduled = member(kernel, "struct worker", "scheduled")
        if done is None or work is None or scheduled is None:
            return None
        link = completion - done + work
        try:
            start = kernel.read_word(link, "wq_barrier")
            for head in entries(kernel, Chain(start, end=link), "work_struct list", _MOST_WORK):
                if (owner := self._worker(head - scheduled)) is not None:
                    return owner
        except CrashError:
            pass
        return None

    def _worker(self, address: int) -> Owner | None:
        """The task of a struct worker, None where there is none at an address."""
        try:
            shape = Layout(self._kernel.prog, "struct worker", ("task", "current_work"))
            data = self._kernel.read(address + shape.start, shape.size, "worker")
        except (CrashError, MissingFeature):
            return None
        address_of_task, work = shape.unpack(data)
        task = self._tasks.by_address.get(address_of_task)
        if task is None or not work or not self._tasks.is_kernel_thread(task):
            return None
        return Owner(task, True, f"its worker is at the work at {work:x}")
