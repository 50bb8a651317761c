"""Areas of user spaces, from a list and from a maple tree."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.api.vmrows import AreaLists
from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.vfs.files import Files
from tests.kernel.fake_kernel import FakeKernel

MM, NODE, AREAS = 0xFFFF888000001000, 0xFFFF888000002000, 0xFFFF888000003000
SIZE, TYPE_LEAF = 64, 1
TEXT, HEAP, STACK = (0x400000, 0x401000), (0x600000, 0x603000), (0x7000000, 0x7002000)
PLACES = (TEXT, HEAP, STACK)


class FakeSpace(FakeKernel):
    """A user space of three areas: a program's text, its heap and its stack."""

    def __init__(self, tree: bool) -> None:
        super().__init__()
        self.tree = tree
        context = self.struct("mm_context_t", 8, vdso=(0, "P"))
        maple = self.struct("maple_tree", 16, ma_flags=(0, "I"), ma_root=(8, "P"))
        held = {"mm_mt": (0, maple)} if tree else {"mmap": (0, "P")}
        self.struct(
            "mm_struct",
            128,
            mm_count=(16, "i"),
            start_brk=(24, "Q"),
            brk=(32, "Q"),
            start_stack=(40, "Q"),
            context=(48, context),
            **held,
        )
        linked = {} if tree else {"vm_next": (16, "P")}
        self.struct(
            "vm_area_struct",
            SIZE,
            vm_start=(0, "Q"),
            vm_end=(8, "Q"),
            vm_mm=(24, "P"),
            vm_flags=(32, "Q"),
            vm_pgoff=(40, "Q"),
            vm_file=(48, "P"),
            **linked,
        )
        slots = self.array(self._member("P"), 16)
        pivots = self.array(self._member("Q"), 15)
        gaps = self.array(self._member("Q"), 10)
        few = self.array(self._member("P"), 10)
        short = self.array(self._member("Q"), 9)
        meta = self.struct("maple_metadata", 2, end=(0, "B"), gap=(1, "B"))
        span = self.struct("maple_range_64", 256, pivot=(8, pivots), slot=(128, slots))
        wide = self.struct(
            "maple_arange_64",
            248,
            pivot=(8, short),
            slot=(80, few),
            gap=(160, gaps),
            meta=(240, meta),
        )
        self.struct(
            "maple_node", 256, parent=(0, "P"), slot=(8, slots), mr64=(0, span), ma64=(0, wide)
        )
        self.room(MM, 128)
        self.write(MM + 16, "iIQQQQ", 2, 0, 0x600000, 0x602000, 0x7001F00, 0x400000)
        self.room(AREAS, 4096)
        for number, (start, end) in enumerate(PLACES):
            file = 0x5000 if start == TEXT[0] else 0
            last = number == len(PLACES) - 1
            following = 0 if last else AREAS + (number + 1) * SIZE
            flags = 0x75 if file else 0x100073
            at = AREAS + number * SIZE
            self.write(at, "QQQQQQQ", start, end, following, MM, flags, 3, file)
        self.room(NODE, 256)
        if tree:
            self.write(MM + 8, "Q", NODE | TYPE_LEAF << 3 | 2)
            self.fill([(0x3FFFFF, 0), (0x400FFF, AREAS), (0x5FFFFF, 0), (0x602FFF, AREAS + SIZE)])
        else:
            self.write(MM, "Q", AREAS)

    def fill(self, first: list[tuple[int, int]]) -> None:
        """The leaf: these, then the stack, and nothing behind it."""
        found = [*first, (0x6FFFFFF, 0), (0x7001FFF, AREAS + 2 * SIZE), ((1 << 64) - 1, 0)]
        for place, (last, value) in enumerate(found):
            self.write(NODE + 8 + 8 * place, "Q", last)
            self.write(NODE + 128 + 8 * place, "Q", value)


@pytest.fixture(params=[False, True], ids=["list", "tree"])
def fake(request: pytest.FixtureRequest) -> FakeSpace:
    return FakeSpace(request.param)


def test_the_areas_by_rising_address(fake: FakeSpace) -> None:
    found = list(fake.kernel.part(Vmas).of(MM))
    assert [(vma.start, vma.end) for vma in found] == list(PLACES)
    assert found[0] == Vma(AREAS, *TEXT, 0x75, 0x5000, 3 * 4096, MM)


def test_the_area_of_an_address(fake: FakeSpace) -> None:
    fake.give(Files, SimpleNamespace(get=lambda at: at, path=lambda at: "/bin/sh"))
    areas = fake.kernel.part(AreaLists)
    for at, start, path in ((0x400FFF, TEXT[0], "/bin/sh"), (0x7000000, STACK[0], "")):
        found = areas.at(MM, at)
        assert found is not None
        assert (found.start, found.path) == (start, path)
    assert areas.at(MM, 0x401000) is None


