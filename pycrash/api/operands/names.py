"""Names as operands: modules, commands, files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pycrash.api.operands.base import Offer, Word
from pycrash.kernel.mm.slabcaches import SlabCaches

if TYPE_CHECKING:
    from pycrash.api.context import Context
    from pycrash.matching import Typed


class ModuleKind(Word):
    """The name of a loaded module."""

    needs_kernel = True

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        for module in ctx.kernel.modules.all:
            yield Offer(module.name, "module")


class CacheKind(Word):
    """The name of a slab cache."""

    needs_kernel = True

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        for name in ctx.kernel.part(SlabCaches).names.values():
            yield Offer(name, "slab cache", text.rfind(",") + 1)


class CommandKind(Word):
    """The name of a command of this shell, or of an alias."""

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        for name in ctx.registry.names():
            command = ctx.registry.find(name)
            yield Offer(name, command.summary if command else "")


class FileKind(Word):
    """A file of this machine."""

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        yield from files(text)


class FolderKind(Word):
    """A directory of this machine."""

    def complete(self, ctx: Context, text: Typed) -> Iterator[Offer]:
        yield from (offer for offer in files(text) if offer.text.endswith("/"))


def files(text: str) -> Iterator[Offer]:
    """The files of the folder that a path is begun with, folders with a slash behind."""
    folder, slash, name = text.rpartition("/")
    try:
        entries = sorted(
            os.scandir(os.path.expanduser(folder + slash) or "."), key=lambda entry: entry.name
        )
    except OSError:
        return
    for entry in entries:
        if name.startswith(".") or not entry.name.startswith("."):
            mark, remark = ("/", "directory") if entry.is_dir() else ("", "file")
            yield Offer(entry.name + mark, remark, len(folder + slash))


CACHE = CacheKind("slab", "the name of a slab cache")
MODULE = ModuleKind("module", "the name of a loaded module")
COMMAND = CommandKind("command", "a command of this shell")
FILE = FileKind("file", "a file of this machine")
DIRECTORY = FolderKind("directory", "a directory of this machine")
