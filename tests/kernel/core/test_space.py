"""Which memory a word of crash's means."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from pycrash.kernel.core.space import SpaceWord, kernel_space, space_of

KERNEL: Any = SimpleNamespace(
    read=lambda at, size, what: b"kernel",
    memory=SimpleNamespace(
        read_user=lambda task, at, size, what: f"user {task:x}".encode(),
        read_physical=lambda at, size, what: b"physical",
        read_file=lambda at, size, what: b"file",
    ),
)


def nobody() -> NoReturn:
    raise AssertionError("whose memory it is does not matter")


@pytest.mark.parametrize(
    ("word", "data"), [("KVADDR", b"kernel"), ("PHYSADDR", b"physical"), ("FILEADDR", b"file")]
)
def test_spaces_of_nobody(word: SpaceWord, data: bytes) -> None:
    space = space_of(KERNEL, word, nobody)
    assert (space.word, space.read(0, 8, "x")) == (word, data)
    assert space.is_kernel == (word == "KVADDR")


def test_a_task_has_its_own() -> None:
    assert space_of(KERNEL, "UVADDR", lambda: 0x10).read(0, 8, "x") == b"user 10"


def test_the_kernels_own() -> None:
    assert kernel_space(KERNEL).is_kernel
