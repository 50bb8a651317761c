"""Faults of what is around a session: its cache, its disk, its streams, its signals, its limits.

Each case is a process of its own, started as a user starts it.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.talk import Outcome, Trouble

#: Seconds of the clock for one session, on a machine that others use too.
_LIMIT = 600
_INTERNAL = re.compile(r"internal error: \w+: ")
_LINES = "ps 1\nsym -n linux_banner\np init_task.comm\nlog\nkmem -i\nexit\n"
#: What an answer to these lines holds.
_SIGNS = ("swapper/0", "linux_banner", "crashme")
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Ended:
    """A session that is over."""

    status: int
    said: str
    seconds: float


@dataclass
class Surrounded:
    """One case: a folder with the whole files, a stream of chance, and what went wrong."""

    room: Path
    chance: random.Random
    told: list[str] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def cache(self) -> Path:
        return self.room / "cache"

    def start(self, *options: str, dump: str = "vmcore", **how: Any) -> subprocess.Popen[bytes]:
        """Start a session; by default it reads nothing and what it says is kept."""
        env = {
            **os.environ,
            "XDG_CACHE_HOME": str(self.cache),
            "HOME": str(self.room),
            "TMPDIR": str(self.room / "tmp"),
            "PYTHONPATH": str(ROOT),
            **how.pop("env", {}),
        }
        (self.room / "tmp").mkdir(exist_ok=True)
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            [sys.executable, "-m", "pycrash", "--no_scroll", *options, "vmlinux", dump],
            cwd=how.pop("cwd", self.room),
            env=env,
            **{**streams, **how},
        )

    def end(self, process: subprocess.Popen[bytes], lines: str | None = _LINES) -> Ended:
        """Feed it lines and wait for its end; its death and hang are troubles."""
        began = time.monotonic()
        try:
            typed = None if lines is None else lines.encode("utf-8", "surrogateescape")
            out, _ = process.communicate(typed, _LIMIT)
        except subprocess.TimeoutExpired:
            self.trouble("hang", f"still there after {_LIMIT} s")
            process.kill()
            out, _ = process.communicate()
        said = (out or b"").decode("utf-8", "backslashreplace")
        # A signal may come before a line of pycrash is run: that is Python's to tell.
        ours = not said.startswith("Fatal Python error: init_")
        if ours and ("Traceback (most recent call last)" in said or "Exception ignored" in said):
            self.trouble("traceback", said[-1500:])
        elif _INTERNAL.search(said):
            self.trouble("internal error", said[-1500:])
        self.outcome.lines += said.count("crash> ")
        return Ended(process.returncode, said, time.monotonic() - began)

    def ends_well(self, ended: Ended, statuses: Sequence[int] = (0, 1)) -> None:
        """Its status is one of these."""
        if ended.status not in statuses:
            self.trouble("death", f"ended with {ended.status}: {ended.said[-1000:]}")

    def answers(self, ended: Ended) -> None:
        """All lines were answered."""
        self.ends_well(ended)
        lacking = [sign for sign in _SIGNS if sign not in ended.said]
        if lacking:
            self.trouble("lost", f"no {lacking} in {ended.said[-1000:]}")

    def trouble(self, kind: str, seen: str) -> None:
        self.outcome.troubles.append(Trouble(kind, self.told[0] if self.told else "", seen))


def _not_writable(case: Surrounded) -> None:
    """The place of the cache is a file, below a file, not there, or nobody's."""
    way = case.chance.randrange(4)
    case.told.append(f"cache not writable, way {way}")
    place = (case.room / "file", case.room / "file" / "x", Path("/proc/1/x"), Path("/dev/null"))[
        way
    ]
    (case.room / "file").write_text("")
    env = {"XDG_CACHE_HOME": str(place)}
    if case.chance.random() < 0.5:
        env["TMPDIR"] = str(case.room / "file")
    case.answers(case.end(case.start(env=env)))


