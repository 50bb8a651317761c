"""Registers as crash lays them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

#: Lines of names, with the blanks in front, and the digits of each register.
Rows = Sequence[Sequence[tuple[str, int]]]
_PER_LINE = 3


def register_lines(registers: Mapping[str, int], rows: Rows, gap: str = "  ") -> Iterator[str]:
    """The registers in their rows, leaving out what is not there; without rows, three a line."""
    names = [(f"{name:>3}", 16) for name in registers]
    for row in rows or [names[at : at + _PER_LINE] for at in range(0, len(names), _PER_LINE)]:
        cells = [
            f"{label}: {registers[name]:0{digits}x}"
            for label, digits in row
            if (name := label.strip()) in registers
        ]
        if cells:
            yield "    " + gap.join(cells)
