"""tree: the entries of a red-black tree, a radix tree, an xarray or a maple tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pycrash.api import (
    ADDRESS,
    OFFSET_OF,
    STRUCTURE,
    Args,
    Choice,
    Command,
    Context,
    CrashError,
    Flag,
    Gap,
    Notice,
    Row,
    UsageError,
    View,
    asked_radix,
    can_evaluate,
    evaluate,
    hexadecimal,
    is_decimal,
    is_hexadecimal,
    is_number,
    offset_operand,
    one,
    symbol_resolver,
)
from pycrash.api.structrows import StructRow, entry_rows, struct_lines
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.structures.entries import EntryReader
from pycrash.kernel.walks.maple import MapleDamage, MapleEntry, MapleTrees
from pycrash.kernel.walks.trees import RedBlackTree, SlotTree, TreeDamage
from pycrash.render.treerows import (
    EntryRow,
    MapleDamageRow,
    MapleNodeRow,
    MapleRangeRow,
    MapleTreeRow,
    is_unknown,
    maple_lines,
    maple_row,
    number,
    position_line,
)

_PLURAL = {"radix": "radix trees", "xarray": "Xarrays", "rbtree": "rbtrees", "maple": "maple trees"}


TREE_TYPE = Choice(
    "type",
    "the kind of tree",
    {
        "radix": "struct radix_tree_root",
        "xarray": "struct xarray",
        "rbtree": "struct rb_root",
        "maple": "struct maple_tree",
    },
)


@dataclass
class _Request:
    """What the line asks for."""

    kind: str = ""
    root: int | None = None
    node: int | None = None
    wanted: list[str] = field(default_factory=list)


class Tree(Command):
    name = "tree"
    summary = "display radix tree, XArray, red-black tree or maple tree"
    synopsis = (
        "[-t [radix|xarray|rbtree|maple]] [-r offset] [-[s|S] struct[.member[,member]]]\n"
        "       -[x|d] [-o offset] [-l] [-p] [-v] [-N] start"
    )
    description = """\
