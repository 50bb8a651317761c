"""The recorded lines again, with --json: every object is what the schema says of its kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pycrash.api import TaskCommand
from pycrash.api.registry import Registry
from tests.contract import contract
from tests.golden.answers import Entry, read
from tests.matrix.compare import command_of

#: These change words, end the session, or run other lines.
LEFT_OUT = {"alias", "exit", "extend", "q", "repeat"}
#: Lines for what no recorded line shows: a plug-in, files, and what crash answers in its own way.
MORE = (
    *("alias", "alias nosuch", "alias aa ps", 'alias aa ""'),
    *("extend -s", "extend plugin.py", "extend", "extend -u plugin.py"),
    *("help ps", "sym -Q crashme", "whatis PIDTYPE_PID", "whatis -r 16", "rd -r copy jiffies 64"),
    *("list -H dump_list", "tree -t maple -v sparse_irqs", "set free", "set -a 1"),
    *("ccat -c -d /etc out", "cfind /etc", "cls /etc /dev"),
    *("ipcs 5", "ps -Y 1", "runq -T", "vtop -c 1 4f0000", "ascii"),
    "help -n",
    *("kmem -i", "kmem -f", "kmem -F | head -500", "kmem -v", "kmem -V", "kmem -n", "kmem -z"),
    *("kmem -o", "kmem -h", "kmem -g 80", "kmem -S task_struct", "kmem -s list", "kmem -p 1000"),
    *("kmem -m index 1000", "kmem fffffffff", "kmem ff6c90c280049900"),
    *("triage", "blockers -a", "blockers -g", "stacks -s UN", "explain"),
    *("dis schedule 3", "dis -b", "dis -s schedule"),
)
#: Kinds that nothing in the sample dump is of: stacks entered from others, registers that only
#: QEMU notes, an older kernel's buffers, audit messages, module memory without symbols, damage; and
#: what crash 9.0.2 has not.
NOT_IN_SAMPLE = {
    *("bt.cpu_registers", "bt.overflow", "bt.switch", "log.audit", "log.safe", "sym.place"),
    *("files.node", "kmem.memory_block", "tree.damage", "kmem.cache.sheaves", "kmem.sheaf"),
    *("trace.buffer", "trace.event", "trace.file", "trace.instance"),
    *("ccat.page", "sbitmapq.entry"),
    *("dev.contents", "dev.copied", "dev.dump", "blockers.cycle", "triage.deadlock", "diff.change"),
    # Nobody who runs the tests has its source.
    "dis.source.line",
}

#: No flag of a page is set in this word: no row says so, and text says it in words.
NO_ROWS = {"kmem -g 8000000000000000"}

Objects = list[dict[str, Any]]


def entries() -> list[Entry]:
    """The lines that can be asked for JSON as they are, with what they say as text."""
    recorded = [
        entry
        for entry in read()
        if not set("|>!<") & set(entry.line) and command_of(entry.line) not in LEFT_OUT
    ]
    examples = [line for command in Registry() for _, line in command.examples]
    fit = [line for line in examples if line.split()[0] not in LEFT_OUT and "|" not in line]
    return recorded + [Entry(-1, line, "") for line in (*fit, *MORE)]


ENTRIES = entries()


@pytest.fixture(scope="module")
def answers(session: list[str]) -> list[str]:
    """What pycrash says to each of the lines with --json."""
    return session[-len(ENTRIES) :]


@pytest.fixture(scope="module")
def objects(answers: list[str]) -> list[Objects]:
    """The objects of each line. Nothing else may have been printed."""
    return [
        [json.loads(text, object_hook=dict) for text in answer.splitlines()] for answer in answers
    ]


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft202012Validator]:
    """Kind to what checks its objects."""
    made = contract()
    Draft202012Validator.check_schema(made)
    parts = made["$defs"]
    kinds = set(parts) - {"of"}
    return {kind: Draft202012Validator({**parts[kind], "$defs": parts}) for kind in kinds}


def test_every_object_fits_its_kind(
    objects: list[Objects], validators: dict[str, Draft202012Validator]
) -> None:
    wrong = [
        f"{entry.line}: {found['kind']}: {problem.json_path}: {problem.message[:200]}"
        for entry, found in each(objects)
        for problem in validators[found["kind"]].iter_errors(found)
    ]
    assert wrong == []


def test_every_row_is_declared_by_its_command(objects: list[Objects]) -> None:
    allowed = declared()
    wrong = {
        (command_of(entry.line), found["kind"])
        for entry, found in each(objects)
        if found["kind"] not in allowed.get(command_of(entry.line), allowed[""])
    }
    assert wrong == set()


def declared() -> dict[str, set[str]]:
    """Command to the kinds it may give, messages among them; "" for words that are no command."""
    messages = {"notice", "error"}
    made = contract()["x-commands"]
    kinds = {name: {*rows, *messages} for name, rows in made.items()}
    serving = [c.name for c in Registry() if isinstance(c, TaskCommand)]
    kinds["foreach"] |= {kind for name in serving for kind in made[name]}
    kinds[""] = {kind for rows in kinds.values() for kind in rows}
    return kinds


def test_what_is_said_as_text_is_said_as_json(answers: list[str]) -> None:
    silent = [
        entry.line
        for entry, answer in zip(ENTRIES, answers, strict=True)
        if len(entry.answer.splitlines()) > 1 and not answer
    ]
    assert set(silent) == NO_ROWS


def test_every_kind_is_seen(objects: list[Objects]) -> None:
    seen = {found["kind"] for _, found in each(objects)}
    kinds = {kind for rows in declared().values() for kind in rows}
    assert kinds - seen == NOT_IN_SAMPLE


def each(objects: list[Objects]) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Every object with the line it belongs to."""
    for entry, some in zip(ENTRIES, objects, strict=True):
        for found in some:
            yield entry, found
