"""Tasks that wait for each other in a ring."""

from __future__ import annotations

from pycrash.triage.evidence import Evidence
from pycrash.triage.rule import Found, Proof, Rule, Stage, named_by


def _check(evidence: Evidence, found: Found | None) -> list[Proof]:
    """Each ring, with who holds what."""
    return [
        Proof(
            "; ".join(
                f"{w.task.pid} waits for the {w.kind} {w.name or f'{w.lock or 0:x}'} of "
                f"{w.owner.task.pid if w.owner.task else '?'}"
                for w in ring
            ),
            "blockers",
            all(w.owner.certain for w in ring),
        )
        for ring in evidence.deadlocks
    ]


DEADLOCK = Rule(
    "deadlock",
    "deadlock",
    "Tasks wait for each other in a ring: each holds what the next one waits for, and none will "
    "ever go on.",
    Stage.SIGN,
    explains=("hung-task",),
    check=_check,
    suspect=named_by("hung-task"),
    next=("blockers", "foreach UN bt"),
)
