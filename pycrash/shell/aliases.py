"""Aliases: what a first word stands for."""

from __future__ import annotations

from pycrash.shell.words import clean, find_words

BUILT_IN = {
    "man": "help",
    "?": "help",
    "quit": "q",
    "sf": "set scroll off",
    "sn": "set scroll on",
    "hex": "set radix 16",
    "dec": "set radix 10",
    "g": "gdb",
    "px": "p -x",
    "pd": "p -d",
    "for": "foreach",
    "size": "*",
    "dmesg": "log",
    "lsmod": "mod",
    "last": "ps -l",
}


def built_in() -> dict[str, tuple[str, str]]:
    """The predefined aliases: name to (text, origin)."""
    return {name: (text, "builtin") for name, text in BUILT_IN.items()}


def expand(line: str, aliases: dict[str, tuple[str, str]]) -> str:
    """The line with its first word replaced once, if that is an alias."""
    words = find_words(line)
    first = next(words, None)
    if first is None or first.text not in aliases:
        return line
    second = next(words, None)
    rest = line[second.start :] if second else ""
    return clean(f"{aliases[first.text][0]} {rest}")