def test_an_area_is_looked_for_up_to_one_that_cannot_be_read(fake: FakeSpace) -> None:
    fake.give(Files, SimpleNamespace(get=lambda at: at, path=lambda at: "/bin/sh"))
    if fake.tree:
        fake.fill([(0x400FFF, AREAS), (0x5FFFFF, 0xFFFF88800000A000)])
    else:
        fake.write(AREAS + 16, "Q", 0xFFFF88800000A000)
    areas = fake.kernel.part(AreaLists)
    assert areas.at(MM, 0x400000) is not None
    with pytest.raises(ReadError):
        areas.at(MM, STACK[0])


def test_areas_without_a_file_have_names(fake: FakeSpace) -> None:
    vmas = fake.kernel.part(Vmas)
    assert [vmas.name(vma) for vma in vmas.of(MM)] == ["[vdso]", "[heap]", "[stack]"]


def test_an_area_outside_of_what_can_be_read_in_one_page(fake: FakeSpace) -> None:
    lonely = 0xFFFF888000009FE0
    fake.write(lonely, "QQQQQQQ", 1, 2, 0, MM, 0xF, 0, 0)
    assert fake.kernel.part(Vmas).get(lonely) == Vma(lonely, 1, 2, 0xF, 0, 0, MM)


def test_areas_before_one_that_cannot_be_read(fake: FakeSpace) -> None:
    gone = 0xFFFF88800000A000
    if fake.tree:
        fake.fill([(0x400FFF, AREAS), (0x5FFFFF, gone)])
    else:
        fake.write(AREAS + 16, "Q", gone)
    found = fake.kernel.part(Vmas).of(MM)
    assert next(found).start == TEXT[0]
    with pytest.raises(ReadError):
        next(found)


def test_an_empty_space(fake: FakeSpace) -> None:
    fake.write(MM + (8 if fake.tree else 0), "Q", 0)
    assert list(fake.kernel.part(Vmas).of(MM)) == []


def test_a_list_that_comes_back_is_said() -> None:
    fake = FakeSpace(tree=False)
    fake.write(AREAS + 2 * SIZE + 16, "Q", AREAS)
    with pytest.raises(CrashError, match="duplicate"):
        list(fake.kernel.part(Vmas).of(MM))


def test_marks_of_the_tree_are_no_areas() -> None:
    fake = FakeSpace(tree=True)
    fake.fill([(0x3FFFFF, 0x406), (0x400FFF, AREAS)])
    assert [vma.start for vma in fake.kernel.part(Vmas).of(MM)] == [TEXT[0], STACK[0]]


def test_a_tree_whose_ranges_do_not_fit_is_said() -> None:
    fake = FakeSpace(tree=True)
    fake.write(MM + 8, "Q", (NODE + 0x100) | 2 << 3 | 2)
    fake.room(NODE + 0x100, 256)
    fake.write(NODE + 0x108, "QQ", 0xFFF, 0x1FFF)
    fake.write(NODE + 0x180, "QQ", NODE | TYPE_LEAF << 3 | 2, NODE | TYPE_LEAF << 3 | 2)
    with pytest.raises(CrashError, match="invalid pivot"):
        list(fake.kernel.part(Vmas).of(MM))


@pytest.mark.parametrize(
    ("flags", "shown"), [(0x75, "r-xp"), (0x100073, "rw-p"), (0xFB, "rw-s"), (0, "---p")]
)
def test_permissions(flags: int, shown: str) -> None:
    assert Vma(0, 0, 0, flags, 0, 0, 0).permissions == shown


def test_the_names_of_flags() -> None:
    fake = FakeSpace(tree=True)
    vmas = fake.kernel.part(Vmas)
    assert vmas.flag_names(0x8000075) == (
        *("READ", "EXEC", "MAYREAD", "MAYWRITE", "MAYEXEC", "CAN_NONLINEAR"),
    )
    assert vmas.flag_names(0x1500200) == ("NOHUGEPAGE", "HUGETLB", "ACCOUNT", "MAPPED_COPY")


def test_flags_that_mean_something_else_to_some_kernels() -> None:
    fake = FakeSpace(tree=True)
    fake.symbol("expand_upwards", 0xFFFFFFFF81000000)
    fake.struct("mm_struct", 16, pmd_huge_pte=(0, "P"))
    assert fake.kernel.part(Vmas).flag_names(0x1000200) == ("GROWSUP", "HUGEPAGE")


def test_who_holds_a_space(fake: FakeSpace) -> None:
    assert fake.kernel.part(Vmas).users(MM) == 2
    with pytest.raises(MissingFeature):
        FakeKernel().kernel.part(Vmas).users(MM)
