"""Text of the kernel as C programs print it."""

from __future__ import annotations

import time

#: What isprint() and isspace() of the C locale let pass; every other byte becomes a dot.
_DOTS = {code: "." for code in range(256) if not (0x20 <= code < 0x7F or code in b"\t\n\v\f\r")}


def printable(text: str) -> str:
    """A message as crash shows it: a dot for every byte that C's isprint() and isspace() refuse."""
    if text.isascii() and text.isprintable():
        return text
    return text.encode("utf-8", "surrogateescape").decode("latin-1").translate(_DOTS)


def date_text(second: int, form: str = "%a %b %e %H:%M:%S %Z %Y") -> str:
    """A second since 1970 as a local date, with its time zone; the number where it is none."""
    try:
        return time.strftime(form, time.localtime(second))
    except (OverflowError, OSError, ValueError):
        return str(second)


def size_text(size: int) -> str:
    """Bytes as crash shows an amount of memory: "1.9 GB", "16 MB", "640 KB"."""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}".replace(".0 ", " ")
    return f"{size >> 10} KB" if size else "0"


def installed_text(size: int) -> str:
    """The memory that is likely in the machine: the next gigabyte if at most 64 megabytes lack."""
    next_gigabyte = -(-size >> 30) << 30
    return size_text(next_gigabyte if next_gigabyte - size <= 64 << 20 else size)
