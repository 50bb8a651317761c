"""Instructions of a dump's machine, from bytes or from its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Protocol

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.text.disasm.instruction import Instruction
from pycrash.kernel.text.disasm.x86 import X86

#: Reads memory: address, size. Raises ReadError.
ReadBytes = Callable[[int, int], bytes]

#: What crash says it was reading for gdb.
READING = "gdb_readmem_callback"
#: No instruction of any machine is longer.
LONGEST = 16
#: Bytes are read up to a multiple of this, which divides every page.
BLOCK = 4096
#: Instructions remembered at most: those of some thousand functions.
REMEMBERED = 1 << 18


class CodeError(ReadError):
    """Where instructions end because memory does: `times` are the reads that failed.

    Of an instruction whose beginning is there the first byte is shown, and the next one tried.
    """

    def __init__(self, cause: ReadError, times: int) -> None:
        super().__init__(cause.address, cause.what, cause.reason, cause.space)
        self.times = times


class Decoder(Protocol):
    """What knows the instructions of one kind of machine."""

    def decode(self, data: bytes, address: int) -> Instruction:
        """The instruction at the beginning of some bytes, of which there is one at least.

        Bytes that are none make one whose text says so.
        """

    def first_byte(self, data: bytes, address: int) -> Instruction:
        """What is shown of an instruction that is not all there."""


_DECODERS: dict[str, Callable[[], Decoder]] = {"x86_64": X86}


class Disassembler:
    """Decodes for the machine of a dump. Instructions of the kernel are remembered."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Instruction] = {}
        self._behind_bug = 0

    @property
    def behind_bug(self) -> int:
        """How many bytes behind a ud2 belong to it: kernels before 2.6.20 put a place there."""
        return self._behind_bug

    @behind_bug.setter
    def behind_bug(self, count: int) -> None:
        self._behind_bug = count
        self._known.clear()

    def _decode(self, data: bytes, address: int) -> Instruction:
        found = self._decoder.decode(data, address)
        if self._behind_bug and found.text.endswith("ud2"):
            longer = found.data.ljust(max(len(found.data) + self._behind_bug, 1), b"\0")
            return found._replace(data=longer)
        return found

    @cached_property
    def _decoder(self) -> Decoder:
        name = self._kernel.arch.name
        if name not in _DECODERS:
            raise MissingFeature(f"instructions of {name} are not known")
        return _DECODERS[name]()

    def listing(self, address: int, data: bytes) -> list[Instruction]:
        """The instructions that some bytes are, which lie at an address.

        Raises MissingFeature for a machine whose instructions are not known.
        """
        found, at = [], 0
        while at < len(data):
            found.append(self._decode(data[at : at + LONGEST], address + at))
            at += len(found[-1].data)
        return found

    def kernel(self, address: int) -> Iterator[Instruction]:
        """The kernel's instructions from an address on, without an end.

        Raises CodeError, and MissingFeature for a machine whose instructions are not known.
        """
        fresh: Iterator[Instruction] = iter(())
        following = -1
        while True:
            found = self._known.get(address)
            if found is None:
                if following != address:
                    fresh = self.walk(address, self._read_kernel)
                found = next(fresh)
                following = found.end
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                if not found.cut:
                    self._known[address] = found
            yield found
            address = found.end

    def _read_kernel(self, address: int, size: int) -> bytes:
        return self._kernel.read(address, size, READING)

    def walk(self, address: int, read: ReadBytes) -> Iterator[Instruction]:
        """The instructions from an address on, of memory that `read` reads, without an end.

        Raises CodeError at the first byte that is missing, MissingFeature.
        """
        data, start, broken, times = b"", address, None, 1
        while True:
            if address + LONGEST > start + len(data) and broken is None:
                end = start + len(data)
                data, start = data[address - start :], address
                try:
                    data += read(end, BLOCK - end % BLOCK)
                except ReadError as error:
                    broken = error
            rest = data[address - start :][:LONGEST]
            # What an instruction lacks may be zeros as well as anything: its size tells.
            found = self._decode(rest.ljust(LONGEST, b"\0"), address)
            if broken is not None and len(found.data) > len(rest):
                if not rest:
                    raise CodeError(broken, times) from broken
                found = self._decoder.first_byte(rest, address)
                times += 1
            yield found
            address = found.end
