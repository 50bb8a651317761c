"""Trees: order, paths, and damaged ones."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import drgn
import pytest
from drgn import TypeMember

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.walks.maple import MapleEntry, MapleHead, MapleTrees
from pycrash.kernel.walks.trees import RedBlackTree, SlotTree, TreeDamage, TreeEntry
from tests.cexpr.fake import BASE, FakeKernel

ROOT, A, B, C = (BASE + 0x40 * i for i in range(4))


def kernel(words: Mapping[int, int], size: int = 512) -> FakeKernel:
    memory = [0] * size
    for address, value in words.items():
        memory[(address - BASE) // 8] = value
    made = FakeKernel(struct.pack(f"<{size}Q", *memory))
    prog = made.prog
    long = prog.int_type("unsigned long", 8, False)
    char = prog.int_type("unsigned char", 1, False)
    void = prog.pointer_type(prog.void_type())
    made.add("rb_root", prog.struct_type("rb_root", 8, (TypeMember(void, "rb_node"),)))
    members = (
        TypeMember(long, "__rb_parent_color"),
        TypeMember(void, "rb_right", 64),
        TypeMember(void, "rb_left", 128),
    )
    made.add("rb_node", prog.struct_type("rb_node", 24, members))
    made.add("xarray", prog.struct_type("xarray", 16, (TypeMember(void, "xa_head", 64),)))
    slots = prog.array_type(void, 4)
    node = (TypeMember(char, "shift"), TypeMember(slots, "slots", 64))
    made.add("xa_node", prog.struct_type("xa_node", 40, node))
    return made


def tree(links: Mapping[int, tuple[int, int]]) -> FakeKernel:
    """Red-black nodes: address to (left, right)."""
    words = {ROOT: A}
    for address, (left, right) in links.items():
        words[address + 8], words[address + 16] = right, left
    return kernel(words)


def test_red_black_trees() -> None:
    made = tree({A: (B, C)})
    walker = RedBlackTree(made)
    assert walker.root(ROOT) == A
    plain = [TreeEntry(A, "root"), TreeEntry(B, "root/l"), TreeEntry(C, "root/r")]
    assert list(walker.walk(A, ordered=False)) == plain
    assert [s.address for s in walker.walk(A, ordered=True) if isinstance(s, TreeEntry)] == [
        B,
        A,
        C,
    ]
    assert list(walker.walk(0, ordered=False)) == []


def test_a_red_black_tree_with_a_loop() -> None:
    walker = RedBlackTree(tree({A: (B, 0), B: (A, 0)}))
    with pytest.raises(CrashError, match=f"duplicate tree entry: {A:x}"):
        list(walker.walk(A, ordered=False))


def test_a_red_black_tree_with_a_bad_pointer() -> None:
    bad = BASE + 0x100000
    steps = list(RedBlackTree(tree({A: (bad, B)})).walk(A, ordered=False))
    assert TreeDamage(f"rb_node: {A:x}: corrupted rb_left pointer: {bad:x}") in steps
    assert TreeEntry(B, "root/r") in steps


def test_an_xarray() -> None:
    # The root's node has a shift of 2: its slots are nodes of four slots each.
    words = {ROOT + 8: A | 2, A: 2, A + 8: B | 2, A + 32: C | 2, B + 16: 0x1000, C + 8: 0x2001}
    walker = SlotTree(kernel(words), xarray=True)
    assert list(walker.walk(ROOT, is_root=True)) == [
        TreeEntry(0x1000, "root/0", 1, 1),
        TreeEntry(0x2001, "root/3", 12, 0),
    ]
    assert list(walker.walk(B | 2, is_root=False)) == [TreeEntry(0x1000, "root", 1, 1)]


def test_an_xarray_of_one_entry_and_of_none() -> None:
    walker = SlotTree(kernel({ROOT + 8: 0x5000}), xarray=True)
    assert list(walker.walk(ROOT, is_root=True)) == [TreeEntry(0x5000, "direct")]
    empty = SlotTree(kernel({}), xarray=True)
    assert list(empty.walk(ROOT, is_root=True)) == [TreeEntry(0, "direct")]


def test_an_xarray_with_a_loop() -> None:
    words = {ROOT + 8: A | 2, A: 4, A + 8: A | 2}
    with pytest.raises(CrashError, match="duplicate tree node"):
        list(SlotTree(kernel(words), xarray=True).walk(ROOT, is_root=True))


def test_kernels_without_such_trees() -> None:
    made = kernel({})
    with pytest.raises(MissingFeature, match="radix trees do not exist"):
        SlotTree(made, xarray=False)
    with pytest.raises(MissingFeature, match="maple trees"):
        MapleTrees(made)


def maple_kernel(words: Mapping[int, int]) -> FakeKernel:
    made = kernel(words)
    prog = made.prog
    long = prog.int_type("unsigned long", 8, False)
    int_ = prog.int_type("unsigned int", 4, False)
    char = prog.int_type("unsigned char", 1, False)
    meta = prog.struct_type(
        "maple_metadata", 2, (TypeMember(char, "end"), TypeMember(char, "gap", 8))
    )

    def leaf(name: str, slots: int, gaps: bool) -> drgn.Type:
        members = [
            TypeMember(long, "parent"),
            TypeMember(prog.array_type(long, slots - 1), "pivot", 64),
            TypeMember(prog.array_type(long, slots), "slot", 64 * slots),
        ]
        if gaps:
            members.append(TypeMember(prog.array_type(long, slots), "gap", 128 * slots))
            members.append(TypeMember(meta, "meta", 192 * slots))
        return made.add(name, prog.struct_type(name, 256, members))

    span, arange = leaf("maple_range_64", 4, False), leaf("maple_arange_64", 4, True)
    made.add("maple_metadata", meta)
    node = (
        TypeMember(long, "parent"),
        TypeMember(prog.array_type(long, 31), "slot", 64),
        TypeMember(span, "mr64"),
        TypeMember(arange, "ma64"),
    )
    made.add("maple_node", prog.struct_type("maple_node", 256, node))
    tree_members = (TypeMember(int_, "ma_flags"), TypeMember(long, "ma_root", 64))
    made.add("maple_tree", prog.struct_type("maple_tree", 16, tree_members))
    return made


def test_a_maple_tree_of_one_node() -> None:
    node = BASE + 0x100
    tagged = node | 1 << 3 | 2
    words = {ROOT: 4, ROOT + 8: tagged, node + 8: 9, node + 16: 19, node + 40: 0x7000}
    words[node + 32] = 0
    steps = list(MapleTrees(maple_kernel(words)).walk(ROOT, is_root=True))
    assert steps[0] == MapleHead(ROOT, 4, 1, tagged)
    entries = [s for s in steps if isinstance(s, MapleEntry)]
    assert entries == [
        MapleEntry(0, 9, 1, 0, "root", 0),
        MapleEntry(10, 19, 1, 1, "root", 0x7000),
    ]


def test_a_maple_tree_of_one_entry() -> None:
    steps = list(MapleTrees(maple_kernel({ROOT + 8: 0x7001})).walk(ROOT, is_root=True))
    assert steps[1:] == [MapleEntry(0, 0, 0, 0, "", 0x7001)]
