"""A copy between kernel and user space that would leave its object."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

USERCOPY = Rule(
    "usercopy",
    "bad copy to or from user space",
    "A copy to or from user space was longer than the kernel object it should stay in.",
    Stage.SIGN,
    says=(
        r"usercopy: [Kk]ernel memory (?P<what>exposure|overwrite) attempt detected (?P<object>.*)",
        r"Bad or missing usercopy whitelist\? (?P<object>.*)",
    ),
    explains=("bug", "panic-on-warn", "warning"),
    on_stack=("usercopy_abort",),
    next=("bt", "kmem {address}"),
)
