"""Writes what the declarations say of `--json`: docs/rows.schema.json and docs/json.md.

    python3 -m tests.contract

A test compares both with the declarations: a change of what scripts live on is deliberate.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pycrash.api import Command, fleetrows
from pycrash.api.registry import Registry
from pycrash.api.schema import MESSAGES, schema

DOCS = Path(__file__).resolve().parent.parent / "docs"
SCHEMA = DOCS / "rows.schema.json"
PAGE = DOCS / "json.md"

#: What gives rows without a session.
PROGRAMS = {"pycrash fleet": fleetrows.ROWS}

_BEGINNING = """\
# What `--json` gives

`--json` behind a command gives an object a line, made of the same rows as the text:

<!-- not run: jq may not be there -->

    crash> ps -A --json | jq .comm

Each object has a `kind`, the name of what it is, and the fields that stand below. Kinds and
fields stay as they are or grow. [rows.schema.json](rows.schema.json) says the same for programs
(JSON Schema, draft 2020-12); `python3 -m tests.contract` writes both from the declarations of the
commands.

- Addresses, pointers and words of flags are strings, `"0xffffffff81000000"`: many readers of JSON
  round whole numbers past 2^53. Counts, sizes and times are numbers, in the unit that is named.
- One name is one thing in all kinds: `pid`, `task` (the address of the task_struct), `cpu`, `comm`
  (the name a task bears), `address`, `symbol`, `module`, `name`.
- Structures and other C values are nested: an object by member, an array, a number, a string.
  A pointer is a `"0x..."` string.
- `of` names the task that a row is about, where rows of several tasks follow each other: behind a
  `task` or a `foreach.task`.
- Messages are objects too: a `notice`, or an `error`, which ends the command. Under foreach a
  notice has an `of` as well.
"""


def contract() -> dict[str, Any]:
    """The schema of the built-in commands, and of what is no line of a session."""
    return schema(Registry(), PROGRAMS)


def schema_text(contract: dict[str, Any]) -> str:
    return json.dumps(contract, indent=1) + "\n"


def page(contract: dict[str, Any], commands: Iterable[Command]) -> str:
    """The page of the documentation."""
    lines = [_BEGINNING, "## Commands", "", "| command | kinds of rows |", "|---|---|"]
    given = {command.name: contract["x-commands"][command.name] for command in commands}
    for name, of_it in {**given, **contract["x-programs"]}.items():
        links = ", ".join(f"[{kind}](#{_anchor(kind)})" for kind in of_it)
        lines.append(f"| {name.replace('*', chr(92) + '*')} | {links or 'none'} |")
    lines += ["", "## Kinds", ""]
    for kind, definition in contract["$defs"].items():
        if kind not in (*MESSAGES, "of"):
            lines += _section(kind, definition)
    lines += ["## Messages", ""]
    for kind in MESSAGES:
        lines += _section(kind, contract["$defs"][kind])
    return "\n".join(lines).rstrip("\n") + "\n"


def _anchor(kind: str) -> str:
    """What the headings of a page are named by."""
    return kind.replace(".", "")


def _section(kind: str, definition: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {kind}", "", definition["description"], "")
    fields = list(_fields(definition))
    if fields:
        yield from ("| field | holds |", "|---|---|")
        yield from (f"| `{name}` | {text} |" for name, text in fields)
        yield ""


def _fields(definition: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Each field and what it holds; those of an object inside with the path to them."""
    for name, form in definition.get("properties", {}).items():
        if not above and name in ("kind", "of"):
            continue
        optional = "" if name in definition["required"] else ", may be missing"
        yield above + name, f"{_holds(form)}{optional}"
        for mark, inside in _inside(form):
            yield from _fields(inside, f"{above}{name}{mark}.")


def _inside(form: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects with named fields that a form holds, each with the way to it: "[]" for the
    elements of an array."""
    if "properties" in form:
        yield "", form
    for one in form.get("anyOf", ()):
        yield from _inside(one)
    for mark, inner in (("[]", "items"), ("{}", "additionalProperties")):
        if isinstance(form.get(inner), dict):
            yield from ((mark + way, found) for way, found in _inside(form[inner]))


def _holds(form: dict[str, Any]) -> str:
    """A form in words."""
    said = form.get("description")
    if "anyOf" in form:
        text = " or ".join(dict.fromkeys(_holds(one) for one in form["anyOf"]))
    elif "enum" in form:
        text = " or ".join(f"`{json.dumps(value)}`" for value in form["enum"])
    elif "prefixItems" in form:
        text = f"array of {', '.join(_holds(one) for one in form['prefixItems'])}"
    elif "items" in form:
        text = f"array of {_holds(form['items'])}"
    elif form.get("pattern", "").startswith("^-?0x"):
        text = '"0x..."'
    elif "pattern" in form:
        text = "bytes in hexadecimal"
    elif "additionalProperties" in form and "properties" not in form:
        text = f"object of {_holds(form['additionalProperties'])} by name"
    else:
        text = form.get("type", "any value")
    return f"{text}, {said}" if said else text


def main() -> None:
    found = contract()
    SCHEMA.write_text(schema_text(found))
    PAGE.write_text(page(found, Registry()))


if __name__ == "__main__":
    main()
