"""The object files of modules: where they are looked for, and what one says of a module."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.files.compressed import is_compressed, unpacked
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.symbolrules import SymbolRules
from pycrash.kernel.core.utsname import read_utsname
from pycrash.kernel.modules.objectfile import FileSymbol, ObjectFile
from pycrash.objects.elf import ElfFile

DEBUG_TREE = "/usr/lib/debug/lib/modules"
#: Endings of a module's file besides crash's own, tried where those are not there.
PACKED = (".ko.xz", ".ko.zst", ".ko.gz", ".ko.debug.xz", ".ko.debug.zst")
ELF_MAGIC = b"\x7fELF"


def is_elf(path: Path) -> bool:
    """Whether a file, unpacked where it is compressed, is an ELF file."""
    if not path.is_file():  # to open a named pipe may take for ever
        return False
    try:
        with open(unpacked(path) if is_compressed(path) else path, "rb") as file:
            return file.read(4) == ELF_MAGIC
    except OSError:
        return False


def read_object(path: Path, rules: SymbolRules) -> ObjectFile:
    """What an unpacked object file holds. Raises CrashError where it is none or has no symbols."""
    elf = ElfFile(path)
    table = elf.symbols
    found = []
    for index in range(1, len(table)):
        _, _, section, value = table.entry(index)
        home = elf.sections[section].name if 0 < section < len(elf.sections) else ""
        name, letter = table.name(index), table.letter(index)
        if not home or not rules.rejects(value, name, letter):
            found.append((bool(home), value, name, letter, home))
    found.sort(key=lambda s: s[:3])
    return ObjectFile(
        tuple(FileSymbol(name, value, letter, home) for _, value, name, letter, home in found),
        {section.name: section.size for section in elf.sections},
        _build_id(elf),
    )


def build_id_of(path: str) -> bytes | None:
    """The build ID of an object file; None where it has none or is none."""
    file = Path(path)
    try:
        return _build_id(ElfFile(unpacked(file) if is_compressed(file) else file))
    except (CrashError, OSError):
        return None


def _build_id(elf: ElfFile) -> bytes | None:
    """The description of the note section .note.gnu.build-id (Elf32_Nhdr)."""
    section = elf.section(".note.gnu.build-id")
    data = elf.contents(section) if section is not None else b""
    if len(data) < 12:
        return None
    name_size, size, _ = struct.unpack_from(elf.order + "III", data)
    start = 12 + (name_size + 3 & ~3)
    return data[start : start + size] or None


class ModuleFinder:
    """Looks for object files as crash does; every directory tree is walked once.

    Among them is the directory of --mod.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tree = kernel.options.module_tree
        self._trees: dict[tuple[str, bool], dict[str, list[str]]] = {}
        self._wanted: bytes | None = None

    def find(
        self,
        name: str,
        given: str | None = None,
        tree: str | None = None,
        build_id: bytes | None = None,
    ) -> str | None:
        """The file of a module, or None.

        `given` is a file's name to look for in place of the module's; `tree` is searched alone.
        Files may be named with dashes where the module's name has underscores. Of several
        files of a name in one tree that of the build ID is taken, else the first.
        """
        self._wanted = build_id
        dashed = name.replace("_", "-")
        for spelling in (name, dashed):
            found = self._search(spelling, given, tree, re.escape)
            if found is not None:
                return found
        if name.count("_") > 1:
            return self._search(name, given, tree, _either_mark)
        return None

    def _search(
        self, name: str, given: str | None, tree: str | None, spell: Callable[[str], str]
    ) -> str | None:
        plain = [given or f"{name}.o", f"{name}.ko"]
        with_debug = [*plain, f"{name}.ko.debug"]
        packed = [name + ending for ending in PACKED]
        if tree is not None:
            return self._first(tree, True, with_debug + packed, spell)
        for directory, names in self._places(plain, with_debug, bool(given)):
            found = self._first(directory, False, names + packed, spell)
            if found is not None:
                return found
        return None

    def _places(
        self, plain: list[str], with_debug: list[str], given: bool
    ) -> Iterator[tuple[str, list[str]]]:
        """Directories, and the names to look for in them."""
        release = self._release
        yield f"{DEBUG_TREE}/{release}", with_debug
        if "CRASH_MODULE_PATH" in os.environ:
            yield os.environ["CRASH_MODULE_PATH"], with_debug
        yield f"/lib/modules/{release}/updates", plain
        yield f"/lib/modules/{release}", plain
        if self._tree and not given:
            yield self._tree, with_debug
        vmlinux = self._kernel.given[0]
        if vmlinux is not None:
            yield os.path.dirname(os.path.realpath(vmlinux)), with_debug

    def _first(
        self, directory: str, follow: bool, names: list[str], spell: Callable[[str], str]
    ) -> str | None:
        files = self._files(directory, follow)
        for name in names:
            if spell is re.escape:
                if name in files:
                    return self._fitting(files[name])
                continue
            wanted = re.compile(spell(name))
            for file, paths in files.items():
                if wanted.fullmatch(file):
                    return self._fitting(paths)
        return None

    def _fitting(self, paths: list[str]) -> str:
        if len(paths) == 1 or self._wanted is None:
            return paths[0]
        return next((path for path in paths if build_id_of(path) == self._wanted), paths[0])

    def _files(self, directory: str, follow: bool) -> dict[str, list[str]]:
        """File name to the paths of that name below a directory."""
        key = directory, follow
        if key not in self._trees:
            self._trees[key] = {}
            if follow or not os.path.islink(directory):
                for path in _walk(directory, follow, set()):
                    self._trees[key].setdefault(os.path.basename(path), []).append(path)
        return self._trees[key]

    @cached_property
    def _release(self) -> str:
        return self._kernel.part(read_utsname).release


def _walk(directory: str, follow: bool, above: set[tuple[int, int]]) -> Iterator[str]:
    """Every path below a directory, in the order the file system lists them."""
    try:
        status = os.stat(directory)
        with os.scandir(directory) as entries:
            found = list(entries)
    except OSError:
        return
    here = status.st_dev, status.st_ino
    if here in above:
        return
    for entry in found:
        path = os.path.join(directory, entry.name)
        yield path
        try:
            below = entry.is_dir(follow_symlinks=follow)
        except OSError:
            continue
        if below:
            yield from _walk(path, follow, above | {here})


def _either_mark(name: str) -> str:
    """A pattern in which each underscore may be a dash."""
    return re.escape(name).replace("_", "[_-]")
