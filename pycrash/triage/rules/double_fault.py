"""A fault while another one was being taken."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

DOUBLE_FAULT = Rule(
    "double-fault",
    "double fault",
    "The processor could not enter the handler of a fault; mostly the stack is gone.",
    Stage.FAULT,
    says=(
        r"double fault: [0-9a-f]+",
        r"PANIC: double fault",
    ),
    on_stack=("exc_double_fault", "do_double_fault", "handle_stack_overflow"),
    next=("bt", "bt -v"),
)
