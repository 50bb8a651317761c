"""A grace period of RCU that did not end."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

RCU_STALL = Rule(
    "rcu-stall",
    "RCU stall",
    "A CPU or task kept RCU's grace period from ending: it looped in a critical section, or "
    "got no time to run.",
    Stage.END,
    says=(r"Kernel panic - not syncing: RCU Stall",),
    on_stack=("panic_on_rcu_stall", "rcu_check_gp_kthread_starvation"),
    explains=("panic",),
    next=("bt -a", "runq", "log"),
)

RCU_STALL_SEEN = Rule(
    "rcu-stall",
    "RCU stall",
    "A grace period of RCU took too long, and the machine went on.",
    Stage.SIGN,
    says=(
        r"rcu\w*: (?:INFO: )?rcu_?\w* (?:self-)?detected (?:expedited )?stalls?(?: on CPUs?)?.*",
        r"INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls? on.*",
    ),
    next=("bt -a",),
)
