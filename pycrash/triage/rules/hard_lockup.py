"""A CPU that took no interrupt."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

HARD_LOCKUP = Rule(
    "hard-lockup",
    "hard lockup",
    "A CPU did not take interrupts for many seconds.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?:Watchdog detected hard LOCKUP|Hard LOCKUP|hard LOCKUP).*",
    ),
    explains=("panic",),
    on_stack=("watchdog_overflow_callback", "watchdog_hardlockup_check"),
    next=("bt -a", "runq"),
)

HARD_LOCKUP_SEEN = Rule(
    "hard-lockup",
    "hard lockup",
    "A CPU did not take interrupts for many seconds, and the machine went on.",
    Stage.SIGN,
    says=(r"[Ww]atchdog detected hard LOCKUP on cpu (?P<cpu>\d+)",),
    next=("bt -a",),
)
