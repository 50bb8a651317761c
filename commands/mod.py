"""mod: the loaded modules, and the object files that tell their symbols and types."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pycrash.api import (
    FILE,
    MODULE,
    Address,
    Args,
    Bits,
    Bytes,
    Command,
    Context,
    CrashError,
    Flag,
    Hidden,
    Notice,
    Row,
    Text,
    UsageError,
    View,
    hexadecimal,
    is_hexadecimal,
    one,
    parse_args,
)
from pycrash.render.columns import centered

if TYPE_CHECKING:
    from pycrash.kernel.modules.table import Module

#: Letters that ask for something else than the list; at most one may be given.
_ACTIONS = "RDdoSst"


class Loaded(NamedTuple):
    """All modules of the kernel: the longest name, the largest size, and whether they have a
    text range of their own (6.4), which their base is that of."""

    longest: str
    largest: int
    split: bool


@dataclass(frozen=True)
class ModuleRow(Row, kind="mod.module"):
    """A module: the address of its struct module, its name, where its text and data begin (from
    6.4 on its text), and its size without init code.

    `object_file` is the file its symbols were loaded from, None if none was; `kallsyms` tells
    that it kept a symbol table of its own.
    """

    address: Address
    module: str
    base: Address
    size: Bytes
    object_file: str | None
    kallsyms: bool
    among: Hidden[Loaded]


@dataclass(frozen=True)
class TaintedRow(Row, kind="mod.taint"):
    """A tainted module: `letters` is None where this kernel has no letters for the bits."""

    module: str
    taints: Bits
    letters: str | None
    unsigned: bool


@dataclass(frozen=True)
class ModArgs(Args):
    """`words` counts the words behind the command's name, -g and -r apart."""

    words: int = 0


class Mod(Command):
    name = "mod"
    summary = "loaded modules, and what their object files tell"
    synopsis = "-s module [objfile] | -d module | -S [directory] [-D|-t|-r|-R|-o|-g]"
    description = (
        "Lists the loaded modules by address: the struct module, the name, where the module's "
        "text lies, its size without init code, and the object file its symbols and types came "
        "from. Without one only the symbols are known that the module itself keeps.\n\n"
        "Object files are looked for under /usr/lib/debug/lib/modules and /lib/modules of the "
        "kernel's release, in $CRASH_MODULE_PATH, in the directory of --mod, and beside the "
        "vmlinux. They end in .ko, .ko.debug or .o; compressed ones are unpacked. A file whose "
        "build ID is not that of the module is refused."
    )
    flags = (
        Flag("s", "Load the symbols and types of one module, named or given by its base address, "
             "from a file, or from the one that is found.", value=MODULE),
        Flag("d", "Forget the symbols loaded for a module.", value=MODULE),
        Flag("S", "Load the symbols and types of every module; with a directory, from that "
             "alone."),
        Flag("D", "Forget all loaded symbols."),
        Flag("t", "List the modules that taint the kernel, and how."),
        Flag("r", "Read all debugging data at once; here that is always so."),
        Flag("R", "Forget what was loaded and read the list of modules anew."),
        Flag("o", "The older way to load symbols; here there is but one."),
        Flag("g", "With -s or -S, add marks where each section of the file begins and ends to "
             "the symbols."),
    )  # fmt: skip
    at_once = "o"
    operands = (one(FILE.named("objfile")),)
    rows = (ModuleRow, TaintedRow, Text)
    related = ("sym", "dis", "sys", "log")
    examples = (
        ("The loaded modules:", "mod"),
        ("Those that taint the kernel:", "mod -t"),
        ("What tells of one, from a file of one's own build:", "mod -s crashme crashme.ko"),
    )

    def parse(self, words: Sequence[str]) -> Args:
        """-g and -r may stand among other letters and anywhere, as if they were not there; of
        two in a word the second is no option."""
        found, rest = [], []
        for word in words:
            if word.startswith("-"):
                for letter in "gr":
                    if letter in word:
                        found.append((letter, None))
                        word = word.replace(letter, "", 1)
                if word == "-":
                    continue
            rest.append(word)
        flags = [flag for flag in self.flags if flag.letter not in "gr"]
        args = parse_args(self.name, flags, rest, self.at_once)
        given = (*args.given, *found)
        return ModArgs(given, args.operands, said=args.said, words=len(rest))

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        table = ctx.kernel.modules
        if not table.all:
            if not table.accessible:
                raise CrashError("cannot access vmalloc'd module memory")
            yield Text("no modules installed")
            return
        if table.damage:
            yield Notice(table.damage, "WARNING")
        action, value = self._action(args)
        if action in ("s", "d"):
            module = self._module(ctx, value or "")
            if action == "s":
                yield from self._load_one(ctx, args, module)
            else:
                table.unload(module)
        elif action == "S":
            yield from self._load_all(ctx, args)
        elif action == "t":
            yield from self._tainted(ctx)
        elif action in ("D", "R"):
            table.unload()
        if action in ("", "R"):
            row = _row_maker(ctx)
            yield from map(row, table.all)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        if "t" in args:
            yield from _tainted_lines(rows)
            return
        headed = False
        for row in rows:
            if isinstance(row, ModuleRow):
                if not headed:
                    yield _heading(row.among, view.pointer_width)
                    headed = True
                yield _module_line(row, view.pointer_width)
            elif isinstance(row, Text):
                yield row.text

    @staticmethod
    def _action(args: Args) -> tuple[str, str | None]:
        """The one letter that tells what to do, and its value; empty for the list."""
        chosen = [(letter, value) for letter, value in args.given if letter in _ACTIONS]
        # -o ends the line where it stands.
        if chosen[:1] == [("o", None)]:
            return chosen[0]
        if len(chosen) > 1:
            raise UsageError
        return chosen[0] if chosen else ("", None)

    @staticmethod
    def _module(ctx: Context, text: str) -> Module:
        """The module of a name, or of the address where it begins."""
        table = ctx.kernel.modules
        module = table.by_name.get(text)
        if is_hexadecimal(text) and len(text) == 2 * ctx.kernel.word_size:
            module = table.by_base.get(hexadecimal(text))
        if module is None:
            raise UsageError
        return module

    def _load_one(self, ctx: Context, args: Args, module: Module) -> Iterator[Row]:
        words = args.words if isinstance(args, ModArgs) else 0
        finder = ctx.kernel.module_files
        if words == 3:
            given = args.operands[0]
            path = given if os.path.exists(given) else finder.find(module.name, given)
            if path is None:
                raise CrashError(f"{module.name}: cannot find or load object file: {given}")
        elif words == 2:
            path = finder.find(module.name, build_id=ctx.kernel.modules.build_id(module))
            if path is None:
                raise CrashError(f"cannot find or load object file for {module.name} module")
        else:
            raise UsageError
        notice = _unfit(path)
        if notice is not None:
            yield notice
            raise UsageError
        ctx.kernel.modules.load(module, path, section_marks="g" in args)
        yield _row_maker(ctx)(module)

    def _load_all(self, ctx: Context, args: Args) -> Iterator[Row]:
        table, tree = ctx.kernel.modules, ctx.kernel.options.module_tree
        words = args.words if isinstance(args, ModArgs) else 0
        if words > 2:
            raise UsageError
        if words == 2:
            (tree,) = args.operands
            if not os.path.isdir(tree):
                yield Notice(f"{tree} is not a directory")
                raise UsageError
        row = _row_maker(ctx)
        for module in table.all:
            path = ctx.kernel.module_files.find(
                module.name, tree=tree, build_id=table.build_id(module)
            )
            if path is None and module.address not in table.loaded:
                yield Notice(f"cannot find or load object file for {module.name} module")
                continue
            notice = _unfit(path) if path is not None else None
            if notice is not None:
                yield notice
            elif path is not None:
                try:
                    table.load(module, path, section_marks="g" in args)
                except CrashError as error:
                    yield Notice(str(error))
            yield row(module)

    @staticmethod
    def _tainted(ctx: Context) -> Iterator[Row]:
        taints = ctx.kernel.system.taints
        none = True
        for module in ctx.kernel.modules.all:
            unsigned = module.gpgsig_ok == 0
            if module.taints or unsigned:
                none = False
                letters = taints.of_module(module) if taints.has_table else None
                yield TaintedRow(module.name, module.taints, letters, unsigned)
        if none:
            yield Text("no tainted modules")


