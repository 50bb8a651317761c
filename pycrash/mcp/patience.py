"""Calls that end in time, whatever they are at."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


class TooLong(Exception):
    """A call took longer than it may."""


class _Late(BaseException):
    """Raised inside of a call that is to end, as Ctrl-C would be: nothing on the way takes it."""


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """What a call gives, if it does so in time. Raises TooLong, where it was at in Python code;
    what runs in C goes on until it is back."""
    thread = ctypes.c_ulong(threading.get_ident())
    lock, over = threading.Lock(), False

    def end() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_Late))

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    try:
        try:
            timer.start()  # in here: it may be over before this is back
            return call()
        finally:
            with lock:
                over = True
            timer.cancel()
            # One that was sent already comes at the latest where a loop goes round.
            for _ in range(3):
                pass
    except _Late:
        raise TooLong from None
