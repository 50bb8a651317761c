"""Broken hardware, as the processor reports it."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage, nobody

MACHINE_CHECK = Rule(
    "machine-check",
    "machine check",
    "The hardware reported an error that cannot be mended.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?P<what>(?:Fatal )?[Mm]achine check.*|Fatal local "
        r"machine check.*|Timeout: Not all CPUs entered broadcast exception handler.*|"
        r"Uncorrected .*|Fatal hardware error.*|Asynchronous SError Interrupt)",
        r"SError Interrupt on CPU(?P<cpu>\d+), code (?P<code>\S+)",
        r"Internal error: synchronous external abort",
    ),
    on_stack=("mce_panic", "do_machine_check", "exc_machine_check"),
    explains=("panic",),
    suspect=nobody,
    next=("log", "bt"),
)

MACHINE_CHECK_SEEN = Rule(
    "machine-check",
    "machine check",
    "The hardware reported an error.",
    Stage.SIGN,
    says=(
        r"mce: \[Hardware Error\]: (?P<what>.*)",
        r"\[Hardware Error\]: (?P<what>.*)",
    ),
    next=("log",),
)
