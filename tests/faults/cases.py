"""Cases: which fault the case of a class and number has, and what becomes of a session in it."""

from __future__ import annotations

import importlib
import os
import pkgutil
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pycrash
from pycrash.kernel.kernel import Kernel
from pycrash.shell import loop
from pycrash.shell.main import run
from pycrash.shell.options import parse_options
from pycrash.shell.session import Session
from pycrash.shell.start import configure, make_registry, make_settings, open_session
from tests.faults import debugfiles, dumpfiles, pages, surroundings
from tests.faults.lines import Pool
from tests.faults.overlay import Overlay
from tests.faults.places import AREAS
from tests.faults.special import SPECIAL
from tests.faults.structures import Damage
from tests.faults.talk import Conversation, Limits, Outcome
from tests.golden.sample import arrange
from tests.matrix.samples import Found

#: Ways in for dumps that do not open as they are.
_WAYS_IN = ("--minimal", "--zero_excluded", "--no_modules", "--no_kmem_cache", "--no_panic")


@dataclass
class Report:
    """One case, and what became of it."""

    name: str
    number: int
    told: list[str]
    lines: list[str]
    outcome: Outcome
    terminal: bool = False


@dataclass
class World:
    """A whole dump, opened once, that all cases are made of.

    In a case run lines of so many commands as `each` says, beside those that look at what is
    damaged. `folder` holds `vmlinux` and `vmcore`, and the cases' own folders while they run.
    """

    seed: int
    folder: Path
    debug: bool = False
    each: int = 6
    limits: Limits = field(default_factory=Limits)

    @cached_property
    def session(self) -> Session:
        """The session in the parent, which is never damaged."""
        session = open_session(parse_options(["-s", *self._files]))
        session.kernel.index_types()
        return session

    @cached_property
    def found(self) -> Found:
        """What is in the dump."""
        return Found(self.session.context, str(self.seed))

    @cached_property
    def pool(self) -> Pool:
        """The lines to choose from."""
        return Pool(self.session, self.seed)

    @cached_property
    def kdump(self) -> dumpfiles.KdumpBytes:
        """The dump's bytes."""
        return dumpfiles.KdumpBytes((self.folder / "vmcore").read_bytes())

    @cached_property
    def debug_file(self) -> debugfiles.DebugFile:
        """The vmlinux."""
        return debugfiles.DebugFile((self.folder / "vmlinux").resolve())

    @property
    def _files(self) -> list[str]:
        return [str(self.folder / name) for name in ("vmlinux", "vmcore")]

    def prepare(self) -> None:
        """Import and find everything that cases need, before the first is forked."""
        for module in pkgutil.walk_packages(pycrash.__path__, "pycrash."):
            if module.name != "pycrash.__main__":
                with suppress(ImportError):  # what needs packages that are not asked for
                    importlib.import_module(module.name)
        self.session.kernel.symbols.kernel()
        for part in (self.found.places, self.found.by_name, self.found.text, self.pool.all):
            assert part
        assert self.kdump.count
        assert self.debug_file.sections

    def serve(self, options: list[str]) -> int:
        """A session on the opened dump, with everything beyond drgn's part new."""
        whole = self.session.kernel
        given = parse_options([*options, *self._files])
        kernel = Kernel(whole.prog, whole.vmlinux, whole.dump, whole.options)
        kernel.given = whole.given
        session = Session(kernel, make_settings(given), make_registry())
        configure(session, given)
        return loop.serve(session, given)

    @property
    def options(self) -> list[str]:
        return ["--no_scroll", *(["--debug"] if self.debug else [])]

    @contextmanager
    def room(self) -> Iterator[Path]:
        """A folder of a case's own, with the whole files in it."""
        room = Path(tempfile.mkdtemp(prefix="case-", dir=self.folder))
        try:
            for name in sorted(path.name for path in self.folder.iterdir() if path.is_file()):
                (room / name).symlink_to((self.folder / name).resolve())
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)


def make_world(seed: int, folder: Path, files: Sequence[Path] = ()) -> World:
    """A world in an empty folder, on a vmlinux and its dump, or on the sample dump."""
    if not files:
        arrange(folder)
    for name, file in zip(("vmlinux", "vmcore"), files, strict=False):
        (folder / name).symlink_to(file.resolve())
    return World(seed, folder)


