"""Which entries of a vmlinux's symbol table count as symbols of the kernel, by machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nothing(value: int, name: str, letter: str) -> bool:
    return False


@dataclass(frozen=True)
class SymbolRules:
    """One machine's rules. A letter is that of `nm`.

    Entries count from the first of the symbols `starts` on, in the order of addresses; all do
    where it is empty. `rejects` tells by value, name and letter that an entry is a linker's
    mark or a constant; `marks_modules` that the tables of modules have such entries too. With
    `per_cpu_below` per-CPU symbols lie below the start and count, what lies outside of the
    kernel's sections is a number that does not move with the kernel, and from the start on
    every entry with a name counts.
    """

    starts: tuple[str, ...] = ()
    per_cpu_below: bool = False
    rejects: Callable[[int, str, str], bool] = _nothing
    marks_modules: bool = False


def is_checksum(name: str, letter: str) -> bool:
    """Whether an entry is the checksum of an exported symbol."""
    return letter == "A" and name.startswith("__crc_")
