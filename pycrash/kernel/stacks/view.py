"""The words of one stack, read once."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

from pycrash.kernel.stacks.stacks import Stack

if TYPE_CHECKING:
    from pycrash.kernel.core.reader import Reader

_WORD = 8
_LITTLE = sys.byteorder == "little"


class StackView:
    """A stack of a 64-bit little-endian kernel from some address up.

    `words` are those read, `low` the address of the first of them. What is asked for beyond
    them comes from the dump.
    """

    def __init__(self, kernel: Reader, stack: Stack) -> None:
        self.kernel = kernel
        self.stack = stack
        self.words: array[int] = array("Q")
        self.low = 0

    def load(self, stack: Stack, low: int, what: str = "stack contents") -> None:
        """Take a stack's words from an address up. Raises ReadError."""
        low = max(stack.base, min(low, stack.top)) & -_WORD
        words = array("Q")
        if low < stack.top:
            size = (stack.top - low) & -_WORD  # of a damaged pointer the top may be odd
            words.frombytes(self.kernel.read(low, size, what))
        if not _LITTLE:
            words.byteswap()
        self.stack, self.words, self.low = stack, words, low

    def holds(self, address: int) -> bool:
        """Whether the words at hand have the one at an address."""
        return not address & 7 and 0 <= address - self.low < len(self.words) * _WORD

    def word(self, address: int) -> int:
        """A word of the stack at hand, or of other memory. Raises ReadError."""
        if self.holds(address):
            return self.words[address - self.low >> 3]
        return self.kernel.read_word(address, "stack contents")

    def span(self, address: int, size: int, what: str) -> array[int]:
        """The words of `size` bytes, of the stack at hand or other memory. Raises ReadError."""
        if self.holds(address) and self.holds(address + size - _WORD):
            first = address - self.low >> 3
            return self.words[first : first + size // _WORD]
        words = array("Q")
        words.frombytes(self.kernel.read(address, size, what))
        if not _LITTLE:
            words.byteswap()
        return words
