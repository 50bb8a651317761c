"""Queues for the bits of scalable bitmaps, made by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.block import bitmapqueues
from pycrash.kernel.block.bitmapqueues import BitmapQueues, WaitState, Word
from pycrash.kernel.core.cpus import Cpus
from tests.kernel.fake_kernel import FakeKernel

QUEUE, WORDS, WAITS = (0xFFFF888000000000 + place for place in (0, 0x1000, 0x2000))


def queue(*words: tuple[int, int], depth: int = 12, shift: int = 3, old: bool = True) -> FakeKernel:
    """A queue as 5.10 has it, or one of 6.1; somebody waits in the second of its wait queues."""
    fake = FakeKernel()
    members = {"depth": (0, "I"), "shift": (4, "I"), "map_nr": (8, "I"), "map": (16, "P")}
    behind = {} if old else {"alloc_hint": (24, "P"), "round_robin": (32, "B")}
    sbitmap = fake.struct("sbitmap", 40, **members, **behind)
    fake.struct("sbitmap_word", 64, word=(8, "Q"), cleared=(32, "Q"))
    fields: dict[str, Any] = {
        "sb": (0, sbitmap),
        "wake_batch": (56, "I"),
        "wake_index": (60, "i"),
        "ws": (64, "P"),
    }
    extra = {"alloc_hint": (48, "P"), "ws_active": (72, "i"), "round_robin": (76, "B")}
    fake.struct("sbitmap_queue", 80, **fields, **(extra if old else {}))
    head = fake.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
    wait = fake.struct("wait_queue_head", 24, head=(8, head))
    fake.struct("sbq_wait_state", 64, **({"wait_cnt": (0, "i")} if old else {}), wait=(8, wait))
    fake.room(QUEUE, 80)
    fake.write(QUEUE, "IIIIQ", depth, shift, len(words), 0, WORDS)
    fake.write(QUEUE + (48 if old else 24), "Q", 0x100)
    fake.write(QUEUE + 56, "IiQi", 8, -1, WAITS, 3)
    fake.room(WORDS, 64 * max(len(words), 1))
    for place, (word, cleared) in enumerate(words):
        fake.write(WORDS + 64 * place + 8, "Q", word)
        fake.write(WORDS + 64 * place + 32, "Q", cleared)
    fake.room(WAITS, 8 * 64)
    for place in range(8):
        at = WAITS + 64 * place
        fake.write(at, "iIQQQ", 4, 0, 0, *([0xF00] * 2 if place == 1 else [at + 16] * 2))
    fake.write(0x10100, "I", 5)
    fake.write(0x20100, "I", 2**32 - 1)
    cpus = SimpleNamespace(possible={0, 1}, address=lambda base, cpu: base + 0x10000 * (cpu + 1))
    fake.give(Cpus, cpus)
    fake.kernel.__dict__["cpus"] = cpus
    return fake


def queues(fake: FakeKernel) -> BitmapQueues:
    return BitmapQueues(fake.kernel)


@pytest.mark.parametrize("old", [True, False])
def test_hints_and_waiters(old: bool) -> None:
    found = queues(queue((1, 0), old=old))
    assert list(found.hints(found.queue(QUEUE))) == [5, 2**32 - 1]
    count = 4 if old else None
    states = list(found.waiting(found.queue(QUEUE)))
    assert states[:3] == [WaitState(count, False), WaitState(count, True), WaitState(count, False)]


def test_members_by_release() -> None:
    old, new = (queues(queue((1, 0), old=old)).queue(QUEUE) for old in (True, False))
    assert (old.ws_active, old.wake_index, old.min_shallow_depth) == (3, -1, None)
    assert (new.ws_active, new.alloc_hint, new.bitmap.alloc_hint) == (None, None, 0x100)


def test_the_last_word_is_shorter() -> None:
    found = queues(queue((0b1010, 0b1000), (0xFF, 0)))
    bitmap = found.queue(QUEUE).bitmap
    assert list(found.words(bitmap)) == [Word(8, 0b1010, 0b1000), Word(4, 0xFF, 0)]
    assert list(found.set_bits(QUEUE)) == [1, 8, 9, 10, 11]


@pytest.mark.parametrize(("reason", "said"), [("seek error", True), ("page excluded", False)])
def test_what_cannot_be_read_is_named_behind_why(reason: str, said: bool) -> None:
    fake = queue((1, 0), (1, 0), depth=1 << 9, shift=6)
    found = queues(fake)

    def fail(address: int, size: int, what: str) -> NoReturn:
        raise ReadError(address, what, reason)

    fake.kernel.memory.__dict__["read_slowly"] = fail
    with pytest.raises(CrashError, match="cannot read sbitmap_word") as caught:
        list(found.words(found.queue(QUEUE).bitmap._replace(map_nr=9)))
    assert ('type: "sbitmap_word"' in caught.value.before) is said


def test_a_bitmap_that_claims_too_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitmapqueues, "_MOST_WORDS", 1)
    found = queues(queue((1, 0), (2, 0)))
    with pytest.raises(CrashError, match="invalid sbitmap: it claims 2 words"):
        list(found.words(found.queue(QUEUE).bitmap))


def test_what_is_no_bitmap_is_shifted_as_the_processor_does() -> None:
    bitmap = queues(queue((1, 0))).queue(QUEUE).bitmap
    assert bitmap._replace(shift=32 + 6).bits_per_word == 64
