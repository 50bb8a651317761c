"""Names as operands: modules, commands, files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pycrash.api.operands.base import Offer, Word
from pycrash.kernel.mm.slabcaches import SlabCaches

if TYPE_CHECKING:
    from pycrash.api.context import Context


class ModuleKind(Word):
    """The name of a loaded module."""

    needs_kernel = True

    def complete(self, ctx: Context, text: str) -> Iterator[Offer]:
        for module in ctx.kernel.modules.all:
            if module.name.startswith(text):
                yield Offer(module.name, "module")


class CacheKind(Word):
    """The name of a slab cache."""

    needs_kernel = True

    def complete(self, ctx: Context, text: str) -> Iterator[Offer]:
        for name in ctx.kernel.part(SlabCaches).names.values():
            if name.startswith(text):
                yield Offer(name, "slab cache")


class CommandKind(Word):
    """The name of a command of this shell, or of an alias."""

    def complete(self, ctx: Context, text: str) -> Iterator[Offer]:
        for name in ctx.registry.names():
            if name.startswith(text):
                command = ctx.registry.find(name)
                yield Offer(name, command.summary if command else "")


class FileKind(Word):
    """A file of this machine."""

    def complete(self, ctx: Context, text: str) -> Iterator[Offer]:
        yield from files(text)


class FolderKind(Word):
    """A directory of this machine."""

    def complete(self, ctx: Context, text: str) -> Iterator[Offer]:
        yield from (offer for offer in files(text) if offer.text.endswith("/"))


def files(text: str) -> Iterator[Offer]:
    """The files whose path begins with a text, folders with a slash behind."""
    folder, slash, name = text.rpartition("/")
    try:
        entries = sorted(
            os.scandir(os.path.expanduser(folder + slash) or "."), key=lambda entry: entry.name
        )
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(name) and (name or not entry.name.startswith(".")):
            mark = "/" if entry.is_dir() else ""
            yield Offer(f"{folder}{slash}{entry.name}{mark}", "file")


CACHE = CacheKind("slab", "the name of a slab cache")
MODULE = ModuleKind("module", "the name of a loaded module")
COMMAND = CommandKind("command", "a command of this shell")
FILE = FileKind("file", "a file of this machine")
DIRECTORY = FolderKind("directory", "a directory of this machine")
