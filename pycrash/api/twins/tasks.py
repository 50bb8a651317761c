"""Lines of drgn for the commands about tasks."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

from pycrash.api.operands.numbers import is_decimal, is_number
from pycrash.api.twins.base import NOTHING, Twin, always, operand, task_lines
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context


def _ps(ctx: Context, args: Args) -> str:
    pids = [int(word) for word in args.operands if is_decimal(word)]
    names = [word for word in args.operands if not is_decimal(word)]
    # A name in quotes is a pattern; any other matches itself alone.
    patterns = [name.strip("'") if name[:1] == "'" else re.escape(name) for name in names]
    named = f"re.fullmatch({'|'.join(patterns)!r}, task.comm.string_().decode())"
    asked = [f"task.pid.value_() in {pids}"] * bool(pids) + [named] * bool(names)
    kinds = {"u": "not task_is_kthread(task)", "k": "task_is_kthread(task)"}
    tests = [test for letter, test in kinds.items() if letter in args]
    begin = "import re\n\n" if names else ""
    if tests:
        begin += "from drgn.helpers.linux.kthread import task_is_kthread\n"
    tests += [f"({' or '.join(asked)})"] * bool(asked)
    chosen = f"    if not ({' and '.join(tests)}):\n        continue\n" if tests else ""
    return f"""{begin}from drgn.helpers.linux.mm import task_rss
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_cpu, task_state_to_char

for task in for_each_task(prog, idle=True):
{chosen}    print(
        task.pid.value_(),
        task.real_parent.pid.value_(),
        task_cpu(task),
        hex(task),
        task_state_to_char(task),
        task_rss(prog, task).total,
        task.comm.string_().decode(),
    )
"""


def _bt(ctx: Context, args: Args) -> str:
    if "a" in args:
        return """
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.sched import cpu_curr

for cpu in for_each_online_cpu(prog):
    task = cpu_curr(prog, cpu)
    print(task.pid.value_(), task.comm.string_().decode())
    print(prog.stack_trace(task))
"""
    return task_lines(ctx, *args.operands[:1]) + dedent("""\
        for frame in prog.stack_trace(task):
            print(f"{frame.sp:x} {frame.name} at {frame.pc:x}")
        """)


def _task(ctx: Context, args: Args) -> str:
    members = [name for value in args.values("R") for name in value.split(",")]
    shown = [f"print(task.{name})\n" for name in members] or ["print(task[0])\n"]
    return task_lines(ctx, *args.operands[:1]) + "".join(shown)


def _files(ctx: Context, args: Args) -> str:
    return (
        "from drgn.helpers.linux.fs import d_path, for_each_file\n"
        + task_lines(ctx, *args.operands[:1])
        + dedent("""\
        for fd, file in for_each_file(task):
            print(fd, hex(file), hex(file.f_inode), d_path(file.f_path).decode())
        """)
    )


def _vm(ctx: Context, args: Args) -> str:
    return (
        "from drgn.helpers.linux.mm import for_each_vma, vma_name\n"
        + task_lines(ctx, *args.operands[:1])
        + dedent("""\
        for vma in for_each_vma(task.mm):
            start, end = vma.vm_start.value_(), vma.vm_end.value_()
            print(f"{vma.value_():x} {start:x} {end:x} {vma.vm_flags.value_():x}", vma_name(vma))
        """)
    )


def _sig(ctx: Context, args: Args) -> str:
    return (
        "from drgn.helpers.linux.signal import decode_sigset, sigpending_for_each\n"
        + task_lines(ctx, *args.operands[:1])
        + dedent("""\
        print("blocked", decode_sigset(prog, task.blocked))
        for pending in (task.pending, task.signal.shared_pending):
            print("pending", decode_sigset(prog, pending.signal))
            for queued in sigpending_for_each(pending):
                print(queued.info.si_signo.value_())
        for number, action in enumerate(task.sighand.action, 1):
            print(number, action.sa.sa_handler, hex(action.sa.sa_flags))
        """)
    )


def _set(ctx: Context, args: Args) -> str:
    if "p" in args:
        task = "task = prog.crashed_thread().object\n"
    elif args.operands and is_number(args.operands[0]):
        task = task_lines(ctx, args.operands[0])
    else:
        raise NOTHING
    return f"{task}print(hex(task), task.comm.string_().decode())\n"


def _fuser(ctx: Context, args: Args) -> str:
    return f"""
