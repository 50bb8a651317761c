"""The first process ended."""

from __future__ import annotations

import signal

from pycrash.triage.evidence import Evidence
from pycrash.triage.rule import Found, Proof, Rule, Stage, nobody


def _how(evidence: Evidence, found: Found | None) -> list[Proof]:
    """The exit code spelled out: the low byte is a signal, the next one what exit() was given."""
    code = int(found.parts.get("code", "0"), 16) if found else 0
    number, status = code & 0x7F, code >> 8 & 0xFF
    if not number:
        return [Proof(f"init left by itself with exit status {status}", "log | grep exitcode")]
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return [Proof(f"init was killed by {name} ({number})", "log | grep exitcode")]


INIT_KILLED = Rule(
    "init-killed",
    "init killed",
    "The first process of the system ended, and no system goes on without it.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: Attempted to kill init! ?(?:exitcode=(?P<code>0x[0-9a-f]+))?",
    ),
    check=_how,
    suspect=nobody,
    next=("log", "ps 1", "bt"),
)
