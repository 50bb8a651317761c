"""Writes the page of the plugin interface from `pycrash.api`: its names and their docstrings."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.commandpages import plain, write_changed
from pycrash import api
from pycrash.api import Operand
from pycrash.api.fields import Form


def write_interface(path: Path) -> None:
    """Write the page."""
    found = {name: getattr(api, name) for name in api.__all__}
    classes = {name: value for name, value in found.items() if inspect.isclass(value)}
    functions = {name: value for name, value in found.items() if inspect.isfunction(value)}
    kinds = {name: value for name, value in found.items() if isinstance(value, Operand)}
    fields = {name: value for name, value in found.items() if _form(value) is not None}
    aliases = {name: value for name, value in found.items() if _form(value) is None}
    for placed in (classes, functions, kinds):
        aliases = {name: value for name, value in aliases.items() if name not in placed}
    promise = " ".join((api.__doc__ or "").split("\n\n")[1].split())
    pages = (
        *(_classes(classes), _kinds(kinds), _fields(fields)),
        *(_functions(functions), _aliases(aliases)),
    )
    begin = (
        "# The names of `pycrash.api`",
        "",
        "All that a plugin may import.",
        "",
        plain(promise),
    )
    write_changed(path, [*begin, "", *(line for page in pages for line in page)])


def _form(value: object) -> Form | None:
    """What a type for fields says of its JSON; None of what is no such type."""
    return next((m for m in getattr(value, "__metadata__", ()) if isinstance(m, Form)), None)


def _classes(found: dict[str, type]) -> Iterator[str]:
    yield from ("## Classes", "")
    for name, cls in found.items():
        yield from _entry(name, _signature(name, cls), cls)
        for method, value in vars(cls).items():
            function = getattr(value, "fget", value)
            if not method.startswith("_") and inspect.isfunction(function) and function.__doc__:
                heading = method if function is not value else _signature(method, function)
                yield f"- `{heading}`: {' '.join(_text(function))}"
        yield ""


def _kinds(found: dict[str, Operand[Any]]) -> Iterator[str]:
    yield from ("## Kinds of operands", "", "For `Flag.value` and, in `one()` or `many()`, for")
    yield from ("`Command.operands`. Each completes and parses itself.", "")
    yield from ("| name | stands in help as | is |", "|---|---|---|")
    for name, kind in found.items():
        yield f"| `{name}` | `{kind.word}` | {plain(kind.meaning)} |"
    yield ""


def _fields(found: dict[str, Any]) -> Iterator[str]:
    yield from ("## Types of fields", "", "What a number in a row is.", "")
    yield from ("| name | in Python | in JSON |", "|---|---|---|")
    for name, value in found.items():
        form = _form(value)
        assert form is not None
        base = typing.get_args(value)[0]
        says = '"0x..."' if form.hexadecimal else form.unit or "left out" if form else ""
        yield f"| `{name}` | `{getattr(base, '__name__', 'any')}` | {says} |"
    yield ""


def _functions(found: Mapping[str, Callable[..., Any]]) -> Iterator[str]:
    yield from ("## Functions", "")
    for name, function in found.items():
        yield from _entry(name, _signature(name, function), function)


def _aliases(found: dict[str, Any]) -> Iterator[str]:
    yield from ("## Names for types", "")
    for name, value in found.items():
        yield f"- `{name}`: `{value}`"


def _entry(name: str, signature: str, value: Any) -> Iterator[str]:
    yield from (f"### {plain(name)}", "", "```python", signature, "```", "")
    for paragraph in _text(value):
        yield from (paragraph, "")


def _signature(name: str, value: Any) -> str:
    """How it is called; the name alone of what Python has no signature of, or is not called."""
    try:
        text = "" if getattr(value, "_is_protocol", False) else str(inspect.signature(value))
    except ValueError:
        text = ""
    return name + re.sub(r"'([^']*)'", r"\1", text)


def _text(value: Any) -> list[str]:
    """The paragraphs of a docstring."""
    doc = inspect.getdoc(value) or ""
    return [plain(" ".join(part.split())) for part in doc.split("\n\n")]
