"""Tells which dumps are of the same crash: by class, culprit, and likeness of the stacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pycrash.fleet.facts import Facts, Reading

Stack = tuple[str, ...]


@dataclass(frozen=True)
class Dump:
    """A dump of the fleet: its content's key, the places where it lies, what was read, and
    whether that was `kept` from an earlier time."""

    key: str
    paths: tuple[str, ...]
    reading: Reading
    kept: bool = False


@dataclass(frozen=True)
class Cluster:
    """Dumps of one crash, the earliest first; `stack` is the one that most of them have."""

    dumps: tuple[Dump, ...]
    stack: Stack

    @property
    def facts(self) -> Facts:
        """Those of one that is certain of its class, if any is."""
        found = [dump.reading.facts for dump in self.dumps]
        return next((facts for facts in found if facts.certain), found[0])


def clustered(dumps: Iterable[Dump]) -> list[Cluster]:
    """The crashes of the dumps that could be read, the most frequent first. The order in which
    the dumps come makes no difference."""
    alike: dict[tuple[str, str, str], list[Dump]] = {}
    for dump in dumps:
        if dump.reading.rung is not None:
            alike.setdefault(_blamed(dump.reading.facts), []).append(dump)
    found = [_cluster(part) for group in alike.values() for part in _parts(group)]
    return sorted(found, key=lambda c: (-len(c.dumps), *map(_order, c.dumps)))


def _blamed(facts: Facts) -> tuple[str, str, str]:
    """Class and culprit; where nobody is to blame, what the stack begins with."""
    return facts.name, facts.symbol or "".join(facts.stack[:1]), facts.module or ""


def _parts(dumps: Sequence[Dump]) -> list[list[Dump]]:
    """Dumps of one class and culprit by their stacks. Those without a stack belong to the others
    if these are all of one kind, and else are a part of their own."""
    by_stack: dict[Stack, list[Dump]] = {}
    for dump in dumps:
        by_stack.setdefault(dump.reading.facts.stack, []).append(dump)
    bare = by_stack.pop((), [])
    parts = [[d for stack in group for d in by_stack[stack]] for group in _linked(sorted(by_stack))]
    if bare and len(parts) == 1:
        parts[0] += bare
    elif bare:
        parts.append(bare)
    return parts


def _linked(stacks: Sequence[Stack]) -> list[list[Stack]]:
    """Stacks in groups: each is like another one of its group."""
    groups: list[list[Stack]] = []
    for stack in stacks:
        near = [group for group in groups if any(same_way(stack, other) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([stack, *(other for group in near for other in group)])
    return groups


def same_way(one: Stack, other: Stack) -> bool:
    """Whether two stacks lead to the same place on the same way: of the functions of the shorter
    one, more than half are in the other, too. A release that has one in line, or splits one,
    makes no other crash of it."""
    shared = len(set(one) & set(other))
    return 2 * shared > min(len(set(one)), len(set(other)))


def _cluster(dumps: Iterable[Dump]) -> Cluster:
    ordered = tuple(sorted(dumps, key=_order))
    stacks = Counter(dump.reading.facts.stack for dump in ordered)
    most = min(stacks, key=lambda stack: (-stacks[stack], not stack, stack))
    return Cluster(ordered, most)


def _order(dump: Dump) -> tuple[int, str]:
    crashed = dump.reading.facts.crashed
    return (1 << 62 if crashed is None else crashed), dump.key
