"""Values and texts in pages made by hand."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from pycrash.kernel.core.frames import Frames, Pages
from pycrash.kernel.mm.search import Match, NumberSearch, TextSearch
from pycrash.kernel.mm.spaces import Piece, Spaces
from tests.kernel.fake_kernel import FakeKernel

PAGE, BASE = 4096, 0xFFFF888000000000
END = 1 << 64


class Memory:
    """Frames of physical memory, 9 of them without records; counts how often each is read."""

    def __init__(self) -> None:
        self.pages = {number: bytearray(PAGE) for number in range(1, 10)}
        self.times = dict.fromkeys(self.pages, 0)

    def are_there(self, frames: Any) -> Any:
        return np.isin(frames, list(self.pages))

    def have_records(self, frames: Any) -> Any:
        return frames != 9

    def read(self, frames: Any) -> Pages:
        for frame in frames.tolist():
            self.times[frame] += 1
        data = [np.frombuffer(self.pages[frame], np.uint8) for frame in frames.tolist()]
        lines = np.where(frames == 8, -1, np.arange(len(frames)))
        return Pages(np.array(data, np.uint8).reshape(-1, PAGE), lines)

    def put(self, frame: int, offset: int, data: bytes) -> None:
        self.pages[frame][offset : offset + len(data)] = data


def kernel_with(memory: Memory) -> Any:
    fake = FakeKernel()
    fake.give(Frames, memory)
    fake.give(Spaces, memory)
    return fake.kernel


def pieces(*rows: tuple[int, list[int]]) -> list[Piece]:
    return [Piece(address, np.array(frames, np.int64)) for address, frames in rows]


def numbers(search: NumberSearch, *rows: tuple[int, list[int]], **span: int) -> list[Match]:
    start, end = span.get("start", 0), span.get("end", END)
    return [match for found in search.find(pieces(*rows), start, end) for match in found]


def texts(search: TextSearch, *rows: tuple[int, list[int]], end: int = END) -> list[Any]:
    return [match for found in search.find(pieces(*rows), 0, end) for match in found]


def test_values_in_the_order_of_addresses() -> None:
    memory = Memory()
    for frame, offset, value in ((1, 8, 7), (2, 0, 5), (2, 16, 7), (8, 0, 7), (9, 0, 7)):
        memory.put(frame, offset, struct.pack("<Q", value))
    search = NumberSearch(kernel_with(memory), 8, [5, 7, 7])
    assert numbers(search, (BASE, [1, -1, 2, 8, 9, 77])) == [
        *(Match(BASE + 8, 7, 1), Match(BASE + 8, 7, 2), Match(BASE + 2 * PAGE, 5, 0)),
        *(Match(BASE + 2 * PAGE + 16, 7, 1), Match(BASE + 2 * PAGE + 16, 7, 2)),
    ]


def test_bits_of_the_mask_and_the_width() -> None:
    memory = Memory()
    memory.put(3, 2, b"\x34\x12\x35\x12")
    search = NumberSearch(kernel_with(memory), 2, [0x1230], mask=0xF)
    assert [m[:2] for m in numbers(search, (BASE, [3]))] == [(BASE + 2, 0x1234), (BASE + 4, 0x1235)]


def test_only_between_the_addresses() -> None:
    memory = Memory()
    for offset in (0, 8, 16, 24):
        memory.put(1, offset, struct.pack("<Q", 7))
    search = NumberSearch(kernel_with(memory), 8, [7])
    found = numbers(search, (BASE, [1]), start=BASE + 8, end=BASE + 24)
    assert [match.address for match in found] == [BASE + 8, BASE + 16]
    assert numbers(search, (-PAGE & END - 1, [1]))[-1].address == END - PAGE + 24


def test_a_page_that_comes_again_is_not_read_again() -> None:
    memory = Memory()
    memory.put(2, 40, struct.pack("<Q", 7))
    search = NumberSearch(kernel_with(memory), 8, [7])
    assert [m.address for m in numbers(search, (0x10000, [1, 2]))] == [0x11028]
    assert [m.address for m in numbers(search, (BASE, [2, 1, 3, 2]))] == [BASE + 40, BASE + 12328]
    assert memory.times[1] == memory.times[2] == 1


def test_texts_with_what_stands_behind_them() -> None:
    memory = Memory()
    memory.put(1, 10, b"aaab" + b"x" * 60)
    memory.put(1, PAGE - 4, b"aab.")
    search = TextSearch(kernel_with(memory), [b"aa", b"aab"])
    found = texts(search, (BASE, [1]))
    assert [(match.address - BASE, len(match.data)) for match in found] == [
        *((10, 56), (11, 56), (11, 56), (PAGE - 4, 4), (PAGE - 4, 4)),
    ]


def test_a_text_that_goes_on_in_the_next_page_comes_before_what_is_there() -> None:
    memory = Memory()
    memory.put(1, PAGE - 2, b"he")
    memory.put(2, 0, b"llo hello")
    memory.put(3, 0, b"llo")
    search = TextSearch(kernel_with(memory), [b"llo", b"hello"])
    found = texts(search, (BASE, [1]), (BASE + PAGE, [2]))
    assert [match.address - BASE for match in found] == [PAGE - 2, PAGE, PAGE + 4, PAGE + 6]
    assert found[0].data == b"hello hello" + bytes(45)
    # Behind it there is a page that cannot be read: what follows is no continuation.
    assert [m.address - BASE for m in texts(search, (BASE, [1, 8, 3]))] == [2 * PAGE]


def test_a_text_behind_the_end() -> None:
    memory = Memory()
    memory.put(1, 0, b"hello, hello")
    search = TextSearch(kernel_with(memory), [b"hello"])
    (match,) = texts(search, (BASE, [1]), end=BASE + 8)
    assert match == (BASE, b"hello, h")