from drgn.helpers.linux.fs import d_path, for_each_file
from drgn.helpers.linux.mm import for_each_vma
from drgn.helpers.linux.pid import for_each_task

wanted = {operand(args).encode()!r}
for task in for_each_task(prog):
    files = [file for fd, file in for_each_file(task)] if task.files else []
    areas = for_each_vma(task.mm) if task.mm else []
    files += [area.vm_file for area in areas if area.vm_file]
    if any(d_path(file.f_path) == wanted for file in files):
        print(task.pid.value_(), hex(task), task.comm.string_().decode())
"""


def _waitq(ctx: Context, args: Args) -> str:
    name = operand(args)
    if not name.isidentifier():
        raise CrashError("lines of drgn need the name of a wait queue here")
    return f"""
from drgn.helpers.linux.wait import waitqueue_for_each_task

for task in waitqueue_for_each_task(prog["{name}"].address_of_()):
    print(task.pid.value_(), hex(task), task.comm.string_().decode())
"""


def _net(ctx: Context, args: Args) -> str:
    if "s" in args:
        return (
            (
                "from drgn.helpers.linux.fs import for_each_file\n"
                "from drgn.helpers.linux.net import SOCKET_I\n"
            )
            + task_lines(ctx, *args.operands[:1])
            + dedent("""\
            for fd, file in for_each_file(task):
                if file.f_op == prog["socket_file_ops"].address_of_():
                    sock = SOCKET_I(file.f_inode).sk
                    family = sock.member_("__sk_common").skc_family.value_()
                    print(fd, hex(sock), family, sock.sk_type.value_())
            """)
        )
    if "a" in args:
        raise NOTHING
    return """
from drgn.helpers.linux.net import (
    for_each_netdev,
    netdev_ipv4_addrs,
    netdev_ipv6_addrs,
    netdev_name,
)

for device in for_each_netdev(prog):
    addresses = [*netdev_ipv4_addrs(device), *netdev_ipv6_addrs(device)]
    print(hex(device), netdev_name(device).decode(), *addresses)
"""


_RUNQ = always("""
    from drgn.helpers.linux.cpumask import for_each_online_cpu
    from drgn.helpers.linux.sched import cpu_rq, rq_for_each_fair_task, rq_for_each_rt_task

    for cpu in for_each_online_cpu(prog):
        queue = cpu_rq(prog, cpu)
        print(cpu, "current", queue.curr.pid.value_(), queue.curr.comm.string_().decode())
        for task in (*rq_for_each_rt_task(queue), *rq_for_each_fair_task(queue)):
            comm = task.comm.string_().decode()
            print(cpu, "queued", task.prio.value_(), task.pid.value_(), comm)
    """)

_STACKS = always("""
    from collections import defaultdict

    from drgn.helpers.linux.pid import for_each_task
    from drgn.helpers.linux.sched import task_on_cpu

    tasks = defaultdict(list)
    for task in for_each_task(prog):
        if not task_on_cpu(task):
            stack = tuple(frame.name for frame in prog.stack_trace(task))
            tasks[stack].append(task.pid.value_())
    for stack, pids in sorted(tasks.items(), key=lambda item: -len(item[1])):
        print(len(pids), pids, *stack, sep="\\n  ")
    """)

_IPCS = always("""
    from drgn.helpers.linux.ipc import (
        for_each_sysv_msg_queue,
        for_each_sysv_sem_array,
        for_each_sysv_shm,
    )

    for shared in for_each_sysv_shm(prog):
        permissions = shared.shm_perm
        print("shared memory", permissions.id.value_(), shared.shm_segsz.value_())
    for semaphores in for_each_sysv_sem_array(prog):
        print("semaphores", semaphores.sem_perm.id.value_(), semaphores.sem_nsems.value_())
    for queue in for_each_sysv_msg_queue(prog):
        print("messages", queue.q_perm.id.value_(), queue.q_qnum.value_())
    """)

TWINS = {
    "bt": Twin(_bt, "a"),
    "files": Twin(_files),
    "fuser": Twin(_fuser),
    "ipcs": _IPCS,
    "net": Twin(_net, "s"),
    "ps": Twin(_ps, "uk"),
    "runq": _RUNQ,
    "set": Twin(_set, "p"),
    "sig": Twin(_sig),
    "stacks": _STACKS,
    "task": Twin(_task, "R"),
    "vm": Twin(_vm),
    "waitq": Twin(_waitq),
}
