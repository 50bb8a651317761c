"""Other exceptions of the processor."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

TRAP = Rule(
    "trap",
    "exception of the processor",
    "The processor raised an exception that the kernel has no answer to.",
    Stage.FAULT,
    says=(
        r"(?:stack segment|segment not present|invalid TSS|alignment check|coprocessor \w+|"
        r"bounds|int3|simd exception|control protection fault|traps: missing \w+)(?: fault)?: "
        r"[0-9a-f]{4}",
        r"Bad mode in (?P<handler>.+) handler",
        r"Internal error: (?P<what>[^:]+): [0-9a-f]+",
        r"Oops: [0-9a-f]{4}",
        r"Oops - ",
    ),
    next=("bt", "log"),
)
