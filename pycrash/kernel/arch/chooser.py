"""Which room serves the machine of a dump."""

from __future__ import annotations

import drgn

from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.machine import Machine


def choose(kernel: Reader) -> Machine:
    """What the machine of a dump decides; only its own room is loaded."""
    platform = kernel.prog.platform
    kind = drgn.Architecture.UNKNOWN if platform is None else platform.arch
    if kind == drgn.Architecture.X86_64:
        from pycrash.kernel.arch.x86_64.architecture import X86_64

        return X86_64(kernel)
    if kind == drgn.Architecture.AARCH64:
        from pycrash.kernel.arch.aarch64.architecture import AArch64

        return AArch64(kernel)
    from pycrash.kernel.arch.other.architecture import KINDS, Other

    return KINDS.get(kind, Other)(kernel)
