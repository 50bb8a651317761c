"""The program: its options, opening the dump, and the loop that reads lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pycrash.command import Settings
from pycrash.command.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel.opening import open_kernel
from pycrash.shell.session import ExitShell, Session


def run(argv: Sequence[str]) -> int:
    """Open the dump named by the arguments and serve lines; returns the exit status."""
    parser = argparse.ArgumentParser(prog="pycrash")
    parser.add_argument("-s", dest="silent", action="store_true")
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args(argv)
    try:
        kernel = open_kernel(Path(options.files[0]), Path(options.files[1]))
    except CrashError as error:
        print(f"pycrash: {error}", file=sys.stderr)
        return 1
    settings = Settings(silent=options.silent)
    session = Session(kernel, settings, Registry())
    session.debug = options.debug
    try:
        for line in sys.stdin:
            session.execute(line)
            sys.stdout.flush()
    except ExitShell as leave:
        return leave.status
    return 0
