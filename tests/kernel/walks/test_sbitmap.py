"""Scalable bitmaps made by hand."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.walks.sbitmap import set_bits
from tests.kernel.fake_kernel import FakeKernel

MAP, WORDS = 0xFFFF888000000000, 0xFFFF888000001000


def bitmap(depth: int, shift: int, count: int, *words: tuple[int, int]) -> FakeKernel:
    fake = FakeKernel()
    fake.struct("sbitmap", 24, depth=(0, "I"), shift=(4, "I"), map_nr=(8, "I"), map=(16, "P"))
    fake.struct("sbitmap_word", 64, word=(8, "Q"), cleared=(32, "Q"))
    fake.write(MAP, "IIIIQ", depth, shift, count, 0, WORDS)
    fake.room(WORDS, 64 * max(len(words), 1))
    for place, (word, cleared) in enumerate(words):
        fake.write(WORDS + 64 * place + 8, "Q", word)
        fake.write(WORDS + 64 * place + 32, "Q", cleared)
    return fake


def test_bits_lately_freed_and_beyond_the_depth_are_not_set() -> None:
    fake = bitmap(10, 3, 2, (0b1010_0001, 0b1000_0000), (0xFF, 0))
    assert list(set_bits(fake.kernel, MAP)) == [0, 5, 8, 9]


def test_a_map_without_words() -> None:
    assert list(set_bits(bitmap(0, 6, 0).kernel, MAP)) == []


@pytest.mark.parametrize(("shift", "count"), [(7, 1), (6, 1 << 30)])
def test_a_damaged_map_is_said(shift: int, count: int) -> None:
    with pytest.raises(CrashError, match="invalid sbitmap"):
        list(set_bits(bitmap(64, shift, count, (1, 0)).kernel, MAP))


def test_words_that_are_not_there() -> None:
    with pytest.raises(ReadError):
        list(set_bits(bitmap(128, 6, 2, (1, 0)).kernel, MAP))
