"""A kernel made of nothing but types and a few bytes of memory."""

from __future__ import annotations

from collections.abc import Mapping

import drgn

from pycrash.errors import ReadError
from pycrash.kernel.kernel import Kernel

BASE = 0xFFFF888000000000


class FakeSymbols:
    """No symbols but the given ones: name to address."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self.known = dict(known)

    @property
    def module_symbols(self) -> FakeSymbols:
        return self

    def find(self, address: int) -> None:
        return None

    def lookup(self, address: int) -> None:
        return None


class FakeMemory:
    """Memory beyond the segments of the program, which there is none of."""

    def is_kernel(self, address: int) -> bool:
        return address >= BASE

    def read_slowly(self, address: int, size: int, what: str) -> bytes:
        raise ReadError(address, what)

    read_file = read_slowly


class FakeKernel(Kernel):
    """A 64-bit little-endian kernel whose memory from BASE on is the given bytes."""

    def __init__(self, data: bytes = b"", symbols: Mapping[str, int] | None = None) -> None:
        flags = drgn.PlatformFlags.IS_64_BIT | drgn.PlatformFlags.IS_LITTLE_ENDIAN
        prog = drgn.Program(drgn.Platform(drgn.Architecture.X86_64, flags))
        if data:
            prog.add_memory_segment(
                BASE, len(data), lambda address, count, offset, physical: data[offset:][:count]
            )
        super().__init__(prog, None, None)
        self.__dict__["page_size"] = 4096
        self.__dict__["symbols"] = FakeSymbols(symbols or {})
        self.__dict__["memory"] = FakeMemory()
        self._types: dict[str, drgn.Type] = {}
        prog.register_type_finder("fake", self._find_type, enable_index=0)

    def add(self, name: str, type_: drgn.Type) -> drgn.Type:
        """Make a type known by its name without the word in front."""
        self._types[name] = type_
        return type_

    def _find_type(
        self,
        prog: drgn.Program,
        kinds: drgn.TypeKindSet,
        name: str,
        filename: str | None,
    ) -> drgn.Type | None:
        found = self._types.get(name)
        return found if found is not None and found.kind in kinds else None
