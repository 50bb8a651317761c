"""What a rule is: one class of crash, how it is told, and what a verdict says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.tasks.table import Task
    from pycrash.triage.evidence import Evidence


class Stage(IntEnum):
    """How much a message of the kernel decides; of two, the lower number does.

    A FAULT is an error no code expected: the first of a log is the cause of what follows. An END
    is the kernel's own decision to stop. A SIGN is what it says and lives on.
    """

    FAULT = 0
    END = 1
    SIGN = 2


@dataclass(frozen=True)
class Proof:
    """A claim, the command line that shows it, and whether it is certain or only likely."""

    claim: str
    command: str
    certain: bool = True


@dataclass(frozen=True)
class Found:
    """Where a rule matched: the number of the log's line, what the pattern found in it."""

    rule: Rule
    line: int
    match: re.Match[str]

    @property
    def parts(self) -> dict[str, str]:
        """The named parts of the pattern that were there."""
        return {name: text for name, text in self.match.groupdict().items() if text}


#: Whose stack a rule takes the culprit from, of the evidence and all that was found in the log.
Suspect = Callable[["Evidence", "Sequence[Found]"], "Task | None"]
#: What a rule may look at besides its pattern: evidence and where the pattern matched, if it did.
Check = Callable[["Evidence", "Found | None"], "Sequence[Proof]"]


def crashed(evidence: Evidence, found: Sequence[Found]) -> Task | None:
    """The task that crashed."""
    return evidence.task


def nobody(evidence: Evidence, found: Sequence[Found]) -> Task | None:
    """No task: what brought the kernel down is not on a stack."""
    return None


def named_by(rule_name: str) -> Suspect:
    """The task whose pid the first message of a rule names."""

    def suspect(evidence: Evidence, found: Sequence[Found]) -> Task | None:
        pid = next(
            (f.parts["pid"] for f in found if f.rule.name == rule_name and "pid" in f.parts), ""
        )
        tasks = evidence.kernel.tasks.by_pid(int(pid)) if pid.isdecimal() else []
        return tasks[0] if tasks else evidence.task

    return suspect


@dataclass(frozen=True)
class Rule:
    """One class of crash.

    `name` is its short name, for scripts; `title` what a person calls it. `says` are patterns
    searched for in a line of the log; `on_stack` functions of which one on the crashed task's
    stack tells the class where the log does not. `explains` names rules of which this one is the
    reason, where both are found together: the kernel's message of the damage stands before that
    of the fault, or `check` finds proof in the registers. `check` gives further proofs; a rule
    without `says` holds where it gives any. `suspect` tells on whose stack the culprit is.
    `next` are the lines to type next, with {pc}, {address}, {pid} and {function} filled in.
    """

    name: str
    title: str
    meaning: str
    stage: Stage
    says: Sequence[str] = ()
    on_stack: Sequence[str] = ()
    explains: Sequence[str] = ()
    check: Check | None = None
    suspect: Suspect = crashed
    next: Sequence[str] = ("bt", "log")
    patterns: tuple[re.Pattern[str], ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", tuple(re.compile(text) for text in self.says))

    def search(self, text: str) -> re.Match[str] | None:
        """Where one of the patterns is in a line of the log."""
        return next((found for p in self.patterns if (found := p.search(text))), None)

    def proofs(self, evidence: Evidence, found: Found | None) -> Sequence[Proof]:
        """What `check` proves; nothing where what it asks for cannot be read."""
        try:
            return () if self.check is None else self.check(evidence, found)
        except CrashError:
            return ()
