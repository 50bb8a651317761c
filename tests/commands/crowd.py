"""Commands about tasks, run on a kernel made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, cast

from pycrash.api import Context, Notice, Row, Settings, UsageError, View
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.tasks.memory import MemoryUse, TaskMemory
from tests.kernel.fake_kernel import PER_CPU, RQ, RUNQUEUES, FakeTasks

IDLE = 0xFFFF888001000000


#: The shell around commands, where nobody is at a terminal.
NOBODY_WAITS = SimpleNamespace(progress=lambda what, done, total: None)


class Crowd(FakeTasks):
    """init (1) with a daemon (20) of two threads (20, 21), kthreadd (2) and its worker (3).

    The daemon's second thread was running on CPU 1 when it crashed.
    """

    def __init__(self) -> None:
        super().__init__()
        names = ["R (running)", "S (sleeping)", "D (disk sleep)", "T (stopped)", "t (tracing stop)"]
        names += ["X (dead)", "Z (zombie)", "P (parked)", "I (idle)"]
        table, text = 0xFFFFFFFF82400000, 0xFFFFFFFF82401000
        self.room(table, 0x2000)
        self.symbol("task_state_array", table, 8 * len(names))
        for place, name in enumerate(names):
            self.write(table + 8 * place, "Q", text + 64 * place)
            self.write(text + 64 * place, "64s", name.encode())
        for cpu in (0, 1):
            self.task(IDLE + 0x1000 * cpu, 0, f"swapper/{cpu}", cpu=cpu, parent=IDLE)
        self.init = self.add(
            1, "init", flags=0, state=1, parent=IDLE, mm=0x1000, last_run=300, start_time=10**9
        )
        self.kthreadd = self.add(2, "kthreadd", state=1, parent=IDLE, last_run=200)
        self.worker = self.add(
            3, "worker", state=0x402, parent=self.kthreadd, policy=1, last_run=10**10, sp=0x7000
        )
        self.daemon = self.add(
            20, "daemon", flags=0, state=1, parent=self.init, mm=0x2000, last_run=50, cpu=1
        )
        self.thread = self.add(
            21, "thread", flags=0, tgid=20, parent=self.init, mm=0x2000, last_run=60, cpu=1
        )
        self.write(PER_CPU[0] + RUNQUEUES, RQ, IDLE, IDLE, 2 * 10**10)
        self.write(PER_CPU[1] + RUNQUEUES, RQ, IDLE + 0x1000, self.thread, 90_061_002_000_000)
        self.symbol("crashing_cpu", 0xFFFFFFFF82500000, 4)
        self.write(0xFFFFFFFF82500000, "i", 1)
        facts = SimpleNamespace(ticks=2500, hz=250, panic_message="", log_lines=lambda: [])
        self.give(SystemFacts, facts)
        self.give(TaskMemory, SimpleNamespace(use=self._use))
        self.settings = Settings()
        self.context = Context(self.kernel, self.settings, Registry(), cast(Any, NOBODY_WAITS))

    @staticmethod
    def _use(task: Any) -> MemoryUse:
        return MemoryUse(25, 100, 2.5, 0) if task.mm else MemoryUse(0, 0, 0.0, 0)

    def run(self, line: str, context: Context | None = None) -> list[str]:
        """The lines a command prints, its messages among them as the shell shows them."""
        name, *words = line.split()
        context = context or self.context
        command = context.registry.find(name)
        assert command is not None
        out: list[str] = []

        def shown(rows: Iterable[Row]) -> Iterator[Row]:
            for row in rows:
                if not isinstance(row, Notice):
                    yield row
                elif not row.quiet:
                    out.append(f"{row.command or name}: {row.text}")

        try:
            args = command.parse(words)
            for text in command.text(
                View(context.settings), args, shown(command.run(context, args))
            ):
                out.append(text)
        except CrashError as error:
            out.append(f"{name}: {error}")
        except UsageError as error:
            out.append(f"usage {error}".strip())
        return out
