"""A page or a counter of memory that is not as it should be."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

PAGE_STATE = Rule(
    "bad-page",
    "bad page state",
    "The kernel found a page, page table or memory counter in a state it cannot be in: memory "
    "was overwritten.",
    Stage.SIGN,
    says=(
        r"BUG: Bad (?P<what>page (?:state|map|cache)|rss-counter state|swap\w*).*",
        r"swap_(?:info_get|dup): Bad.*",
    ),
    explains=("bug",),
    next=("log", "kmem -i"),
)
