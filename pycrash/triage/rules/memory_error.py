"""What KASAN and KFENCE report."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

MEMORY_ERROR = Rule(
    "kasan",
    "memory error found by a checker",
    "KASAN or KFENCE caught the access itself: what it names is what is wrong.",
    Stage.SIGN,
    says=(r"BUG: (?P<checker>KASAN|KFENCE|KMSAN): (?P<what>.+?) in (?P<function>\S+)",),
    explains=(
        "bug",
        "panic-on-warn",
        "warning",
        "null-pointer",
        "bad-pointer",
        "general-protection",
        "panic",
    ),
    next=("log", "bt", "kmem {address}"),
)
