"""The source files of a kernel, where this machine has them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from pycrash.kernel.core.reader import Reader


class SourceFiles:
    """Finds source files as gdb does: below the tree that was named, then where the compiler
    found them, then below the working directory; by their path, else by their name alone."""

    def __init__(self, kernel: Reader) -> None:
        tree = kernel.options.source_tree
        self._tree = None if tree is None else Path(tree)

    def find(self, full: str, name: str) -> Path | None:
        """The file called `name`, which was at `full` when it was compiled, or None."""
        return next((path for path in self._candidates(full, name) if path.is_file()), None)

    def _candidates(self, full: str, name: str) -> Iterator[Path]:
        below = name.lstrip("/")
        yield from (folder / below for folder in self._folders)
        yield Path(full)
        yield Path(below)
        compiled = Path(full.removesuffix(name))
        yield from (folder / Path(name).name for folder in (*self._folders, compiled, Path()))

    @cached_property
    def _folders(self) -> list[Path]:
        """The tree, and in it the headers of the first machine it has."""
        if self._tree is None:
            return []
        return [self._tree, *sorted(self._tree.glob("arch/*/include/asm"))[:1]]
