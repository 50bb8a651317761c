"""What the kind of machine decides about stacks too."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from pycrash.kernel.core.architecture import Architecture

if TYPE_CHECKING:
    from pycrash.kernel.stacks.trace import Unwinder


class Machine(Architecture):
    """An architecture whole: what a room below `arch/` is, and what `Kernel.arch` gives."""

    @property
    @abstractmethod
    def unwinder(self) -> Unwinder:
        """What follows stacks: where a walk begins, exceptions, registers on the way."""
