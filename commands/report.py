"""report: a page of HTML that tells of the crash, to hand over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    FILE,
    Args,
    Bytes,
    Command,
    Context,
    Flag,
    Row,
    UsageError,
    View,
    one,
    parse_args,
)
from pycrash.api.newfile import new_file


@dataclass(frozen=True)
class ReportRow(Row, kind="report.page"):
    """A report that was written: `path` its name, `sections` their titles, `cut` what was left
    out because there was too much of it."""

    path: str
    size: Bytes
    redacted: bool
    sections: tuple[str, ...]
    cut: tuple[str, ...]


class Report(Command):
    name = "report"
    summary = "a page of HTML that tells of the crash"
    synopsis = "[-r] file"
    description = (
        "Writes one file of HTML to hand over: what triage says, the stacks with a flame graph, "
        "who waits for whom, the tasks, memory, modules and the log. It needs no network and is "
        "below 5 MB, whatever the dump: sections are cut to a size, and say so. It is searched "
        "in by its own line at the top. A file that is there already is left alone."
    )
    flags = (
        Flag(
            "r",
            "Also --redact: leave out user data, command lines, the environment, the host and "
            "addresses. docs/report.md lists what that is.",
        ),
    )
    operands = (one(FILE),)
    rows = (ReportRow,)
    related = ("triage", "stacks", "blockers")
    examples = (
        ("For the ticket:", "report crash.html"),
        ("For somebody else:", "report --redact shared.html"),
    )

    def parse(self, words: Sequence[str]) -> Args:
        return parse_args(
            self.name, self.flags, ["-r" if word == "--redact" else word for word in words]
        )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        from pycrash.report.report import make_report

        if len(args.operands) != 1:
            raise UsageError
        path, redact = args.operands[0], "r" in args
        # Opened first: nobody waits for a page that cannot be written.
        with new_file(path) as file:
            report = make_report(ctx, redact)
            file.write(report.page)
        yield ReportRow(path, len(report.page), redact, report.sections, report.cut)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            assert isinstance(row, ReportRow)
            redacted = ", redacted" if row.redacted else ""
            yield f"{row.path}: {row.size / 1_000_000:.1f} MB{redacted}"
            yield from (f"  {note}" for note in row.cut)
