"""A division by zero."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

DIVIDE_ERROR = Rule(
    "divide-error",
    "division by zero",
    "A divisor was zero, or the quotient did not fit.",
    Stage.FAULT,
    says=(r"divide error: [0-9a-f]+",),
    on_stack=("exc_divide_error", "do_divide_error"),
    next=("bt", "dis -rl {pc}"),
)
