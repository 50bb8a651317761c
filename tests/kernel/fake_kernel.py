"""A kernel made by hand, of parts: structures with chosen members, symbols, words of memory, and
stand-ins for whole subsystems."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NoReturn

import drgn

from pycrash.errors import ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.vmcoreinfo import Vmcoreinfo
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.system.facts import SystemFacts

#: The struct codes of the members that `FakeKernel.struct` knows, and their C types.
_NUMBERS = {
    "B": ("unsigned char", 1, False),
    "H": ("unsigned short", 2, False),
    "i": ("int", 4, True),
    "I": ("unsigned int", 4, False),
    "q": ("long", 8, True),
    "Q": ("unsigned long", 8, False),
}


class FakeKernel:
    """Build with `struct`, `symbol`, `write` and `give`, then take `kernel`.

    Memory that was not written is missing, as a page left out of a dump; virtual and physical
    memory know nothing of each other.
    """

    def __init__(self) -> None:
        self.prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
        self.types: dict[str, drgn.Type] = {}
        self.symbols: dict[str, tuple[int, int]] = {}
        self.constants: dict[str, int] = {}
        self.variables: dict[str, drgn.Object] = {}
        self.spans: dict[int, bytearray] = {}
        self.physical: dict[int, bytearray] = {}
        self.prog.add_memory_segment(0, 2**64 - 1, self._read)
        self.prog.add_memory_segment(0, 2**64 - 1, self._read, physical=True)
        self.prog.register_type_finder("fake", self._find_type, enable_index=0)
        self.prog.register_object_finder("fake", self._find_object, enable_index=0)
        self.prog.register_symbol_finder("fake", self._find_symbol, enable_index=0)
        self.kernel = Kernel(self.prog, None, None)
        self.kernel.__dict__.update(page_size=4096, _moved=0)
        self.note("")
        self.give(Memory, SimpleNamespace(read_slowly=self._missing))
        self.give(SystemFacts, SimpleNamespace(log_lines=lambda: []))

    def give(self, make: Callable[..., Any], part: Any) -> None:
        """Have `kernel.part(make)`, and the kernel's property of it, be a stand-in."""
        old = self.kernel._parts.get(make)
        self.kernel._parts[make] = part
        known = vars(self.kernel)
        for name in [name for name, value in known.items() if old is not None and value is old]:
            del known[name]

    def note(self, text: str) -> None:
        """Set the VMCOREINFO note, which is empty otherwise."""
        self.kernel.__dict__["vmcoreinfo"] = Vmcoreinfo(text)

    def struct(self, name: str, size: int, /, **members: tuple[int, str | drgn.Type]) -> drgn.Type:
        """Declare `struct name`: member to (offset, struct code, "16s", "P" or a type)."""
        made = [
            drgn.TypeMember(self._member(form), member, offset * 8)
            for member, (offset, form) in members.items()
        ]
        self.types[name] = self.prog.struct_type(name, size, made)
        return self.types[name]

    def enum(self, name: str, **values: int) -> drgn.Type:
        """Declare `enum name`."""
        made = [drgn.TypeEnumerator(*each) for each in values.items()]
        self.types[name] = self.prog.enum_type(name, self._member("I"), made)
        return self.types[name]

    def array(self, element: drgn.Type, length: int | None) -> drgn.Type:
        return self.prog.array_type(element, length)

    def symbol(self, name: str, address: int, size: int = 8) -> None:
        self.symbols[name] = (address, size)

    def variable(self, name: str, address: int, kind: drgn.Type) -> None:
        """Declare a variable and its symbol."""
        self.variables[name] = drgn.Object(self.prog, kind, address=address)
        self.symbol(name, address, drgn.sizeof(kind))

    def write(self, address: int, form: str, *values: Any, physical: bool = False) -> None:
        """Put values into memory, by struct's codes."""
        self.room(address, struct.calcsize("<" + form), physical)
        span, start = self._span(address, 1, physical)
        struct.pack_into("<" + form, span, address - start, *values)

    def room(self, address: int, size: int, physical: bool = False) -> None:
        """Make memory of zeros where there is none yet."""
        if self._span(address, size, physical)[0]:
            return
        (self.physical if physical else self.spans)[address] = bytearray(size)

    def _member(self, form: str | drgn.Type) -> drgn.Type:
        if isinstance(form, drgn.Type):
            return form
        if form == "P":
            return self.prog.pointer_type(self.prog.void_type())
        if form.endswith("s"):
            return self.prog.array_type(self.prog.int_type("char", 1, True), int(form[:-1]))
        return self.prog.int_type(*_NUMBERS[form])

    def _span(self, address: int, size: int, physical: bool) -> tuple[bytearray, int]:
        for start, span in (self.physical if physical else self.spans).items():
            if start <= address and address + size <= start + len(span):
                return span, start
        return bytearray(), 0

    def _read(self, address: int, count: int, offset: int, physical: bool) -> bytes:
        span, start = self._span(address, count, physical)
        if not span:
            raise drgn.FaultError("left out", address)
        return bytes(span[address - start : address - start + count])

    def _missing(self, address: int, size: int, what: str) -> NoReturn:
        raise ReadError(address, what, "page excluded")

    def _find_type(
        self, prog: drgn.Program, kinds: Any, name: str, filename: str | None
    ) -> drgn.Type | None:
        return self.types.get(name)

    def _find_object(
        self, prog: drgn.Program, name: str, flags: Any, filename: str | None
    ) -> drgn.Object | None:
        if name in self.variables:
            return self.variables[name]
        if name not in self.constants:
            return None
        return drgn.Object(prog, prog.int_type("int", 4, True), self.constants[name])

    def _find_symbol(
        self, prog: drgn.Program, name: str | None, address: int | None, one: bool
    ) -> Sequence[drgn.Symbol]:
        if name not in self.symbols:
            return []
        at, size = self.symbols[name]
        return [drgn.Symbol(name, at, size, drgn.SymbolBinding.GLOBAL, drgn.SymbolKind.OBJECT)]