def _planted(case: Surrounded) -> None:
    """What a session left in the cache is replaced by something of that name."""
    _pack(case)
    case.told.append("cache planted")
    case.answers(case.end(case.start(dump="packed")))
    victim = case.room / "victim"
    victim.write_text("of another user")
    sure = True
    for kept in [*(case.cache / "pycrash").iterdir()]:
        way = case.chance.randrange(9)
        case.told.append(f"{kept.name}: way {way}")
        content = kept.read_bytes() if way in (2, 3, 4) else b""
        kept.unlink()
        if way == 0:
            kept.symlink_to(victim)
        elif way == 1:
            kept.mkdir()
        elif way == 2:
            kept.write_bytes(content[: case.chance.randrange(len(content) + 1)])
        elif way == 3:
            kept.write_bytes(bytes(len(content)))
            sure = False  # of that size, and written to by the user's own hand
        elif way == 4:
            at = case.chance.randrange(len(content) or 1)
            kept.write_bytes(content[:at] + b"\xff{[" + content[at + 3 :])
            sure = False
        elif way == 5:
            kept.write_bytes(b'{"a": [1, null]}')
        elif way == 6:
            kept.symlink_to(kept)
        elif way == 7:
            kept.write_bytes(b"")
    ended = case.end(case.start(dump="packed"))
    (case.answers if sure else case.ends_well)(ended)
    if victim.read_text() != "of another user":
        case.trouble("lost", "a file behind a link was written to")


def _at_once(case: Surrounded) -> None:
    """Several sessions start at once on a cold cache."""
    _pack(case)
    case.told.append("starts at once")
    started = [case.start(dump="packed") for _ in range(case.chance.choice((2, 3)))]
    for process in started:
        case.answers(case.end(process))


def _killed(case: Surrounded) -> None:
    """A session is killed in the middle of an unpack; the next one knows nothing of it."""
    _pack(case)
    which = case.chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT))
    wait = case.chance.uniform(0.05, 1.5)
    case.told.append(f"{which.name} after {wait:.2f} s")
    process = case.start(dump="packed")
    time.sleep(wait)
    process.send_signal(which)
    ended = case.end(process)
    case.ends_well(ended, (0, 1, 130, -which, 128 + which))
    case.answers(case.end(case.start(dump="packed")))


def _signalled(case: Surrounded) -> None:
    """Signals come while lines run."""
    which = case.chance.choice(
        (
            signal.SIGINT,
            signal.SIGTERM,
            signal.SIGHUP,
            signal.SIGWINCH,
            signal.SIGPIPE,
            signal.SIGCHLD,
        )
    )
    wait = case.chance.uniform(0.1, 2.5)
    case.told.append(f"{which.name} after {wait:.2f} s in lines")
    process = case.start()
    assert process.stdin is not None
    process.stdin.write(_LINES.replace("exit\n", "").encode() * 12)
    process.stdin.flush()
    time.sleep(wait)
    process.send_signal(which)
    case.ends_well(case.end(process, "exit\n"), (0, 1, 130, -which, 128 + which))


def _small_files(case: Surrounded) -> None:
    """No file may grow: as on a disk that is full."""
    _pack(case)
    most = case.chance.choice((0, 1, 100, 5000, 1 << 20))
    case.told.append(f"files of at most {most} bytes")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    ended = case.end(case.start(dump=case.chance.choice(("packed", "vmcore")), preexec_fn=limit))
    case.ends_well(ended)
    case.answers(case.end(case.start(dump="packed")))


def _full_disk(case: Surrounded) -> None:
    """The cache is on a disk of a megabyte or less, where one can be had."""
    _pack(case)
    size = case.chance.choice(("4k", "64k", "1m", "8m"))
    case.told.append(f"a disk of {size}")
    case.cache.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "faults", case.cache],
        check=False,
        capture_output=True,
    )
    try:
        if made.returncode:  # only root may
            case.told.append("which cannot be had: /dev/full instead")
            lines = "ps > /dev/full\nlog >> /dev/full\np init_task.comm\nexit\n"
            case.ends_well(case.end(case.start(), lines))
            return
        ended = case.end(case.start(dump="packed"), f"log > cache/log\n{_LINES}")
        case.ends_well(ended)
    finally:
        if not made.returncode:
            subprocess.run(["umount", "-l", case.cache], check=False)
    case.answers(case.end(case.start(dump="packed")))


def _closed(case: Surrounded) -> None:
    """Streams that are closed, or are no streams, or whose reader goes away."""
    numbers = [number for number in range(3) if case.chance.random() < 0.5]
    way = case.chance.randrange(4)
    case.told.append(f"streams closed: {numbers}, way {way}")
    streams: dict[str, Any] = {}
    if way == 0:

        def close() -> None:
            for number in numbers:
                os.close(number)

        streams["preexec_fn"] = close
    elif way == 1:
        streams["stdout"] = open("/dev/full", "wb")  # noqa: SIM115
    elif way == 2:
        streams["stdin"] = subprocess.DEVNULL
    process = case.start(**streams)
    if way == 3:
        assert process.stdout is not None
        process.stdout.read1(case.chance.choice((1, 100, 5000)))  # type: ignore[attr-defined]
        process.stdout.close()
        process.stdout = None
    gone = way == 0 and 0 in numbers
    with contextlib.suppress(BrokenPipeError):
        case.ends_well(case.end(process, None if way == 2 or gone else _LINES), (0, 1, 120, -13))
    for stream in streams.values():
        if hasattr(stream, "close"):
            stream.close()


