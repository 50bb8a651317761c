"""waitq: the tasks that wait on a wait queue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    ADDRESS,
    OFFSET_OF,
    Address,
    Args,
    Command,
    Context,
    Row,
    TaskRow,
    Text,
    UsageError,
    View,
    header_line,
    hexadecimal,
    is_number,
    one,
    whose,
)
from pycrash.kernel.core.layout import Place, find_member
from pycrash.kernel.sched.waitqueues import WaitQueues
from pycrash.kernel.stacks.stacks import Stacks
from pycrash.kernel.tasks.table import Task


@dataclass(frozen=True)
class QueueRow(Row, kind="waitq.queue"):
    """A wait queue, the symbol it was named by, and how many entries it has; the tasks that are
    known to wait follow."""

    address: Address
    symbol: str | None
    entries: int


@dataclass(frozen=True)
class WaiterRow(TaskRow, kind="waitq.task"):
    """A task that waits; `entry` is the address of its wait_queue_entry."""

    entry: Address


class Waitq(Command):
    name = "waitq"
    summary = "the tasks that wait on a wait queue"
    synopsis = " [ symbol ] | [ struct.member struct_addr ] | [ address ]"
    description = (
        "Lists the tasks on a wait queue (struct wait_queue_head), which is given by the name "
        "of a variable, by its address, or as the member of a structure and the address of "
        "that. The list ends at the first entry that is no task's."
    )
    operands = (one(ADDRESS, OFFSET_OF), one(ADDRESS))
    rows = (QueueRow, WaiterRow, Text)
    related = ("blockers", "task", "list", "ps")
    examples = (
        ("Whether anything waits for the log", "waitq log_wait"),
        ("What the thread that frees memory of killed tasks waits on", "waitq oom_reaper_wait"),
    )

    def parse(self, words: Sequence[str]) -> Args:
        """There are no flags: a word that begins with a minus is a name."""
        if not 1 <= len(words) <= 2:
            raise UsageError
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        word, symbol = args.operands[0], None
        if is_number(word):
            queue = hexadecimal(word)
        elif "." in word:
            struct, _, member = word.partition(".")
            if len(args.operands) < 2:
                yield Text(f"must supply an address for {struct}")
                return
            queue = hexadecimal(args.operands[1])
            place = _member(ctx, struct, member)
            if place is None:
                yield Text(f"{member} is not a member of {struct}")
                return
            queue += place.offset
        else:
            symbol, queue = word, ctx.kernel.symbols.address(word)
        if ctx.kernel.memory.is_kernel(queue):
            yield from _waiting(ctx, queue, symbol)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, Text):
                yield row.text
            elif isinstance(row, WaiterRow):
                yield header_line(row, view.word_size)
            elif isinstance(row, QueueRow) and not row.entries:
                name = f"{row.address:x}"
                yield (
                    "wait queue "
                    + (f'"{row.symbol}" ({name})' if row.symbol else name)
                    + " is empty"
                )


def _waiting(ctx: Context, queue: int, symbol: str | None) -> Iterator[Row]:
    queues = ctx.kernel.part(WaitQueues)
    entries = queues.entries(queue)
    yield QueueRow(queue, symbol, len(entries))
    for waiter in queues.waiters(entries):
        task = _task_of(ctx, waiter.private)
        if task is None:
            return
        yield WaiterRow(*whose(task), waiter.address)


def _member(ctx: Context, type_name: str, member: str) -> Place | None:
    """Where a member lies in a structure, a union or what a typedef names."""
    if not type_name.isidentifier():
        return None
    for name in (f"struct {type_name}", f"union {type_name}", type_name):
        place = find_member(ctx.kernel.prog, name, member)
        if place is not None:
            return place
    return None


def _task_of(ctx: Context, address: int) -> Task | None:
    """The task at an address, or on whose stack it lies."""
    tasks = ctx.kernel.tasks
    size = ctx.kernel.part(Stacks).size
    known = tasks.by_address.get(address)
    if known is not None:
        return known
    # A task that has ended has no stack any more.
    stacks = (task for task in tasks.all if task.stack)
    return next((t for t in stacks if t.stack <= address < t.stack + size), None)
