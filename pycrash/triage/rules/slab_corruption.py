"""Memory of a slab cache that was written after it was freed, or beyond its end, or freed twice."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

SLAB_CORRUPTION = Rule(
    "slab-corruption",
    "slab corruption",
    "The allocator found its own data, or the pattern in free memory, overwritten, or an "
    "object freed twice.",
    Stage.SIGN,
    says=(
        r"BUG (?P<cache>\S+) \([^)]*\): (?P<what>.+)",
        r"(?:Slab corruption|slab error in) ?(?P<what>.*)",
        r"(?P<what>(?:double free|Freepointer corrupt|Object already free|Wrong slab cache|"
        r"cache_from_obj: .*))",
    ),
    explains=(
        "bug",
        "panic-on-warn",
        "warning",
        "null-pointer",
        "bad-pointer",
        "general-protection",
    ),
    next=("bt", "kmem -s", "kmem {address}"),
)

SLAB_BUG = Rule(
    SLAB_CORRUPTION.name,
    SLAB_CORRUPTION.title,
    SLAB_CORRUPTION.meaning,
    Stage.FAULT,
    says=(r"kernel BUG at mm/sl[au]b\w*\.c:\d+",),
    next=SLAB_CORRUPTION.next,
)