Walks a tree and shows each entry: for a red-black tree the address of the structure the node
lies in, for the others what is stored. The start is the tree's root (struct rb_root, xarray,
radix_tree_root, maple_tree), given as an address, a symbol, or arithmetic on them."""
    flags = (
        Flag(
            "t",
            "The kind of tree: radix, xarray, rbtree or maple; the first letters do. "
            "A red-black tree where it is not given.",
            value=TREE_TYPE,
        ),
        Flag(
            "r",
            "The start has its root at this offset, a number or `structure.member`.",
            value=OFFSET_OF,
        ),
        Flag(
            "o",
            "Where the struct rb_node lies in the structures, a number or `structure.member`.",
            value=OFFSET_OF,
        ),
        Flag(
            "s",
            "For each entry, what this structure holds, or the members named. May be given "
            "more than once.",
            value=STRUCTURE.named("struct"),
        ),
        Flag(
            "S",
            "As -s, but reads the members themselves, and shows numbers and addresses as they "
            "stand.",
            value=STRUCTURE.named("struct"),
        ),
        Flag("x", "With -s and -S, integers in hexadecimal."),
        Flag("d", "With -s and -S, integers in decimal."),
        Flag("l", "Goes through a red-black tree in the order of its keys."),
        Flag("p", "Shows where in the tree each entry is."),
        Flag("v", "Shows the nodes and ranges of a maple tree."),
        Flag("N", "The start is a node, not a root."),
    )
    operands = (one(ADDRESS.named("start")),)
    rows = (EntryRow, StructRow, MapleTreeRow, MapleNodeRow, MapleRangeRow, MapleDamageRow)
    related = ("list", "struct", "kmem")
    examples = (
        (
            "The free areas of vmalloc, in their order",
            "tree -l -t rb -o vmap_area.rb_node free_vmap_area_root",
        ),
        ("What a process has mapped", "tree -t maple -r mm_struct.mm_mt ff1816ac010ac000"),
        ("The pids of a namespace", "tree -t xarray -r pid_namespace.idr init_pid_ns -p"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        request = _Request()
        yield from _options(ctx, args, request)
        radix = asked_radix(args)
        _check(args, request)
        if not args.operands:
            yield Notice("a starting address is required")
            raise UsageError()
        start = _start(ctx, args.operands[0])
        if len(args.operands) > 1:
            yield Notice("too many arguments entered")
            raise UsageError()
        if "N" not in args:
            start = (start + (request.root or 0)) & ctx.kernel.word_mask
        contents = EntryReader(ctx.kernel, Session(ctx).options(radix), request.wanted, "S" in args)
        if request.kind == "maple":
            yield from _maple(ctx, args, start, contents)
        elif request.kind in ("xarray", "radix"):
            yield from _slots(ctx, args, start, contents, request.kind == "xarray")
        else:
            yield from _red_black(ctx, args, start, contents, request.node or 0)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        radix = asked_radix(args) or view.radix
        verbose, count = "v" in args, 0
        for row in rows:
            if isinstance(row, EntryRow):
                count += 1
                yield from _entry_lines(row, count, radix, verbose)
            elif isinstance(row, StructRow):
                yield from struct_lines(row, view)
            elif isinstance(row, MapleNodeRow) and not verbose:
                yield " UNKNOWN TYPE"
            elif isinstance(row, Gap):
                yield ""
            else:
                yield from maple_lines(row, radix)


def _entry_lines(row: EntryRow, count: int, radix: int, verbose: bool) -> Iterator[str]:
    """An entry, unless -v has shown it, and where it is; one of a maple tree by its number."""
    maple = row.first is not None
    if not (maple and verbose):
        yield number(row.address, radix if maple else 16)
    if row.position is not None:
        index = "" if row.index is None else str(row.index)
        yield position_line(row, number(count, radix) if maple else index)


def _options(ctx: Context, args: Args, request: _Request) -> Iterator[Row]:
    """Take in the options in their order. Raises CrashError, UsageError."""
    kind = ""
    for letter, value in args.given:
        if value is None:
            continue
        if letter == "t":
            if request.kind:
                yield Notice("multiple tree types may not be entered")
                raise UsageError()
            request.kind = _kind(ctx, value)
            if not request.kind:
                yield Notice(f"invalid tree type: {value}")
                raise UsageError()
        elif letter == "r":
            request.root = _offset(ctx, value, "-r", "root", request.root)
        elif letter == "o":
            request.node = _offset(ctx, value, "-o", "node", request.node)
        elif letter in "sS":
            request.wanted.append(value)
            if kind not in ("", letter):
                raise CrashError("-S and -s options are mutually exclusive")
            kind = letter


def _kind(ctx: Context, text: str) -> str:
    """The kind of tree that a word begins to name; empty for none."""
    if text.startswith("ra"):
        # In 4.20 struct radix_tree_root became another name for struct xarray; crash goes by
        # a structure of that name with the new member.
        modern = ctx.kernel.has_member("struct radix_tree_root", "xa_head")
        return "xarray" if modern else "radix"
    beginnings = {"rb": "rbtree", "x": "xarray", "m": "maple"}
    return next((kind for start, kind in beginnings.items() if text.startswith(start)), "")


def _offset(ctx: Context, text: str, letter: str, what: str, before: int | None) -> int:
    if before is not None:
        raise CrashError(f"{what} offset value {before} (0x{before:x}) already entered")
    return offset_operand(ctx.kernel, text, f"{letter} argument")


def _check(args: Args, request: _Request) -> None:
    """Raise CrashError for options that do not go together."""
    if request.kind in ("xarray", "radix", "maple"):
        for letter in "lo":
            if letter in args:
                name = _PLURAL[request.kind]
                raise CrashError(f"-{letter} option is not applicable to {name}")
    if request.kind in ("rbtree", "xarray", "radix") and "v" in args:
        raise CrashError(f"-v option is not applicable to {_PLURAL[request.kind]}")
    if "r" in args and "N" in args:
        raise CrashError("-r and -N options are mutually exclusive")


def _start(ctx: Context, text: str) -> int:
    """The address a start operand stands for. Raises CrashError."""
    resolve = symbol_resolver(ctx.kernel)
    address = resolve(text)
    if address is not None:
        return address
    if not is_number(text):
        if can_evaluate(text):
            address = evaluate(text, resolve, ctx.kernel.word_mask)
    elif is_hexadecimal(text) and not is_decimal(text):
        address = hexadecimal(text)
    if address is None or not ctx.kernel.memory.is_kernel(address):
        raise CrashError(f"invalid start argument: {text}")
    return address


def _red_black(
    ctx: Context, args: Args, start: int, contents: EntryReader, offset: int
) -> Iterator[Row]:
    tree = RedBlackTree(ctx.kernel)
    node = start if "N" in args else tree.root(start)
    for step in tree.walk(node, "l" in args, "p" in args):
        if isinstance(step, TreeDamage):
            yield Notice(step.text)
            continue
        contents.prepare(all_members=True)
        address = (step.address - offset) & ctx.kernel.word_mask
        yield EntryRow(address, step.path if "p" in args else None)
        yield from entry_rows(contents, address)


def _slots(
    ctx: Context, args: Args, start: int, contents: EntryReader, xarray: bool
) -> Iterator[Row]:
    tree = SlotTree(ctx.kernel, xarray)
    for entry in tree.walk(start, "N" not in args):
        contents.prepare(all_members=True)
        position = f"{entry.path}/{entry.slot}" if "p" in args else None
        yield EntryRow(entry.address, position, entry.index)
        yield from entry_rows(contents, entry.address)


def _maple(ctx: Context, args: Args, start: int, contents: EntryReader) -> Iterator[Row]:
    for step in MapleTrees(ctx.kernel).walk(start, "N" not in args):
        row = maple_row(step)
        unknown = isinstance(row, MapleNodeRow) and is_unknown(row)
        if "v" in args or unknown or isinstance(step, MapleDamage):
            yield row
        if not isinstance(step, MapleEntry):
            continue
        contents.prepare(all_members=True)
        if step.value:
            position = f"{step.path}/{step.slot}" if "p" in args else None
            yield EntryRow(step.value, position, first=step.first, last=step.last)
            yield from entry_rows(contents, step.value)
