"""Timers that wait in the wheels of each CPU (struct timer_base, before 4.8 struct tvec_base)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, has_member, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks.lists import Chain, entries

_NAMES = ("BASE_STD", "BASE_DEF")


class Timer(NamedTuple):
    """A struct timer_list that waits; `expires` in jiffies."""

    address: int
    expires: int
    function: int


class Wheel(NamedTuple):
    """A wheel of a CPU: its struct and what crash calls it; "" where a CPU has but one."""

    address: int
    name: str


class TimerWheels:
    """The wheels of each CPU. Methods raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    @cached_property
    def jiffies(self) -> int:
        """The kernel's time."""
        return self._kernel.read_word(self._kernel.required_symbol("jiffies"), "jiffies")

    @cached_property
    def symbol(self) -> str:
        """The per-CPU variable the wheels are found by."""
        for name in ("timer_bases", "tvec_bases"):
            if self._kernel.symbol_address(name) is not None:
                return name
        raise MissingFeature("no symbol timer_bases in this kernel")

    def of_cpu(self, cpu: int) -> list[Wheel]:
        """The wheels of a CPU."""
        kernel = self._kernel
        address = kernel.cpus.address(kernel.required_symbol(self.symbol), cpu)
        if self.symbol == "tvec_bases":
            # A pointer to the wheel; 4.2 made the wheel itself per-CPU.
            if type_size(self._prog, "struct tvec_base") and not self._in_place:
                address = kernel.read_word(address, "per-cpu timer vector base")
            return [Wheel(address, "")]
        size = type_size(self._prog, "struct timer_base") or 0
        # 6.9 added a wheel for timers that stay on their CPU, which crash does not know.
        span = kernel.symbol_span(self.symbol)
        count = 1 if span is None or not size else max(span[1] // size, 1)
        names = _NAMES if count <= 2 else ("BASE_LOCAL", "BASE_GLOBAL", "BASE_DEF")
        return [Wheel(address + size * nth, name) for nth, name in enumerate(names[:count])]

    def timers(self, wheel: int) -> list[Timer]:
        """What waits in a wheel, the next to expire first.

        A list that is damaged is left out, and so is a timer that cannot be read.
        """
        found = []
        for head, end in self._heads(wheel):
            try:
                chain = list(self._chain(head, end))
            except CrashError:
                continue
            found += [timer for at in chain if (timer := self._timer(at)) is not None]
        return sorted(found, key=lambda timer: timer.expires)

    @cached_property
    def _in_place(self) -> bool:
        """Whether the per-CPU variable is the wheel and no pointer to it."""
        span = self._kernel.symbol_span(self.symbol)
        return span is not None and span[1] > self._kernel.word_size

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self._prog, "struct timer_list", ("entry", "expires", "function"))

    def _chain(self, start: int, end: int) -> Iterator[int]:
        link = self._layout.at("entry")
        for entry in entries(self._kernel, Chain(start, end=end), "timer_list entry"):
            yield entry - link

    def _timer(self, address: int) -> Timer | None:
        layout = self._layout
        try:
            data = self._kernel.read(address + layout.start, layout.size, "timer_list buffer")
        except ReadError:
            return None
        _, expires, function = layout.unpack(data)
        return Timer(address, expires, function)

    def _heads(self, wheel: int) -> Iterator[tuple[int, int]]:
        """The first entry of each list of a wheel, and what ends the list."""
        kernel = self._kernel
        if self.symbol == "timer_bases":
            place = find_member(self._prog, "struct timer_base", "vectors")
            if place is None:
                raise MissingFeature("cannot determine timer_base.vectors[] array size")
            data = kernel.read(wheel + place.offset, place.size, "timer_base.vectors[]")
            for (head,) in struct.iter_unpack(kernel.struct_format("P"), data):
                if head:
                    yield head, 0
            return
        for name in ("tv1", "tv2", "tv3", "tv4", "tv5"):
            yield from self._vector(wheel, name)

    def _vector(self, wheel: int, name: str) -> Iterator[tuple[int, int]]:
        """The lists of one ring of an older wheel: list heads, since 4.2 first entries."""
        kernel, prog = self._kernel, self._prog
        place = find_member(prog, "struct tvec_base", name)
        if place is None:
            return
        array = wheel + place.offset
        data = kernel.read(array, place.size, "timer_list vec array")
        heads = has_member(prog, "struct timer_list", "entry.prev")
        step = (2 if heads else 1) * kernel.word_size
        for at in range(0, len(data) - step + 1, step):
            first = kernel.unsigned(data[at : at + kernel.word_size])
            if first and first != array + at:
                yield first, array + at if heads else 0