def sound(world: World, lines: list[str]) -> Outcome:
    """What lines are answered on the undamaged dump."""
    with world.room() as room:
        limits = Limits(work=60, clock=300)
        return Conversation(lambda: world.serve(world.options), room, limits).run(lines)


def structures(world: World, number: int) -> Report:
    """Structures of the kernel, area by area, and then what is no structure."""
    kinds = [*(area.name for area in AREAS), *SPECIAL, "anything"]
    kind = kinds[number % len(kinds)]
    chance = random.Random(f"{world.seed} structures {number}")
    overlay = Overlay(world.session.kernel)
    damage = Damage(world.found, chance, overlay)
    focus: tuple[str, ...] = ("ps", "bt", "kmem")
    if kind in SPECIAL:
        make, focus = SPECIAL[kind][0], tuple(SPECIAL[kind][1])
    elif kind == "anything":
        make = Damage.anything
    else:
        area = next(area for area in AREAS if area.name == kind)
        make, focus = (lambda d: d.structures(area)), tuple(area.focus)
    for _ in range(3):
        make(damage)
        if overlay.told:
            break
        make = Damage.anything  # this kernel lacks that part
    terminal = chance.random() < (0.7 if kind == "names" else 0.3)

    def serve() -> int:
        overlay.apply()
        return world.serve(world.options)

    lines = world.pool.lines(number, world.each, focus)
    return _talk(world, "structures", number, [f"{kind}:", *overlay.told], lines, serve, terminal)


def _talk(
    world: World,
    name: str,
    number: int,
    told: list[str],
    lines: list[str],
    serve: Callable[[], int],
    terminal: bool,
    room: Path | None = None,
) -> Report:
    if room is None:
        with world.room() as own:
            return _talk(world, name, number, told, lines, serve, terminal, own)
    outcome = Conversation(serve, room, world.limits, terminal).run(lines)
    return Report(name, number, told, lines, outcome, terminal)


def _opened(
    world: World, name: str, number: int, chance: random.Random, room: Path, told: list[str]
) -> Report:
    """A session that opens the files of a case's own folder."""
    options = [*world.options]
    if chance.random() < 0.25:
        options.append(chance.choice(_WAYS_IN))
    terminal = chance.random() < 0.3
    lines = world.pool.lines(number, world.each, ("ps", "bt", "log", "kmem", "rd"))

    def serve() -> int:
        os.environ["XDG_CACHE_HOME"] = str(room / "cache")
        return run([*options, "vmlinux", "vmcore"])

    return _talk(world, name, number, [*told, *options[1:]], lines, serve, terminal, room)


def dump_files(world: World, number: int) -> Report:
    """The dump's file."""
    return _copied(world, "dump files", number, dumpfiles.damaged)


def page_faults(world: World, number: int) -> Report:
    """The dump's pages."""
    return _copied(world, "pages", number, pages.damaged)


def _copied(
    world: World,
    name: str,
    number: int,
    damaged: Callable[[dumpfiles.KdumpBytes, random.Random, int], tuple[bytes, list[str]]],
) -> Report:
    chance = random.Random(f"{world.seed} {name} {number}")
    content, told = damaged(world.kdump, chance, number)
    with world.room() as room:
        (room / "vmcore").unlink()
        (room / "vmcore").write_bytes(content)
        return _opened(world, name, number, chance, room, told)


def debug_files(world: World, number: int) -> Report:
    """The vmlinux."""
    chance = random.Random(f"{world.seed} debug files {number}")
    with world.room() as room:
        (room / "vmlinux").unlink()
        shutil.copyfile(world.debug_file.path, room / "vmlinux")
        told = world.debug_file.damage(room / "vmlinux", chance, number)
        return _opened(world, "debug files", number, chance, room, told)


def surrounding(world: World, number: int) -> Report:
    """What is around a session."""
    chance = random.Random(f"{world.seed} surroundings {number}")
    with world.room() as room:
        case = surroundings.run(room, chance, number)
    return Report("surroundings", number, case.told, [], case.outcome)


#: The classes by their names, and how many of a hundred cases each gets.
CLASSES: Mapping[str, tuple[Callable[[World, int], Report], int]] = {
    "structures": (structures, 50),
    "pages": (page_faults, 15),
    "dump files": (dump_files, 18),
    "debug files": (debug_files, 12),
    "surroundings": (surrounding, 5),
}
