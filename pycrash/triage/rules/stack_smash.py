"""A local variable written beyond its end."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

STACK_SMASH = Rule(
    "stack-smash",
    "stack smashing",
    "The canary behind a function's local variables was overwritten: one of them was written "
    "beyond its end.",
    Stage.END,
    says=(r"stack-protector: [Kk]ernel stack is corrupted in: (?P<function>\S+)",),
    on_stack=("__stack_chk_fail",),
    explains=("panic",),
    next=("bt -f", "dis {function}"),
)
