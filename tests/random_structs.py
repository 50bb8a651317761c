#!/usr/bin/env python3
"""Compares random structure prints between crash and pycrash on one dump.

    tests/random_structs.py --crash CRASH [--count 300] [--seed 1] [--show 5] VMLINUX DUMP

Addresses are real: the kernel's variables and tasks are followed through their members and
pointers. Both programs get the same lines, all in one process each. What differs is shown;
the last line counts. Exit status 0 means no difference.
"""

from __future__ import annotations

import argparse
import collections
import difflib
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import drgn

from pycrash.cexpr.printing.ctype import CType
from pycrash.cexpr.structures.namedtypes import NamedTypes
from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.opening import open_kernel

MARK = "@@line {}@@"
#: What crash says in the middle of a value, of strings in it that cannot be read.
_AMID = re.compile(r'(?:struct|union): [^\n]*"gdb_readmem_callback"\n')
#: Steps of one walk, and walks without a new structure before giving up.
STEPS = 6
PATIENCE = 20_000


@dataclass(frozen=True)
class Place:
    """A structure at an address."""

    ctype: CType
    address: int

    @property
    def name(self) -> str | None:
        """The tag or typedef that names the type, None for a nameless one."""
        type_ = self.ctype.type
        if type_.kind == drgn.TypeKind.TYPEDEF:
            return str(type_.name)
        return type_.tag