TASK_SIZE = 512
INIT_PID_NS = 0xFFFFFFFF82000000
RUNQUEUES = 0x1000
PER_CPU = (0xFFFF888000100000, 0xFFFF888000200000)
#: What fills the struct rq of a CPU: idle, curr, clock.
RQ = "QQQ"


class FakeTasks(FakeKernel):
    """A kernel of two CPUs whose tasks are found by an xarray of pids, as since 4.20."""

    def __init__(self) -> None:
        super().__init__()
        info = self.struct("thread_info", 16, flags=(0, "Q"), cpu=(8, "I"))
        sched_info = self.struct("sched_info", 16, last_arrival=(8, "Q"))
        thread = self.struct("thread_struct", 16, sp=(8, "Q"))
        links = self.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
        self.struct(
            "task_struct",
            TASK_SIZE,
            thread_info=(0, info),
            __state=(16, "I"),
            stack=(24, "P"),
            flags=(32, "I"),
            prio=(36, "i"),
            policy=(40, "I"),
            exit_state=(44, "i"),
            pid=(48, "i"),
            tgid=(52, "i"),
            parent=(56, "P"),
            mm=(64, "P"),
            comm=(72, "16s"),
            signal=(88, "P"),
            start_time=(96, "Q"),
            utime=(104, "Q"),
            stime=(112, "Q"),
            sched_info=(120, sched_info),
            pid_links=(136, "32s"),
            thread=(168, thread),
            real_parent=(184, "P"),
            group_leader=(192, "P"),
            tasks=(200, links),
            children=(216, links),
            sibling=(232, links),
            thread_node=(248, links),
        )
        upid = self.struct("upid", 16, nr=(0, "i"), ns=(8, "P"))
        self.struct("pid", 64, tasks=(16, "32s"), numbers=(48, self.array(upid, None)))
        root = self.struct("xarray", 16, xa_head=(8, "P"))
        idr = self.struct("idr", 16, idr_rt=(0, root))
        self.struct("pid_namespace", 32, idr=(8, idr))
        slots = self.array(self._member("P"), 64)
        self.struct("xa_node", 576, shift=(0, "B"), slots=(40, slots))
        self.struct("rq", 32, idle=(0, "P"), curr=(8, "P"), clock=(16, "Q"))
        self.symbol("init_pid_ns", INIT_PID_NS)
        self.symbol("runqueues", RUNQUEUES)
        self.symbol("cpu_number", 0x2000, 4)
        self.symbol("__per_cpu_offset", 0xFFFFFFFF82100000, 16)
        self.symbol("__cpu_present_mask", 0xFFFFFFFF82100100, 8)
        self.symbol("__cpu_online_mask", 0xFFFFFFFF82100108, 8)
        self.write(0xFFFFFFFF82100000, "QQ", *PER_CPU)
        self.write(0xFFFFFFFF82100100, "QQ", 3, 3)
        for cpu, offset in enumerate(PER_CPU):
            self.write(offset + 0x2000, "i", cpu)
            idle = self.task(0xFFFF888001000000 + cpu * 0x1000, 0, f"swapper/{cpu}", cpu=cpu)
            self.write(offset + RUNQUEUES, RQ, idle, idle, 0)
        self.node = 0xFFFF888002000000
        self.room(INIT_PID_NS, 32)
        self.write(INIT_PID_NS + 16, "Q", self.node | 2)
        self.room(self.node, 576)

    def task(self, address: int, pid: int, comm: str, **values: int) -> int:
        """Write a task_struct; values by the names of `Task`. Returns its address."""
        given = {"tgid": pid, "flags": 0x200000, "prio": 120, **values}
        self.room(address, TASK_SIZE)
        layout = self.types["task_struct"]
        self.write(address + 8, "I", given.pop("cpu", 0))
        self.write(address + 48, "i", pid)
        self.write(address + 72, "16s", comm.encode())
        self.write(address + 128, "Q", given.pop("last_run", 0))
        self.write(address + 176, "Q", given.pop("sp", 0))
        for name, value in given.items():
            member = layout.member({"state": "__state"}.get(name, name))
            form = "Q" if drgn.sizeof(member.type) == 8 else "i"
            self.write(address + member.bit_offset // 8, form, value)
        return address

    def number(self, task: int, pid: int, namespace: int = INIT_PID_NS) -> int:
        """Give a task its number in the first pid namespace. Returns the struct pid's address."""
        address = 0xFFFF888003000000 + pid * 0x100
        self.room(address, 64)
        self.write(address + 16, "Q", task + 136)
        self.write(address + 48, "iIQ", pid, 0, namespace)
        self.write(self.node + 40 + 8 * pid, "Q", address)
        return address

    def ring(self, *links: int) -> None:
        """Make one list of these struct list_heads."""
        for place, link in enumerate(links):
            self.write(link, "QQ", links[(place + 1) % len(links)], links[place - 1])

    def add(self, pid: int, comm: str, **values: int) -> int:
        """A task with its number. Returns its address."""
        task = self.task(0xFFFF888001100000 + pid * 0x1000, pid, comm, **values)
        self.number(task, pid)
        return task
