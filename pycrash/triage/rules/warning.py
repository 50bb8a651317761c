"""A warning, which the kernel bears."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

WARNING = Rule(
    "warning",
    "warning",
    "The code found something wrong that it can live with.",
    Stage.SIGN,
    says=(
        r"WARNING: CPU: (?P<cpu>\d+) PID: (?P<pid>\d+) at (?P<place>\S+)(?: (?P<function>\S+))?",
        r"WARNING: (?P<place>\S+:\d+) at (?P<function>\S+)",
    ),
    next=("log",),
)