def _row_maker(ctx: Context) -> Callable[[Module], ModuleRow]:
    """What makes the row of a module."""
    table = ctx.kernel.modules
    among = Loaded(
        max((module.name for module in table.all), key=len),
        max(module.size for module in table.all),
        table.split,
    )

    def row(module: Module) -> ModuleRow:
        file = table.loaded.get(module.address)
        return ModuleRow(
            module.address,
            module.name,
            module.base,
            module.size,
            file.path if file is not None else None,
            not table.kallsyms(module).missing,
            among,
        )

    return row


def _unfit(path: str) -> Notice | None:
    """What crash says of a file that is no ELF file."""
    from pycrash.kernel.modules.files import is_elf

    return None if is_elf(Path(path)) else Notice(f"{path}: not an ELF format object file")


def _heading(among: Loaded, width: int) -> str:
    """The heading; addresses take `width` columns."""
    base = "TEXT_BASE" if among.split else "BASE"
    return (
        f"{centered('MODULE', width)}  {'NAME':<{len(among.longest)}}  "
        f"{centered(base, width)}  {'SIZE':>{len(str(among.largest))}}  OBJECT FILE"
    )


def _module_line(row: ModuleRow, width: int) -> str:
    if row.object_file:
        file = f"{row.object_file} "
    else:
        file = "(not loaded)" + ("  [CONFIG_KALLSYMS]" if row.kallsyms else "")
    name, size = len(row.among.longest), len(str(row.among.largest))
    return (
        f"{row.address:>{width}x}  {row.module:<{name}}  {row.base:>{width}x}  "
        f"{row.size:>{size}}  {file}"
    )


def _tainted_lines(rows: Iterable[Row]) -> Iterator[str]:
    found = list(rows)
    tainted = [row for row in found if isinstance(row, TaintedRow)]
    yield from (row.text for row in found if isinstance(row, Text))
    if not tainted:
        return
    width = max(len(row.module) for row in tainted)
    yield f"{'NAME':<{width}}  TAINTS"
    for row in tainted:
        letters = f"{row.taints:x}" if row.letters is None else row.letters
        yield f"{row.module:<{width}}  {letters}{'(U)' if row.unsigned else ''}"
