"""What the dead kernel holds, read through drgn. Never prints, knows no options or settings."""

from pycrash.kernel.kernel import Kernel

__all__ = ["Kernel"]
