"""Which entries of a vmlinux's symbol table count as kernel symbols, by the machine's rules."""

from __future__ import annotations

from collections.abc import Callable

from pycrash.kernel.core.symbolrules import SymbolRules


class SymbolFilter:
    """Tells which entries count. `find` gives the values of the entries of a name.

    `whole_from` is the value above which every entry with a name counts; None where each
    entry must be asked.
    """

    def __init__(self, rules: SymbolRules, find: Callable[[str], list[int]]) -> None:
        self._rules = rules
        self._start = min(
            ((value, name) for name in rules.starts for value in find(name)), default=None
        )
        self._percpu: tuple[int, str] | None = None
        self.whole_from: int | None = None
        if rules.per_cpu_below and self._start is not None:
            self.whole_from = self._start[0]
            percpu = [(value, "__per_cpu_start") for value in find("__per_cpu_start")]
            self._percpu = min((key for key in percpu if key < self._start), default=None)

    @property
    def first_kernel_value(self) -> int | None:
        """Where per-CPU symbols lie below the kernel: the value at which the kernel begins."""
        return self._start[0] if self._percpu is not None and self._start is not None else None

    def counts(self, value: int, name: str, letter: str) -> bool:
        """Whether an entry counts, by its value and name as the file has them."""
        if not name:
            return False
        if self._rules.starts and (self._start is None or (value, name) < self._start):
            return self._percpu_counts(value, name, letter)
        return not self._rules.rejects(value, name, letter)

    def _percpu_counts(self, value: int, name: str, letter: str) -> bool:
        if self._percpu is None or (value, name) < self._percpu:
            return False
        return name.startswith(("per_cpu", "__per_cpu_")) or letter in "VdD"
