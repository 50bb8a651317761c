"""ipcs: how its rows become lines."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.ipcs import Ipcs, NotFound, QueueRow, SegmentRow, SemaphoresRow, _task
from pycrash.api import Args, Context, Row, Settings, View
from tests.kernel.fake_kernel import FakeKernel

_SHM = "SHMID_KERNEL     KEY      SHMID      UID   PERMS BYTES      NATTCH STATUS"
_SEM = "SEM_ARRAY        KEY      SEMID      UID   PERMS NSEMS     "
_MSG = "MSG_QUEUE        KEY      MSQID      UID   PERMS USED-BYTES   MESSAGES    "
_COMMON = (0xFF36376B90751A00, 0x1234, 3, 1000, 0)


def _text(line: str, rows: Iterable[Row]) -> list[str]:
    args: Args = Ipcs().parse(line.split())
    return list(Ipcs().text(View(Settings()), args, rows))


@pytest.mark.parametrize(
    ("removed", "locked", "status"),
    [(False, False, " "), (True, False, "dest "), (False, True, " locked")],
)
def test_an_object_by_itself(removed: bool, locked: bool, status: str) -> None:
    row = SegmentRow(*_COMMON, 0o1640, 65537, 2, removed, locked, 0xFF36, 17, 16, 1)
    line = f"ff36376b90751a00 00001234 3          1000  640   65537      2      {status}"
    assert _text("3", [row]) == [_SHM, line, ""]
    pages = ["PAGES ALLOCATED/RESIDENT/SWAPPED: 17/16/1", "INODE: ff36"]
    assert _text("-M", [row]) == [_SHM, line, *pages, ""]


def test_where_no_task_can_be_found() -> None:
    fake = FakeKernel()
    fake.symbol("init_task", 0xFFFF888000000000, 8)
    fake.kernel.__dict__["tasks"] = SimpleNamespace(all=[], by_pid=lambda pid: [])
    context = Context(fake.kernel, Settings(), cast(Any, None), cast(Any, None))
    assert _task(context, Ipcs().parse([])) == 0xFFFF888000000000


def test_sets_queues_and_what_is_neither() -> None:
    rows = [
        NotFound("zz"),
        SemaphoresRow(*_COMMON, 0o600, 9),
        QueueRow(*_COMMON, 0o644, 50, 2),
    ]
    assert _text("3", rows) == [
        "invalid id or address: zz",
        "",
        _SEM,
        "ff36376b90751a00 00001234 3          1000  600   9         ",
        "",
        _MSG,
        "ff36376b90751a00 00001234 3          1000  644   50           2           ",
        "",
    ]
