"""Names of symbols that fit what is typed, and how long it takes to find them."""

from __future__ import annotations

from time import process_time
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.kernel.symbols.table import SymbolTable
from pycrash.matching import Typed

#: As many as the kernel of a distribution has.
MANY = 119_000
#: Seconds for one look, with room for a slow machine: measured are 0.001 and 0.04.
BOUND = 1.5


def table(*names: str) -> SymbolTable:
    made: Any = SymbolTable(SimpleNamespace())  # type: ignore[arg-type]
    made.kernel_symbols = SimpleNamespace(
        all=(list(names), "T" * len(names)), addresses=list(range(len(names)))
    )
    made.module_symbols = SimpleNamespace(by_name={"ext4_init": (), "_MODULE_START_ext4": ()})
    return made  # type: ignore[no-any-return]


SMALL = table("init_task", "init_mm", "Init_Old", "task_init", "panic", "init_task", "in")


def fitting(text: str, loose: bool = False) -> list[str]:
    return SMALL.fitting(Typed(text, loose))


def test_names_that_begin_so_are_sorted() -> None:
    assert fitting("init") == ["init_mm", "init_task"]
    assert fitting("ext") == ["ext4_init"]
    assert fitting("_MOD") == []
    assert fitting("i") == []


def test_the_best_of_others_comes_first() -> None:
    assert fitting("INIT", loose=True) == [
        *("init_mm", "Init_Old", "init_task"),
        *("task_init", "ext4_init"),
    ]
    assert fitting("itsk", loose=True) == ["init_task"]
    assert fitting("a.*b", loose=True) == []


@pytest.fixture(scope="module")
def many() -> SymbolTable:
    parts = ("sched", "task", "page", "inode", "init", "lock", "net", "queue", "Read", "cpu", "map")
    names = (
        f"{parts[n % 11]}_{parts[n // 11 % 11]}_{n:x}_{parts[n // 121 % 11]}" for n in range(MANY)
    )
    made = table(*names)
    made.fitting(Typed("zz", loose=True))
    return made


@pytest.mark.parametrize("text", ["sc", "sched_task", "nothing_at_all"])
def test_a_beginning_is_found_at_once(many: SymbolTable, text: str) -> None:
    start = process_time()
    many.fitting(Typed(text))
    assert process_time() - start < BOUND


@pytest.mark.parametrize("text", ["sdtk", "rq", "READ", "zzz", "aaaaaaaaaaaa"])
def test_letters_are_found_while_nobody_waits(many: SymbolTable, text: str) -> None:
    start = process_time()
    many.fitting(Typed(text, loose=True))
    assert process_time() - start < BOUND
