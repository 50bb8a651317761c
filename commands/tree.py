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
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.structures.entries import EntryReader, Part
from pycrash.kernel.walks.maple import (
    ARANGE_64,
    DENSE,
    LEAF_64,
    RANGE_64,
    MapleDamage,
    MapleEntry,
    MapleHead,
    MapleNode,
    MapleTrees,
)
from pycrash.kernel.walks.trees import RedBlackTree, SlotTree, TreeDamage

_PLURAL = {"radix": "radix trees", "xarray": "Xarrays", "rbtree": "rbtrees", "maple": "maple trees"}


@dataclass(frozen=True)
class Entry(Row):
    """One entry of the tree, shown as hexadecimal, or as `radix` says for a maple tree's."""

    address: int
    radix: int = 16


@dataclass(frozen=True)
class Position(Row):
    """Where an entry is; `index` is None where the tree has no keys."""

    path: str
    index: int | None = None
    radix: int = 10


@dataclass(frozen=True)
class Verbose(Row):
    """A step through a maple tree with all there is to say of it."""

    step: MapleHead | MapleNode | MapleEntry | MapleDamage
    radix: int


@dataclass(frozen=True)
class Contents(Row):
    """A structure of an entry, or a member of it, as lines."""

    name: str
    member: str
    address: int
    lines: tuple[str, ...]


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
    examples = (
        (
            "The areas of vmalloc, in their order",
            "tree -l -t rb -o vmap_area.rb_node vmap_area_root",
        ),
        ("What a process has mapped", "tree -t maple -r mm_struct.mm_mt ff175e6a82c86300"),
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
        shown = radix or ctx.settings.radix
        try:
            if request.kind == "maple":
                yield from _maple(ctx, args, start, contents, shown)
            elif request.kind in ("xarray", "radix"):
                yield from _slots(ctx, args, start, contents, request.kind == "xarray")
            else:
                yield from _red_black(ctx, args, start, contents, request.node or 0)
        except CrashError as error:
            # crash begins some messages with an empty line.
            text = str(error)
            if not text.startswith("\n"):
                raise
            yield Contents("", "", 0, ("",))
            raise CrashError(text[1:]) from None

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        lines = _VerboseText()
        for row in rows:
            if isinstance(row, Entry):
                yield f"{row.address:x}" if row.radix == 16 else str(row.address)
            elif isinstance(row, Contents):
                yield from row.lines
            elif isinstance(row, Position):
                yield _position(row)
            elif isinstance(row, Verbose):
                yield from lines.step(row)


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
        yield Entry(address)
        if "p" in args:
            yield Position(step.path)
        yield from _contents(contents, address)


def _slots(
    ctx: Context, args: Args, start: int, contents: EntryReader, xarray: bool
) -> Iterator[Row]:
    tree = SlotTree(ctx.kernel, xarray)
    for entry in tree.walk(start, "N" not in args):
        contents.prepare(all_members=True)
        yield Entry(entry.address)
        if "p" in args:
            yield Position(f"{entry.path}/{entry.slot}", entry.index)
        yield from _contents(contents, entry.address)


def _maple(
    ctx: Context, args: Args, start: int, contents: EntryReader, radix: int
) -> Iterator[Row]:
    verbose = "v" in args
    index = 0
    for step in MapleTrees(ctx.kernel).walk(start, "N" not in args):
        if verbose or isinstance(step, MapleDamage):
            yield Verbose(step, radix)
        elif isinstance(step, MapleNode) and step.kind > ARANGE_64:
            yield Contents("", "", step.address, (" UNKNOWN TYPE",))
        if not isinstance(step, MapleEntry):
            continue
        contents.prepare(all_members=True)
        if not step.value:
            continue
        if not verbose:
            yield Entry(step.value, radix)
        if "p" in args:
            index += 1
            yield Position(f"{step.path}/{step.slot}", index, radix)
        yield from _contents(contents, step.value)


def _contents(reader: EntryReader, address: int) -> Iterator[Row]:
    """The rows of what is shown of one entry."""
    for part in reader.parts(address):
        if isinstance(part, Part):
            yield Contents(part.name, part.member, part.address, part.lines)
        else:
            yield Notice(part.text, line=part.line)


def _position(row: Position) -> str:
    if row.index is None:
        return f"  position: {row.path}"
    index = f"{row.index:x}" if row.radix == 16 else str(row.index)
    return f"  index: {index}  position: {row.path}"


class _VerboseText:
    """The text of a maple tree's nodes and entries, as `tree -v` has it."""

    def step(self, row: Verbose) -> Iterator[str]:
        """The lines of one step."""
        step, radix = row.step, row.radix
        if isinstance(step, MapleHead):
            head = f"maple_tree({step.address:x}) flags {step.flags:X}, height {step.height}"
            yield f"{head} root 0x{step.root:x}"
            yield ""
        elif isinstance(step, MapleEntry):
            span = _range(step.first, step.last, step.depth, radix)
            yield span + _entry_text(step.value, radix)
        elif isinstance(step, MapleDamage):
            yield (
                f"node {step.address:#x} last ({step.last}) > max ({step.limit}) "
                f"at pivot {step.slot}!"
            )
        else:
            yield self._node(step, radix)

    def _node(self, node: MapleNode, radix: int) -> str:
        text = (
            f"{_range(node.first, node.last, node.depth, radix)}node 0x{node.address:x} "
            f"depth {node.depth} type {node.kind} parent {_pointer(node.parent)}"
        )
        if node.kind == DENSE:
            return text
        if node.kind not in (LEAF_64, RANGE_64, ARANGE_64):
            return f"{text} UNKNOWN TYPE"
        text += " contents: "
        if node.kind == ARANGE_64:
            text += "".join(f"{_number(gap, radix)} " for gap in node.gaps)
            text += f"| {node.meta[0]:02X} {node.meta[1]:02X}| "
        for slot, pivot in zip(node.slots, node.pivots, strict=False):
            text += f"{_pointer(slot)} {_number(pivot, radix)} "
        return text + _pointer(node.slots[-1])


def _number(value: int, radix: int) -> str:
    return f"{value:x}" if radix == 16 else str(value)


def _pointer(value: int) -> str:
    return f"{value:#x}" if value else "(nil)"


def _range(first: int, last: int, depth: int, radix: int) -> str:
    margin = " " * min(2 * depth, 32)
    if first == last:
        return f"{margin}{_number(first, radix)}: "
    return f"{margin}{_number(first, radix)}-{_number(last, radix)}: "


def _entry_text(entry: int, radix: int) -> str:
    """What an entry of a maple tree is: a value, a mark of the tree's own, or a pointer."""
    if entry & 1:
        value = f"0x{entry >> 1:x}" if radix == 16 else str(entry >> 1)
        return f"value {value} [0x{entry:x}]"
    if entry == 257 << 2 | 2:
        return f"zero (0x{entry >> 2:x})" if radix == 16 else f"zero ({entry >> 2})"
    if entry < 4096 and entry & 3 == 2:
        return f"UNKNOWN ENTRY (0x{entry:x})"
    return f"0x{entry:x}" if radix == 16 else str(entry)
