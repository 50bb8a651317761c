"""A linked list whose neighbours do not know each other."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

LIST_CORRUPTION = Rule(
    "list-corruption",
    "list corruption",
    "The links of a list do not agree: an entry was freed, overwritten, or added or removed "
    "twice without a lock.",
    Stage.SIGN,
    says=(r"list_(?P<operation>add|del) (?:corruption|double add)[.:,]? ?(?P<what>.*)",),
    explains=("bug", "panic-on-warn", "warning"),
    on_stack=("__list_del_entry_valid_or_report", "__list_add_valid_or_report"),
    next=("bt", "kmem {address}", "whatis {function}"),
)
