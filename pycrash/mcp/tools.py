"""Tools made of commands: what they are called with, what they give, and page after page of it."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from pycrash.api import (
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    Part,
    Row,
    TaskCommand,
    UsageError,
    find_task,
)
from pycrash.api.fields import Json
from pycrash.api.registry import Registry
from pycrash.api.schema import MESSAGES, schema
from pycrash.kernel.kernel import Kernel
from pycrash.mcp.patience import TooLong, within
from pycrash.mcp.served import REFUSED, SERVED
from pycrash.render.json import json_lines
from pycrash.settings import Settings

#: Rows or lines of a page: at most, and where a call does not say.
MOST, USUAL = 1000, 100
#: Bytes of a page, and of one row in it: what an assistant can read.
PAGE, ROW = 100_000, 40_000
#: Answers that are kept to be gone on with.
_KEPT = 4


class Refused(Exception):
    """A call that is not served; `str()` says why."""


@dataclass(frozen=True)
class Tool:
    """A command as a tool. `takes` and `gives` are JSON Schemas."""

    name: str
    description: str
    takes: Json
    gives: Json


class _Port:
    """What commands may ask of the shell, where there is none."""

    minimal = False
    line = ""
    history: Sequence[str] = ()

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.aliases: dict[str, tuple[str, str]] = {}

    def progress(self, what: str, done: int, total: int) -> None:
        """Nobody watches."""

    def rows(self, name: str, ctx: Context, words: Sequence[str]) -> Iterator[Row]:
        command = self._registry.find(name)
        if command is None or name not in SERVED:
            raise CrashError(f"command not found: {name}")
        return command.run(ctx, _checked(command, words))

    def execute(self, line: str) -> bool:
        raise CrashError("lines of the shell are not served")

    def python(self, source: str) -> str:
        raise CrashError("Python is not served")

    def picture(self, graph: str) -> str | None:
        return None

    def leave(self) -> None:
        raise CrashError("the client ends the session")


@dataclass
class _Answer:
    """An answer that was begun: what is still to come, and how much was given."""

    rest: Iterator[str]
    given: int = 0


class Tools:
    """The tools of one dump. Calls are answered one at a time.

    A page ends after `patience` seconds with what it has; a call that has nothing after twice as
    many is refused.
    """

    def __init__(self, kernel: Kernel, settings: Settings, patience: float = 30) -> None:
        registry = Registry()
        self._patience = patience
        self._port = _Port(registry)
        self._context = Context(kernel, settings, registry, self._port)
        self._commands = {name: _found(registry, name) for name in sorted(SERVED)}
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    def all(self) -> list[Tool]:
        """Every tool, by name."""
        return [
            Tool(name, _description(command), _takes(command), _gives(command, self._run_by(name)))
            for name, command in self._commands.items()
        ]

    def _run_by(self, name: str) -> list[Command]:
        """The commands whose rows a command gives besides its own."""
        return [
            c for c in self._commands.values() if name == "foreach" and isinstance(c, TaskCommand)
        ]

    def call(self, name: str, arguments: Json) -> Json:
        """A page of what a tool answers: `rows` or `lines`, `offset`, and `next`, the offset of
        the page behind it, None at the end. Raises Refused, CrashError."""
        if name not in self._commands:
            raise Refused(f"{name} is not served: {REFUSED.get(name, 'there is no such command')}")
        command = self._commands[name]
        try:
            return within(2 * self._patience, lambda: self._answer(command, arguments))
        except TooLong:
            raise Refused(f"{name}: took longer than {2 * self._patience:g} seconds") from None
        except UsageError as error:
            said = str(error) or "wrong usage"
            raise CrashError(f"{said}; usage: {command.name} {command.synopsis}") from None

    def _answer(self, command: Command, arguments: Json) -> Json:
        """The same of a command. Raises UsageError too."""
        end = monotonic() + self._patience
        as_text, task = bool(arguments.get("text")), arguments.get("task")
        offset, limit = arguments.get("offset", 0), arguments.get("limit", USUAL)
        args = _checked(command, _words(command, arguments))
        key = json.dumps([command.name, args.given, args.operands, as_text, task])
        answer = self._answers.pop(key, None)
        if answer is None or answer.given != offset:
            answer = _Answer(self._begun(command, args, task, as_text))
            for _ in range(offset):
                if next(answer.rest, None) is None:
                    raise Refused(f"there are {answer.given} only")
                answer.given += 1
        page, ended = _page(answer, limit, as_text, end)
        if not ended:
            self._answers[key] = answer
            while len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        return {
            "lines" if as_text else "rows": page,
            "offset": offset,
            "next": None if ended else answer.given,
        }

    def _begun(
        self, command: Command, args: Args, task: str | None, as_text: bool
    ) -> Iterator[str]:
        """The rows of a command as JSON, or its lines."""
        ctx = replace(self._context, settings=copy(self._context.settings), seen=set())
        if task is not None:
            found = find_task(ctx.kernel.tasks, task)
            if found is None:
                raise CrashError(f"invalid task or pid: {task}")
            ctx.settings.task = found.tasks[0].address
        rows = command.run(ctx, args)
        if not as_text:
            return json_lines(command.name, rows)
        return _lines(ctx, command, args, rows)


def _page(answer: _Answer, limit: int, as_text: bool, end: float) -> tuple[list[Any], bool]:
    """The next rows or lines of an answer, as many as a page holds until the time is over; whether
    the answer has ended."""
    page: list[Any] = []
    room = PAGE
    while len(page) < limit and room > 0 and not (page and monotonic() > end):
        text = next(answer.rest, None)
        if text is None:
            return page, True
        answer.given += 1
        whole = len(text) <= ROW
        room -= min(len(text), ROW)
        if as_text:
            page.append(text if whole else f"{text[:ROW]}... ({len(text)} characters)")
        else:
            page.append(json.loads(text) if whole else _cut(text))
    return page, False


def _found(registry: Registry, name: str) -> Command:
    command = registry.find(name)
    assert command is not None, name
    return command


def _checked(command: Command, words: Sequence[str]) -> Args:
    """The arguments of a command. Raises Refused where it would write, UsageError."""
    args = command.parse(words)
    problem = SERVED[command.name].problem(args)
    if problem:
        raise Refused(f"{command.name}: not served: {problem}")
    return args


def _words(command: Command, arguments: Json) -> list[str]:
    """The words that arguments stand for. Raises Refused for one that the tool does not have."""
    known = {flag.letter: flag for flag in command.flags}
    words: list[str] = []
    for name, value in arguments.items():
        if name in _COMMON:
            continue
        if name not in known:
            raise Refused(f"{command.name}: no argument {name!r}")
        words += _flag_words(known[name], value)
    operands = list(arguments.get("operands", ()))
    # Where options follow getopt, an operand is none whatever it begins with.
    if type(command).parse is Command.parse and any(word[:1] == "-" for word in operands):
        words.append("--")
    return words + operands


def _flag_words(flag: Flag, value: Any) -> list[str]:
    if value is False:
        return []
    if value is True:
        return [f"-{flag.letter}"]
    values = value if isinstance(value, list) else [value]
    if flag.joined:
        return [f"-{flag.letter}{one}" for one in values]
    return [word for one in values for word in (f"-{flag.letter}", str(one))]


def _lines(ctx: Context, command: Command, args: Args, rows: Iterator[Row]) -> Iterator[str]:
    """What a command prints, a line at a time, its messages among it."""
    said: list[str] = []

    def say(notice: Notice) -> None:
        said.append(f"{notice.command or command.name}: {notice.text}")

    def facts() -> Iterator[Row]:
        for row in rows:
            if isinstance(row, Notice):
                say(row)
            else:
                yield row

    begun = ""
    for line in command.text(replace(ctx.view, say=say), args, facts()):
        begun += line
        if not isinstance(line, Part):
            yield from (*said, *begun.split("\n"))
            said.clear()
            begun = ""
    yield from (*said, *([begun] if begun else []))


def _cut(text: str) -> Json:
    """What stands for a row that is too large for a page."""
    return {"kind": "cut", "size": len(text), "begin": text[:ROW]}


# Schemas.

_CUT: Json = {
    "type": "object",
    "description": "A row that is too large for a page: its size and where its JSON begins.",
    "properties": {
        "kind": {"const": "cut"},
        "size": {"type": "integer", "description": "characters"},
        "begin": {"type": "string"},
    },
    "required": ["kind", "size", "begin"],
    "additionalProperties": False,
}
#: What every tool takes besides its command's flags.
_COMMON: Json = {
    "operands": {"type": "array", "items": {"type": "string"}},
    "task": {
        "type": "string",
        "description": "Pid or task_struct to work on in place of the task that crashed.",
    },
    "text": {"type": "boolean", "description": "Lines as crash prints them, not rows: shorter."},
    "offset": {
        "type": "integer",
        "minimum": 0,
        "description": 'Where to go on: "next" of the page before.',
    },
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MOST,
        "description": f"Most rows or lines of a page; {USUAL} if not said.",
    },
}


def _description(command: Command) -> str:
    return f"{command.summary}\n\n{command.description}\n\nUsage: {command.name} {command.synopsis}"


def _takes(command: Command) -> Json:
    refused = SERVED[command.name].letters
    flags = {f.letter: _of_flag(f) for f in command.flags if f.letter not in refused}
    kinds = [k for place in command.operands for k in place.kinds]
    meant = "; ".join(f"{kind.word}: {kind.meaning}" for kind in kinds)
    operands = {**_COMMON["operands"], "description": meant or "It takes none."}
    return {
        "type": "object",
        "properties": {**flags, **_COMMON, "operands": operands},
        "additionalProperties": False,
    }


def _of_flag(flag: Flag) -> Json:
    text = " ".join(flag.help.split())
    if flag.value is None:
        return {"type": "boolean", "description": text}
    one: Json = {"type": "string", "description": f"{flag.value.word}: {flag.value.meaning}"}
    forms = [one, {"type": "array", "items": one}]
    forms += [{"type": "boolean"}] if flag.joined else []
    return {"anyOf": forms, "description": text}


def _gives(command: Command, others: Iterable[Command]) -> Json:
    known = schema([command, *others])["$defs"]
    kinds = [cls.kind for one in (command, *others) for cls in one.rows]
    kinds += [kind for kind in MESSAGES if kind != "error"]
    one = [{"$ref": f"#/$defs/{kind}"} for kind in dict.fromkeys((*kinds, "cut"))]
    return {
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": {"oneOf": one}},
            "lines": {"type": "array", "items": {"type": "string"}},
            "offset": {"type": "integer"},
            "next": {
                "type": ["integer", "null"],
                "description": "the offset of the page behind this one, null at the end",
            },
        },
        "required": ["offset", "next"],
        "additionalProperties": False,
        "$defs": {**{k: v for k, v in known.items() if k != "error"}, "cut": _CUT},
    }
