"""Events decoded by their formats, in memory made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.tasks.table import TaskTable
from pycrash.kernel.trace.events import Event, TraceEvents
from pycrash.kernel.trace.formats import EventFormats
from pycrash.kernel.trace.ringbuffer import Record, TraceBuffers
from tests.kernel.fake_kernel import FakeKernel

EVENTS, COMMON, CALL, CLASS = 0xFFFFFFFF82000000, 0xFFFFFFFF82000100, 0x10000, 0x11000
FIELDS, TEXTS = 0x12000, 0x20000


class FakeEvents(FakeKernel):
    """Has one kind of event of each name that is added, of number 300 and on."""

    def __init__(self) -> None:
        super().__init__()
        links = self.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
        event = self.struct("trace_event", 40, type=(32, "i"))
        self.struct(
            "trace_event_call",
            128,
            list=(0, links),
            name=(24, "P"),
            event=(32, event),
            print_fmt=(80, "P"),
            data=(88, "P"),
            flags=(96, "i"),
            **{"class": (16, "P")},
        )
        self.struct(
            "trace_event_class", 64, system=(0, "P"), get_fields=(8, "P"), fields=(16, links)
        )
        self.struct(
            "ftrace_event_field",
            64,
            link=(0, links),
            name=(16, "P"),
            type=(24, "P"),
            offset=(32, "i"),
            size=(36, "i"),
            is_signed=(40, "i"),
        )
        self.symbol("ftrace_events", EVENTS)
        self.symbol("ftrace_common_fields", COMMON)
        self.constants |= {"TRACE_FLAG_IRQS_OFF": 1, "TRACE_FLAG_HARDIRQ": 8}
        self.calls: list[int] = []
        self.used = 0
        self.members(COMMON, ("common_pid", "int", 4, 4, 1))
        self.give(TaskTable, SimpleNamespace(all=[SimpleNamespace(pid=5, comm="five")]))
        names = {0x5000: "called", 0x6000: "caller"}
        symbols = {at: (SimpleNamespace(name=name), 0) for at, name in names.items()}
        self.give(SymbolTable, SimpleNamespace(lookup=symbols.get))
        self.give(TraceBuffers, SimpleNamespace(cpus=lambda buffer: {0: 0, 1: 1}))

    def word(self, text: str) -> int:
        at = TEXTS + self.used
        self.used += len(text) + 1
        self.write(at, f"{len(text) + 1}s", text.encode("utf-8", "surrogateescape"))
        return at

    def members(self, head: int, *fields: tuple[str, str, int, int, int]) -> None:
        """A list of fields; the kernel puts each in front of those before it."""
        links = [head]
        for name, kind, *numbers in fields:
            at = FIELDS + self.used * 64
            self.used += 1
            self.room(at, 64)
            self.write(at + 16, "QQiii", self.word(name), self.word(kind), *numbers)
            links.insert(1, at)
        for place, link in enumerate(links):
            self.write(link, "Q", links[(place + 1) % len(links)])

    def add(
        self, system: str, name: str, form: str, *fields: tuple[str, str, int, int, int]
    ) -> None:
        place = len(self.calls)
        call, kind = CALL + 128 * place, CLASS + 64 * place
        self.calls.append(call)
        self.room(call, 128)
        self.write(call + 16, "QQ", kind, self.word(name))
        self.write(call + 64, "i", 300 + place)
        self.write(call + 80, "Q", self.word(form))
        self.room(kind, 64)
        self.write(kind, "Q", self.word(system))
        self.members(kind + 16, *fields)
        ring = [EVENTS, *self.calls]
        for number, link in enumerate(ring):
            self.write(link, "Q", ring[(number + 1) % len(ring)])

    def events(self, *records: Record) -> tuple[list[Event], list[CrashError]]:
        """The events of records that lie on two CPUs."""
        held = {cpu: [record for record in records if record.cpu == cpu] for cpu in (0, 1)}
        self.give(
            TraceBuffers,
            SimpleNamespace(cpus=lambda buffer: {0: 0, 1: 1}, records=lambda at, _: held[at]),
        )
        problems: list[CrashError] = []
        return list(self.kernel.part(TraceEvents).of(0, None, problems.append)), problems


@pytest.fixture
def fake() -> FakeEvents:
    fake = FakeEvents()
    fields = (("n", "int", 8, 4, 1), ("text", "__data_loc char[]", 12, 4, 0))
    fake.add("made", "first", '"n=%d pid=%d %s", REC->n, REC->common_pid, __get_str(text)', *fields)
    fake.add("made", "second", '"%d", beyond(REC->n)', *fields)
    ips = (("ip", "unsigned long", 8, 8, 0), ("parent_ip", "unsigned long", 16, 8, 0))
    fake.add("ftrace", "function", "", *ips)
    caller = ("caller", "unsigned long[8]", 12, 64, 0)
    fake.add("ftrace", "kernel_stack", '"%d", REC->size', ("size", "int", 8, 4, 1), caller)
    return fake


def data(kind: int, rest: bytes, pid: int = 5) -> bytes:
    return kind.to_bytes(2, "little") + bytes([9, 0x12]) + pid.to_bytes(4, "little") + rest


NUMBER = (7).to_bytes(4, "little")
TEXT = (16 | 4 << 16).to_bytes(4, "little") + b"abc\0"


def test_events_of_all_cpus_in_the_order_of_time(fake: FakeEvents) -> None:
    first = Record(20, 0, data(300, NUMBER + TEXT))
    found, problems = fake.events(first, Record(10, 1, data(300, NUMBER + TEXT, 9)))
    assert problems == []
    assert [event.time for event in found] == [10, 20]
    event = found[1]
    assert event[:4] == (20, 0, 5, "five")
    assert found[0].comm == "<...>"
    assert event.state == (frozenset({"IRQS_OFF", "HARDIRQ"}), 2, 1)
    assert (event.system, event.name) == ("made", "first")
    assert event.fields == {"n": 7, "text": "abc"}
    assert event.message == "n=7 pid=5 abc"


def test_a_format_that_is_not_understood(fake: FakeEvents) -> None:
    found, _ = fake.events(Record(1, 0, data(301, NUMBER + TEXT)))
    assert found[0].message == "n=0x7 text=abc"


def test_functions_and_stacks(fake: FakeEvents) -> None:
    ips = b"".join(ip.to_bytes(8, "little") for ip in (0x5000, 0x6000, 2**64 - 1, 1))
    stack = Record(2, 0, data(303, NUMBER + ips))
    found, _ = fake.events(Record(1, 0, data(302, ips)), stack)
    assert found[0].message == "called <-caller"
    assert found[1].message == "<stack trace>\n => called\n => caller"


def test_records_that_are_none(fake: FakeEvents) -> None:
    short = Record(1, 0, data(300, NUMBER))
    outside = Record(2, 0, data(300, NUMBER + (500 | 9 << 16).to_bytes(4, "little")))
    found, problems = fake.events(
        short, outside, Record(3, 0, b"abc"), Record(4, 0, data(999, b""))
    )
    assert found == []
    assert len(problems) == 3


def test_a_list_of_formats_that_comes_back(fake: FakeEvents) -> None:
    fake.write(fake.calls[-1], "Q", fake.calls[0])
    with pytest.raises(CrashError):
        fake.kernel.part(EventFormats).get(300)
