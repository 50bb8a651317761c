"""Patterns that the kernel leaves in freed memory and unlinked entries, met again as pointers."""

from __future__ import annotations

from collections.abc import Iterator

from pycrash.triage.evidence import Evidence
from pycrash.triage.rule import Found, Proof, Rule, Stage

#: Names of addresses that stand in list entries that were taken out (include/linux/poison.h).
#: Where CONFIG_ILLEGAL_POINTER_VALUE is zero they are the low numbers alone.
_UNLINKED = {
    0xDEAD000000000100: "LIST_POISON1",
    0xDEAD000000000122: "LIST_POISON2",
    0xDEAD000000000200: "LIST_POISON2",
}
#: Bytes that fill memory, by what they tell.
_FILLS = {0x6B: "freed slab memory (POISON_FREE)", 0x5A: "slab memory not yet written to"}
#: How far behind such an address a member may lie.
_REACH = 0x1000
#: How many bytes of a word must be the fill: an offset may have changed the lowest two.
_ENOUGH = 6


def _meaning(value: int, word: int) -> str:
    """What a value that lies at or little behind a pattern is; empty for any other."""
    for address, name in _UNLINKED.items():
        if address - _REACH < value < address + _REACH:
            return f"{name}, left in a list entry as it was taken out"
    if word == 8:
        high = value >> 16
        for fill, name in _FILLS.items():
            if high == int.from_bytes(bytes([fill]) * _ENOUGH, "big"):
                return f"the pattern of {name}"
    return ""


def _check(evidence: Evidence, found: Found | None) -> list[Proof]:
    """The registers and the address of the fault that hold such a value."""
    return list(_proofs(evidence, found))


def _proofs(evidence: Evidence, found: Found | None) -> Iterator[Proof]:
    word = evidence.kernel.word_size
    address = found.parts.get("address") if found else None
    if address and (what := _meaning(int(address, 16), word)):
        yield Proof(f"the address {int(address, 16):x} is {what}", "log")
    for name, value in evidence.registers().items():
        if what := _meaning(value, word):
            yield Proof(f"{name} holds {value:x}: {what}", "bt")


FREED_MEMORY = Rule(
    "use-after-free",
    "use after free",
    "Memory was used after it was freed, or a list entry after it was taken out: a pointer is "
    "one of the patterns that the kernel leaves there.",
    Stage.SIGN,
    explains=("general-protection", "bad-pointer", "trap"),
    check=_check,
    next=("bt", "dis -rl {pc}", "kmem {address}"),
)
