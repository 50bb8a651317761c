"""Which dumps are of the same crash."""

from __future__ import annotations

import itertools

from pycrash.fleet.clusters import Cluster, Dump, clustered, same_way
from pycrash.fleet.facts import Facts, Reading, Rung


def dump(key: str, stack: str = "", rung: Rung | None = "plain", **facts: object) -> Dump:
    """A dump whose stack has a function a letter."""
    made = Facts(stack=tuple(stack), **{"name": "bug", **facts})  # type: ignore[arg-type]
    return Dump(key, (key,), Reading(rung, made, (), 0, None))


def keys(found: list[Cluster]) -> list[str]:
    return ["".join(dump.key for dump in cluster.dumps) for cluster in found]


def test_class_culprit_and_module_tell_crashes_apart() -> None:
    dumps = [
        dump("a", "xyz", symbol="x"),
        dump("b", "xyz", symbol="x", module="m"),
        dump("c", "xyz", symbol="y"),
        dump("d", "xyz", symbol="x", name="hung-task"),
        dump("e", "xyz", symbol="x"),
    ]
    assert keys(clustered(dumps)) == ["ae", "b", "c", "d"]


def test_stacks_that_share_more_than_half_are_alike() -> None:
    assert same_way(("a", "b", "c"), ("a", "b", "d"))
    assert same_way(("a", "b"), ("a", "x", "b", "y", "z"))
    assert not same_way(("a", "b"), ("a", "c"))
    assert not same_way((), ())


def test_a_stack_between_two_others_joins_them_in_any_order() -> None:
    dumps = [dump("a", "pqr"), dump("b", "pqrstu"), dump("c", "pstu"), dump("d", "pxyz")]
    for order in itertools.permutations(dumps):
        assert keys(clustered(order)) == ["abc", "d"]


def test_without_a_stack_it_is_the_only_crash_of_its_culprit_or_one_of_its_own() -> None:
    none = dump("n", symbol="x")
    assert keys(clustered([none, dump("a", "xyz", symbol="x")])) == ["an"]
    others = [dump("a", "xyz", symbol="x"), dump("b", "xvw", symbol="x")]
    assert keys(clustered([none, *others])) == ["a", "b", "n"]
    assert keys(clustered([none])) == ["n"]


def test_without_a_culprit_the_first_function_tells() -> None:
    assert keys(clustered([dump("a", "xyz"), dump("b", "yz"), dump("c", "xy")])) == ["ac", "b"]


def test_what_could_not_be_read_is_of_no_crash() -> None:
    assert clustered([dump("a", "xyz", rung=None)]) == []


def test_the_stack_of_most_dumps_is_shown_and_the_facts_of_one_that_is_certain() -> None:
    dumps = [
        dump("a", "xyz", symbol="x", crashed=3),
        dump("b", "xyw", symbol="x", crashed=2, certain=True, message="proved"),
        dump("c", "xyz", symbol="x", crashed=1),
    ]
    (found,) = clustered(dumps)
    assert (keys([found]), found.stack) == (["cba"], ("x", "y", "z"))
    assert found.facts.message == "proved"
