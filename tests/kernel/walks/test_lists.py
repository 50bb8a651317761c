"""Linked lists: where a walk ends, and what is said of damaged ones."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest

from pycrash.errors import ReadError
from pycrash.kernel.walks.lists import (
    Chain,
    DuplicateEntry,
    EndlessList,
    InvalidEntry,
    Loop,
    entries,
    walk,
    walk_brent,
)
from tests.cexpr.fake import BASE, FakeKernel

A, B, C, D = (BASE + 0x10 * i for i in range(4))


def kernel(links: Mapping[int, int]) -> FakeKernel:
    """Memory in which each of some addresses holds a pointer."""
    words = [0] * 64
    for address, target in links.items():
        words[(address - BASE) // 8] = target
    return FakeKernel(struct.pack("<64Q", *words))


def test_a_list_ends_at_null_or_where_it_began() -> None:
    assert list(walk(kernel({A: B, B: C}), Chain(A))) == [A, B, C]
    assert list(walk(kernel({A: B, B: C, C: A}), Chain(A))) == [A, B, C]


def test_a_list_ends_at_the_end_asked_for() -> None:
    assert list(walk(kernel({A: B, B: C, C: D}), Chain(A, end=C))) == [A, B]


def test_a_list_ends_at_an_entry_that_points_to_itself() -> None:
    assert list(walk(kernel({A: B, B: B}), Chain(A))) == [A, B]


def test_the_link_may_lie_inside() -> None:
    assert list(walk(kernel({A + 8: B, B + 8: C}), Chain(A, link=8))) == [A, B, C]


def test_a_circular_list_has_no_null() -> None:
    steps = walk(kernel({A: B}), Chain(A, circular=True))
    assert [next(steps), next(steps)] == [A, B]
    with pytest.raises(InvalidEntry, match="invalid list entry: 0"):
        next(steps)


def test_a_duplicate_is_shown_and_named() -> None:
    # The loop leads to neither the start nor the first entry behind it.
    steps = walk(kernel({A: B, B: C, C: D, D: C}), Chain(A))
    assert [next(steps) for _ in range(5)] == [A, B, C, D, C]
    with pytest.raises(DuplicateEntry, match=f"duplicate list entry: {C:x}"):
        next(steps)


def test_brent_finds_the_loop_and_its_beginning() -> None:
    got: list[int | Loop] = []
    steps = map(got.append, walk_brent(kernel({A: B, B: C, C: D, D: C}), Chain(A)))
    with pytest.raises(DuplicateEntry, match=f"duplicate list entry: {C:x}"):
        list(steps)
    assert Loop(2) in got
    assert Loop(-1, 2) in got
    assert [s for s in got if isinstance(s, int)][:4] == [A, B, C, D]


def test_brent_on_a_sound_list() -> None:
    assert list(walk_brent(kernel({A: B, B: C, C: D}), Chain(A))) == [A, B, C, D]
    assert list(walk_brent(kernel({A: B, B: A}), Chain(A))) == [A, B]


def test_an_entry_that_cannot_be_read() -> None:
    steps = walk(kernel({A: B, B: BASE + 0x100000}), Chain(A))
    assert [next(steps), next(steps), next(steps)] == [A, B, BASE + 0x100000]
    with pytest.raises(ReadError, match="list entry"):
        next(steps)
    with pytest.raises(ReadError, match="first list entry"):
        next(walk(kernel({}), Chain(BASE + 0x100000)))


def test_a_list_of_the_kernels_own() -> None:
    assert list(entries(kernel({B: C, C: A}), Chain(B, end=A), "x.list")) == [B, C]
    assert list(entries(kernel({}), Chain(A, end=A), "x.list")) == []


def test_a_list_of_the_kernels_own_that_comes_back_elsewhere() -> None:
    found = entries(kernel({B: C, C: B}), Chain(B, end=A), "x.list")
    assert [next(found), next(found)] == [B, C]
    with pytest.raises(DuplicateEntry) as caught:
        next(found)
    assert caught.value.address == B


def test_a_list_of_the_kernels_own_is_bounded() -> None:
    with pytest.raises(EndlessList, match=f"list too long: {D:x}"):
        list(entries(kernel({B: C, C: D, D: A}), Chain(B, end=A), "x.list", most=2))


def test_a_pointer_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ReadError, match=r"x\.list"):
        list(entries(kernel({B: BASE + 0x4000}), Chain(B, end=A), "x.list"))
