"""A first read of a dump in a child process, which may hang or die of it.

At the first read libkdumpfile looks through the kernel's page tables for where the direct map
and the image lie. Tables that point at themselves keep it there for ever, deaf to Ctrl-C, and
its faults would end the session without a word.
"""

from __future__ import annotations

import os
import resource
import signal
import warnings
from collections.abc import Callable

import drgn

#: What the first read may cost in seconds of the processor, of which waiting for a disk is none.
#: It takes a thousandth on a whole dump.
PATIENCE = 1


def why_unreadable(prog: drgn.Program, address: int) -> str | None:
    """Read there as a trial: why no read must be tried in this process, None if one may be.

    Whether the address itself can be read is another matter.
    """
    number = ends_by(lambda: prog.read(address, 1))
    if number is None:
        return None
    if number == signal.SIGXCPU:
        return "its page tables lead in circles"
    return f"its first read ends in {number.name}"


def ends_by(run: Callable[[], object]) -> signal.Signals | None:
    """The signal that a child process ends by when it runs something, None where it lives."""
    with warnings.catch_warnings():
        # The child takes no lock that another thread may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _try(run)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return signal.Signals(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else None


def _try(run: Callable[[], object]) -> None:
    """The child's part; does not return."""
    try:
        for number in (signal.SIGBUS, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # the session's own way to end is not ours
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE + 1))
        run()
    finally:
        os._exit(0)
