"""Registers as crash lays them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from pycrash.kernel.core.architecture import RegisterRows

_PER_LINE = 3


def register_lines(
    registers: Mapping[str, int], rows: RegisterRows, gap: str = "  "
) -> Sequence[str]:
    """The registers in their rows, leaving out what is not there; without rows, three a line."""
    text = _template(tuple(registers), rows, gap) % registers
    return text.split("\n") if text else ()


@lru_cache(maxsize=64)
def _template(names: tuple[str, ...], rows: RegisterRows, gap: str) -> str:
    """The lines of registers of these names, for the operator %."""
    every = tuple((f"{name:>3}", 16) for name in names)
    lines = []
    for row in rows or [every[at : at + _PER_LINE] for at in range(0, len(every), _PER_LINE)]:
        cells = [
            f"{label}: %({name})0{digits}x"
            for label, digits in row
            if (name := label.strip()) in names
        ]
        if cells:
            lines.append("    " + gap.join(cells))
    return "\n".join(lines)
