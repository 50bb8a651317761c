"""Which commands an assistant may call: those that neither write nor run anything.

Every command stands in one of the two tables; a test holds that, so that a new one is decided
upon. Whatever else a registry finds, as plugins, is not served.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pycrash.api import Args


@dataclass(frozen=True)
class Bounds:
    """What of a command is not served.

    `letters` are flags to refuse, each with why; `operands` how many there may be, None for any
    number; `refuses` tells of the other arguments why they are refused, or gives nothing.
    """

    letters: dict[str, str]
    operands: int | None = None
    refuses: Callable[[Args], str] = lambda args: ""

    def problem(self, args: Args) -> str:
        """Why arguments are refused; empty if they are not."""
        for letter, _ in args.given:
            if letter in self.letters:
                return f"-{letter} {self.letters[letter]}"
        if self.operands is not None and len(args.operands) > self.operands:
            return "a second operand names a file to write"
        return self.refuses(args)


def _no_dump(args: Args) -> str:
    return "dump writes a file" if args.operands[:1] == ("dump",) else ""


_ALL = Bounds({})
_FILE = "writes a file"
_LOADS = "changes what is loaded"

SERVED: dict[str, Bounds] = {
    **dict.fromkeys(
        """
        ascii blockers bpf bt btop cfind cls dis eval explain files foreach fuser help ipcs irq
        kmem list log mach mount net p ps pte ptob ptov runq rustfilt sbitmapq search sig stacks
        struct swap sym sys task timer tree triage union vm vtop waitq whatis
        """.split(),  # noqa: SIM905
        _ALL,
    ),
    "bt": Bounds({"O": "changes a setting"}),
    "ccat": Bounds({}, operands=1),
    "dev": Bounds({"D": _FILE}),
    "mod": Bounds({"s": _LOADS, "S": _LOADS, "d": _LOADS, "r": _LOADS}),
    "rd": Bounds({"r": _FILE}),
    "trace": Bounds({"t": _FILE}, operands=1, refuses=_no_dump),
}

REFUSED: dict[str, str] = {
    "*": "it is struct under another name",
    "alias": "it changes the session",
    "diff": "it opens other files",
    "exit": "the client ends the session",
    "extend": "it loads code",
    "gcore": "it writes a file",
    "gdb": "it changes the session; p, whatis, dis and list show the same",
    "py": "it runs code",
    "repeat": "it runs lines of the shell",
    "report": "it writes a file",
    "set": 'it changes the session; every tool takes a "task"',
    "wr": "it writes memory",
}
