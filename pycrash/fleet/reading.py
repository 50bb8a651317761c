"""What one dump says of its crash, read on one rung of the ladder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pycrash.errors import CrashError
from pycrash.files.dumpfile import DumpFile
from pycrash.fleet.content import content_key
from pycrash.fleet.facts import Facts, Rung
from pycrash.fleet.signature import Call, after_machinery, bare, calls_in_log, normalised
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.opening import open_dump, open_files
from pycrash.triage.culprit import calls_of
from pycrash.triage.evidence import Evidence
from pycrash.triage.rule import Found, nobody
from pycrash.triage.verdict import ALIVE, UNKNOWN, Judge

_Value = TypeVar("_Value")


def read(files: Sequence[Path], rung: Rung) -> Facts:
    """The facts of a dump, in one file or in parts. Raises CrashError where the rung does not hold.

    `plain` needs the vmlinux, the tasks, the log, and the stack of the task that crashed;
    `zero_excluded` does without the log if it must. `minimal` takes the dump's file alone, and
    tells all that by the log.
    """
    if rung == "minimal":
        return _by_log(open_dump(files[0], parts=files if len(files) > 1 else ()))
    kernel = open_files(files)
    kernel.memory.zero_excluded = rung == "zero_excluded"
    return _by_memory(kernel, needs_log=rung == "plain")


def _by_memory(kernel: Kernel, needs_log: bool) -> Facts:
    judge = Judge(kernel)
    _require(judge.evidence, needs_log)
    verdict, vmlinux = judge.verdict, kernel.given[0]
    assert vmlinux is not None
    culprit = verdict.culprit
    return replace(
        _machine(kernel),
        name=verdict.rule.name,
        title=verdict.rule.title,
        certain=verdict.certain,
        symbol=None if culprit is None else bare(culprit.symbol),
        module=None if culprit is None else culprit.module or None,
        stack=normalised(_stack(judge)),
        message=_message(judge),
        vmlinux=str(vmlinux.absolute()),
        vmlinux_key=content_key(vmlinux),
    )


def _require(evidence: Evidence, needs_log: bool) -> None:
    """What a verdict stands on must be there. Raises CrashError."""
    kernel = evidence.kernel
    if not kernel.tasks.all:
        raise CrashError("no tasks were found")
    if not evidence.log and (needs_log or not kernel.panic.task):
        raise CrashError("the log cannot be read")
    if kernel.panic.task and evidence.task is None:
        raise CrashError("the task that crashed is none of those found")
    if evidence.task is not None and not evidence.trace:
        raise CrashError("the stack of the task that crashed cannot be followed")


def _stack(judge: Judge) -> list[Call]:
    """The calls from the culprit on, or where there is none from the first that is no machinery."""
    culprit, evidence = judge.verdict.culprit, judge.evidence
    task = judge.verdict.suspect or evidence.task
    calls = [] if task is None else calls_of(judge.kernel, evidence.trace_of(task))
    named = [(symbol, module) for symbol, _, _, module in calls]
    if culprit is None:
        return after_machinery(named)
    for place, (_, _, pc, _) in enumerate(calls):
        if pc == culprit.address:
            return named[place:]
    # The log had to tell, and so it does of what lay below.
    told = _calls_of_report(judge)
    names = [symbol for symbol, _ in told]
    if culprit.symbol in names:
        return told[names.index(culprit.symbol) :]
    return [(culprit.symbol, culprit.module)]


def _by_log(kernel: Kernel) -> Facts:
    judge = Judge(kernel)
    if not judge.evidence.log:
        raise CrashError("the log cannot be read")
    # Without memory nothing but the log tells that a kernel went down.
    rule = UNKNOWN if judge.verdict.rule is ALIVE else judge.verdict.rule
    calls = after_machinery(_calls_of_report(judge))
    blamed = calls[:1] if rule.suspect is not nobody else []
    return replace(
        _machine(kernel),
        name=rule.name,
        title=rule.title,
        certain=rule is not UNKNOWN and judge.verdict.certain,
        symbol=bare(blamed[0][0]) if blamed else None,
        module=blamed[0][1] or None if blamed else None,
        stack=normalised(calls),
        message=_message(judge),
    )


def _calls_of_report(judge: Judge) -> list[Call]:
    found = _deciding(judge)
    if found is None:
        return []
    return calls_in_log(line.text for line in judge.evidence.log[found.line :])


def _deciding(judge: Judge) -> Found | None:
    return judge.verdict.decided or judge.verdict.first


def _message(judge: Judge) -> str | None:
    found = _deciding(judge)
    return None if found is None else judge.line(found).text.strip()


def _machine(kernel: Kernel) -> Facts:
    """Which machine and kernel it was, and when it crashed."""
    assert kernel.dump is not None
    note, file = kernel.vmcoreinfo, DumpFile(kernel.dump)
    names = _or_none(lambda: kernel.system.utsname)
    return Facts(
        nodename=names.nodename if names else file.nodename,
        release=note.get("OSRELEASE"),
        build_id=note.build_id,
        crashed=_or_none(lambda: _crashed(kernel)),
    )


def _crashed(kernel: Kernel) -> int:
    """When the kernel went down: by its own note, or by its clock as it stood in the dump."""
    noted = kernel.vmcoreinfo.get("CRASHTIME") or ""
    return int(noted) if noted.isdigit() else kernel.system.date


def _or_none(make: Callable[[], _Value]) -> _Value | None:
    """A fact, None where it cannot be read."""
    try:
        return make()
    except CrashError:
        return None
