"""From evidence to a verdict: which message decides, which rule explains it, who is to blame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from string import Formatter

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.stacks.trace import Complaint
from pycrash.kernel.tasks.table import Task
from pycrash.triage.culprit import Culprit, culprit_in_log, culprit_of
from pycrash.triage.evidence import Evidence, LogLine
from pycrash.triage.rule import Found, Proof, Rule, Stage, nobody
from pycrash.triage.rules import RULES

#: A message of damage and the fault it leads to stand no further apart than this.
_SAME_REPORT = 60
_GROUP_NAME = re.compile(r"\?P<\w+>")
#: Tells that there was no crash: QEMU, a hypervisor or /proc/kcore gave the memory.
ALIVE = Rule(
    "alive",
    "no crash",
    "The kernel was not going down: the dump was taken while it ran.",
    Stage.SIGN,
    suspect=nobody,
    next=("log", "foreach UN bt", "runq"),
)
UNKNOWN = Rule(
    "unknown",
    "cause unknown",
    "The kernel went down, but neither its log nor the stack of a task says why.",
    Stage.SIGN,
    next=("log", "bt -a"),
)


@dataclass(frozen=True)
class Verdict:
    """What killed the machine.

    `rule` is the class, with the proofs that it is that one, the most telling first. `first` is
    the first error in the log, of whatever class, and `decided` the line that decides, both None
    where the log has none. `suspect` is the task on whose stack the `culprit` is. `ended` is
    the last message of all that tells how it ended.
    """

    rule: Rule
    proofs: tuple[Proof, ...]
    suspect: Task | None
    culprit: Culprit | None
    first: Found | None
    decided: Found | None
    ended: Found | None
    signs: tuple[Found, ...]
    in_interrupt: bool

    @property
    def certain(self) -> bool:
        """Whether each proof of the class holds by itself."""
        return any(proof.certain for proof in self.proofs)


class Judge:
    """Weighs the evidence of one dump."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.evidence = Evidence(kernel)

    @cached_property
    def found(self) -> list[Found]:
        """Every line of the log that a rule knows, in order, each by the first that does."""
        patterns = (text for rule in RULES for text in rule.says)
        any_rule = re.compile("|".join(_unnamed(text) for text in patterns))
        lines = (
            (place, line.text)
            for place, line in enumerate(self.evidence.log)
            if any_rule.search(line.text)
        )
        return [found for place, text in lines if (found := _by_rule(place, text))]

    @cached_property
    def verdict(self) -> Verdict:
        """What killed the machine."""
        decided = next((f for f in self.found if f.rule.stage == Stage.FAULT), None)
        decided = decided or next((f for f in self.found if f.rule.stage == Stage.END), None)
        rule, proofs = self._explained(decided) if decided else self._without_log()
        ended = [f for f in self.found if f.rule.stage != Stage.SIGN]
        return Verdict(
            rule,
            tuple(proofs),
            self._suspect(rule),
            self._culprit(rule),
            self.found[0] if self.found else None,
            decided,
            ended[-1] if ended else None,
            tuple(f for f in self.found if f.rule.stage == Stage.SIGN),
            self._in_interrupt,
        )

    def line(self, found: Found) -> LogLine:
        """The line of the log that a rule was found in."""
        return self.evidence.log[found.line]

    def next_lines(self) -> list[str]:
        """The lines to type next, with what the verdict knows filled in."""
        verdict = self.verdict
        known = {
            "pc": verdict.culprit and f"{verdict.culprit.address:x}",
            "function": verdict.culprit and verdict.culprit.symbol,
            "pid": verdict.suspect and str(verdict.suspect.pid),
            "address": verdict.decided and verdict.decided.parts.get("address"),
        }
        filled = {name: text for name, text in known.items() if text}
        return [line.format(**filled) for line in verdict.rule.next if _needs(line) <= {*filled}]

    def _explained(self, decided: Found) -> tuple[Rule, list[Proof]]:
        """The rule that gives the reason of what decides, with the proofs."""
        own = self._said(decided)
        for rule in RULES:
            if decided.rule.name not in rule.explains:
                continue
            near = next((f for f in self._near(decided) if f.rule is rule), None)
            if near is not None:
                return rule, [self._said(near), *rule.proofs(self.evidence, near), own]
            if not rule.says and (proofs := rule.proofs(self.evidence, decided)):
                return rule, [*proofs, own]
        return decided.rule, [own, *decided.rule.proofs(self.evidence, decided)]

    def _near(self, decided: Found) -> list[Found]:
        """What was said in the same report as what decides, ahead of it or little behind."""
        return [
            f
            for f in self.found
            if f is not decided and -_SAME_REPORT < f.line - decided.line <= _SAME_REPORT // 10
        ]

    def _said(self, found: Found) -> Proof:
        text = self.line(found).text.strip()
        return Proof(f"the log says: {text}", "log")

    def _without_log(self) -> tuple[Rule, list[Proof]]:
        """The class by the crashed task's stack, where the log tells none."""
        for rule in RULES:
            for function in rule.on_stack:
                if function in self.evidence.functions:
                    task = self.evidence.task
                    proof = Proof(f"{function} is on the stack of {task and task.pid}", "bt", False)
                    return rule, [proof, *rule.proofs(self.evidence, None)]
        if self.evidence.task is None and not self._stopped:
            proof = Proof("no CPU was going down (panic_cpu), and the log has no fault", "log")
            return ALIVE, [proof]
        return UNKNOWN, []

    @property
    def _stopped(self) -> bool:
        """Whether a CPU had begun to bring the kernel down."""
        cpu = self.evidence.variable("panic_cpu")
        return cpu is not None and cpu < 1 << 31

    @property
    def _in_interrupt(self) -> bool:
        """Whether it happened in an interrupt, by the stack or by what the log says."""
        told = any(f.rule.name == "fault-in-interrupt" for f in self.found)
        return told or self.evidence.in_interrupt

    def _suspect(self, rule: Rule) -> Task | None:
        """On whose stack the culprit is, None where the tasks cannot be read either."""
        try:
            return rule.suspect(self.evidence, self.found)
        except CrashError:
            return None

    def _culprit(self, rule: Rule) -> Culprit | None:
        """Whom the rule blames."""
        task = self._suspect(rule)
        if task is None:
            return None
        events, first = self.evidence.trace_of(task), self.found[0] if self.found else None
        if first is not None and any(isinstance(e, Complaint) for e in events):
            # The saved registers were not found where they should be: the log has them.
            lines = self.evidence.log[first.line : first.line + _SAME_REPORT]
            told = culprit_in_log(self.kernel, (line.text for line in lines))
            if told is not None:
                return told
        return culprit_of(self.kernel, events)


def _needs(line: str) -> set[str]:
    """What has to be known to fill in a line."""
    return {name for _, name, _, _ in Formatter().parse(line) if name}


def _unnamed(pattern: str) -> str:
    return _GROUP_NAME.sub("?:", pattern)


def _by_rule(place: int, text: str) -> Found | None:
    for rule in RULES:
        match = rule.search(text)
        if match is not None:
            return Found(rule, place, match)
    return None
