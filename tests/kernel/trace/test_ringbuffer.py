"""The pages of a ring buffer and the events in them, in memory made by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.trace.ringbuffer import Record, TraceBuffers
from tests.kernel.fake_kernel import FakeKernel

CPU, PAGES = 0xFFFF888000000000, 0xFFFF888000001000
ROOM, MEMORY = 64, 0xFFFF888000100000


def event(delta: int, data: bytes, kind: int | None = None) -> bytes:
    """An event of some words."""
    length = len(data) // 4 if kind is None else kind
    return struct.pack("<I", delta << 5 | length) + data


class FakeRing(FakeKernel):
    """A CPU's buffer; the page beside the ring is the first."""

    def __init__(self) -> None:
        super().__init__()
        atomic = self.struct("atomic_long_t", 8, counter=(0, "q"))
        long = self.struct("local_t", 8, a=(0, atomic))
        links = self.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
        self.struct("buffer_page", ROOM, list=(0, links), read=(24, "I"), page=(32, "P"))
        self.struct("buffer_data_page", 16, time_stamp=(0, "Q"), commit=(8, long), data=(16, "0s"))
        self.struct(
            "ring_buffer_per_cpu",
            128,
            cpu=(0, "i"),
            head_page=(8, "P"),
            commit_page=(16, "P"),
            reader_page=(24, "P"),
        )
        self.room(CPU, 128)

    def page(self, place: int) -> int:
        return PAGES + ROOM * place

    def fill(self, place: int, time: int, data: bytes, read: int = 0) -> None:
        memory = MEMORY + 4096 * place
        self.room(self.page(place), ROOM)
        self.write(self.page(place) + 24, "IxxxxQ", read, memory)
        self.room(memory, 4096)
        self.write(memory, "QQ", time, len(data))
        if data:
            self.write(memory + 16, f"{len(data)}s", data)

    def ring(self, *places: int, head: int = -1) -> None:
        for place, following in zip(places, (*places[1:], places[0]), strict=True):
            mark = 1 if following == head else 0
            self.write(self.page(place), "Q", self.page(following) | mark)

    def use(self, head: int, commit: int, reader: int = 0) -> None:
        pages = (self.page(place) for place in (head, commit, reader))
        self.write(CPU, "ixxxxQQQ", 3, *pages)

    def records(self) -> tuple[list[Record], list[str]]:
        problems: list[CrashError] = []
        found = list(self.kernel.part(TraceBuffers).records(CPU, problems.append))
        return found, [str(error) for error in problems]


@pytest.fixture
def fake() -> FakeRing:
    return FakeRing()


def times(records: Sequence[Record]) -> list[int]:
    return [record.time for record in records]


def test_what_a_page_can_hold(fake: FakeRing) -> None:
    data = event(5, b"abcdefgh") + event(1, struct.pack("<I", 2), 30) + event(3, b"long" * 2)
    data += event(4, struct.pack("<I", 12) + b"sized12b", 0)
    data += event(7, struct.pack("<I", 8) + b"gone", 29) + event(0, struct.pack("<I", 1), 31)
    data += event(9, b"last") + event(0, b"", 29) + event(1, b"none")
    fake.fill(0, 1 << 59 | 100, data)
    fake.ring(0)
    fake.use(0, 0)
    found, problems = fake.records()
    base = 1 << 59
    late = base + 100 + 5 + 1 + (2 << 27)
    assert times(found) == [base + 105, late + 3, late + 7, base + (1 << 27) + 9]
    assert [record.data for record in found] == [b"abcdefgh", b"longlong", b"sized12b", b"last"]
    assert found[0].cpu == 3
    assert problems == []


def test_the_order_of_pages(fake: FakeRing) -> None:
    for place in range(5):
        fake.fill(place, 100 * place, event(1, b"data") + event(1, b"more"))
    # What the reader took, is not shown again, but it counts in time.
    fake.fill(0, 0, event(1, b"data") + event(1, b"more"), read=8)
    # head_page lags behind; the head is marked.
    fake.ring(1, 2, 3, 4, head=3)
    fake.use(head=2, commit=1)
    found, problems = fake.records()
    assert times(found) == [2, 301, 302, 401, 402, 101, 102]
    assert problems == []


def test_a_ring_that_is_none_and_pages_that_are_missing(fake: FakeRing) -> None:
    fake.fill(0, 0, b"")
    fake.fill(1, 100, event(1, b"data"))
    fake.fill(2, 200, event(1, b"data", 5))
    fake.ring(1, 2, head=1)
    fake.use(1, 2)
    found, problems = fake.records()
    assert times(found) == [101]
    assert "ring_buffer_event" in problems[0]
    fake.write(MEMORY + 4096 + 8, "Q", 5000)
    found, problems = fake.records()
    assert found == []
    assert "buffer_data_page.commit" in problems[0]
    fake.write(fake.page(2), "Q", 0x1000)
    found, problems = fake.records()
    assert len(problems) == 1
    assert "buffer_page" in problems[0]


def test_only_the_page_of_the_reader(fake: FakeRing) -> None:
    fake.fill(0, 7, event(1, b"data"))
    fake.use(1, 0)
    assert times(fake.records()[0]) == [8]
