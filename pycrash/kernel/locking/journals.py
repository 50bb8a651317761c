"""Tasks that wait for a journal of jbd2, and the thread that commits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pycrash.kernel.core.reader import Reader
from pycrash.kernel.locking.owners import Owner, member, tolerant
from pycrash.kernel.tasks.table import TaskTable

#: Functions that wait, and the member of journal_s (struct journal_s) whose queue they stand in.
_QUEUES = {
    "jbd2_log_wait_commit": "j_wait_done_commit",
    "jbd2_complete_transaction": "j_wait_done_commit",
    "wait_transaction_locked": "j_wait_transaction_locked",
    "wait_transaction_switching": "j_wait_transaction_locked",
    "jbd2_journal_lock_updates": "j_wait_updates",
}


@dataclass(frozen=True)
class AwaitedJournal:
    """The struct journal_s that is waited for, and its thread, which ends the wait when it can."""

    address: int
    owner: Owner


class Journals:
    """Finds the journal whose queue a task stands in."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)

    def of(self, head: int, calls: Sequence[str]) -> AwaitedJournal | None:
        """The journal with the queue at `head` (wait_queue_head), for a task in these functions;
        None where it is none: a journal points to the thread that commits it."""
        thread = member(self._kernel, "struct journal_s", "j_task")
        for name in calls:
            queue = _QUEUES.get(name)
            place = member(self._kernel, "struct journal_s", queue) if queue else None
            if place is None or thread is None:
                continue
            journal = head - place
            task = self._tasks.by_address.get(tolerant(self._kernel, journal + thread, "j_task"))
            if task is not None:
                return AwaitedJournal(journal, Owner(task, False, "journal_s.j_task commits it"))
        return None
