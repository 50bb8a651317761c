"""Where things lie, by the VMCOREINFO note or else by the vmlinux."""

from __future__ import annotations

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.vmcoreinfo import Vmcoreinfo


class Places:
    """Addresses, sizes and offsets from the note where it has them, else from the vmlinux.

    The note costs nothing and is there without a vmlinux; types take half a second to index.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        try:
            self._note = kernel.vmcoreinfo
        except MissingFeature:
            self._note = Vmcoreinfo("")

    def find(self, name: str) -> int | None:
        """A symbol's address, or None."""
        try:
            return self._note.symbol(name)
        except MissingFeature:
            return self._kernel.symbol_address(name)

    def symbol(self, name: str) -> int:
        """A symbol's address. Raises MissingFeature."""
        address = self.find(name)
        if address is None:
            raise MissingFeature(f"no symbol {name} in this kernel")
        return address

    def symbol_size(self, name: str) -> int:
        """Bytes of a variable as the symbol table has them; 0 where it does not say."""
        span = self._kernel.symbol_span(name)
        return span[1] if span is not None else 0

    def size(self, name: str) -> int:
        """Bytes of a structure, named without "struct". Raises MissingFeature."""
        try:
            return self._note.size(name)
        except MissingFeature:
            return self._type(name).size or 0

    def offset(self, path: str) -> int:
        """Bytes before `struct.member`. Raises MissingFeature."""
        try:
            return self._note.offset(path)
        except MissingFeature:
            name, _, member = path.partition(".")
            return self._type(name).member(member).offset

    def length(self, key: str, path: str) -> int:
        """Elements of an array: the note's key, and the `struct.member` it stands for."""
        try:
            return self._note.length(key)
        except MissingFeature:
            name, _, member = path.partition(".")
            return self._type(name).member(member).type.length or 0

    def _type(self, name: str) -> drgn.Type:
        for spelling in (f"struct {name}", name):
            try:
                found = self._kernel.prog.type(spelling)
            except LookupError:
                continue
            return found.type if found.kind == drgn.TypeKind.TYPEDEF else found
        raise MissingFeature(f"no type {name} in this kernel")
