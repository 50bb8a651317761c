"""Loadable modules: the kernel's `modules` list and what each struct module says of itself.

drgn's own module list leaves out those whose memory was filtered from the dump; this walks
the kernel's list and needs only the struct module itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import drgn

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.answers import answers_of
from pycrash.kernel.core.layout import Layout, has_member
from pycrash.kernel.core.reader import Lasting, Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.modules.layout import CORE, INIT, MEMORY_KINDS, Module, ModuleLayout, Range
from pycrash.kernel.modules.objectfile import LoadedFile
from pycrash.kernel.walks.lists import Chain, EndlessList, entries

__all__ = [
    "CORE",
    "INIT",
    "MEMORY_KINDS",
    "Kallsyms",
    "Module",
    "ModuleSymbol",
    "ModuleTable",
    "Range",
]

#: Longest symbol name the kernel has ever allowed (KSYM_NAME_LEN).
MAX_NAME = 512

SHN_UNDEF = 0


@dataclass(frozen=True, slots=True)
class ModuleSymbol:
    """One symbol of a module: `kind` is nm's letter, "?" where only the export table has it."""

    name: str
    value: int
    kind: str
    size: int = 0


@dataclass(frozen=True)
class Kallsyms:
    """What a module's own symbol table gave: `symbols` in its order, `missing` why it gave none.

    `missing` is crash's warning, empty where the table was read.
    """

    symbols: tuple[ModuleSymbol, ...] = ()
    missing: str = ""


