"""Lines made by chance from what commands declare: legal ones, and some that nearly are.

A command is known by its flags and operands alone, so commands to come are served as they are.
Each command has a stream of its own: more lines of one leave those of the others as they were.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pycrash.api import Command, Flag, Place, TaskCommand
from pycrash.api.registry import Registry
from tests.matrix.samples import Found, Samples

#: Commands that are left out, and why.
LEFT_OUT = {
    "alias": "makes words that later lines mean",
    "exit": "ends the session",
    "extend": "loads other programs",
    "gcore": "is none of crash's own",
    "gdb": "runs whatever it is given in crash's own gdb, which may hang, quit or write",
    "help": "its pages are our own",
    "py": "is none of crash's own",
    "repeat": "has no end",
}
#: Letters that are left out, by command.
LEFT_OUT_FLAGS = {
    "bt": "O",  # turns over what every later backtrace of the session is made by
    "files": "n",  # only later versions of crash have it
    "mod": "g",  # leaves symbols behind that no letter takes away
    "ps": "IY",  # of crash after 9.0.2
    "rd": "r",  # writes files
    "set": "a",  # marks a task as active for the rest of the session
    "whatis": "mr",  # has gdb read every file for a minute, which changes later answers
}
#: First operands that are left out, by command: what they change cannot be changed back, or shows
#: the inside of the program. What print_max is at first, no value of it brings back.
LEFT_OUT_WORDS = {
    "set": (
        *("console", "core", "debug", "data_debug", "edit", "emacs", "error", "free", "gdb"),
        *("namelist", "print_max", "scroll", "silent", "vi"),
    )
}
#: What is run behind each line of a command, so that the next one finds the session as it was.
RESTORED_BY = {
    "mod": ("mod -D",),
    "set": (
        "set -p",
        "set radix 10",
        "set print_array off",
        "set null-stop off",
        "set zero_excluded off",
        "set offline show",
        "set redzone on",
        "set refresh on",
        "set hash on",
        "set unwind off",
        "set scope 0",
    ),
}
#: How many flags a line has, and how likely that is.
_FLAG_COUNTS = ((0, 25), (1, 40), (2, 20), (3, 10), (4, 5))
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: How often a new line of a command is tried for where it says the same again.
_PATIENCE = 50


@dataclass(frozen=True)
class RandomLine:
    """A line, and those that put the session back as it was."""

    text: str
    after: tuple[str, ...] = ()


class Maker:
    """Makes lines of commands for one dump."""

    def __init__(self, registry: Registry, found: Found, seed: int) -> None:
        self._seed = seed
        self._found = found
        self._commands = [c for c in registry if c.name not in LEFT_OUT]
        self._serving = [c for c in self._commands if isinstance(c, TaskCommand)]

    def lines(self, count: int, only: Collection[str] = ()) -> list[RandomLine]:
        """So many lines, of each command as many as it has ways to be called."""
        commands = [c for c in self._commands if not only or c.name in only]
        made = []
        for command, share in shares(commands, count).items():
            made += self._of(command, share)
        return made

    def _of(self, command: Command, count: int) -> list[RandomLine]:
        made: dict[str, RandomLine] = {}
        stream = self._stream(command)
        for _ in range(count * _PATIENCE):
            if len(made) == count:
                break
            line = next(stream)
            made.setdefault(line.text, line)
        return [*made.values()]

    def _stream(self, command: Command) -> Iterator[RandomLine]:
        chance = random.Random(f"{self._seed} {command.name}")
        one = OneLine(Samples(self._found, chance), chance)
        while True:
            # Only foreach hands flags on to commands that serve tasks.
            if command.name == "foreach":
                yield one.over_tasks(command, chance.choice(self._serving))
            else:
                yield one.of(command)


class OneLine:
    """Makes one line after the other by a stream of chance."""

    def __init__(self, samples: Samples, chance: random.Random) -> None:
        self._samples = samples
        self._chance = chance

    def of(self, command: Command) -> RandomLine:
        """A line of a command."""
        left_out = LEFT_OUT_FLAGS.get(command.name, "")
        words = self._options(command.flags, left_out)
        words += self._offered(command, words) or self._operands(command.operands)
        line = " ".join([command.name, *words])
        return RandomLine(line, RESTORED_BY.get(command.name, ()))

    def over_tasks(self, foreach: Command, command: TaskCommand) -> RandomLine:
        """A line of foreach over a command: mostly with letters that both have."""
        both = {flag.letter for flag in command.flags}
        flags = [f for f in foreach.flags if f.letter in both or self._likely(0.05)]
        chosen = [word for _ in range(2) for word in self._operands(foreach.operands)]
        words = [*chosen, command.name, *self._options(flags)]
        if self._likely(0.1):
            words += self._operands(command.operands)
        return RandomLine(" ".join([foreach.name, *words]))

    def _offered(self, command: Command, words: Sequence[str]) -> list[str]:
        """Operands that a command offers by itself."""
        if words or self._likely(0.4):
            return []
        context, found = self._samples.found.context, list[str]()
        while len(found) < 3:
            offers = command.complete(context, [*found, ""])
            texts = [offer.text for offer in offers or ()]
            if not texts:
                break
            found.append(self._chance.choice(texts))
        if not found or found[0] in LEFT_OUT_WORDS.get(command.name, ()):
            return []
        values = ("on", "off", "10", "16", "0", "1", "show", "hide", "zzz", self._samples.other())
        return found + ([self._chance.choice(values)] if self._likely(0.6) else [])

    def _options(self, declared: Sequence[Flag], left_out: str = "") -> list[str]:
        """Words of options: joined letters, letters twice, unknown letters now and then."""
        flags = [flag for flag in declared if flag.letter not in left_out]
        counts, weights = zip(*_FLAG_COUNTS, strict=True)
        count = self._chance.choices(counts, weights)[0]
        chosen = [self._chance.choice(flags) for _ in range(count)] if flags else []
        self._samples.begin(space_of(chosen))
        words: list[str] = []
        open_cluster = False
        for flag in chosen:
            if open_cluster and self._likely(0.5):
                words[-1] += flag.letter
            else:
                words.append(f"-{flag.letter}")
            open_cluster = flag.value is None
            if flag.value is not None and not self._likely(0.5 if flag.joined else 0.02):
                self._add_value(words, self._samples.word(flag.value), flag)
        if self._likely(0.03):
            words.append(f"-{self._chance.choice([c for c in _LETTERS if c not in left_out])}")
        return words

    def _add_value(self, words: list[str], value: str, flag: Flag) -> None:
        # A value that is the one word of its kind is the rest of a longer word: -16.
        short = flag.value is not None and value == flag.value.word and len(value) < 5
        if flag.joined or short or self._likely(0.2):
            words[-1] += value
        else:
            words.append(value)

    def _operands(self, places: Sequence[Place]) -> list[str]:
        """Words for the places, some of them missing, one too many now and then."""
        words: list[str] = []
        for place in places:
            if not self._likely(0.8):
                break
            count = self._chance.choices((1, 2, 3), (80, 14, 6))[0] if place.many else 1
            for _ in range(count):
                kind = self._chance.choice(place.kinds)
                fits = self._likely(0.96)
                words.append(self._samples.word(kind) if fits else self._samples.other())
        if self._likely(0.04):
            words.append(self._samples.other())
        return words

    def _likely(self, share: float) -> bool:
        return self._chance.random() < share


def shares(commands: Sequence[Command], count: int) -> Mapping[Command, int]:
    """How many of the lines each command gets: by how much it declares."""
    weights = {c: 1 + len(c.flags) + 2 * len(c.operands) for c in commands}
    total = sum(weights.values())
    return {command: round(count * weight / total) for command, weight in weights.items()}


def space_of(flags: Sequence[Flag]) -> str:
    """The kind of memory that flags say an address is of."""
    for space in ("physical", "user"):
        if any(f"address is {space}" in f.help or f"{space} address" in f.help for f in flags):
            return space
        if any("address is in" in f.help and space in f.help for f in flags):
            return space
    return ""
