"""Lines made by chance, over a dump made by hand and commands that exist nowhere else."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from pycrash.api import (
    ADDRESS,
    COMM,
    COUNT,
    STRUCT,
    TASK,
    Args,
    Choice,
    Command,
    Context,
    Flag,
    Offer,
    Operand,
    Place,
    Row,
    Settings,
    TaskCommand,
    UsageError,
    View,
    Word,
    many,
    one,
    parse_args,
)
from pycrash.api.registry import Registry
from pycrash.cexpr.printing.ctype import CType
from pycrash.kernel.tasks.table import Task
from tests.kernel.fake_kernel import FakeTasks
from tests.matrix.random_lines import LEFT_OUT, Maker, OneLine, RandomLine, shares, space_of
from tests.matrix.random_run import answers, even
from tests.matrix.samples import Found, Samples
from tests.random_structs import Place as Spot


class Colour(Operand[str]):
    """A kind that the samplers have never heard of, and which offers what there is."""

    def complete(self, ctx: Context, text: str) -> Iterable[Offer]:
        return [Offer("red"), Offer("blue")]


class Paint(Command):
    name = "paint"
    summary = "paint"
    synopsis = ""
    flags: ClassVar[Sequence[Flag]] = (
        Flag("a", "all"),
        Flag("b", "both"),
        Flag("p", "The address is physical."),
        Flag("c", "colour", Colour("colour", "a colour")),
        Flag("1", "wide", Word("6", "the second digit")),
    )
    operands: ClassVar[Sequence[Place]] = (one(STRUCT), one(ADDRESS), one(COUNT))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return iter(())


class Dip(Paint, TaskCommand):
    name = "dip"
    task_flags = "ab"
    operands: ClassVar[Sequence[Place]] = (many(TASK, COMM),)

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        return iter(())


class Each(Paint):
    name = "foreach"
    flags: ClassVar[Sequence[Flag]] = (Flag("a", "all"), Flag("b", "both"), Flag("z", "no task's"))
    operands: ClassVar[Sequence[Place]] = (many(Choice("which", "", {"user": ""}), TASK),)


class Shelf(list[Command]):
    """As much of a registry as is asked for."""


def found(seed: int = 1) -> Found:
    """What is in a dump with two tasks and one structure."""
    fake = FakeTasks()
    fake.add(7, "seven")
    shelf: Any = Registry()
    context = Context(fake.kernel, Settings(task=1), shelf, cast(Any, None))
    made = Found(context, str(seed))
    spot = Spot(CType(fake.types["list_head"]), 0xFFFF888000001000)
    vars(made).update(
        symbols=["init_task", "jiffies"],
        text=[0xFFFFFFFF81000000],
        percpu=["runqueues"],
        places=[spot],
        links=[spot],
        variables=[("init_task", spot)],
        user=[0x400000],
        physical=[0x12345],
    )
    return made


def maker(commands: Sequence[Command], seed: int = 1) -> Maker:
    return Maker(cast(Registry, Shelf(commands)), found(), seed)


def texts(lines: Iterable[RandomLine]) -> list[str]:
    return [line.text for line in lines]


def test_a_seed_makes_the_same_lines() -> None:
    lines = texts(maker([Paint(), Dip()]).lines(60))
    assert lines == texts(maker([Paint(), Dip()]).lines(60))
    assert lines != texts(maker([Paint(), Dip()], seed=2).lines(60))
    assert len(set(lines)) == len(lines)


def test_other_commands_leave_a_stream_as_it_was() -> None:
    alone = texts(maker([Paint()]).lines(80))
    beside = texts(maker([Dip(), Paint()]).lines(80))
    of_paint = [line for line in beside if line.startswith("paint")]
    assert of_paint
    assert alone[: len(of_paint)] == of_paint


def test_lines_are_shared_out_by_what_is_declared() -> None:
    bare = type("Bare", (Paint,), {"name": "bare", "flags": (), "operands": ()})()
    paint = Paint()
    assert shares([bare, paint], 26) == {bare: 2, paint: 24}


def test_options_come_in_every_shape() -> None:
    lines = texts(maker([Paint()]).lines(600))
    words = [line.split() for line in lines]
    assert any("-ab" in line for line in words)  # joined
    assert any(line.count("-a") > 1 or "-aa" in line for line in words)  # twice
    assert any(w in line for line in words for w in ("-cred", "-cblue"))  # value joined
    assert any("-c" in line and "red" in line for line in words)  # value apart
    assert any("-16" in line for line in words)  # the one word of its kind
    known = {flag.letter for flag in Paint.flags}
    clusters = [w for line in words for w in line[1:] if w[0] == "-" and w[1:].isalpha()]
    assert any(set(w[1:]) - known - set("redblue") for w in clusters)  # unknown letters


def test_operands_come_in_every_number() -> None:
    flagless = type("Flagless", (Paint,), {"name": "paint", "flags": ()})()
    counts = {len(line.split()) - 1 for line in texts(maker([flagless]).lines(400))}
    assert {0, 1, 2, 3, 4} <= counts


def test_an_address_fits_its_structure_and_its_space() -> None:
    chance = random.Random(1)
    one_line = OneLine(Samples(found(), chance), chance)
    lines = [one_line.of(Paint()).text for _ in range(400)]
    assert any("list_head ffff888000001000" in line for line in lines)
    physical = [line for line in lines if " -p" in line and "12345" in line]
    assert physical
    assert space_of(Paint.flags) == "physical"
    assert space_of(Paint.flags[:2]) == ""


def test_foreach_hands_on_what_both_commands_have() -> None:
    lines = texts(maker([Each(), Dip(), Paint()]).lines(300))
    over = [line.split() for line in lines if line.startswith("foreach")]
    assert over
    assert all("dip" in words and "paint" not in words for words in over)
    letters = [letter for words in over for w in words if w[0] == "-" for letter in w[1:]]
    assert letters.count("a") > 5 * letters.count("z")


def test_a_kind_nobody_knows_gives_what_it_offers_or_a_plain_word() -> None:
    samples = Samples(found(), random.Random(1))
    assert {samples.word(Colour("colour", "")) for _ in range(50)} == {"red", "blue"}
    assert "hue" in {samples.word(Operand("hue", "")) for _ in range(50)}


@pytest.mark.parametrize("seed", range(3))
def test_nothing_made_leads_out_of_the_program(seed: int) -> None:
    lines = Maker(Registry(), found(), seed).lines(1500)
    named = {line.text.split()[0] for line in lines}
    assert len(named) > 10
    assert not named & {*LEFT_OUT, "q"}
    for line in lines:
        assert not set(line.text) & set("|<>!;`\n"), line.text
        assert not line.text.startswith("rd ") or "r" not in _letters(line.text, "rd")


def _letters(line: str, name: str) -> set[str]:
    """The letters a line gives its command; none where the command refuses the line."""
    command = Registry().find(name)
    assert command is not None
    try:
        return {letter for letter, _ in parse_args(name, command.flags, line.split()[1:]).given}
    except UsageError:
        return set()


def test_a_session_is_put_back_as_it_was() -> None:
    lines = Maker(Registry(), found(), 1).lines(1500)
    assert all("set -p" in line.after for line in lines if line.text.startswith("set"))
    assert all(not line.after for line in lines if line.text.startswith("ps"))


#: Answers a line with how many it has seen, and dies of one.
PROGRAM = """
import subprocess, sys
seen = 0
for line in sys.stdin:
    if line.startswith("!"):
        subprocess.run(line[1:], shell=True)
        continue
    seen += 1
    if line == "die\\n":
        sys.exit(3)
    print(f"${seen} = {line}", end="", flush=True)
"""


def test_answers_are_kept_by_line(tmp_path: Path) -> None:
    (tmp_path / "vmcore").touch()
    (tmp_path / "program.py").write_text(PROGRAM)
    tool, kept = [sys.executable, str(tmp_path / "program.py")], tmp_path / "kept.gz"
    lines = [RandomLine("one", ("back",)), RandomLine("die"), RandomLine("two")]
    want = {"one": "$ = one", "die": None, "two": "$ = two"}
    assert answers(tool, lines, tmp_path, kept) == want
    more = [*lines, RandomLine("three")]
    (tmp_path / "program.py").write_text(PROGRAM.replace("{line}", "again {line}"))
    assert answers(tool, more, tmp_path, kept) == {**want, "three": "$ = again three"}


def test_long_answers_are_told_apart_by_their_ends() -> None:
    long = "line\n" * 50_000
    assert len(even(long)) < len(long)
    assert even(long + "a") != even(long + "b")
    assert even("a\n$12 = 3\nb = $13 = 4\n") == "a\n$ = 3\nb = $ = 4"
