"""The pager that a terminal's output goes through."""

from __future__ import annotations

import os
import shlex
from shutil import which

from pycrash.api import Settings

# Keys in the words of less's own prompt language: a colon there needs its backslash.
_KEYS = r"-- more --  forward\: space or j   back\: b or k   search\: /   leave\: q"
#: Leave at the end, keep the screen, pass colours on, name the keys.
LESS = ["less", "-E", "-X", "-R", f"-Ps{_KEYS}"]


def pager_command(settings: Settings) -> list[str] | None:
    """The pager that `set scroll` asks for, None where output is not to stop."""
    if settings.scroll == "less":
        return LESS
    if settings.scroll == "more":
        return ["more"]
    if settings.scroll == "CRASHPAGER":
        return crashpager()
    return None


def usable_pager(wanted: str | None) -> str:
    """The pager to use: the one wanted if it can run, else $CRASHPAGER, less or more; or "none"."""
    there = {
        "CRASHPAGER": bool(crashpager()),
        "less": bool(which("less")),
        "more": bool(which("more")),
    }
    if wanted and there[wanted]:
        return wanted
    return next((name for name, usable in there.items() if usable), "none")


def is_dumb() -> bool:
    """Whether the terminal says that it can neither move its cursor nor clear a line."""
    return os.environ.get("TERM") == "dumb"


def crashpager() -> list[str] | None:
    """The command in $CRASHPAGER, None where there is none that can run."""
    text = os.environ.get("CRASHPAGER", "")
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    if not words or any(mark in text for mark in "|<>") or not os.access(words[0], os.X_OK):
        return None
    return words
