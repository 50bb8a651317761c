"""What a line of kmem asks of slab caches: one, all, or what is at addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pycrash.api.operands.cpus import cpu_list
from pycrash.api.rows import Gap, Notice, Row
from pycrash.api.slabfacts import SlabFinder, SlabRequest
from pycrash.errors import CrashError
from pycrash.kernel.core.layout import find_member
from pycrash.kernel.mm.slabcaches import SlabCaches

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context
    from pycrash.kernel.kernel import Kernel

_ONLY_ONE = "only one kmem_cache reference is allowed"


def kernel_address(kernel: Kernel, value: int, physical: bool) -> int | None:
    """A value as a kernel address: one in the direct map, where it is `physical` or none of the
    kernel's; None for a physical one behind all that the direct map has."""
    if not physical and kernel.memory.is_kernel(value):
        return value
    tables = kernel.arch.tables
    top = kernel.read_word(kernel.required_symbol("high_memory"), "high_memory")
    last = tables.kernel_physical(top - 1)
    return tables.direct_address(value) if last is not None and value <= last else None


class SlabLine:
    """The options -s, -S, -r and -I of a line, the cache it names, and the addresses it has, which
    are taken one after the other. Raises CrashError for an option that makes no sense."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx = ctx
        self._args = args
        letters = [letter for letter, _ in args.given if letter in "sSr"]
        self._letter = letters[-1] if letters else "s"
        #: The name of the cache that is meant, as it was typed.
        self.name = ""
        self._shown = 0
        self._cpus = asked_cpus(args, ctx.kernel.cpus.count)
        members = ("cpu_slab", "cpu_sheaves")
        if self._letter == "S" and not find_member(ctx.kernel.prog, "struct kmem_cache", *members):
            raise CrashError("-S not supported for this kernel")

    def whole(self) -> Iterator[Row]:
        """What is shown without an address. Raises CrashError where there is no such list."""
        roots = self._letter == "r"
        if roots and not self._ctx.kernel.part(SlabCaches).has_roots:
            raise CrashError("-r option not supported or applicable on this architecture or kernel")
        if self.name == "list":
            yield from self._finder.names(roots)
        else:
            yield from self._finder.caches(self.name.removeprefix("\\"), roots)

    def address(self, value: int, last: bool) -> Iterator[Row]:
        """What is at a value, the `last` of the line or not: an object, a slab, or a cache, which
        is the one that is meant for what follows."""
        kernel = self._ctx.kernel
        address = kernel_address(kernel, value, "P" in self._args)
        if address is None:
            yield Notice(f"cannot make virtual-to-physical translation: {value:x}", "WARNING")
            address = value
        cache = kernel.part(SlabCaches).names.get(address)
        if cache is None:
            yield from self._gap()
            yield from self._finder.at(address, self.name.removeprefix("\\"))
            return
        if self.name:
            raise CrashError(_ONLY_ONE)
        self.name = cache
        if last:
            yield from self._gap()
            yield from self._finder.caches(cache)

    def _gap(self) -> Iterator[Row]:
        self._shown += 1
        if self._shown > 1:
            yield Gap()

    @cached_property
    def _finder(self) -> SlabFinder:
        kernel, settings = self._ctx.kernel, self._ctx.settings
        ignored = (self._args.value("I") or "").replace(",", " ").split()
        hide = settings.offline == "hide"
        whole = self._letter == "S"
        return SlabFinder(kernel, SlabRequest(whole, self._cpus, frozenset(ignored), hide))


def asked_cpus(args: Args, count: int) -> Sequence[int] | None:
    """The CPUs of -S=CPUS, None where all are meant. Raises CrashError."""
    found: Sequence[int] | None = None
    for value in (value for letter, value in args.given if letter == "S"):
        if found is not None:
            raise CrashError("only one -S option allowed")
        if not value:
            continue
        if not value.startswith("="):
            raise CrashError(
                "CPU-specific slab data to be displayed must be written as expected only e.g. "
                "-S=1,45."
            )
        found = cpu_list(value[1:], count)
    return found
