"""struct module: where each release keeps what is said of a module, and its ranges of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pycrash.kernel.core.layout import Layout, constant
from pycrash.kernel.core.reader import Reader

#: Kinds of module memory since 6.4 (`enum mod_mem_type`), in the kernel's order.
MEMORY_KINDS = (
    "TEXT",
    "DATA",
    "RODATA",
    "RO_AFTER_INIT",
    "INIT_TEXT",
    "INIT_DATA",
    "INIT_RODATA",
)
#: Before 6.4 a module had one core range and one that was freed after its init function.
CORE, INIT = "CORE", "INIT"

#: A single range of module memory is never larger; a size beyond it is damage.
MAX_RANGE = 1 << 28


@dataclass(frozen=True, slots=True)
class Range:
    """One range of a module's memory: `kind` is of MEMORY_KINDS, or CORE or INIT before 6.4."""

    kind: str
    base: int
    size: int

    @property
    def end(self) -> int:
        return self.base + self.size

    @property
    def init(self) -> bool:
        """Whether it goes away once the module's init function has run."""
        return self.kind.startswith(INIT)

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.base + self.size


@dataclass(frozen=True, slots=True)
class Module:
    """The facts of one struct module.

    `base` is where its text begins and `size` the bytes of all ranges that outlive init, as
    crash counts them. `ranges` are those of a size above 0 that is no damage. `text_size` and
    `init_text_size` are bytes of code at the start of the core and the init range. `exports`
    and `gpl_exports` are (address, count) of arrays of struct kernel_symbol; `symtab` and
    `num_symtab` an array of ELF symbols whose names are at `strtab`. `percpu` is the per-CPU
    offset of its variables and `percpu_size` their bytes. `gpgsig_ok` (whether it is signed)
    is None where this kernel has no such member.
    """

    address: int
    name: str
    base: int
    size: int
    ranges: tuple[Range, ...]
    text_size: int
    init_text_size: int
    taints: int
    percpu: int
    percpu_size: int
    exports: tuple[int, int]
    gpl_exports: tuple[int, int]
    symtab: int
    num_symtab: int
    strtab: int
    gpgsig_ok: int | None = None

    def range_of(self, address: int) -> Range | None:
        """The range an address lies in, or None."""
        return next((r for r in self.ranges if address in r), None)

    def __contains__(self, address: int) -> bool:
        return self.range_of(address) is not None


#: The members of struct module that are read, as the releases name them.
MODULE_MEMBERS = (
    *("list", "name", "mem", "module_core", "core_size", "module_init", "init_size"),
    *("core_layout.base", "core_layout.size", "init_layout.base", "init_layout.size"),
    *("core_layout.text_size", "core_text_size", "init_layout.text_size", "init_text_size"),
    *("taints", "percpu", "percpu_size", "syms", "num_syms", "gpl_syms", "num_gpl_syms"),
    *("core_kallsyms.symtab", "core_kallsyms.num_symtab", "core_kallsyms.strtab"),
    *("symtab", "num_symtab", "strtab", "gpgsig_ok"),
)


class ModuleLayout:
    """Where struct module of this kernel keeps what Module holds."""

    def __init__(self, kernel: Reader) -> None:
        layout = Layout(kernel.prog, "struct module", MODULE_MEMBERS, optional=MODULE_MEMBERS)
        self._layout = layout
        self._kernel = kernel
        self._order: Literal["little", "big"] = "little" if kernel.byte_order == "<" else "big"
        self.size = layout.whole
        self.list = layout.at("list")
        self._name = self._field("name")
        self._memory = self._memory_fields()

    def decode(self, address: int, data: bytes) -> Module:
        offset, size = self._name
        found = [
            Range(kind, self._value(data, base), self._value(data, length))
            for kind, base, length in self._memory
        ]
        name = data[offset : offset + size].partition(b"\0")[0]
        return Module(
            address=address,
            name=name.decode("utf-8", "surrogateescape"),
            base=self._value(data, self._memory[0][1]),
            size=sum(r.size for r in found if not r.init),
            ranges=tuple(r for r in found if 0 < r.size <= MAX_RANGE),
            text_size=self._first(data, "core_layout.text_size", "core_text_size"),
            init_text_size=self._first(data, "init_layout.text_size", "init_text_size"),
            taints=self._first(data, "taints"),
            percpu=self._first(data, "percpu"),
            percpu_size=self._first(data, "percpu_size"),
            exports=(self._first(data, "syms"), self._first(data, "num_syms")),
            gpl_exports=(self._first(data, "gpl_syms"), self._first(data, "num_gpl_syms")),
            symtab=self._first(data, "core_kallsyms.symtab", "symtab"),
            num_symtab=self._first(data, "core_kallsyms.num_symtab", "num_symtab"),
            strtab=self._first(data, "core_kallsyms.strtab", "strtab"),
            gpgsig_ok=self._optional(data, "gpgsig_ok"),
        )

    def _memory_fields(self) -> list[tuple[str, tuple[int, int], tuple[int, int]]]:
        """(kind, field of the base, field of the size) of each range."""
        if "mem" in self._layout:  # 6.4
            prog = self._kernel.prog
            element = Layout(prog, "struct module_memory", ("base", "size"))
            base, size = ((element.at(n), element.width(n)) for n in ("base", "size"))
            start, whole = self._field("mem")
            return [
                (
                    kind,
                    (start + place * element.whole + base[0], base[1]),
                    (start + place * element.whole + size[0], size[1]),
                )
                for place, kind in self._kinds()
                if (place + 1) * element.whole <= whole
            ]
        pairs = [(CORE, "module_core", "core_size"), (INIT, "module_init", "init_size")]
        if "core_layout.base" in self._layout:  # 4.5
            pairs = [
                (CORE, "core_layout.base", "core_layout.size"),
                (INIT, "init_layout.base", "init_layout.size"),
            ]
        return [(kind, self._field(base), self._field(size)) for kind, base, size in pairs]

    def _kinds(self) -> list[tuple[int, str]]:
        """Index in `mem[]` and kind of each range, by the kernel's own enum mod_mem_type."""
        places = [(constant(self._kernel.prog, f"MOD_{kind}"), kind) for kind in MEMORY_KINDS]
        found = sorted((place, kind) for place, kind in places if place is not None)
        return found or list(enumerate(MEMORY_KINDS))

    def _field(self, path: str) -> tuple[int, int]:
        """(offset, size) of a member. Raises MissingFeature."""
        return self._layout.at(path), self._layout.width(path)

    def _value(self, data: bytes, field: tuple[int, int]) -> int:
        offset, size = field
        return int.from_bytes(data[offset : offset + size], self._order)

    def _optional(self, data: bytes, *paths: str) -> int | None:
        found = next((path for path in paths if path in self._layout), None)
        return None if found is None else self._value(data, self._field(found))

    def _first(self, data: bytes, *paths: str) -> int:
        """The value of the first member this kernel has; 0 where it has none of them."""
        return self._optional(data, *paths) or 0
