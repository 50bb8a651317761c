"""Requests of a disk that are under way."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NoReturn

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.block.disks import Disk, block_part
from pycrash.kernel.core.layout import Layout, constant, find_member, has_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.walks import sbitmap, xarray

#: request.state of one that was given to the driver (MQ_RQ_IN_FLIGHT).
_IN_FLIGHT = 1
#: The lowest bit of an operation says that it writes.
_WRITES = 1
_MOST_QUEUES = 1 << 16

Problem = Callable[[ReadError], None]


class InFlight:
    """Reads and writes under way, by disk. Methods raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @cached_property
    def has_driver_count(self) -> bool:
        """Whether queues count what the driver has (until 5.0)."""
        return has_member(self._kernel.prog, "struct request_queue", "in_flight")

    @cached_property
    def by_sync(self) -> bool:
        """Whether the two numbers are those of asynchronous and synchronous requests (2.6.31
        to 5.10), and not of reads and writes."""
        return constant(self._kernel.prog, "BLK_RW_SYNC") is not None

    def is_multiqueue(self, disk: Disk) -> bool:
        """Whether requests go through blk-mq."""
        place = find_member(self._kernel.prog, "struct request_queue", "mq_ops")
        if place is None:
            return False
        return bool(self._kernel.read_word(disk.queue + place.offset, "request_queue.mq_ops"))

    def driver(self, disk: Disk) -> int:
        """How many requests the driver has of a disk without blk-mq."""
        place = find_member(self._kernel.prog, "struct request_queue", "in_flight")
        if place is None:
            raise MissingFeature("no struct request_queue.in_flight in this kernel")
        data = self._kernel.read(disk.queue + place.offset, place.size, "request_queue.in_flight")
        return sum(struct.unpack(f"{self._kernel.byte_order}{len(data) // 4}I", data))

    def of(self, disk: Disk, problem: Problem) -> tuple[int, int]:
        """Reads and writes under way.

        What cannot be read of blk-mq is told to `problem`, and what was found before counts.
        """
        if not self.is_multiqueue(disk):
            return self._of_list(disk) or self._of_statistics(disk)
        if not has_member(self._kernel.prog, "struct request", "state"):
            return self._of_contexts(disk)
        counts = [0, 0]
        try:
            for request in self._requests(disk):
                way = self._way(request, disk)
                if way is not None:
                    counts[way] += 1
        except ReadError as error:
            problem(error)
        return counts[0], counts[1]

    # blk-mq: the tags in use

    def _requests(self, disk: Disk) -> Iterator[int]:
        """The request of each tag in use; a tag may be left over from a request that is done."""
        for tags in self._tag_sets(disk):
            layout = self._tags
            data = self._kernel.read(tags + layout.start, layout.size, "blk_mq_tags")
            reserved, rqs = layout.unpack(data)
            if reserved:
                yield from self._tagged(tags, "breserved_tags", rqs, 0)
            yield from self._tagged(tags, "bitmap_tags", rqs, reserved)

    def _tagged(self, tags: int, member: str, rqs: int, first: int) -> Iterator[int]:
        kernel, prog = self._kernel, self._kernel.prog
        at = tags + member_offset(prog, "struct blk_mq_tags", member)
        if self._bitmaps_are_pointers:
            at = kernel.read_word(at, "blk_mq_tags.bitmap_tags")
        at += member_offset(prog, "struct sbitmap_queue", "sb")
        for bit in sbitmap.set_bits(kernel, at):
            yield kernel.read_word(rqs + (first + bit) * kernel.word_size, "blk_mq_tags.rqs[]")

    def _tag_sets(self, disk: Disk) -> Iterator[int]:
        """Each struct blk_mq_tags of a queue: that of each hardware queue, or one for all."""
        kernel, prog = self._kernel, self._kernel.prog
        shared = find_member(prog, "struct blk_mq_tag_set", "shared_tags")
        at = disk.queue + member_offset(prog, "struct request_queue", "tag_set")
        tag_set = kernel.read_word(at, "request_queue.tag_set")
        at = tag_set + member_offset(prog, "struct blk_mq_tag_set", "flags")
        flags = kernel.unsigned(kernel.read(at, 4, "blk_mq_tag_set.flags"))
        if shared is not None and flags & (constant(prog, "BLK_MQ_F_TAG_HCTX_SHARED") or 0):
            yield kernel.read_word(tag_set + shared.offset, "blk_mq_hw_ctx.tags")
            return
        own = member_offset(prog, "struct blk_mq_hw_ctx", "tags")
        for queue in self._hardware_queues(disk):
            yield kernel.read_word(queue + own, "blk_mq_hw_ctx.tags")

    def _hardware_queues(self, disk: Disk) -> list[int]:
        """Each struct blk_mq_hw_ctx: in an xarray from 5.18 on, in an array before and later."""
        kernel, prog = self._kernel, self._kernel.prog
        table = find_member(prog, "struct request_queue", "hctx_table")
        if table is not None:
            found = xarray.walk(kernel, disk.queue + table.offset, _fail)
            return [queue for _, queue in found]
        fields = ("nr_hw_queues", "queue_hw_ctx")
        layout = Layout(prog, "struct request_queue", fields)
        data = kernel.read(disk.queue + layout.start, layout.size, "request_queue.queue_hw_ctx")
        count, array = layout.unpack(data)
        count = min(count, _MOST_QUEUES)
        data = kernel.read(array, count * kernel.word_size, "request_queue.queue_hw_ctx[]")
        return list(struct.unpack(f"{kernel.byte_order}{count}{kernel.word}", data))

    def _way(self, request: int, disk: Disk) -> int | None:
        """1 for a write, 0 for another operation, None for a request that is not under way."""
        if not self._kernel.memory.is_kernel(request):
            return None
        layout = self._request
        data = self._kernel.read(request + layout.start, layout.size, "request.q")
        queue, flags, state = layout.unpack(data)
        return flags & _WRITES if queue == disk.queue and state == _IN_FLIGHT else None

    @cached_property
    def _tags(self) -> Layout:
        return Layout(self._kernel.prog, "struct blk_mq_tags", ("nr_reserved_tags", "rqs"))

    @cached_property
    def _bitmaps_are_pointers(self) -> bool:
        """So they were from 5.10 to 5.15."""
        layout = Layout(self._kernel.prog, "struct blk_mq_tags", ("bitmap_tags",))
        return layout.width("bitmap_tags") == self._kernel.word_size

    @cached_property
    def _request(self) -> Layout:
        return Layout(self._kernel.prog, "struct request", ("q", "cmd_flags", "state"))

    # Counters

    def _of_contexts(self, disk: Disk) -> tuple[int, int]:
        """By what each CPU gave to blk-mq and got back, until 4.17."""
        kernel, prog = self._kernel, self._kernel.prog
        at = disk.queue + member_offset(prog, "struct request_queue", "queue_ctx")
        base = kernel.read_word(at, "request_queue.queue_ctx")
        given, done = (
            self._sum(base + member_offset(prog, "struct blk_mq_ctx", name), f"blk_mq_ctx.{name}")
            for name in ("rq_dispatched", "rq_completed")
        )
        return given[0] - done[0], given[1] - done[1]

    def _of_list(self, disk: Disk) -> tuple[int, int] | None:
        """By the list of requests that a queue without blk-mq had (until 5.0)."""
        prog = self._kernel.prog
        names = ("rq.count", "root_rl.count")
        place = find_member(prog, "struct request_queue", *names)
        if place is None:
            return None
        data = self._kernel.read(disk.queue + place.offset, 8, "request_list.count")
        reads, writes = struct.unpack(f"{self._kernel.byte_order}2i", data)
        return reads, writes

    def _of_statistics(self, disk: Disk) -> tuple[int, int]:
        """By the counters of disks without a queue of requests (struct disk_stats)."""
        kernel, prog = self._kernel, self._kernel.prog
        part = block_part(kernel, disk)
        place = find_member(prog, "struct hd_struct", "dkstats")
        if place is None:
            place = find_member(prog, "struct block_device", "bd_stats")
        if place is None:
            raise MissingFeature("no struct block_device.bd_stats in this kernel")
        base = kernel.read_word(part + place.offset, "block_device.bd_stats")
        at = base + member_offset(prog, "struct disk_stats", "in_flight")
        return self._sum(at, "disk_stats.in_flight")

    def _sum(self, base: int, what: str) -> tuple[int, int]:
        """The sums over all CPUs of two numbers side by side."""
        kernel, first, second = self._kernel, 0, 0
        for cpu in range(kernel.cpus.count):
            at = kernel.cpus.address(base, cpu)
            data = kernel.read(at, 2 * kernel.word_size, what)
            pair = struct.unpack(f"{kernel.byte_order}2{kernel.word.lower()}", data)
            first, second = first + pair[0], second + pair[1]
        return first, second


def _fail(problem: ReadError) -> NoReturn:
    raise problem
