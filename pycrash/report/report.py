"""The report of one dump: its sections as one page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycrash.api import Context, CrashError
from pycrash.render.ctext import date_text
from pycrash.report.answers import Answers
from pycrash.report.page import Section, render
from pycrash.report.redact import Redactor
from pycrash.report.sections import PARTS, Source, sections
from pycrash.version import VERSION


@dataclass(frozen=True)
class Report:
    """The page as UTF-8, the titles of its sections, and what was left out for its size."""

    page: bytes
    sections: tuple[str, ...]
    cut: tuple[str, ...]


def make_report(context: Context, redact: bool) -> Report:
    """The report of a dump, without what docs/report.md lists if it is to be redacted.

    Raises CrashError where it cannot be said what is to be left out.
    """
    redactor = make_redactor(context) if redact else None
    answers = Answers(context, redactor)
    source = Source(answers, redactor, context.shell.picture, context.kernel)
    found: list[Section] = []
    for number, section in enumerate(sections(source)):
        context.shell.progress("report", number, len(PARTS))
        found.append(section)
    cut = tuple(f"{section.title}: {note}" for section in found for note in section.cut)
    page = render("Crash report", _subtitle(context, redactor), found)
    return Report(page, tuple(section.title for section in found), cut)


def make_redactor(context: Context) -> Redactor:
    """The redactor of a dump. Raises CrashError where its tasks cannot be listed."""
    tasks = context.kernel.tasks
    system = context.kernel.system
    programs = {task.comm for task in tasks.all if not tasks.is_kernel_thread(task)}
    hosts: list[str] = []
    parameters = ""
    try:
        hosts = [system.utsname.nodename, system.utsname.domainname]
        parameters = system.command_line
    except CrashError:
        pass  # what cannot be read is in no section either
    return Redactor(hosts, programs, parameters)


def _subtitle(context: Context, redactor: Redactor | None) -> str:
    return ", ".join(_facts(context, redactor))


def _facts(context: Context, redactor: Redactor | None) -> Iterator[str]:
    system = context.kernel.system
    try:
        names = system.utsname
        if redactor is None:
            yield names.nodename
        yield f"Linux {names.release}"
        yield date_text(system.date)
    except CrashError:
        pass
    yield f"pycrash {VERSION}"
    if redactor is not None:
        yield "redacted: user data, command lines, environment, host and addresses are left out"
