"""The lines of trace, made of rows."""

from __future__ import annotations

from commands.trace import BufferRow, EventRow, FileRow, InstanceRow, Trace
from pycrash.api import Row, View
from pycrash.api.args import parse_args
from pycrash.settings import Settings


def lines(*rows: Row) -> list[str]:
    args = parse_args("trace", Trace.flags, ["show"])
    return list(Trace().text(View(Settings()), args, iter(rows)))


def event(*flags: str, depths: tuple[int, int] = (0, 0), system: str = "sched") -> EventRow:
    fields: dict[str, int | str | bytes] = {"pid": 7}
    place = (13_358_619_600, 1, 7, "init", flags, *depths)
    return EventRow(*place, system, "sched_switch", fields, "prev=1")


def test_buffers() -> None:
    said = lines(
        InstanceRow("", 0xFFFFFFFF8A939D40, "function"),
        BufferRow(0, 0xFF1CEAB281040A00, 515, 74614, 1007604, 0),
        InstanceRow("second", 0xFF1CEAB2A7B54000, "nop"),
    )
    assert said[:3] == [
        "TRACE_ARRAY: ffffffff8a939d40  TRACER: function",
        "  CPU  RING_BUFFER_PER_CPU  PAGES   EVENTS  OVERWRITTEN  DROPPED",
        "    0   ff1ceab281040a00      515    74614      1007604        0",
    ]
    assert said[3:5] == ["", 'TRACE_ARRAY: ff1ceab2a7b54000  TRACER: nop  INSTANCE: "second"']


def test_events() -> None:
    begun, ended = "            init-7       [001] ", "    13.358620: "
    assert lines(event("IRQS_OFF", "NEED_RESCHED", "SOFTIRQ", depths=(4, 1))) == [
        f"{begun}dns41{ended}sched_switch: prev=1"
    ]
    both = event("IRQS_OFF", "BH_OFF", "NEED_RESCHED", "PREEMPT_RESCHED", "NMI", "HARDIRQ")
    assert lines(both) == [f"{begun}DNZ..{ended}sched_switch: prev=1"]
    assert lines(event(system="ftrace")) == [f"{begun}.....{ended}prev=1"]


def test_a_file() -> None:
    assert lines(FileRow("trace.dat", 4096)) == ["trace.dat: 4096 bytes"]