def _strange_input(case: Surrounded) -> None:
    """Lines that are none: random bytes, long ones, without an end."""
    chance = case.chance
    way = chance.randrange(5)
    case.told.append(f"strange input, way {way}")
    words = (
        "ps",
        "p",
        "struct",
        "rd",
        "log",
        "|",
        ">",
        "<",
        "'",
        '"',
        "(",
        ")",
        "\\",
        "`",
        "$",
        "\0",
        "!",
        "é",
        "\udcff",
        "-",
        "*",
        "&",
        "foreach",
        "0x",
        "9" * 40,
    )
    if way == 0:
        lines = chance.randbytes(3000).replace(b"!", b"?").decode("utf-8", "surrogateescape")
    elif way == 1:
        lines = "p " + "(" * chance.choice((50, 2000, 50000)) + "1\n"
    elif way == 2:
        lines = chance.choice(words) * chance.choice((100, 100_000)) + "\n"
    else:
        made = (" ".join(chance.choices(words, k=chance.randint(1, 8))) for _ in range(40))
        lines = "\n".join(
            line for line in made if "!" not in line and ">" not in line and "|" not in line
        )
    case.ends_well(case.end(case.start("-s"), f"{lines}\n{_LINES}"))


def _environment(case: Surrounded) -> None:
    """Variables, limits and files of the user that are strange."""
    chance = case.chance
    way = chance.randrange(9)
    case.told.append(f"environment, way {way}")
    env: dict[str, str] = {}
    how: dict[str, Any] = {"env": env}
    if way == 0:
        env |= {
            "HOME": "",
            "XDG_CACHE_HOME": "",
            "XDG_CONFIG_HOME": "/dev/null",
            "TERM": "",
            "LANG": "xx",
        }
    elif way == 1:
        env |= {"PATH": "", "EDITOR": "\n", "PAGER": "/nosuch", "CRASHPAGER": "/nosuch"}
    elif way == 2:
        how["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    elif way == 3:
        how["preexec_fn"] = lambda: os.umask(0o777) and None
    elif way == 4:
        (case.room / ".crashrc").write_bytes(b"\xff\0nonsense\nps | head -1\nset radix zzz\n")
    elif way == 5:
        (case.room / ".crashrc").mkdir()
    elif way == 6:
        env["LC_ALL"] = "C"
    elif way == 7:
        folder = case.room / "plugins" / "pycrash" / "commands"
        folder.mkdir(parents=True)
        broken = ("import nosuch", "raise SystemExit", "def (", "1/0", "x = 1")
        (folder / "broken.py").write_text(chance.choice(broken) + "\n")
        env["XDG_CONFIG_HOME"] = str(case.room / "plugins")
    else:
        gone = case.room / "gone"
        gone.mkdir()
        for name in ("vmlinux", "vmcore"):
            (gone / name).symlink_to((case.room / name).resolve())
        process = case.start(cwd=gone)
        time.sleep(0.8)
        subprocess.run(["rm", "-rf", gone], check=True)
        case.ends_well(case.end(process))
        return
    case.answers(case.end(case.start(**how)))


def _little_memory(case: Surrounded) -> None:
    """Less memory than a session needs, or hardly enough."""
    most = case.chance.choice((250, 300, 350, 400, 500)) << 20
    case.told.append(f"{most >> 20} MB of memory")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    ended = case.end(case.start(preexec_fn=limit))
    case.ends_well(ended)


def _pack(case: Surrounded) -> None:
    """The dump, packed: `packed` in the folder. A quick way to pack it will do."""
    import gzip

    content = (case.room / "vmcore").read_bytes()
    with gzip.open(case.room / "packed", "wb", compresslevel=0) as file:
        file.write(content)


KINDS: Mapping[str, Callable[[Surrounded], None]] = {
    "not writable": _not_writable,
    "planted": _planted,
    "at once": _at_once,
    "killed": _killed,
    "signals": _signalled,
    "small files": _small_files,
    "full disk": _full_disk,
    "closed streams": _closed,
    "strange input": _strange_input,
    "environment": _environment,
    "little memory": _little_memory,
}


def run(room: Path, chance: random.Random, number: int) -> Surrounded:
    """Run a case, the kinds in turn."""
    case = Surrounded(room, chance)
    KINDS[[*KINDS][number % len(KINDS)]](case)
    return case
