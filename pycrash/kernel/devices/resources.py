"""I/O ports and memory as drivers claim them (struct resource)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import DuplicateEntry, EndlessList

#: The variables that are the two trees.
PORTS, MEMORY = "ioport_resource", "iomem_resource"
_MOST = 1 << 16


class Resource(NamedTuple):
    """A range that is claimed, `depth` levels below the whole; `name` is None where it cannot be
    read."""

    address: int
    start: int
    end: int
    name: str | None
    depth: int


def resources(kernel: Reader, symbol: str) -> Iterator[Resource]:
    """A tree of resources from the top, each before those inside of it.

    Raises MissingFeature, ReadError, and EndlessList where it comes back to itself.
    """
    layout = Layout(kernel.prog, "struct resource", ("start", "end", "name", "sibling", "child"))
    waiting = [(kernel.required_symbol(symbol), 0)]
    seen: set[int] = set()
    while waiting:
        address, depth = waiting.pop()
        if address in seen:
            raise DuplicateEntry(address)
        if len(seen) >= _MOST:
            raise EndlessList(address)
        seen.add(address)
        data = kernel.read(address + layout.start, layout.size, "resource")
        start, end, name, sibling, child = layout.unpack(data)
        yield Resource(address, start, end, _name(kernel, name), depth)
        waiting += [(at, deep) for at, deep in ((sibling, depth), (child, depth + 1)) if at]


def _name(kernel: Reader, address: int) -> str | None:
    try:
        return read_text(kernel, address, "resource name") or None
    except ReadError:
        return None
