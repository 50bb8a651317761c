"""Signals that end the program, which shall leave nothing behind and say why it goes.

drgn, libkdumpfile and libelf map the files they read. Where one of those is cut short
meanwhile, touching what is gone is SIGBUS, which nothing can be raised from: one message, the
terminal as it was found, and the end. The others become an exception, so that temporary files go.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pycrash.files.cache import leave_session_folder

#: Exit status of a program that a signal ended, as shells have it, less the signal.
KILLED = 128


class _Action(ctypes.Structure):
    """struct sigaction of the C library."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


class _Info(ctypes.Structure):
    """The beginning of siginfo_t, up to the address of a fault."""

    _fields_ = (("number", ctypes.c_int * 3), ("address", ctypes.c_void_p))


_Handler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(_Info), ctypes.c_void_p)
_SA_SIGINFO = 4
#: What a handler of C needs as long as it is one.
_kept: list[Any] = []


class Ended(BaseException):
    """A signal asks the program to end; `status` is the exit status."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = KILLED + number


def watch() -> None:
    """Take the signals that end a program, unless they are ignored (nohup)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    if signal.getsignal(signal.SIGBUS) is signal.SIG_DFL:
        _watch_maps()


@contextmanager
def no_interrupt_lost() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end once more if it came meanwhile.

    Where Ctrl-C meets a callback of Python's own import system, it is told and forgotten there.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def _end(number: int, frame: FrameType | None) -> None:
    # Who asks twice does not want to wait.
    signal.signal(number, signal.SIG_DFL)
    raise Ended(number)


def _watch_maps() -> None:
    """Have SIGBUS say which file was cut. Python's own handlers would run too late: the
    processor repeats the read for ever before one does."""
    terminal = _terminal()

    def fail(number: int, info: Any, context: object) -> None:
        try:
            _say(f"pycrash: {_why_gone(info.contents.address or 0)}\n", terminal)
        finally:
            os._exit(KILLED + number)

    handler = _Handler(fail)
    action = _Action(ctypes.cast(handler, ctypes.c_void_p).value, flags=_SA_SIGINFO)
    if ctypes.CDLL(None).sigaction(int(signal.SIGBUS), ctypes.byref(action), None) == 0:
        _kept.append(handler)


def _say(text: str, terminal: list[Any] | None) -> None:
    if terminal is not None:
        import termios

        termios.tcsetattr(0, termios.TCSADRAIN, terminal)
        text = f"\n{text}"
    sys.stdout.flush()
    os.write(2, text.encode("utf-8", "surrogateescape"))
    leave_session_folder()


def _terminal() -> list[Any] | None:
    """How the terminal is set, None where there is none."""
    import termios

    try:
        return termios.tcgetattr(0)
    except (OSError, termios.error):
        return None


def _why_gone(address: int) -> str:
    file = mapped_file(Path("/proc/self/maps").read_text("utf-8", "surrogateescape"), address)
    if file is None:
        return "memory that a file is mapped to cannot be read any more (SIGBUS)"
    name, offset = file
    try:
        cut = os.stat(name).st_size <= offset
    except OSError:
        cut = False
    return f"{name}: {'was cut short while open' if cut else 'cannot be read any more (SIGBUS)'}"


def mapped_file(maps: str, address: int) -> tuple[str, int] | None:
    """The file mapped there and the offset in it, by the text of /proc/PID/maps; None if none."""
    for line in maps.splitlines():
        place, _, offset, _, _, *name = line.split(None, 5)
        first, last = (int(end, 16) for end in place.split("-"))
        if first <= address < last and name and name[0].startswith("/"):
            return name[0], int(offset, 16) + address - first
    return None
