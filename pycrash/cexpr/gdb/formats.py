"""The `/FMT` behind print, output and x, and the options in front of print's expression."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.syntax.errors import ExprError

#: The letters that print a value; "i" is only for x.
LETTERS = "acdfiostuxz"
_SIZES = "bhwg"
_FORMAT = re.compile(r"/(-?\d+)?([a-z]*)")

#: print's options that are on or off, and the fields they set.
_SWITCHES = {
    "address": "address",
    "array": "array",
    "array-indexes": "array_indexes",
    "null-stop": "null_stop",
    "pretty": "pretty",
    "symbol": "symbol",
    "union": "union",
    "nibbles": "",
    "object": "",
    "raw-values": "",
    "static-members": "",
    "vtbl": "",
}
_NUMBERS = {"elements": "print_max", "repeats": "repeats", "characters": "", "max-depth": ""}


@dataclass(frozen=True)
class Format:
    """A decoded `/FMT`: how many, the format letter and the size letter, empty if not given."""

    count: int = 1
    letter: str = ""
    size: str = ""


def split_format(text: str) -> tuple[Format | None, str]:
    """The format a command's arguments begin with, and the rest."""
    if not text.startswith("/"):
        return None, text
    match = _FORMAT.match(text)
    assert match is not None
    letter = size = ""
    for char in match[2]:
        if char in _SIZES:
            size = char
        elif char != "r":
            letter = char
    count = int((match[1] or "1")[:18])
    return Format(count, letter, size), text[match.end() :].lstrip(" \t")


def check_print_format(given: Format, command: str = "print") -> None:
    """Raise ExprError for what only x understands."""
    if given.size:
        raise ExprError(f'Size letters are meaningless in "{command}" command.')
    if given.count != 1:
        raise ExprError(f'Item count other than 1 is meaningless in "{command}" command.')
    if given.letter == "i":
        raise ExprError(f'Format letter "i" is meaningless in "{command}" command.')


def split_options(text: str, options: ValueOptions) -> tuple[ValueOptions, str]:
    """The options in front of `--`, if any. Raises ExprError for one that is not known."""
    if not text.startswith("-"):
        return options, text
    words, mark, rest = (f"{text} ").partition(" -- ")
    if not mark:
        return options, text
    given = words.split()
    changed: dict[str, Any] = {}
    while given:
        word = given.pop(0)
        name = _option(word)
        if name in _NUMBERS:
            value = given.pop(0) if given else ""
            if _NUMBERS[name]:
                changed[_NUMBERS[name]] = _limit(value, word)
            continue
        on = True
        if given and given[0] in ("on", "off", "1", "0", "yes", "no", "enable", "disable"):
            on = given.pop(0) in ("on", "1", "yes", "enable")
        if _SWITCHES[name]:
            changed[_SWITCHES[name]] = on
    return replace(options, **changed), rest.strip()


def _option(word: str) -> str:
    name = word.removeprefix("-")
    known = [*_SWITCHES, *_NUMBERS]
    found = [k for k in known if k == name] or [k for k in known if k.startswith(name)]
    if not word.startswith("-") or not found:
        raise ExprError(f"Unrecognized option at: {word}")
    if len(found) > 1:
        raise ExprError(f"-{name} is ambiguous; could be: {', '.join('-' + k for k in found)}")
    return found[0]


def _limit(value: str, word: str) -> int:
    if value == "unlimited":
        return 0
    if not value.isascii() or not value.isdigit():
        raise ExprError(f"{word} requires an argument")
    return int(value[:9])
