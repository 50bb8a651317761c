"""The lines that a damaged session is asked: every command there is, in turn.

Each case gets some of them, and which moves on from case to case, so that all commands run over
any few dozen cases. Lines are made from what commands declare, and taken from those recorded from
crash; commands that write files or run others have plain lines here.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from pycrash.shell.session import Session
from tests.matrix.random_lines import LEFT_OUT, Maker
from tests.matrix.samples import Found

_RECORDED = Path(__file__).resolve().parent.parent / "golden" / "lines.txt"
#: Lines of commands that no lines are made for by chance.
_PLAIN = {
    "alias": ("alias", "alias dm ps"),
    "extend": ("extend nosuch.py",),
    "gcore": ("gcore -f 21 1", "gcore 1"),
    "gdb": ("gdb p init_task.comm", "gdb ptype struct list_head", "gdb info symbol schedule"),
    "help": ("help ps", "help"),
    "py": ("py prog['init_task'].comm", "py len(list(kernel.tasks.all))"),
    "repeat": ("repeat zzz",),
    "triage": ("triage", "triage --json"),
    "explain": ("explain init_task",),
}
#: Lines that go over all there is of what a command shows: lines made by chance often ask for
#: nothing that is there.
_THOROUGH = {
    "bpf": ("bpf", "bpf -P", "bpf -M"),
    "bt": ("bt -a", "bt", "bt -f", "bt -FF", "bt -t", "bt -e", "bt -l", "foreach bt"),
    "blockers": ("blockers", "blockers -a"),
    "ccat": ("ccat /", "ccat -S /"),
    "cfind": ("cfind /", "cfind -a / etc"),
    "cls": ("cls /", "cls -R /", "cls -l /"),
    "dev": ("dev", "dev -d", "dev -i", "dev -p", "dev -D"),
    "dis": ("dis schedule", "dis -l schedule", "dis -s schedule"),
    "files": ("foreach files", "foreach files -c", "files -c 1"),
    "foreach": (
        *("foreach bt", "foreach vm", "foreach task -R comm,pid", "foreach sig", "foreach net -s"),
    ),
    "fuser": ("fuser /", "fuser /dev"),
    "gcore": ("gcore -f 21 1", "gcore 1"),
    "ipcs": ("ipcs", "ipcs -M", "ipcs -s", "ipcs -q"),
    "irq": ("irq", "irq -d", "irq -b", "irq -a", "irq -s", "irq -u"),
    "kmem": (
        *("kmem -i", "kmem -s", "kmem -S", "kmem -v", "kmem -n", "kmem -z", "kmem -f", "kmem -V"),
        *("kmem -F", "kmem -p", "kmem -o", "kmem -h", "kmem -c", "kmem -r", "kmem -g"),
    ),
    "log": ("log", "log -m", "log -t", "log -d", "log -a", "log -T", "log -c"),
    "mach": ("mach", "mach -m", "mach -c", "mach -o"),
    "mod": ("mod", "mod -t"),
    "mount": ("mount", "mount -n 1"),
    "net": ("net", "net -a", "foreach net -s", "foreach net -S"),
    "p": ("p runqueues:a", "p init_task", "p *init_task.mm", "p jiffies"),
    "ps": (
        *("ps", "ps -a", "ps -G", "ps -t", "ps -p", "ps -l", "ps -s", "ps -r", "ps -m", "ps -g"),
        *("ps -S", "ps -c", "ps -y NORMAL", "ps -A", "ps -H"),
    ),
    "rd": ("rd -S init_task 64", "rd -a linux_banner", "rd -s init_task 64", "rd -p 0 64"),
    "runq": ("runq", "runq -t", "runq -T", "runq -m", "runq -g", "runq -d"),
    "search": ("search deadbeef", "search -t deadbeef", "search -c Linux"),
    "set": ("set 1", "set -p", "set -c 0", "set"),
    "sig": ("sig", "sig -g 1", "foreach sig"),
    "stacks": ("stacks", "stacks -f schedule"),
    "struct": ("struct task_struct init_task", "struct -r mm_struct init_mm"),
    "swap": ("swap",),
    "sym": ("sym -l", "sym -m", "sym -M", "sym schedule"),
    "sys": ("sys", "sys -i", "sys config", "sys -c", "sys -t"),
    "task": ("task", "task 1", "foreach task -R pid,mm"),
    "timer": ("timer", "timer -r", "timer -C 0"),
    "trace": ("trace", "trace show"),
    "triage": ("triage",),
    "vm": ("foreach vm", "foreach vm -p", "vm -m 1", "foreach vm -R text"),
    "vtop": ("foreach vtop 400000", "vtop init_task", "vtop -k ffffffff81000000"),
    "waitq": ("waitq init_task.signal.wait_chldexit", "waitq log_wait"),
}  # fmt: skip
#: How often such a line is taken where a command has some.
_OFTEN = 0.6
#: How many lines of a command there are to choose from.
_EACH = 14
#: Words that ask for other programs, or for files.
_OUTSIDE = frozenset("|<>!{")


class Pool:
    """Lines of all commands for one dump; the same for the same seed."""

    def __init__(self, session: Session, seed: int) -> None:
        self._seed = seed
        maker = Maker(session.registry, Found(session.context, str(seed)), seed)
        recorded = _recorded()
        chance = random.Random(seed)
        self.of: dict[str, list[str]] = {}
        for command in sorted(session.registry, key=lambda c: c.name):
            name = command.name
            if name == "exit":
                continue
            made = [] if name in LEFT_OUT else maker.lines(_EACH, [name])
            known = recorded.get(name, [])
            some = chance.sample(known, min(_EACH, len(known)))
            texts = [line.text for line in made] + some + list(_PLAIN.get(name, ()))
            self.of[name] = [text for text in texts if not _OUTSIDE & set(text)]
        #: Those that take long on a whole dump: what they take on a damaged one says nothing.
        self.slow: set[str] = set()

    def lines(self, number: int, count: int, focus: Iterable[str] = ()) -> list[str]:
        """The lines of one case: of so many commands in turn, and of those in focus."""
        chance = random.Random(f"{self._seed} lines {number}")
        names = sorted(self.of)
        turn = [names[(number * count + at) % len(names)] for at in range(min(count, len(names)))]
        lines = [self._one(name, chance) for name in [*focus, *focus, *turn]]
        return [line for line in dict.fromkeys(lines) if line and line not in self.slow]

    def _one(self, name: str, chance: random.Random) -> str:
        thorough = _THOROUGH.get(name, ())
        if thorough and chance.random() < _OFTEN:
            return chance.choice(thorough)
        return chance.choice(self.of[name]) if self.of[name] else ""

    @property
    def all(self) -> Sequence[str]:
        """Every line once."""
        thorough = [line for lines in _THOROUGH.values() for line in lines]
        return [line for lines in self.of.values() for line in lines] + thorough


def _recorded() -> dict[str, list[str]]:
    """The lines recorded from crash, by their command."""
    found: dict[str, list[str]] = {}
    for line in _RECORDED.read_text().splitlines():
        if line and not line.startswith("#"):
            found.setdefault(line.split()[0], []).append(line)
    return found
