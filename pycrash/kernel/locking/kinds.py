"""What tasks wait for: for each kind of lock the functions that wait for it, the structure that
a waiter leaves on its own stack, and the lock whose list that one hangs in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Waiting:
    """A structure on the stack of a task that waits: its type, the members that link it into the
    lock's list and that point to the task. Where the list is one of many locks', `key` is the
    member that has the address of what is waited for."""

    type: str
    link: str
    task: str
    key: str = ""


@dataclass(frozen=True)
class Kind:
    """One kind of thing to wait for.

    `functions` match those that wait for it. `waiting` are the structures that a waiter may have
    left (a kernel has one of them), each with the lock's type and its member that is the list's
    head; none where there is nothing on the stack to find.
    """

    name: str
    functions: re.Pattern[str]
    waiting: Sequence[tuple[Waiting, str, str]] = field(default=())


def _kind(name: str, functions: str, *waiting: tuple[Waiting, str, str]) -> Kind:
    return Kind(name, re.compile(functions), waiting)


_MUTEX = Waiting("struct mutex_waiter", "list", "task")
_RWSEM = Waiting("struct rwsem_waiter", "list", "task")
_SEMAPHORE = Waiting("struct semaphore_waiter", "list", "task")
_SIMPLE = Waiting("struct swait_queue", "task_list", "task")
_QUEUE = Waiting("struct wait_queue_entry", "entry", "private")
_FOLIO = Waiting("struct wait_page_queue", "wait.entry", "wait.private", "folio")
_PAGE = Waiting("struct wait_page_queue", "wait.entry", "wait.private", "page")  # until 5.15
_BIT = Waiting("struct wait_bit_queue_entry", "wq_entry.entry", "wq_entry.private", "key.flags")
_OLD_QUEUE = Waiting("struct __wait_queue", "task_list", "private")  # until 4.12

#: The kinds in the order in which a frame is asked, the more telling first.
KINDS = (
    _kind("rt_mutex", r"_*rt_(?:mutex|spin|read|write)_\w*lock\w*|rwbase_\w+|rtlock_\w+"),
    _kind(
        "mutex",
        r"_*(?:ww_)?mutex_lock\w*",
        (_MUTEX, "struct mutex", "wait_list"),
    ),
    _kind(
        "percpu-rwsem",
        r"percpu_rwsem_wait|_*percpu_down_(?:read|write)",
        (_QUEUE, "struct percpu_rw_semaphore", "waiters.head"),
    ),
    _kind(
        "rwsem",
        r"rwsem_down_\w+|_*down_(?:read|write)\w*|call_rwsem_down\w+",
        (_RWSEM, "struct rw_semaphore", "wait_list"),
    ),
    _kind(
        "semaphore",
        r"_*down(?:_common|_interruptible|_killable|_timeout)?",
        (_SEMAPHORE, "struct semaphore", "wait_list"),
    ),
    _kind("futex", r"futex_wait_queue\w*|futex_do_wait|futex_lock_pi\w*"),
    _kind(
        "folio",
        r"folio_wait\w*|_*folio_lock\w*|wait_on_page\w*|_*lock_page\w*",
        (_FOLIO, "struct wait_queue_head", "head"),
        (_PAGE, "struct wait_queue_head", "head"),
    ),
    _kind(
        "bit",
        r"(?:out_of_line_)?_*wait_on_bit\w*|bit_wait\w*",
        (_BIT, "struct wait_queue_head", "head"),
    ),
    _kind(
        "completion",
        r"_*wait_for_common\w*|wait_for_completion\w*",
        (_SIMPLE, "struct completion", "wait.task_list"),
        (_QUEUE, "struct completion", "wait.head"),
        (_OLD_QUEUE, "struct completion", "wait.task_list"),
    ),
)
#: What is waited for where no frame tells of a lock.
DEVICE = _kind("input/output", r"io_schedule\w*|blk_\w*wait\w*|blk_mq_get_tag|rq_qos_wait")
#: Anything else that a task may stand in a queue for.
QUEUE = _kind(
    "wait queue",
    r"",
    (_QUEUE, "struct wait_queue_head", "head"),
    (_OLD_QUEUE, "struct __wait_queue_head", "task_list"),
)
#: What lies between a kind's function and the scheduler.
SLEEPING = re.compile(
    r"_*schedule(?:_\w+)?|_*switch_to\w*|context_switch|ret_from_fork\w*|do_nanosleep|"
    r"preempt_schedule\w*|_*cond_resched\w*"
)