class Walker:
    """Finds structures in the dump by chance."""

    def __init__(self, kernel: Kernel, chance: random.Random) -> None:
        self.kernel = kernel
        self.chance = chance
        self.roots = list(self._roots())

    def _roots(self) -> Iterator[Place]:
        """The kernel's variables that are structures, arrays of them or pointers to them."""
        symbols = [s for s in self.kernel.prog.symbols() if s.kind == drgn.SymbolKind.OBJECT]
        # drgn gives them in no fixed order, and any of several variables of one name.
        named = collections.Counter(symbol.name for symbol in symbols)
        symbols = [symbol for symbol in symbols if named[symbol.name] == 1]
        symbols.sort(key=lambda s: (s.address, s.name))
        self.chance.shuffle(symbols)
        for symbol in symbols[:3000]:
            try:
                value = self.kernel.prog.variable(symbol.name)
            except (LookupError, drgn.BadDataError):
                continue
            if value.address_ == symbol.address:
                yield Place(CType(value.type_), symbol.address)

    def walk(self) -> Iterator[Place]:
        """The structures met on one walk from a root."""
        here: Place | None = self.chance.choice(self.roots)
        for _ in range(STEPS):
            if here is None:
                return
            if here.ctype.aggregate and here.ctype.size:
                yield here
            here = self._step(here)

    def _step(self, here: Place) -> Place | None:
        ctype = here.ctype
        if ctype.kind == drgn.TypeKind.POINTER:
            return self._follow(here)
        if ctype.kind == drgn.TypeKind.ARRAY:
            if not ctype.length or not ctype.element.size:
                return None
            at = self.chance.randrange(ctype.length)
            return Place(ctype.element, here.address + at * ctype.element.size)
        members = [m for m in ctype.members if not m.bits]
        if not members:
            return None
        member = self.chance.choice(members)
        inner = Place(member.ctype, here.address + member.bit // 8)
        if member.ctype.kind == drgn.TypeKind.POINTER:
            return self._follow(inner)
        is_array = member.ctype.kind == drgn.TypeKind.ARRAY
        return inner if member.ctype.aggregate or is_array else None

    def _follow(self, here: Place) -> Place | None:
        target = here.ctype.element
        if not target.aggregate or not target.size:
            return None
        try:
            address = self.kernel.read_word(here.address)
            self.kernel.read(address, min(target.size, 8))
        except CrashError:
            return None
        return Place(target, address) if address >> 63 or self.kernel.word_size == 4 else None


def lines(walker: Walker, count: int) -> Iterator[str]:
    """Lines for as many structures, each type at most a few times."""
    chance = walker.chance
    seen: dict[str, int] = {}
    made = 0
    for _ in range(PATIENCE):
        if made >= count:
            return
        for place in walker.walk():
            name = place.name
            if name is None or seen.get(name, 0) >= 3 or made >= count:
                continue
            datatype = walker.kernel.part(NamedTypes).find(name)
            # Of several types of one name both programs may take any.
            if datatype is None or datatype.size != place.ctype.size:
                continue
            seen[name] = seen.get(name, 0) + 1
            made += 1
            yield line(chance, name, place)


def line(chance: random.Random, name: str, place: Place) -> str:
    """One line that shows a structure in one of the ways there are."""
    command = place.ctype.real.kind.name.lower()
    named = [m.name for m in place.ctype.members if m.name]
    address = f"{place.address:x}"
    form = chance.random()
    if form < 0.45 or not named:
        options = chance.choice(["", "", "", " -x", " -d"])
        return f"{command} {name}{options} {address}"
    if form < 0.75:
        some = chance.sample(named, min(len(named), chance.randint(1, 3)))
        options = chance.choice(["", "", " -x"])
        return f"{command} {name}.{','.join(some)}{options} {address}"
    if form < 0.82:
        inner = inner_path(chance, place.ctype)
        return f"{command} {name}.{inner} {address}"
    if form < 0.88:
        return f"{command} {name} -o {chance.choice(['', address])}".rstrip()
    if form < 0.92:
        return f"{command} {name}.{chance.choice(named)} -r {address}"
    if form < 0.96:
        return f"{command} {name}.{chance.choice(named)}"
    return f"{command} {name}"


def inner_path(chance: random.Random, ctype: CType) -> str:
    """A way to a member inside of members."""
    steps: list[str] = []
    while True:
        named = [m for m in ctype.members if m.name]
        if not named:
            return ".".join(steps)
        member = chance.choice(named)
        steps.append(member.name)
        ctype = member.ctype
        if not ctype.aggregate or chance.random() < 0.3:
            return ".".join(steps)


def run(program: str, vmlinux: str, dump: str, wanted: list[str]) -> list[str | None]:
    """What a program prints for each line; None for a line it died of."""
    answers: list[str | None] = []
    while len(answers) < len(wanted):
        found = session(program, vmlinux, dump, wanted[len(answers) :])
        if not found:
            raise SystemExit(f"{program}: no answer")
        answers += found
    return answers


def session(program: str, vmlinux: str, dump: str, wanted: list[str]) -> list[str | None]:
    """The answers of one process, the last one None where it died before the end."""
    marked = [f"!echo '{MARK.format(i)}'\n{text}\n" for i, text in enumerate(wanted)]
    script = "".join(marked) + f"!echo '{MARK.format('end')}'\n"
    done = subprocess.run(
        [*program.split(), "-s", vmlinux, dump],
        input=script.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    parts = re.split(r"@@line \w+@@\n", done.stdout.decode("utf-8", "replace"))[1:]
    answers: list[str | None] = [part.rstrip("\n") for part in parts[: len(wanted)]]
    if len(parts) <= len(wanted):
        answers[-1:] = [None]
    return answers


def is_part(part: str, whole: str) -> bool:
    """Whether all lines of one text are among those of another, in their order.

    crash's word that it found no member counts as a part.
    """
    if "invalid data structure member reference" in part:
        return True
    rest = iter(whole.split("\n"))
    return not part or all(line in rest for line in part.split("\n"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crash", required=True)
    parser.add_argument("--pycrash", default=f"{sys.executable} -m pycrash")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5)
    parser.add_argument("vmlinux")
    parser.add_argument("dump")
    options = parser.parse_args()
    kernel = open_kernel(Path(options.vmlinux), Path(options.dump))
    walker = Walker(kernel, random.Random(options.seed))
    wanted = list(lines(walker, options.count))
    theirs = run(options.crash, options.vmlinux, options.dump, wanted)
    ours = run(options.pycrash, options.vmlinux, options.dump, wanted)
    same = cut = 0
    for text, want, got in zip(wanted, theirs, ours, strict=True):
        if want is None:
            print(f"crash died of: {text}")
            cut += 1
            continue
        same += want == got
        if got is None:
            print(f"pycrash died of: {text}")
        elif want != got and (_AMID.sub("", want) == got or ("." in text and is_part(want, got))):
            # crash searches members in gdb's text and loses its way in some, and says in the
            # middle of a value that a string cannot be read: differences.md.
            cut += 1
        elif want != got and options.show > 0:
            options.show -= 1
            print(f"--- {text}")
            pairs = difflib.unified_diff(
                want.split("\n"), got.split("\n"), "crash", "pycrash", lineterm="", n=2
            )
            print("\n".join(list(pairs)[2:40]))
    also = f", {cut} that crash cuts short, breaks or dies of" if cut else ""
    print(f"{same} of {len(wanted)} identical{also} (seed {options.seed})")
    return 0 if same + cut == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
