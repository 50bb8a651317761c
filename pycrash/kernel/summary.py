"""What is known of a dump in names and values: for whoever reports a dump that opens badly."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pycrash.errors import CrashError, MissingFeature
from pycrash.version import CRASH_VERSION, VERSION

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: A name, and its value as text.
Fact = tuple[str, str]

#: Libraries that decide what can be opened and how it is read.
_LIBRARIES = ("drgn", "pyelftools", "numpy", "capstone")


def program() -> Iterator[Fact]:
    """pycrash and what it is made of."""
    yield "pycrash", VERSION
    yield "answers as", f"crash {CRASH_VERSION}"
    yield "python", platform.python_version()
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def file_facts(kernel: Kernel) -> Iterator[Fact]:
    """The dump's file, by its own head."""
    yield "vmlinux", str(kernel.given[0] or "")
    yield "dump", str(kernel.given[1] or "")
    file = kernel.dump_file
    if file is None:
        return
    if str(file.path) != str(kernel.given[1]):
        yield "read from", str(file.path)
    yield "size", f"{file.size} bytes"
    yield "missing at the end", f"{file.missing} bytes"
    header = file.kdump
    if header is None:
        is_elf = file.head.startswith(b"\x7fELF")
        yield "format", "ELF core" if is_elf else "unknown"
    else:
        yield "format", f"kdump compressed, version {header.version}"
        yield "block size", f"{header.block_size} bytes"
        yield "dump level", str(header.dump_level)
        yield "pages of memory", str(file.bitmaps[0] and _bits(file.bitmaps[0]))
        yield "pages in the dump", str(file.descriptors[1])
    yield "marks", ", ".join(file.marks) or "none"
    yield from (("note", text) for text in kernel.notes)


def _bits(bitmap: bytes) -> int:
    return int.from_bytes(bitmap, "little").bit_count()


def machine_facts(kernel: Kernel) -> Iterator[Fact]:
    """The machine as this program takes it."""
    arch = kernel.arch
    yield "machine", arch.name
    yield "word size", f"{kernel.word_size} bytes"
    yield "byte order", "little endian" if kernel.byte_order == "<" else "big endian"
    yield "page size", f"{kernel.page_size} bytes"
    yield "ticks a second", str(kernel.system.hz)
    yield "CPUs", str(kernel.cpus.count)
    yield "stack size", f"{kernel.stacks.size} bytes"
    for stacks in arch.special_stacks:
        yield f"{stacks.name} stacks", f"{stacks.size} bytes"


def kernel_facts(kernel: Kernel) -> Iterator[Fact]:
    """The kernel: its names, how it was moved, its text, its modules."""
    names = kernel.system.utsname
    yield "release", names.release
    yield "version", names.version
    with suppress(MissingFeature):
        yield "moved by", f"0x{kernel.vmcoreinfo.get('KERNELOFFSET') or 0}"
    for symbol in ("_stext", "_etext", "__init_begin", "__init_end", "_end"):
        address = kernel.symbol_address(symbol)
        if address is not None:
            yield symbol, f"{address:x}"
    for name in ("present", "online", "possible"):
        yield f"CPUs {name}", str(len(getattr(kernel.cpus, name)))
    yield "modules", str(len(kernel.modules.by_name))
    try:
        yield "configuration", f"{len(kernel.system.config.text.splitlines())} lines"
    except CrashError as error:
        yield "configuration", str(error)


def memory_facts(kernel: Kernel) -> Iterator[Fact]:
    """Memory, and where the areas of the kernel's address space lie."""
    tables = kernel.arch.tables
    yield "memory", f"{kernel.system.memory} bytes"
    yield "page size", f"{kernel.page_size} bytes"
    yield "kernel base", f"{tables.kernel_base:x}"
    yield "user top", f"{tables.user_top:x}"
    for area in tables.ranges:
        yield area.name, f"{area.first:x} - {area.last:x}"


def task_facts(kernel: Kernel, current: int) -> Iterator[Fact]:
    """How many tasks there are, and which the CPUs ran."""
    yield "tasks", str(len(kernel.tasks.all))
    yield "current", f"{current:x}"
    yield "panic", f"{kernel.panic.task:x}"
    for cpu in range(kernel.cpus.count):
        yield f"CPU {cpu}", f"{kernel.panic.active_on(cpu):x}"


def symbol_facts(kernel: Kernel) -> Iterator[Fact]:
    """How many symbols the kernel and each of its modules have."""
    symbols = kernel.symbols
    yield "the kernel", str(len(symbols.kernel_symbols))
    for module in kernel.modules.by_name:
        yield module, str(sum(1 for _ in symbols.in_module(module)))
