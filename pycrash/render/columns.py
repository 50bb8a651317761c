"""Text set in columns."""

from __future__ import annotations

from typing import Literal


def centered(text: str, width: int, lean: Literal["left", "right"] = "left") -> str:
    """Text in the middle of a column; an odd blank more goes to the side it does not lean to."""
    spare = max(width - len(text), 0)
    before = spare // 2 + (spare % 2 if lean == "right" else 0)
    return " " * before + text + " " * (spare - before)


def clock_time(seconds: int) -> str:
    """A length of time as hours, minutes and seconds, with the days before them if any."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    head = f"{days} days, " if days else ""
    return f"{head}{hours:02}:{rest // 60:02}:{rest % 60:02}"


def elapsed_time(nanoseconds: int) -> str:
    """A length of time as days, hours, minutes, seconds and milliseconds."""
    seconds, milliseconds = divmod(nanoseconds // 1_000_000, 1000)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours // 24} {hours % 24:02}:{minutes:02}:{seconds % 60:02}.{milliseconds:03}"
