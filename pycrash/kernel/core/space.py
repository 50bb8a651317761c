"""The kinds of memory an address can be of, each with crash's word for it and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pycrash.kernel.core.reader import Reader

SpaceWord = Literal["KVADDR", "UVADDR", "PHYSADDR", "FILEADDR"]
#: Reads memory: address, size, what is read. Raises ReadError, which names it.
Read = Callable[[int, int, str], bytes]


@dataclass(frozen=True)
class Space:
    """One kind of memory: the kernel's, a task's, physical memory, or the dump's file.

    `word` is crash's for it, which messages of failed reads have.
    """

    word: SpaceWord
    read: Read

    @property
    def is_kernel(self) -> bool:
        return self.word == "KVADDR"


def space_of(kernel: Reader, word: SpaceWord, task: Callable[[], int]) -> Space:
    """The space of a word. `task` gives the task_struct address whose user space UVADDR means;
    it is asked for that alone, since who crashed may have to be found out first."""
    if word == "KVADDR":
        return kernel_space(kernel)
    memory = kernel.memory
    if word == "UVADDR":
        address = task()
        return Space(word, lambda at, size, what: memory.read_user(address, at, size, what))
    return Space(word, memory.read_physical if word == "PHYSADDR" else memory.read_file)


def kernel_space(kernel: Reader) -> Space:
    """Kernel virtual memory."""
    return Space("KVADDR", kernel.read)
