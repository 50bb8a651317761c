"""Tasks that wait for a journal, and the thread that commits it."""

from __future__ import annotations

from pycrash.kernel.locking.journals import Journals
from tests.kernel.fake_kernel import FakeTasks

JOURNAL = 0xFFFF888010000000


def journals() -> tuple[Journals, int]:
    made = FakeTasks()
    made.struct(
        "journal_s",
        96,
        j_wait_transaction_locked=(8, "Q"),
        j_wait_done_commit=(32, "Q"),
        j_wait_updates=(56, "Q"),
        j_task=(80, "P"),
    )
    thread = made.add(50, "jbd2/vda-8")
    made.room(JOURNAL, 4096)
    made.write(JOURNAL + 80, "Q", thread)
    return Journals(made.kernel), thread


def test_the_thread_that_commits() -> None:
    found, thread = journals()
    for name, place in (("jbd2_log_wait_commit", 32), ("wait_transaction_locked", 8)):
        wait = found.of(JOURNAL + place, [name, "ext4_sync_file"])
        assert wait is not None
        assert wait.address == JOURNAL
        assert wait.owner.task is not None
        assert (wait.owner.task.address, wait.owner.certain) == (thread, False)


def test_what_points_to_no_thread_is_no_journal() -> None:
    found, _ = journals()
    assert found.of(JOURNAL + 0x800, ["jbd2_log_wait_commit"]) is None
    assert found.of(JOURNAL + 32, ["ext4_sync_file"]) is None
