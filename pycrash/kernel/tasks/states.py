"""The states of a task: which bits this kernel gives them, and their names."""

from __future__ import annotations

from functools import cache

import drgn

from pycrash.errors import ReadError
from pycrash.kernel.core.reader import Reader

# What task_state_array (fs/proc/array.c) calls the states it lists, in the order of their bits.
_LISTED = {
    "(running)": "running",
    "(sleeping)": "interruptible",
    "(disk sleep)": "uninterruptible",
    "(stopped)": "stopped",
    "(tracing stop)": "traced",
    "(dead)": "dead",
    "(zombie)": "zombie",
    "(wakekill)": "wakekill",
    "(waking)": "waking",
    "(parked)": "parked",
}
# Until 4.13 stat_nam (kernel/sched/core.c) has a letter for each bit.
_LETTERS = {
    "R": "running",
    "S": "interruptible",
    "D": "uninterruptible",
    "T": "stopped",
    "t": "traced",
    "X": "dead",
    "x": "dead",
    "Z": "zombie",
    "K": "wakekill",
    "W": "waking",
    "P": "parked",
    "N": "noload",
    "n": "new",
}
# The states behind "parked" that 4.14 and later list nowhere, in the order of their bits.
_BEHIND_PARKED = ("dead", "wakekill", "waking", "noload", "new")
_MOST_STATES = 32


class TaskStates:
    """Bits of `state | exit_state` by name: "interruptible", "zombie", "parked", ...

    A state this kernel does not know is absent from `bits`.
    """

    def __init__(self, bits: dict[str, int]) -> None:
        self.bits = bits
        self.short = cache(self._short)
        self.long = cache(self._long)

    def mask(self, name: str) -> int | None:
        """The bits of a state, None where this kernel has no such state."""
        return self.bits.get(name)

    def has(self, state: int, name: str) -> bool:
        """Whether a task's state has any bit of the named one."""
        return bool(state & self.bits.get(name, 0))

    def _short(self, state: int) -> str:
        """The two letters of a state: RU IN UN ID ZO ST TR DE PA WA NE, or ??."""
        has, bits = self.has, self.bits
        for name in ("parked", "waking", "new"):
            if bits.get(name) == state:
                return {"parked": "PA", "waking": "WA", "new": "NE"}[name]
        for name, letters in (("traced", "TR"), ("stopped", "ST"), ("zombie", "ZO")):
            if has(state, name):
                return letters
        if has(state, "uninterruptible"):
            return "ID" if has(state, "noload") else "UN"
        if has(state, "interruptible"):
            return "IN"
        if has(state, "dead"):
            return "DE"
        return "RU" if state == bits["running"] else "??"

    def _long(self, state: int) -> str:
        """Every name that applies, joined by |."""
        has, bits = self.has, self.bits
        if state == bits["running"]:
            return "TASK_RUNNING"
        if state == bits.get("parked"):
            return "TASK_PARKED"
        names = [
            long
            for name, long in (
                ("interruptible", "TASK_INTERRUPTIBLE"),
                ("uninterruptible", "TASK_UNINTERRUPTIBLE"),
                ("stopped", "TASK_STOPPED"),
                ("traced", "TASK_TRACED"),
            )
            if has(state, name)
        ]
        dead = state & bits.get("dead", 0)
        if dead:
            names.append("EXIT_DEAD|TASK_DEAD" if dead & (dead - 1) else "EXIT_DEAD")
        names += [
            long
            for name, long in (
                ("zombie", "EXIT_ZOMBIE"),
                ("waking", "TASK_WAKING"),
                ("wakekill", "TASK_WAKEKILL"),
                ("noload", "TASK_NOLOAD"),
                ("new", "TASK_NEW"),
            )
            if has(state, name)
        ]
        return "|".join(names)


def read_states(kernel: Reader) -> TaskStates:
    """The states as this kernel's own tables of their names order them."""
    try:
        bits = _from_letters(kernel) or _from_names(kernel)
    except ReadError:
        bits = {}
    needed = ("running", "interruptible", "uninterruptible", "zombie", "stopped")
    if any(name not in bits for name in needed):
        return TaskStates(dict(zip(needed, (0, 1, 2, 4, 8), strict=True)))
    return TaskStates(bits)


def _string(kernel: Reader, address: int) -> str:
    try:
        return kernel.prog.read_c_string(address, max_size=_MOST_STATES).decode("ascii", "replace")
    except drgn.FaultError as error:
        raise ReadError(error.address, "task_state_array") from error


def _from_letters(kernel: Reader) -> dict[str, int]:
    at = kernel.symbol_address("stat_nam")
    letters = "" if at is None else _string(kernel, at)
    bits: dict[str, int] = {}
    for place, letter in enumerate(letters[:_MOST_STATES]):
        name = _LETTERS.get(letter)
        if name is not None:
            bits[name] = bits.get(name, 0) | (1 << (place - 1) if place else 0)
    return bits


def _from_names(kernel: Reader) -> dict[str, int]:
    bits: dict[str, int] = {}
    span = kernel.symbol_span("task_state_array")
    if span is None:
        return bits
    word = kernel.word_size
    for place in range(min(span[1] // word, _MOST_STATES)):
        text_at = kernel.read_word(span[0] + place * word, "task_state_array")
        if not text_at:
            break  # the table may end before what its symbol bounds does
        text = _string(kernel, text_at)
        bit = 1 << (place - 1) if place else 0
        for listed, name in _LISTED.items():
            if listed in text:
                bits[name] = bits.get(name, 0) | bit
    if "parked" in bits:
        for place, name in enumerate(_BEHIND_PARKED, 1):
            bits[name] = bits.get(name, 0) | bits["parked"] << place
    return bits
