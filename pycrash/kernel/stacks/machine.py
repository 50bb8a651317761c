"""What the kind of machine decides about stacks too."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.core.architecture import Architecture

if TYPE_CHECKING:
    from pycrash.kernel.stacks.stacks import StackSet
    from pycrash.kernel.stacks.trace import Unwinder
    from pycrash.kernel.stacks.userstate import UserState
    from pycrash.kernel.tasks.table import Task


_UNSUPPORTED = "-{} option not supported or applicable on this architecture or kernel"


class FirmwareRange(NamedTuple):
    """Physical memory from `start` up to `end`; `type` is the firmware's number for its use."""

    start: int
    end: int
    type: int


class CpuData(NamedTuple):
    """The structures that describe processors: their type's name, and the address of each by
    CPU; `boot_only` where it is that of the CPU which booted alone."""

    name: str
    addresses: list[int]
    boot_only: bool = False


class Machine(Architecture):
    """An architecture whole: what a room below `arch/` is, and what `Kernel.arch` gives."""

    #: What crash calls its family where it tells that something does not apply to it.
    family: ClassVar[str] = "this"

    @property
    def gates(self) -> list[int]:
        """The handler of each exception and interrupt, by vector. Raises CrashError where the
        machine has no such table, ReadError."""
        raise CrashError(f"-d option is not applicable to {self.family} architecture")

    @property
    def start_map(self) -> int | None:
        """Where the kernel's own image is mapped, where that is a place apart."""
        return None

    @property
    def firmware_map(self) -> list[FirmwareRange]:
        """Physical memory as the firmware told it. Raises CrashError where the machine's kernels
        keep no such table, ReadError."""
        raise CrashError(_UNSUPPORTED.format("m"))

    @property
    def cpu_data(self) -> CpuData:
        """What the kernel keeps about each processor. Raises CrashError where that is not known."""
        raise CrashError(_UNSUPPORTED.format("c"))

    @property
    def special_stacks(self) -> list[StackSet]:
        """The stacks that CPUs switch to, as far as they are known."""
        return []

    @property
    @abstractmethod
    def unwinder(self) -> Unwinder:
        """What follows stacks: where a walk begins, exceptions, registers on the way."""

    def stopped(self, task: Task) -> dict[str, int] | None:
        """The registers of the CPU that ran a task as it stopped, by crash's names; None where
        the dump does not tell. Raises MissingFeature on machines whose notes are not known."""
        raise MissingFeature("registers of CPUs are not available on this architecture")

    @property
    def user_state(self) -> UserState:
        """What tasks had in their registers in user mode. Raises MissingFeature."""
        raise MissingFeature("user registers are not available on this architecture")
