"""Lines of drgn for foreach: those of the command it runs, in a loop over the tasks it chooses."""

from __future__ import annotations

from string import ascii_letters
from textwrap import indent
from typing import TYPE_CHECKING

from pycrash.api.args import Args
from pycrash.api.operands.numbers import hexadecimal, is_decimal, is_hexadecimal
from pycrash.api.twins.base import NOTHING, Twin
from pycrash.api.twins.tasks import TWINS as OF_ONE

if TYPE_CHECKING:
    from pycrash.api.context import Context

#: The commands that show one task, each with what a task must have to be shown.
_NEEDED = {
    "bt": "",
    "files": "task.files",
    "net": "task.files",
    "sig": "",
    "task": "",
    "vm": "task.mm",
}
#: crash's words for states to the letters of drgn.
_STATES = {"RU": "R", "IN": "S", "UN": "D", "ST": "T", "TR": "t", "ZO": "Z", "DE": "X", "ID": "I"}
#: Words that choose tasks: the test, and the module and the name it takes.
_KINDS = {
    "kernel": ("task_is_kthread(task)", "kthread", "task_is_kthread"),
    "user": ("not task_is_kthread(task)", "kthread", "task_is_kthread"),
    "gleader": ("thread_group_leader(task)", "sched", "thread_group_leader"),
    "active": ("task_on_cpu(task)", "sched", "task_on_cpu"),
}


def _foreach(ctx: Context, args: Args) -> str:
    words = list(args.operands)
    chosen: list[str] = []
    while words and words[0] not in OF_ONE:
        chosen.append(words.pop(0))
    name = words[0] if words else ""
    if name not in _NEEDED or (name == "net" and "s" not in args):
        raise NOTHING
    of_one = OF_ONE[name].commented(ctx, Args(args.given))
    before, _, behind = of_one.partition("task = ")
    imports, tests = _choice(chosen)
    tests += [_NEEDED[name]] * bool(_NEEDED[name])
    kept = [line for line in before.strip("\n").split("\n") if not line.endswith(" find_task")]
    skip = f"    if not ({' and '.join(tests)}):\n        continue\n" if tests else ""
    return "\n".join(
        [
            *filter(None, kept),
            *sorted(imports),
            "from drgn.helpers.linux.pid import for_each_task",
            "",
            f"for task in for_each_task(prog, idle=True):\n{skip}"
            "    print(task.pid.value_(), task.comm.string_().decode())",
            indent(behind.partition("\n")[2], "    "),
        ]
    )


def _choice(words: list[str]) -> tuple[set[str], list[str]]:
    """The imports and the tests that choose the tasks foreach's words name."""
    imports, tests, named = set[str](), list[str](), list[str]()
    for word in words:
        if word in _KINDS:
            test, module, name = _KINDS[word]
            tests.append(test)
            imports.add(f"from drgn.helpers.linux.{module} import {name}")
        elif word in _STATES:
            tests.append(f'task_state_to_char(task) == "{_STATES[word]}"')
            imports.add("from drgn.helpers.linux.sched import task_state_to_char")
        elif is_decimal(word):
            named.append(f"task.pid == {word}")
        elif is_hexadecimal(word) and len(word) > 8:
            named.append(f"task.value_() == 0x{hexadecimal(word):x}")
        elif word[:1] == "'":
            named.append(f"re.search({word.strip(chr(39))!r}, task.comm.string_().decode())")
            imports.add("import re")
        else:
            named.append(f"task.comm.string_() == {word.encode()!r}")
    return imports, tests + [f"({' or '.join(named)})"] * bool(named)


TWINS = {"foreach": Twin(_foreach, ascii_letters)}