class ModuleTable(Lasting):
    """Every loaded module, sorted by base address.

    `accessible` is false where the list could not be followed to its end; then there are no
    modules, as crash has it. `damage` says what is wrong with a list that was followed.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self.accessible = not kernel.options.no_modules
        self.damage = ""
        #: Object files whose symbols are loaded, by the address of the struct module.
        self.loaded: dict[int, LoadedFile] = {}
        self._kallsyms: dict[int, Kallsyms] = {}
        self._watchers: list[Callable[[], None]] = []

    @cached_property
    def all(self) -> tuple[Module, ...]:
        if not self.accessible:
            return ()
        head = self._head()
        if head is None:
            return ()
        try:
            found = list(self._walk(head))
        except (ReadError, MissingFeature):  # without types there are still the kernel's symbols
            self.accessible = False
            return ()
        return tuple(sorted(found, key=lambda m: m.base))

    @cached_property
    def split(self) -> bool:
        """Whether modules have a range of memory for each kind of contents (6.4)."""
        return self._kernel.has_member("struct module", "mem")

    @cached_property
    def by_name(self) -> dict[str, Module]:
        return {m.name: m for m in reversed(self.all)}

    @cached_property
    def by_base(self) -> dict[int, Module]:
        return {m.base: m for m in reversed(self.all)}

    def find(self, address: int) -> Module | None:
        """The module whose memory an address lies in, or None."""
        return next((m for m in self.all if address in m), None)

    def build_id(self, module: Module) -> bytes | None:
        """The build ID a module has in its memory; None where it is not to be had."""
        return self._known(module).build_id

    def _known(self, module: Module) -> drgn.RelocatableModule:
        prog = self._kernel.prog
        at = drgn.Object(prog, "struct module *", module.address)
        return prog.linux_kernel_loadable_module(at, create=True)

    def load(self, module: Module, path: str, section_marks: bool = False) -> None:
        """Take a module's symbols and types from an object file. Raises CrashError.

        `section_marks` adds marks where the file's sections begin and end. A file that is
        another build of the module is refused.
        """
        from pycrash.files.compressed import is_compressed, unpacked
        from pycrash.kernel.modules.files import read_object
        from pycrash.objects.relocated import open_plain

        if module.address in self.loaded:
            return
        file = Path(path)
        if is_compressed(file):
            file = unpacked(file)
        content = read_object(file, self._kernel.arch.symbols)
        known = self._known(module)
        own, build_id = known.build_id, content.build_id
        if own and build_id and own != build_id:
            raise CrashError(
                f"{path}: not of this module: build ID {build_id.hex()}, not {own.hex()}"
            )
        if known.debug_file_status != drgn.ModuleFileStatus.HAVE:
            known.try_file(file, fd=open_plain(file))
            answers_of(self._kernel.prog).take_modules()
            self._kernel.type_changes += 1
        try:
            places = dict(known.section_addresses)
        except LookupError:
            places = {}
        self.loaded[module.address] = LoadedFile(path, file, content, places, section_marks)
        self._tell()

    def unload(self, module: Module | None = None) -> None:
        """Forget the object file of one module, or of all. Its types stay known."""
        if module is None:
            self.loaded.clear()
        else:
            self.loaded.pop(module.address, None)
        self._tell()

    def renew(self) -> None:
        """Look at the list anew. Of modules that are still there stays what files told of them."""
        if "all" not in self.__dict__:
            return
        before = self.all
        self.accessible, self.damage = not self._kernel.options.no_modules, ""
        for name in ("all", "by_name", "by_base"):
            self.__dict__.pop(name, None)
        if self.all == before:
            return
        there = {module.address for module in self.all} & {module.address for module in before}
        self.loaded = {at: file for at, file in self.loaded.items() if at in there}
        self._kallsyms.clear()
        self._tell()

    def watch(self, told: Callable[[], None]) -> None:
        """Have a function called whenever an object file is loaded or forgotten."""
        self._watchers.append(told)

    def _tell(self) -> None:
        for told in self._watchers:
            told()

    def exports(self, module: Module) -> Iterator[ModuleSymbol]:
        """What a module exports, plain ones before those for GPL modules only (kernel_symbol)."""
        for address, count in (module.exports, module.gpl_exports):
            within = module.range_of(address)
            if not count or within is None:
                continue
            yield from self._export_array(module, within, address, count)

    def kallsyms(self, module: Module) -> Kallsyms:
        """The symbols a module kept for kallsyms, those that lie in the module, read once."""
        if module.address not in self._kallsyms:
            self._kallsyms[module.address] = self._read_kallsyms(module)
        return self._kallsyms[module.address]

    def _head(self) -> int | None:
        """The address of the kernel's list_head `modules`; None without module support."""
        word = self._kernel.word_size
        form = self._kernel.struct_format("PP")
        # Another file may have a variable of this name: a list's neighbours point back at it.
        heads = self._kernel.symbol_addresses("modules")
        for head in heads:
            try:
                following, _ = struct.unpack(form, self._kernel.read(head, 2 * word))
                _, back = struct.unpack(form, self._kernel.read(following, 2 * word))
            except ReadError:
                continue
            if back == head:
                return head
        self.accessible = not heads
        return None

    def _walk(self, head: int) -> Iterator[Module]:
        kernel, layout = self._kernel, ModuleLayout(self._kernel)
        chain = Chain(kernel.read_word(head, "modules"), end=head)
        try:
            for link in entries(kernel, chain, "module struct"):
                data = kernel.read(link - layout.list, layout.size, "module struct")
                yield layout.decode(link - layout.list, data)
        except EndlessList as error:
            self.damage = f"the module list is damaged: it comes back to {error.address:x}"

    def _export_array(
        self, module: Module, within: Range, address: int, count: int
    ) -> Iterator[ModuleSymbol]:
        shape = ExportShape(self._kernel)
        count = min(count, (within.end - address) // shape.size)
        try:
            data = self._kernel.read(address, count * shape.size, "module symbols")
        except ReadError:
            return
        pairs = list(shape.decode(address, data))
        texts = Strings(self._kernel, module)
        for value, name in pairs:
            text = texts.at(name)
            if text:
                yield ModuleSymbol(text, value, "?")

    def _read_kallsyms(self, module: Module) -> Kallsyms:
        where, names = module.range_of(module.symtab), module.range_of(module.strtab)
        if where is None:
            return Kallsyms(missing=f"{module.name}: module.symtab outside of module address space")
        if names is None:
            return Kallsyms(missing=f"{module.name}: module.strtab outside of module address space")
        try:
            table = self._kernel.read(where.base, where.size, "module (kallsyms)")
            text = (
                table
                if names is where
                else self._kernel.read(names.base, names.size, "module (kallsyms)")
            )
        except ReadError:
            kind = " init" if where.init else ""
            return Kallsyms(missing=f"cannot access module{kind} kallsyms")
        start = module.symtab - where.base
        strings = text[module.strtab - names.base :]
        return Kallsyms(tuple(self._elf_symbols(module, table[start:], strings)))

    def _elf_symbols(self, module: Module, table: bytes, strings: bytes) -> Iterator[ModuleSymbol]:
        wide = self._kernel.word_size == 8
        form = self._kernel.struct_format("IBBHQQ" if wide else "IIIBBH")
        step = struct.calcsize(form)
        count = min(module.num_symtab, len(table) // step)
        rules = self._kernel.arch.symbols
        # The first entry of an ELF symbol table stands for no symbol.
        for entry in struct.iter_unpack(form, table[step : count * step]):
            if wide:
                name, info, _, section, value, size = entry
            else:
                name, value, size, info, _, section = entry
            if section == SHN_UNDEF or value not in module or name >= len(strings):
                continue
            end = strings.find(0, name, name + MAX_NAME)
            text = strings[name : end if end >= 0 else name + MAX_NAME]
            letter = _letter(info)
            if not text:
                continue
            is_mark = rules.marks_modules and rules.rejects(value, text.decode("latin-1"), letter)
            if not is_mark:
                yield ModuleSymbol(text.decode("utf-8", "replace"), value, letter, size)


def _letter(info: int) -> str:
    """nm's letter: before 5.2 the kernel kept it in st_info, since then st_info is ELF's own."""
    if 0x20 <= info < 0x7F:
        return chr(info)
    return {0x02: "t", 0x12: "T"}.get(info, "?")


class Strings:
    """Names in a module's memory, each of its ranges read once."""

    def __init__(self, kernel: Reader, module: Module) -> None:
        self._kernel = kernel
        self._module = module
        self._data: dict[int, bytes] = {}

    def at(self, address: int) -> str:
        """The NUL-terminated text at an address; empty where it cannot be read."""
        within = self._module.range_of(address)
        if within is None:
            return self._alone(address)
        if within.base not in self._data:
            try:
                self._data[within.base] = self._kernel.read(within.base, within.size)
            except ReadError:
                self._data[within.base] = b""
        data = self._data[within.base]
        if not data:
            return self._alone(address)
        start = address - within.base
        end = data.find(0, start, start + MAX_NAME)
        return data[start : end if end >= 0 else start + MAX_NAME].decode("utf-8", "replace")

    def _alone(self, address: int) -> str:
        try:
            return read_text(self._kernel, address, "module symbols", MAX_NAME)
        except ReadError:
            return ""


class ExportShape:
    """struct kernel_symbol: two pointers, or (since 4.19, on most machines) relative offsets."""

    def __init__(self, kernel: Reader) -> None:
        members = (("value_offset", "value"), ("name_offset", "name"))
        layout = Layout(kernel.prog, "struct kernel_symbol", members)
        self.size = layout.whole
        self.relative = has_member(kernel.prog, "struct kernel_symbol", "value_offset")
        self._offsets = [layout.at("value_offset"), layout.at("name_offset")]
        self._form = kernel.struct_format("i" if self.relative else "P")
        self._mask = kernel.word_mask

    def decode(self, address: int, data: bytes) -> Iterator[tuple[int, int]]:
        """(value, address of the name) of each element of an array read from an address."""
        for at in range(0, len(data), self.size):
            found = []
            for offset in self._offsets:
                (value,) = struct.unpack_from(self._form, data, at + offset)
                place = address + at + offset + value if self.relative else value
                found.append(place & self._mask)
            yield found[0], found[1]
