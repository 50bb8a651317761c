"""The words of one stack, read once."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

from pycrash.kernel.arch.x86_64.registers import PtRegs, PtRegsLayout
from pycrash.kernel.stacks.stacks import Stack

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_WORD = 8
_LITTLE = sys.byteorder == "little"


class StackView:
    """A stack of a 64-bit little-endian kernel from some address up.

    What is asked for beyond it comes from the dump.
    """

    def __init__(self, kernel: Kernel, stack: Stack, layout: PtRegsLayout) -> None:
        self.kernel = kernel
        self.stack = stack
        self._layout = layout
        self._words: array[int] = array("Q")
        #: The address of the first of the words.
        self._low = 0

    def _load(self, stack: Stack, low: int, what: str = "stack contents") -> None:
        """Take a stack's words from an address up. Raises ReadError."""
        low = max(stack.base, min(low, stack.top)) & -_WORD
        words = array("Q")
        if low < stack.top:
            words.frombytes(self.kernel.read(low, stack.top - low, what))
        if not _LITTLE:
            words.byteswap()
        self.stack, self._words, self._low = stack, words, low

    def _holds(self, address: int) -> bool:
        """Whether the words at hand have the one at an address."""
        return not address & 7 and 0 <= address - self._low < len(self._words) * _WORD

    def _word(self, address: int) -> int:
        """A word of the stack at hand, or of other memory. Raises ReadError."""
        if self._holds(address):
            return self._words[address - self._low >> 3]
        return self.kernel.read_word(address, "stack contents")

    def _pt_regs(self, address: int) -> PtRegs:
        """The registers saved at an address. Raises ReadError."""
        layout = self._layout
        if self._holds(address) and self._holds(address + layout.size - _WORD):
            first = address - self._low >> 3
            return layout.of_words(self._words[first : first + layout.size // _WORD])
        return layout.decode(self.kernel.read(address, layout.size, "pt_regs"))
