"""The kernel's list of modules, their memory and their own symbols."""

from __future__ import annotations

import pytest

from pycrash.kernel.core.reader import Options
from pycrash.kernel.modules.table import CORE, INIT, ModuleTable
from tests.kernel.fake_kernel import FakeKernel

HEAD = 0xFFFFFFFF82000000
FIRST, SECOND = 0xFFFFFFFFC0001000, 0xFFFFFFFFC0101000
LIST, NAME, KALLSYMS, TAINTS, SYMS = 8, 24, 88, 120, 128


class FakeModules(FakeKernel):
    """Two modules, `alpha` before `beta` by address, linked the other way round."""

    def __init__(self, split: bool) -> None:
        super().__init__()
        links = self.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
        own = self.struct(
            "mod_kallsyms", 24, symtab=(0, "P"), num_symtab=(8, "I"), strtab=(16, "P")
        )
        if split:
            memory = self.struct("module_memory", 16, base=(0, "P"), size=(8, "I"))
            ranges = {"mem": (160, self.array(memory, 7))}
        else:
            layout = self.struct("module_layout", 16, base=(0, "P"), size=(8, "I"))
            ranges = {"core_layout": (160, layout), "init_layout": (176, layout)}
        self.struct("kernel_symbol", 8, value_offset=(0, "i"), name_offset=(4, "i"))
        self.struct(
            "module",
            320,
            list=(LIST, links),
            name=(NAME, "56s"),
            core_kallsyms=(KALLSYMS, own),
            taints=(TAINTS, "Q"),
            syms=(SYMS, "P"),
            num_syms=(SYMS + 8, "I"),
            percpu=(SYMS + 16, "Q"),
            **ranges,
        )
        self.symbol("modules", HEAD, 16)
        self.module(FIRST, "alpha", 0xFFFFFFFFC0000000)
        self.module(SECOND, "beta", 0xFFFFFFFFC0100000)
        self.link(HEAD, SECOND + LIST, FIRST + LIST)

    def link(self, *places: int) -> None:
        for place, after in zip(places, (*places[1:], places[0]), strict=True):
            self.room(place, 16)
            self.write(place, "Q", after)
            self.room(after, 16)
            self.write(after + 8, "Q", place)

    def module(self, address: int, name: str, base: int) -> None:
        """A struct module at the beginning of the module's second page, text in the first."""
        self.room(base, 0x3000)
        self.write(address + NAME, "56s", name.encode())
        self.write(address + 160, "QQQQ", base, 0x1000, base + 0x1000, 0x2000)

    @property
    def table(self) -> ModuleTable:
        return ModuleTable(self.kernel)


def test_the_list_is_sorted_by_base_and_memory_told_by_kind() -> None:
    fake = FakeModules(split=True)
    fake.write(FIRST + TAINTS, "Q", 0x1000)
    alpha, beta = fake.table.all
    assert [alpha.name, beta.name] == ["alpha", "beta"]
    assert [(r.kind, r.size) for r in alpha.ranges] == [("TEXT", 0x1000), ("DATA", 0x2000)]
    assert alpha.size == 0x3000
    assert (alpha.taints, beta.taints) == (0x1000, 0)
    assert 0xFFFFFFFFC0002FFF in alpha
    assert 0xFFFFFFFFC0003000 not in alpha
    assert fake.table.find(0xFFFFFFFFC0100000) == beta
    assert fake.table.by_name["beta"] is not None


def test_before_6_4_a_module_has_a_core_and_an_init_range() -> None:
    module = FakeModules(split=False).table.all[0]
    assert [r.kind for r in module.ranges] == [CORE, INIT]
    assert module.size == 0x1000
    assert module.range_of(0xFFFFFFFFC0001000) == module.ranges[1]


def test_no_modules() -> None:
    fake = FakeModules(split=True)
    fake.link(HEAD)
    assert fake.table.all == ()
    assert fake.table.accessible


def test_a_kernel_without_module_support() -> None:
    fake = FakeKernel()
    table = ModuleTable(fake.kernel)
    assert table.all == ()
    assert table.accessible


def test_a_list_that_leads_into_missing_memory_gives_no_modules() -> None:
    fake = FakeModules(split=True)
    fake.write(SECOND + LIST, "Q", 0xFFFFFFFFDEAD0000)
    table = fake.table
    assert table.all == ()
    assert not table.accessible


def test_a_list_that_bites_its_tail_ends() -> None:
    fake = FakeModules(split=True)
    fake.write(FIRST + LIST, "Q", SECOND + LIST)
    table = fake.table
    assert len(table.all) == 2
    assert "comes back to ffffffffc0101008" in table.damage


def test_modules_may_be_left_alone() -> None:
    fake = FakeModules(split=True)
    fake.kernel.options = Options(no_modules=True)
    assert fake.table.all == ()
    assert not fake.table.accessible


def test_exports_and_own_symbols() -> None:
    fake = FakeModules(split=True)
    syms, names = 0xFFFFFFFFC0001800, 0xFFFFFFFFC0001900
    fake.write(FIRST + SYMS, "QI", syms, 1)
    fake.write(syms, "ii", 0xFFFFFFFFC0000010 - syms, names - (syms + 4))
    fake.write(names, "16s", b"exported")
    symtab, strtab = 0xFFFFFFFFC0001A00, 0xFFFFFFFFC0001B00
    fake.write(FIRST + KALLSYMS, "QIxxxxQ", symtab, 4, strtab)
    fake.write(strtab, "24s", b"\0func\0data\0undefined\0")
    rows = [(1, 0x02, 1, 0xFFFFFFFFC0000020, 16), (6, ord("d"), 1, 0xFFFFFFFFC0001010, 8)]
    rows.append((11, 0x12, 0, 0xFFFFFFFFC0000030, 0))
    for place, (name, info, section, value, size) in enumerate(rows, 1):
        fake.write(symtab + 24 * place, "IBBHQQ", name, info, 0, section, value, size)
    table = fake.table
    alpha, beta = table.all
    assert [(s.name, s.value) for s in table.exports(alpha)] == [("exported", 0xFFFFFFFFC0000010)]
    own = table.kallsyms(alpha)
    assert [(s.name, s.kind, s.size) for s in own.symbols] == [("func", "t", 16), ("data", "d", 8)]
    assert not own.missing
    assert table.kallsyms(beta).missing == "beta: module.symtab outside of module address space"


def test_wild_pointers_among_exports_are_passed_over() -> None:
    fake = FakeModules(split=True)
    syms = 0xFFFFFFFFC0001800
    fake.write(FIRST + SYMS, "QI", syms, 2)
    fake.write(syms, "iiii", 0x7FFFFFFF, 0x7FFFFFFF, -0x80000000, -0x80000000)
    alpha, _ = fake.table.all
    assert list(fake.table.exports(alpha)) == []


@pytest.mark.parametrize("count", [3, 0xFFFFFFFF])
def test_a_count_beyond_the_range_is_cut(count: int) -> None:
    fake = FakeModules(split=True)
    symtab = 0xFFFFFFFFC0002FD0
    fake.write(FIRST + KALLSYMS, "QIxxxxQ", symtab, count, 0xFFFFFFFFC0002F00)
    fake.write(0xFFFFFFFFC0002F00, "8s", b"\0only")
    fake.write(symtab + 24, "IBBHQQ", 1, 0x12, 0, 1, 0xFFFFFFFFC0000000, 0)
    table = fake.table
    assert [s.name for s in table.kallsyms(table.all[0]).symbols] == ["only"]
