"""High resolution timers: the clocks of each CPU and what waits for them (hrtimer_bases)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member, member_offset, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.walks.trees import RedBlackTree, TreeDamage

_NSEC = 1_000_000_000


class Clock(NamedTuple):
    """A struct hrtimer_clock_base: its place among those of the CPU, the time by it in
    nanoseconds, and the function it is read with, 0 since 6.18; `base_type` is its index."""

    number: int
    address: int
    now: int
    get_time: int
    base_type: int


class HighTimer(NamedTuple):
    """A struct hrtimer; times in nanoseconds of its clock. None is what cannot be read:
    `function`, or `expires` where nothing of the timer can be."""

    address: int
    soft_expires: int | None
    expires: int | None
    function: int | None


class HighTimers:
    """The clocks of each CPU. Methods raise ReadError, CrashError, MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    def base(self, cpu: int) -> int:
        """The struct hrtimer_cpu_base of a CPU."""
        kernel = self._kernel
        return kernel.cpus.address(kernel.required_symbol("hrtimer_bases"), cpu)

    def clocks(self, cpu: int) -> Iterator[Clock]:
        """The clocks of a CPU."""
        size = type_size(self._prog, "struct hrtimer_clock_base") or 0
        array = find_member(self._prog, "struct hrtimer_cpu_base", "clock_base")
        if not size or array is None:
            raise MissingFeature("no struct hrtimer_clock_base in this kernel")
        start = self.base(cpu) + array.offset
        for number in range(array.size // size):
            yield self._clock(number, start + number * size)

    def timers(self, clock: Clock) -> Iterator[HighTimer]:
        """What waits for a clock, the next to expire first."""
        kernel, active = self._kernel, clock.address + self._active
        first = kernel.read_word(active + self._first, "hrtimer_clock_base active")
        if not first:
            return
        tree = kernel.part(RedBlackTree)
        root = find_member(self._prog, "struct timerqueue_head", "rb_root", "head")
        node = tree.root(active + (0 if root is None else root.offset))
        for entry in tree.walk(node, ordered=True, paths=False):
            if isinstance(entry, TreeDamage):
                raise CrashError(entry.text)
            yield self._timer(entry.address - self._node)

    def type_name(self, base_type: int) -> str | None:
        """The enumerator of enum hrtimer_base_type."""
        return self._types.get(base_type)

    @cached_property
    def _types(self) -> dict[int, str]:
        try:
            members = self._prog.type("enum hrtimer_base_type").enumerators or ()
        except LookupError:
            return {}
        most = constant(self._prog, "HRTIMER_MAX_CLOCK_BASES")
        return {value: name for name, value in members if most is None or value < most}

    def _clock(self, number: int, address: int) -> Clock:
        layout = self._clock_layout
        data = self._kernel.read(address + layout.start, layout.size, "hrtimer_clock_base")
        get_time, offset, index = layout.unpack(data)
        system = self._kernel.part(SystemFacts)
        now = system.ticks * (_NSEC // system.hz) + (offset or 0)
        return Clock(number, address, now, get_time or 0, index or 0)

    def _timer(self, address: int) -> HighTimer:
        layout = self._timer_layout
        try:
            data = self._kernel.read(address + layout.start, layout.size, "hrtimer")
        except ReadError:
            return HighTimer(address, None, None, None)
        expires, soft, function = layout.unpack(data)
        return HighTimer(address, soft, expires, function)

    @cached_property
    def _clock_layout(self) -> Layout:
        # 6.18 took get_time away; 2.6.31 and older have no offset.
        fields = ("get_time", "offset", "index")
        return Layout(self._prog, "struct hrtimer_clock_base", fields, optional=fields)

    @cached_property
    def _timer_layout(self) -> Layout:
        fields = (("node.expires", "_expires", "expires"), "_softexpires", "function")
        return Layout(self._prog, "struct hrtimer", fields, optional=("_softexpires",))

    @cached_property
    def _active(self) -> int:
        return member_offset(self._prog, "struct hrtimer_clock_base", "active")

    @cached_property
    def _first(self) -> int:
        """Bytes before the pointer to the first timer in a struct timerqueue_head."""
        place = find_member(self._prog, "struct timerqueue_head", "rb_root.rb_leftmost", "next")
        if place is None:
            raise MissingFeature("no struct timerqueue_head.next in this kernel")
        return place.offset

    @cached_property
    def _node(self) -> int:
        """Bytes before the node of the tree in a struct hrtimer."""
        return member_offset(self._prog, "struct hrtimer", "node.node")
