"""What `--json` gives, as a JSON Schema made of what commands and their rows declare."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pycrash.api.command import Command
from pycrash.api.fields import Json, record
from pycrash.api.rows import Row, TaskRow

_TEXT: Json = {"type": "string"}
_OF: Json = {"$ref": "#/$defs/of"}
#: Kinds that every command may give, beside its rows; see pycrash.render.json.
_FAILED_READ: dict[str, Json] = {
    "address": {
        "type": "string",
        "pattern": "^-?0x[0-9a-f]+$",
        "description": "of the memory that could not be read",
    },
    "what": {**_TEXT, "description": "what that memory was wanted for"},
}
_MESSAGES: dict[str, tuple[str, dict[str, Json], tuple[str, ...]]] = {
    "notice": (
        "A message that did not end the command.",
        {
            "command": {**_TEXT, "description": "the command that speaks"},
            "level": {"enum": ["INFO", "WARNING", "NOTE", "CONT"]},
            "message": _TEXT,
            "reason": {**_TEXT, "description": "why memory could not be read"},
            **_FAILED_READ,
            "of": _OF,
        },
        ("command", "level", "message"),
    ),
    "error": (
        "What ended the command; it is no row.",
        {
            "command": _TEXT,
            "message": _TEXT,
            "reason": {
                **_TEXT,
                "description": '"usage" for a line that makes no sense, "internal" for a fault of '
                "the program, else why memory could not be read",
            },
            **_FAILED_READ,
        },
        ("command", "message"),
    ),
}
MESSAGES = tuple(_MESSAGES)


def schema(
    commands: Iterable[Command], programs: Mapping[str, Sequence[type[Row]]] | None = None
) -> Json:
    """The JSON Schema (draft 2020-12) of one line of output.

    `x-commands` names the kinds of rows that each command gives, `x-programs` those of what is
    no line of a session. Raises ValueError where two classes state the same kind.
    """
    known, others = list(commands), programs or {}
    found = kinds(known, (cls for rows in others.values() for cls in rows))
    definitions = {kind: _of_row(found[kind]) for kind in sorted(found)}
    definitions |= {kind: _of_message(kind) for kind in MESSAGES}
    whose = {**record(TaskRow).schema, "description": "The task that a row is about."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of what a command of pycrash gives with --json",
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in definitions],
        "x-commands": {c.name: [cls.kind for cls in c.rows] for c in known},
        "x-programs": {name: [cls.kind for cls in rows] for name, rows in others.items()},
        "$defs": {**definitions, "of": whose},
    }


def kinds(commands: Iterable[Command], others: Iterable[type[Row]] = ()) -> dict[str, type[Row]]:
    """Every kind of row that commands declare, and others. Raises ValueError for one that two
    classes state."""
    found: dict[str, type[Row]] = {}
    for cls in (*(cls for command in commands for cls in command.rows), *others):
        if found.setdefault(cls.kind, cls) is not cls:
            raise ValueError(f"{cls.__qualname__} and another row are both {cls.kind!r}")
    return found


def description(cls: type[Any]) -> str:
    """The first paragraph of a class's docstring, as JSON calls things; empty for none."""
    text = inspect.getdoc(cls) or ""
    # What dataclass() puts in place of a docstring.
    if text.startswith(f"{cls.__name__}("):
        return ""
    return re.sub(r"\bNone\b", "null", " ".join(text.split("\n\n")[0].split()))


def _of_row(cls: type[Row]) -> Json:
    fields: Json = record(cls).schema["properties"]
    introduces = issubclass(cls, TaskRow) and cls.introduces
    beside = {} if introduces else {"of": _OF}
    return _object(cls.kind, description(cls), {**fields, **beside}, [*fields])


def _of_message(kind: str) -> Json:
    text, fields, required = _MESSAGES[kind]
    return _object(kind, text, fields, required)


def _object(kind: str, text: str, fields: Json, required: Iterable[str]) -> Json:
    return {
        "description": text,
        "type": "object",
        "properties": {"kind": {"const": kind}, **fields},
        "required": ["kind", *required],
        "additionalProperties": False,
    }
