"""Words for lines made by chance: one sampler a kind of operand, over what is in one dump.

A kind that has no sampler here is asked what it would complete, and gives a plain word where it
says nothing: so commands bring their own kinds, and nothing here knows a command.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, singledispatchmethod
from typing import Any, TypeVar

import drgn
from drgn.helpers.linux.mm import follow_phys

from pycrash.api import COMM, PID, SYMBOL, Choice, Context, Operand, Typed, Word
from pycrash.api.operands.addresses import AddressKind, SymbolKind
from pycrash.api.operands.cpus import CpuKind
from pycrash.api.operands.expressions import CExpression
from pycrash.api.operands.members import OffsetKind, StructureKind
from pycrash.api.operands.names import FileKind, FolderKind, ModuleKind
from pycrash.api.operands.numbers import Decimal, Hexadecimal, Number
from pycrash.api.operands.tasks import CommKind, PolicyKind, TaskKind
from pycrash.cexpr.printing.ctype import CType
from tests.random_structs import Place, Walker, inner_path

_T = TypeVar("_T", str, int)

_POLICIES = ("NORMAL", "FIFO", "RR", "BATCH", "ISO", "IDLE", "DEADLINE", "fifo", "0", "1", "99")
#: Words that are no operand of anything, each wrong in its own way.
WRONG = ("zzz", "99999999", "ffffffffffffffff", "0", "1234", "no_such_thing", "-5", "0xzz", "''")
#: The most offers of a kind that are looked at.
_MOST = 200
#: How many things of each sort are taken from the dump.
_MANY = 400
_LINKS = ("list_head", "hlist_head", "rb_root", "rb_root_cached", "xarray", "maple_tree")


class Found:
    """What a dump holds, looked for once; the same for the same seed."""

    def __init__(self, context: Context, seed: str) -> None:
        self.context = context
        self.kernel = context.kernel
        self._chance = random.Random(seed)

    @cached_property
    def symbols(self) -> list[str]:
        """Names of symbols, a third of them of modules."""
        table = self.kernel.symbols
        own = {s.name for s in table.kernel() if s.letter in "TtDdBb"}
        others = {s.name for m in self.kernel.modules.all for s in table.in_module(m.name)}
        return self._some(own, 2 * _MANY) + self._some(others, _MANY)

    @cached_property
    def text(self) -> list[int]:
        """Addresses of functions."""
        return self._some({s.address for s in self.kernel.symbols.kernel() if s.letter in "Tt"})

    @cached_property
    def percpu(self) -> list[str]:
        """Names of per-CPU variables."""
        table = self.kernel.symbols
        return self._some({s.name for s in table.kernel() if table.is_percpu(s)})

    @cached_property
    def _walker(self) -> Walker:
        walker = Walker(self.kernel, self._chance)
        task = CType(self.kernel.prog.type("struct task_struct"))
        tasks = [Place(task, known.address) for known in self.kernel.tasks.all]
        # Half of the walks begin at what a running kernel has most to do with.
        walker.roots += self._chance.choices(tasks, k=len(walker.roots))
        return walker

    @cached_property
    def places(self) -> list[Place]:
        """Structures and unions with a name, and where there is one."""
        walks = itertools.islice(iter(self._walker.walk, None), 20 * _MANY)
        found = (place for walk in walks for place in walk if place.name)
        return list(itertools.islice(found, 4 * _MANY))

    @cached_property
    def by_name(self) -> dict[str, list[Place]]:
        """The same by the name of the type."""
        found: dict[str, list[Place]] = {}
        for place in self.places:
            found.setdefault(str(place.name), []).append(place)
        return found

    @cached_property
    def links(self) -> list[Place]:
        """Heads and nodes of lists and trees."""
        return [place for place in self.places if place.name in _LINKS] or self.places

    @cached_property
    def variables(self) -> list[tuple[str, Place]]:
        """Variables of the kernel that are structures, arrays of them or pointers to them."""
        named = ((self.kernel.symbols.lookup(root.address), root) for root in self._walker.roots)
        exact = ((found[0].name, root) for found, root in named if found and not found[1])
        return list(itertools.islice(exact, _MANY))

    @cached_property
    def user(self) -> list[int]:
        """Addresses in user space: of the current task first, then of others."""
        here = self.context.task
        tasks = sorted(self.kernel.tasks.all, key=lambda task: task.address != here)
        found: list[int] = []
        for task in tasks:
            if task.mm:
                mm = drgn.Object(self.kernel.prog, "struct mm_struct", address=task.mm)
                found += [int(getattr(mm, f).value_()) for f in ("start_code", "start_stack")]
        return found[:_MANY] or [0x400000]

    @cached_property
    def physical(self) -> list[int]:
        """Addresses of physical memory that something lies at, and others."""
        found = [self._chance.randrange(0, 1 << 29, 8) for _ in range(20)]
        for place in self.places[:_MANY]:
            try:
                at = follow_phys(self.kernel.prog["init_mm"].address_of_(), place.address)
                found.append(int(at.value_()))
            except (drgn.FaultError, LookupError, ValueError, NotImplementedError):
                continue
        return found

    def _some(self, things: Collection[_T], count: int = _MANY) -> list[_T]:
        return self._chance.sample(sorted(things), min(count, len(things)))


class Samples:
    """Words of any kind, by one stream of chance.

    `space` is the kind of memory that the flags of a line ask for ("physical", "user" or empty);
    an address behind a structure's name is mostly one where there is such a structure.
    """

    def __init__(self, found: Found, chance: random.Random) -> None:
        self.found = found
        self.chance = chance
        self.space = ""
        self._place: Place | None = None

    def begin(self, space: str = "") -> None:
        """A new line begins."""
        self.space, self._place = space, None

    @singledispatchmethod
    def word(self, kind: Operand[Any]) -> str:
        """A word of that kind: mostly one that means something in this dump."""
        offers = itertools.islice(kind.complete(self.found.context, Typed()), _MOST)
        return self._one([offer.text for offer in offers]) or self._plain(kind)

    @word.register
    def _(self, kind: Word) -> str:
        return self._plain(kind)

    @word.register
    def _(self, kind: Choice) -> str:
        return self._one([*kind.choices]) or self._plain(kind)

    @word.register
    def _(self, kind: TaskKind) -> str:
        task = self.chance.choice(self.found.kernel.tasks.all)
        return self._pick(
            (60, lambda: f"{task.pid}"),
            (30, lambda: f"{task.address:x}"),
            (5, lambda: f"{task.pid:#x}"),
            (5, self.wrong),
        )

    @word.register
    def _(self, kind: CommKind) -> str:
        comm = self.chance.choice(self.found.kernel.tasks.all).comm
        bare = comm.split("/")[0].split(":")[0]
        return self._pick(
            (70, lambda: comm if " " not in comm else bare),
            (20, lambda: f"'^{bare[:4]}.*'"),
            (5, lambda: f"\\{bare}"),
            (5, self.wrong),
        )

    @word.register
    def _(self, kind: SymbolKind) -> str:
        return self._pick(
            (75, lambda: self.chance.choice(self.found.symbols)),
            (10, lambda: f"{self.chance.choice(self.found.text) + self._small():x}"),
            (10, lambda: f"{self.chance.choice(self.found.symbols)}+{self._small()}"),
            (5, self.wrong),
        )

    @word.register
    def _(self, kind: AddressKind) -> str:
        if kind.word == "expression":
            return self._expression()
        if self.space == "physical" and self._likely(0.8):
            return f"{self.chance.choice(self.found.physical):x}"
        if self.space == "user" and self._likely(0.8):
            return f"{self.chance.choice(self.found.user) + self._small():x}"
        place, self._place = self._place, None
        if place is not None and self._likely(0.8):
            return f"{place.address:x}"
        return self._address()

    def _address(self) -> str:
        found, choice = self.found, self.chance.choice
        return self._pick(
            (20, lambda: f"{choice(found.kernel.tasks.all).address:x}"),
            (20, lambda: f"{choice(found.places).address:x}"),
            (20, lambda: f"{choice(found.links).address:x}"),
            (20, lambda: choice(found.symbols)),
            (8, lambda: f"{choice(found.symbols)}+{self._small():#x}"),
            (5, lambda: f"{choice(found.text) + self._small():x}"),
            (3, lambda: f"{choice(found.user):x}"),
            (2, lambda: f"{choice(found.physical):x}"),
            (2, self.wrong),
        )

    @word.register
    def _(self, kind: CExpression) -> str:
        return self._expression()

    @word.register
    def _(self, kind: StructureKind) -> str:
        place = self._place = self._structure(kind.kinds)
        names = [m.name for m in place.ctype.members if m.name]
        bare = str(place.name)
        some = self.chance.sample(names, min(len(names), self.chance.randint(1, 3)))
        return self._pick(
            (45, lambda: bare),
            (35, lambda: f"{bare}.{','.join(some)}" if some else bare),
            (12, lambda: f"{bare}.{inner_path(self.chance, place.ctype)}" if some else bare),
            (4, lambda: f"{bare}.no_such_member"),
            (4, self.wrong),
        )

    def _structure(self, kinds: Collection[str]) -> Place:
        """A place of a type of those kinds, each type as likely as the others."""
        named = {
            name: places
            for name, places in self.found.by_name.items()
            if places[0].ctype.real.kind.name.lower() in kinds
        }
        named = named or self.found.by_name
        return self.chance.choice(named[self.chance.choice([*named])])

    @word.register
    def _(self, kind: OffsetKind) -> str:
        place = self._place = self._structure(kind.kinds)
        names = [m.name for m in place.ctype.members if m.name]
        return self._pick(
            (60, lambda: f"{place.name}.{self.chance.choice(names)}" if names else "8"),
            (30, lambda: str(self._small())),
            (10, lambda: f"{self._small():#x}"),
        )

    @word.register
    def _(self, kind: ModuleKind) -> str:
        names = [module.name for module in self.found.kernel.modules.all]
        return self._one(names) if names and self._likely(0.9) else self.wrong()

    @word.register
    def _(self, kind: FileKind) -> str:
        return "nosuchfile"

    @word.register
    def _(self, kind: FolderKind) -> str:
        return "nosuchfolder"

    @word.register
    def _(self, kind: CpuKind) -> str:
        last = self.found.kernel.cpus.count - 1
        return self.chance.choice(["0", "0", f"{last}", f"0-{last}", "a", "all", f"0,{last}", "99"])

    @word.register
    def _(self, kind: PolicyKind) -> str:
        return ",".join(self.chance.sample(_POLICIES, self.chance.choice((1, 1, 2))))

    @word.register
    def _(self, kind: Number) -> str:
        return self._pick(
            (80, lambda: str(self.chance.randint(1, 40))),
            (12, lambda: f"{self.chance.randint(1, 40):#x}"),
            (8, self.wrong_number),
        )

    @word.register
    def _(self, kind: Decimal) -> str:
        return str(self.chance.randint(0, 40)) if self._likely(0.92) else self.wrong_number()

    @word.register
    def _(self, kind: Hexadecimal) -> str:
        return self._address() if self._likely(0.5) else f"{self.chance.randint(0, 4096):x}"

    def wrong(self) -> str:
        """A word that is nothing."""
        return self.chance.choice(WRONG)

    def wrong_number(self) -> str:
        """A number that fits nowhere, or none. Never a count that takes for ever."""
        return self.chance.choice(("0", "zzz", "1x", "-1", "0xg"))

    def other(self) -> str:
        """A word of some kind that the command did not ask for."""
        return self.word(self.chance.choice((PID, COMM, SYMBOL))) if self._likely(0.7) else "zzz"

    def _plain(self, kind: Operand[Any]) -> str:
        """The word that stands for the kind: often it is the only one ("idle")."""
        bare = kind.word.split()[0]
        return self._pick((70, lambda: bare), (20, lambda: str(self._small())), (10, lambda: "zzz"))

    def _small(self) -> int:
        return self.chance.choice((0, 1, 2, 4, 8, 8, 16, 16, 24, 32, 64, 100, 256))

    def _likely(self, share: float) -> bool:
        return self.chance.random() < share

    def _one(self, words: Sequence[str]) -> str:
        return self.chance.choice(words) if words else ""

    def _pick(self, *choices: tuple[int, Callable[[], str]]) -> str:
        """One of these texts, by weight."""
        weights = [weight for weight, _ in choices]
        return self.chance.choices([make for _, make in choices], weights)[0]()

    # C expressions. None holds what the shell would take for a pipe or a redirection.

    def _expression(self) -> str:
        place = self.chance.choice(self.found.places)
        keyword, name = place.ctype.real.kind.name.lower(), place.name
        typed = f"(({keyword} {name}*)0x{place.address:x})"
        names = [m.name for m in place.ctype.members if m.name]
        member = self.chance.choice(names) if names else ""
        variable, root = self.chance.choice(self.found.variables)
        inner = [m.name for m in root.ctype.members if m.name] if root.ctype.aggregate else []
        return self._pick(
            (18, lambda: self.chance.choice(self.found.symbols)),
            (14, lambda: f"{variable}.{self.chance.choice(inner)}" if inner else variable),
            (10, lambda: variable),
            (10, lambda: f"&{variable}"),
            (10, lambda: f"*{typed}"),
            (10, lambda: f"(*{typed}).{member}" if member else f"*{typed}"),
            (10, lambda: f"{self.chance.choice(self.found.percpu)}:{self._cpus()}"),
            (6, lambda: f"sizeof(*{typed})"),
            (6, self._sum),
            (4, lambda: f"{variable}.no_such"),
            (2, self.wrong),
        )

    def _cpus(self) -> str:
        last = self.found.kernel.cpus.count - 1
        return self.chance.choice(["0", f"{last}", "a", "all", f"0-{last}", "", "99"])

    def _sum(self) -> str:
        one = self.chance.choice(["jiffies", "init_task.pid", "1", "0x10", "7", "'a'", "1.5"])
        return f"{one}{self.chance.choice('+-*/%&^')}{self._small()}"
