"""Tables that are none of crash's own: columns as wide as they need to be, without lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(
    rows: Iterable[Sequence[object]], headings: Sequence[str] = (), indent: int = 0
) -> Iterator[str]:
    """The lines of a table; numbers stand to the right, and None is an empty cell."""
    from tabulate import tabulate

    filled = [["" if cell is None else cell for cell in row] for row in rows]
    if not filled:
        return
    text = tabulate(filled, headers=headings, tablefmt="plain", disable_numparse=False)
    for line in text.split("\n"):
        yield " " * indent + line.rstrip()
