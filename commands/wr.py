"""wr: writes to memory, which neither a dump nor /proc/kcore takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pycrash.api import Args, Command, Context, CrashError, Row, View


class Wr(Command):
    name = "wr"
    summary = "write memory"
    synopsis = "[-u|-k|-p] [-8|-16|-32|-64] [address|symbol] value"
    description = (
        "Changes the memory of a running kernel. A dump is never written to, and nor is a running "
        "kernel, so there is nothing for this command to do here; it only says so."
    )
    related = ("rd", "p")
    examples = (("What it says of any dump", "wr init_task 0"),)
    rows = ()

    def parse(self, words: Sequence[str]) -> Args:
        """Whatever is typed, the answer is the same."""
        return Args(operands=tuple(words))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        if ctx.kernel.is_live:
            raise CrashError(f"cannot write to {ctx.kernel.given[1]}")
        raise CrashError("not allowed on dumpfiles")

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return iter(())
