"""Opens a dump and its debug vmlinux as a drgn program."""

from __future__ import annotations

import os
from pathlib import Path

# Its plugins cost 70 ms at the first set_core_dump and serve other shells.
os.environ.setdefault("DRGN_DISABLE_PLUGINS", "*")

import drgn

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel


def open_kernel(vmlinux: Path | None, dump: Path) -> Kernel:
    """Open a dump with its debug vmlinux; types are indexed only when first needed.

    Raises CrashError with one line where a file does not fit.
    """
    prog = drgn.Program()
    try:
        prog.set_core_dump(dump)
    except (OSError, ValueError, drgn.FaultError) as error:
        raise CrashError(f"{dump}: {error}") from error
    if vmlinux is not None:
        module = prog.main_module("kernel", create=True)
        module.try_file(vmlinux)
    return Kernel(prog, vmlinux, dump)
