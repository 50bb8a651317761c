"""Reads of one dump and what its types say: what every subsystem of the kernel stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.answers import answers_of
from pycrash.kernel.core.vmcoreinfo import Vmcoreinfo, read_vmcoreinfo

if TYPE_CHECKING:
    from pycrash.files.dumpfile import DumpFile
    from pycrash.files.foreign import Maker
    from pycrash.kernel.core.architecture import Architecture
    from pycrash.kernel.core.cpus import Cpus
    from pycrash.kernel.core.memory import Memory

_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Options:
    """What opening a dump is told about how it shall be read.

    `no_modules` leaves the loaded modules alone, `active_only` knows only the tasks that the
    CPUs ran, `no_panic` looks for no task that crashed. `module_tree` is the directory in which
    object files of modules are looked for, `source_tree` that of the kernel's source. A file may
    become `unpack_limit` bytes when it is unpacked, 0 is what is usual. With `minimal` a dump is
    opened though the kernel's data cannot be read.
    """

    no_modules: bool = False
    active_only: bool = False
    no_panic: bool = False
    module_tree: str | None = None
    source_tree: str | None = None
    unpack_limit: int = 0
    minimal: bool = False


class Lasting:
    """A part that is kept as others of a running kernel are made anew; it holds none of those."""

    def renew(self) -> None:
        """Forget what was read of memory that has changed."""


class Reader:
    """Memory, symbols and types of one dump, and each subsystem built when first asked for.

    `prog` is the drgn Program; `vmlinux` and `dump` are the files it came from, as they can be
    read. Symbols: code that knows the name of a kernel variable or function asks
    `symbol_address`, `symbol_span` or `required_symbol`; `variable` where the type is wanted
    too. What a user typed, and what lies at an address, is the matter of SymbolTable.
    """

    def __init__(
        self,
        prog: drgn.Program,
        vmlinux: Path | None = None,
        dump: Path | None = None,
        options: Options | None = None,
    ) -> None:
        self.prog = prog
        self.vmlinux = vmlinux
        self.dump = dump
        #: The files as they were named or found, compressed or not; what `sys` shows.
        self.given = (vmlinux, dump)
        #: The parts of a split dump, as they were named.
        self.dump_parts: tuple[Path, ...] = ()
        #: Who made a dump that a core file was made of, which crash shows otherwise in places.
        self.maker: Maker | None = None
        #: What opening found wrong with a dump that can still be used, one line each.
        self.notes: list[str] = []
        self.options = options or Options()
        #: How often types of modules were added to those of the vmlinux.
        self.type_changes = 0
        self._parts: dict[Callable[..., Any], Any] = {}

    def part(self, make: Callable[[Any], _Part]) -> _Part:
        """The one `make(self)` of this dump: a subsystem's class, or a function, is the key.

        Whatever costs something to find out and holds for the whole dump is such a part.
        """
        try:
            return cast(_Part, self._parts[make])
        except KeyError:
            part = self._parts[make] = make(self)
            return part

    @property
    def is_live(self) -> bool:
        """Whether this is the running kernel, whose memory changes while it is read."""
        return bool(self.prog.flags & drgn.ProgramFlags.IS_LIVE)

    def renew(self) -> None:
        """Of a running kernel, forget what was read; what is of the vmlinux stays known."""
        if not self.is_live:
            return
        for name in [name for name in self.__dict__ if _is_cached(type(self), name)]:
            del self.__dict__[name]
        lasting = {make: part for make, part in self._parts.items() if isinstance(part, Lasting)}
        self._parts = dict(lasting)
        for part in lasting.values():
            part.renew()

    @cached_property
    def arch(self) -> Architecture:
        """What the kind of machine decides; `Kernel` knows which one it is."""
        raise NotImplementedError

    @cached_property
    def dump_file(self) -> DumpFile | None:
        """What the dump's file says of itself: its format, dump level, and what it lacks."""
        from pycrash.files.dumpfile import DumpFile

        return None if self.dump is None else DumpFile(self.dump)

    @cached_property
    def cpus(self) -> Cpus:
        """The processors and their per-CPU memory."""
        from pycrash.kernel.core.cpus import Cpus

        return self.part(Cpus)

    @cached_property
    def memory(self) -> Memory:
        """Memory of every kind, and why what cannot be read cannot."""
        from pycrash.kernel.core.memory import Memory

        return self.part(Memory)

    @cached_property
    def vmcoreinfo(self) -> Vmcoreinfo:
        """The VMCOREINFO note, which needs no debug information. Raises MissingFeature."""
        return read_vmcoreinfo(self.prog)

    @cached_property
    def word_size(self) -> int:
        """Bytes of an unsigned long."""
        platform = self.prog.platform
        wide = platform is None or platform.flags & drgn.PlatformFlags.IS_64_BIT
        return 8 if wide else 4

    def struct_format(self, codes: str) -> str:
        """A struct format in the kernel's byte order, unpadded; "P" is a pointer of its width."""
        return self.byte_order + codes.replace("P", self.word)

    @cached_property
    def word(self) -> str:
        """The struct code of an unsigned long."""
        return "Q" if self.word_size == 8 else "I"

    @cached_property
    def word_mask(self) -> int:
        """Every bit of an unsigned long: what arithmetic on addresses wraps to."""
        return (1 << 8 * self.word_size) - 1

    @cached_property
    def page_size(self) -> int:
        """Bytes of a page."""
        noted = self.vmcoreinfo.get("PAGESIZE") or ""
        return int(noted) if noted.isdecimal() else int(self.prog["PAGE_SIZE"].value_())

    @cached_property
    def byte_order(self) -> str:
        """The struct code of the kernel's byte order."""
        platform = self.prog.platform
        little = platform is None or platform.flags & drgn.PlatformFlags.IS_LITTLE_ENDIAN
        return "<" if little else ">"

    @property
    def has_dwarf(self) -> bool:
        """Whether types and variables come from the vmlinux's DWARF."""
        return "dwarf" in self.prog.enabled_type_finders()

    def index_types(self) -> None:
        """Have drgn index the debug information now, which lets other threads run meanwhile."""
        self.has_type("struct task_struct")

    def read(self, address: int, size: int, what: str = "kernel memory") -> bytes:
        """Read kernel virtual memory. Raises ReadError, which names `what`."""
        try:
            return self.prog.read(address, size)
        except (drgn.FaultError, OverflowError, MemoryError):
            return self.memory.read_slowly(address, size, what)

    def read_word(self, address: int, what: str = "kernel memory") -> int:
        """Read one unsigned long or pointer. Raises ReadError, which names `what`."""
        return self.unsigned(self.read(address, self.word_size, what))

    def unsigned(self, data: bytes) -> int:
        """Bytes of the kernel as one unsigned number."""
        return int.from_bytes(data, "little" if self.byte_order == "<" else "big")

    def required_symbol(self, name: str) -> int:
        """The address of a symbol of the kernel proper. Raises MissingFeature."""
        address = self.symbol_address(name)
        if address is None:
            raise MissingFeature(f"no symbol {name} in this kernel")
        return address

    def symbol_address(self, name: str) -> int | None:
        """The address of a symbol of the kernel proper, None where there is none."""
        span = self.symbol_span(name)
        return None if span is None else span[0]

    def symbol_span(self, name: str) -> tuple[int, int] | None:
        """The address and the bytes of a symbol of the kernel proper, None where there is none."""
        kept, question = answers_of(self.prog), f"symbol {name}"
        if question in kept:
            if kept[question] is None:
                return None
            address, size, moves = kept[question]
            return address + (self._moved if moves else 0), size
        try:
            symbol = self.prog.symbol(name)
        except LookupError:
            kept[question] = None
            return None
        # What is kept must hold for every boot: the image moves, and per-CPU variables, which
        # are offsets where they are small, do not. Anything else is not the image's.
        if self._in_image(symbol.address):
            kept[question] = (symbol.address - self._moved, symbol.size, True)
        elif symbol.address <= self.word_mask >> 1:
            kept[question] = (symbol.address, symbol.size, False)
        return symbol.address, symbol.size

    def _in_image(self, address: int) -> bool:
        try:
            ranges = self.prog.main_module().address_ranges or ()
        except LookupError:
            return False
        return any(low <= address < high for low, high in ranges)

    @cached_property
    def _moved(self) -> int:
        """How far address space randomization moved the kernel."""
        try:
            return int(self.vmcoreinfo.get("KERNELOFFSET") or "0", 16)
        except (MissingFeature, ValueError):
            return 0

    def symbol_addresses(self, name: str) -> list[int]:
        """The address of every symbol of a name: static variables of several files may share it."""
        return [symbol.address for symbol in self.prog.symbols(name)]

    def variable(self, name: str) -> drgn.Object:
        """A kernel variable. Raises MissingFeature where this kernel has none of that name."""
        try:
            return self.prog[name]
        except KeyError:
            raise MissingFeature(f"no symbol {name} in this kernel") from None

    def has_type(self, name: str) -> bool:
        """Whether this kernel has a type of that name; what is no name of a type is none."""
        try:
            self.prog.type(name)
        except (LookupError, SyntaxError):
            return False
        return True

    def has_member(self, type_name: str, member: str) -> bool:
        """Whether a type exists in this kernel and has the member, a path of names."""
        from pycrash.kernel.core.layout import has_member

        return has_member(self.prog, type_name, member)


def _is_cached(owner: type, name: str) -> bool:
    return isinstance(getattr(owner, name, None), cached_property)
