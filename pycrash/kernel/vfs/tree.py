"""Directories as far as their names are cached: found by path, and listed (struct dentry)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout, has_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.vfs.dentries import Dentries, Dentry
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.mounts import Mounts
from pycrash.kernel.walks.lists import Chain, entries


class Place(NamedTuple):
    """A name seen through a mount: `mount` is the address of its struct mount."""

    path: str
    dentry: Dentry
    mount: int


class DirectoryTree:
    """The directories that a task sees, across its mounts. Methods raise CrashError."""

    def __init__(self, kernel: Reader, task: int) -> None:
        self._kernel = kernel
        self._dentries = kernel.part(Dentries)
        self._task = task

    def find(self, path: str) -> Place:
        """The name at an absolute path, links not followed."""
        if not path.startswith("/"):
            raise CrashError(f"{path}: not an absolute path")
        here = self.root
        for name in filter(None, posixpath.normpath(path).split("/")):
            found = next((each for each in self.children(here) if _is(each, name)), None)
            if found is None:
                raise CrashError(f"{path}: not found in dentry cache")
            here = found
        return here

    @cached_property
    def root(self) -> Place:
        """The root directory of the task."""
        where = self._kernel.part(Files).directories(self._task)
        if where is None:
            raise CrashError(f"task {self._task:x} has no root directory")
        mount = self._kernel.part(Mounts).container(where.root_mount)
        return self._across(Place("/", self._dentries.get(where.root), mount))

    def children(self, place: Place) -> Iterator[Place]:
        """The names in a directory that are cached, in the kernel's order."""
        above = place.path.rstrip("/")
        for address in self._below(place.dentry.address):
            dentry = self._dentries.get(address)
            yield self._across(Place(f"{above}/{dentry.name}", dentry, place.mount))

    def walk(self, top: Place, problem: Callable[[CrashError], None]) -> Iterator[Place]:
        """A name and all below it, those of a directory behind it; each directory once.

        What cannot be read is passed to `problem`, and the rest goes on.
        """
        seen: set[tuple[int, int]] = set()
        waiting = [top]
        while waiting:
            place = waiting.pop()
            yield place
            key = place.dentry.address, place.mount
            if key in seen:
                continue
            seen.add(key)
            found: list[Place] = []
            try:
                found.extend(self.children(place))
            except CrashError as error:
                problem(error)
            waiting += sorted(found, key=lambda each: each.path, reverse=True)

    def _across(self, place: Place) -> Place:
        """What is mounted on a name, if anything is."""
        seen: set[int] = set()
        while place.mount not in seen:
            seen.add(place.mount)
            found = self._mounted.get((place.mount, place.dentry.address))
            if found is None:
                break
            mount, root = found
            place = Place(place.path, self._dentries.get(root), mount)
        return place

    @cached_property
    def _mounted(self) -> dict[tuple[int, int], tuple[int, int]]:
        """What is seen on a dentry of a mount: a mount and the dentry that is its root."""
        mounts = self._kernel.part(Mounts).of_task(self._task)
        return {
            (mount.parent, mount.mountpoint): (mount.address, mount.root)
            for mount in mounts
            if mount.parent != mount.address
        }

    def _below(self, directory: int) -> Iterator[int]:
        kernel, prog = self._kernel, self._kernel.prog
        if has_member(prog, "struct dentry", "d_children"):  # 6.8
            head = directory + member_offset(prog, "struct dentry", "d_children")
            link, end = member_offset(prog, "struct dentry", "d_sib"), 0
        else:
            head = directory + member_offset(prog, "struct dentry", "d_subdirs")
            link = Layout(prog, "struct dentry", (("d_child", "d_u.d_child"),)).start
            end = head
        first = kernel.read_word(head, "dentry children")
        for place in entries(kernel, Chain(first, end=end), "dentry children"):
            yield place - link


def _is(place: Place, name: str) -> bool:
    return place.dentry.name == name or place.path.endswith(f"/{name}")
