"""One instruction as it is shown."""

from __future__ import annotations

from typing import NamedTuple


class Instruction(NamedTuple):
    """An instruction: its bytes, and its text but for the name of the place it refers to.

    `target` is the address the text ends with, where it ends with one: a branch's, or that of
    data relative to the instruction. gdb puts `<symbol+offset>` behind it. What is `cut` is the
    first byte of an instruction whose end cannot be read.
    """

    address: int
    data: bytes
    text: str
    target: int | None = None
    cut: bool = False

    @property
    def end(self) -> int:
        return self.address + len(self.data)
