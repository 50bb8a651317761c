"""Text in the dead kernel's memory."""

from __future__ import annotations

import drgn

from pycrash.kernel.core.reader import Reader

#: More bytes than any string of the kernel has that is read as one.
MOST_TEXT = 4096


def read_text(kernel: Reader, address: int, what: str, most: int = MOST_TEXT) -> str:
    """The bytes up to a NUL, at most `most`. Raises ReadError, which names `what`."""
    try:
        data = kernel.prog.read_c_string(address, max_size=most)
    except (drgn.FaultError, OverflowError):
        data = _slowly(kernel, address, what, most)
    return data.decode("utf-8", "surrogateescape")


def _slowly(kernel: Reader, address: int, what: str, most: int) -> bytes:
    """The same page by page, with the reason where one cannot be read."""
    found = b""
    while len(found) < most and b"\0" not in found:
        at = address + len(found)
        rest = kernel.page_size - at % kernel.page_size
        found += kernel.read(at, min(rest, most - len(found)), what)
    return found.partition(b"\0")[0]
