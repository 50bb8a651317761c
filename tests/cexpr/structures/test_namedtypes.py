"""Types by name, members by path, declarations with offsets."""

from __future__ import annotations

import pytest
from drgn import Object, TypeMember

from pycrash.cexpr.structures.declaration import declaration, declared_name
from pycrash.cexpr.structures.namedtypes import NamedTypes
from tests.cexpr.fake import FakeKernel

KERNEL = FakeKernel()
PROG = KERNEL.prog
TYPES = KERNEL.part(NamedTypes)
INT = PROG.int_type("int", 4, True)
LONG = PROG.int_type("unsigned long", 8, False)
LIST = KERNEL.add(
    "list_head",
    PROG.struct_type(
        "list_head",
        16,
        (
            TypeMember(PROG.pointer_type(LONG), "next"),
            TypeMember(PROG.pointer_type(INT), "prev", 64),
        ),
    ),
)
INNER = PROG.union_type(None, 16, (TypeMember(LIST, "lru"), TypeMember(LONG, "private")))
PAGE = KERNEL.add(
    "page",
    PROG.struct_type(
        "page",
        64,
        (
            TypeMember(LONG, "flags"),
            TypeMember(INNER, None, 64),
            TypeMember(PROG.array_type(LIST, 2), "links", 192),
            TypeMember(Object(PROG, INT, bit_field_size=2), "bits", 448),
            TypeMember(INNER, "named", 384),
        ),
    ),
)
ATOMIC = PROG.struct_type(None, 4, (TypeMember(INT, "counter"),))
KERNEL.add("atomic_t", PROG.typedef_type("atomic_t", ATOMIC))
KERNEL.add("gone", PROG.struct_type("gone"))


def test_kinds() -> None:
    page = TYPES.find("page")
    assert page is not None
    assert (page.kind, page.size, page.typedef) == ("struct", 64, False)
    atomic = TYPES.find("atomic_t")
    assert atomic is not None
    assert (atomic.kind, atomic.size, atomic.typedef) == ("struct", 4, True)
    assert TYPES.find("nothing") is None
    assert TYPES.find("no such(") is None


@pytest.mark.parametrize(
    ("path", "offset"),
    [
        ("flags", 0),
        ("lru", 8),
        ("private", 8),
        ("lru.prev", 16),
        ("links", 24),
        ("links[1]", 40),
        ("links[1].prev", 48),
        ("bits", 56),
        ("named.lru.prev", 56),
        ("nothing", None),
        ("flags.x", None),
        ("flags[0]", None),
        ("links[x]", None),
        ("", None),
    ],
)
def test_member_paths(path: str, offset: int | None) -> None:
    page = TYPES.find("page")
    assert page is not None
    assert page.offset(path) == offset


def test_member_offset() -> None:
    assert TYPES.offset("page.links") == 24
    assert TYPES.offset("page.lru.next") is None
    assert TYPES.offset("page") is None
    assert TYPES.offset("nothing.x") is None
    assert TYPES.offset(".x") is None


def lines(name: str, member: str = "", **options: int) -> list[str]:
    found = TYPES.find(name)
    assert found is not None
    return list(declaration(found, member, **options))  # type: ignore[arg-type]


def test_offsets() -> None:
    assert lines("page", offsets=True) == [
        "struct page {",
        "   [0] unsigned long flags;",
        "       union {",
        "   [8]     struct list_head lru;",
        "   [8]     unsigned long private;",
        "       };",
        "  [24] struct list_head links[2];",
        "  [56] int bits : 2;",
        "       union {",
        "   [8]     struct list_head lru;",
        "   [8]     unsigned long private;",
        "  [48] } named;",
        "}",
        "SIZE: 64",
    ]
    assert lines("list_head", offsets=True, address=0xFFFF888000000010)[1:3] == [
        "  [ffff888000000010] unsigned long *next;",
        "  [ffff888000000018] int *prev;",
    ]
    assert lines("list_head", offsets=True, radix=16)[2:] == [
        "     [0x8] int *prev;".replace("     ", "   "),
        "}",
        "SIZE: 0x10",
    ]


def test_one_member() -> None:
    assert lines("page", "links") == ["struct page {", "  [24] struct list_head links[2];", "}"]


def test_typedefs() -> None:
    assert lines("atomic_t") == ["typedef struct {", "    int counter;", "} atomic_t;", "SIZE: 4"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("    struct list_head *next;", "next"),
        ("    unsigned int bits : 3;", "bits"),
        ("    char name[16][32];", "name"),
        ("    void (*f)(struct x *, int (*)(void));", "f"),
        ("    struct dentry *(*mount)(int);", "mount"),
        ("    int (*table[4])(void);", "table"),
        ("    void (* const fixed)(int);", "const"),
        ("    } u;", "u"),
        ("    };", ""),
        ("    struct {", ""),
    ],
)
def test_declared_name(line: str, name: str) -> None:
    assert declared_name(line) == name
