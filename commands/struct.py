"""struct, union and *: how a structure or union is declared, or what one holds at an address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from pycrash.api import (
    COUNT,
    OFFSET_OF,
    PER_CPU_ADDRESS,
    STRUCT,
    STRUCTURE,
    UNION,
    Address,
    Args,
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
    cpu_list,
    hexadecimal,
    is_number,
    leading_integer,
    number,
    offset_operand,
    one,
)
from pycrash.api.memoryrows import MemoryRow, memory_rows
from pycrash.api.structrows import Begun, StructRow, struct_lines, struct_rows
from pycrash.api.symbolrows import RefusedRow, refuse_symbol, unknown_symbol_lines
from pycrash.api.typerows import TypeRow, type_lines, type_row
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.structures.derefs import Dereferencer
from pycrash.cexpr.structures.namedtypes import Found, NamedType
from pycrash.cexpr.structures.structs import Shown, Trouble
from pycrash.kernel.core.space import Space, SpaceWord, space_of
from pycrash.render.memory import memory_text

#: Words crash keeps of one line.
MAX_WORDS = 100
#: What may stand behind the name, in the usage line.
BEHIND = "[-o][-l offset][-rfuxdp]\n         [address | symbol][:cpuspec] [count | -c count]"

FLAGS = (
    Flag("o", "Puts each member's offset in front of it; with an address, the member's address."),
    Flag(
        "l",
        "The address given is that of something inside of the structure, this many bytes from "
        "its beginning; a member written as `structure.member` stands for its offset.",
        value=OFFSET_OF,
    ),
    Flag("r", "Shows the bytes of the structure or member as hexadecimal words."),
    Flag("v", "With -r, names symbols among the words (undocumented in crash)."),
    Flag("f", "The address given is an offset into the dump file."),
    Flag("u", "The address given is a user address of the current task."),
    Flag("x", "Shows integers in hexadecimal."),
    Flag("h", "Same as -x (undocumented in crash)."),
    Flag("d", "Shows integers in decimal."),
    Flag("p", "Follows pointers and shows what they point to."),
    Flag("c", "How many structures; negative: those that end with the address.", value=COUNT),
)


@dataclass(frozen=True)
class OnCpu(Row, kind="struct.cpu"):
    """Introduces the structure of one CPU; `online` is false where it is hidden."""

    cpu: int
    address: Address
    online: bool


@dataclass(frozen=True)
class _Request:
    """What the line asks for. `members` is empty for the whole structure."""

    datatype: NamedType
    members: tuple[str, ...]
    address: int | None
    count: int
    cpus: tuple[int, ...] | None
    offsets: bool
    raw: bool
    symbolic: bool
    follow: bool


class _StructureCommand(Command):
    """Base of the three commands; `wanted` is "struct", "union" or empty for either."""

    flags = FLAGS
    rows = (TypeRow, StructRow, OnCpu, MemoryRow)
    wanted: ClassVar[str] = ""

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        back = 0
        for value in args.values("l"):
            back = offset_operand(ctx.kernel, value, "-l option")
        if "f" in args:
            back = 0  # an offset in the file is that of the structure
        radix = asked_radix(args, "xh")
        if not args.operands:
            raise UsageError()
        first, *rest = args.operands
        if first.count(",") + 1 > MAX_WORDS:
            raise CrashError("too many members in comma-separated list!")
        if first[-1:] in (",", "."):
            raise CrashError(f"invalid format: {first}")
        operands = _Operands(ctx, args)
        yield from operands.read(rest)
        count = operands.count
        if count is None:
            count = 1
        elif operands.address is None:
            raise CrashError("no kernel virtual address argument entered")
        if "p" in args and operands.address is None:
            raise CrashError("-p option requires address argument")
        request = _Request(
            *self._type(ctx, first),
            address=None if operands.address is None else operands.address - back,
            count=count,
            cpus=operands.cpus,
            offsets="o" in args,
            raw="r" in args,
            symbolic="v" in args,
            follow="p" in args,
        )
        if len(request.members) > 1 and request.offsets and request.address is not None:
            raise CrashError("-o option not valid with multiple member format")
        word: SpaceWord = "FILEADDR" if "f" in args else "UVADDR" if "u" in args else "KVADDR"
        space = space_of(ctx.kernel, word, lambda: ctx.task)
        yield from _Shower(ctx, request, radix, space).rows()

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        order = None if "v" in args else view.byte_order
        others = partial(_lines, view, asked_radix(args, "xh") or view.radix)
        yield from memory_text(rows, others, view.pointer_width, order=order)

    def _type(self, ctx: Context, operand: str) -> tuple[NamedType, tuple[str, ...]]:
        """The type that `name.member,member` names, and the members. Raises CrashError."""
        name, dot, rest = operand.partition(".")
        datatype = ctx.kernel.part(Expressions).types.find(name)
        if datatype is None or not datatype.ctype.complete:
            raise CrashError(f"invalid data structure reference: {name}")
        kind = self.wanted or datatype.kind
        if not self.wanted and kind not in ("struct", "union"):
            raise CrashError("invalid argument")
        if datatype.kind != kind:
            raise CrashError(f"data type mismatch: {name} is not a {kind}")
        members = tuple(m for m in rest.replace(",", " ").split() if m) if dot else ()
        return datatype, members


def _lines(view: View, radix: int, rows: Iterator[Row]) -> Iterator[str]:
    """The lines of what are no bytes."""
    for row in rows:
        if isinstance(row, StructRow):
            yield from struct_lines(row, view)
        elif isinstance(row, TypeRow):
            yield from type_lines(row, radix)
        elif isinstance(row, OnCpu):
            yield f"[{row.cpu}]: {f'{row.address:x}' if row.online else '[OFFLINE]'}"
        elif isinstance(row, Gap):
            yield ""
        elif isinstance(row, Begun):
            yield row.text
        elif isinstance(row, RefusedRow):
            yield from unknown_symbol_lines(row.unknown, view.radix)


class Struct(_StructureCommand):
    operands = (one(STRUCT), one(PER_CPU_ADDRESS), one(COUNT))
    name = "struct"
    summary = "structure contents"
    synopsis = "struct_name[.member[,member]]" + BEHIND
    wanted = "struct"
    description = """\
Without an address, shows how a structure is declared and how large it is. With an address or
a symbol, shows what the structure there holds. Members behind a dot limit this to them; a
member may lie inside of others (`se.load.weight`) or be one element of an array of structures
(`pid_links[1]`).

For a per-CPU variable a colon and CPUs behind its name show that of each CPU: `:a` or `:all`
for every one, `:0,2-4` for some, a lone colon for the CPU of the current task."""
    related = ("union", "whatis", "p", "list", "rd")
    examples = (
        ("How a task is laid out", "struct task_struct -o"),
        ("The name and pid of a task", "struct task_struct.comm,pid init_task"),
        ("The run queues of the first two CPUs", "struct rq.nr_running runqueues:0-1"),
        ("Three list heads in a row", "struct list_head init_task 3"),
    )


class Union(_StructureCommand):
    operands = (one(UNION), one(PER_CPU_ADDRESS), one(COUNT))
    name = "union"
    summary = "union contents"
    synopsis = "union_name[.member[,member]] " + BEHIND
    wanted = "union"
    description = """\
Without an address, shows how a union is declared and how large it is. With an address or a
symbol, shows what the union there holds. Operands and options are those of `struct`."""
    related = ("struct", "whatis", "p")
    examples = (
        ("How the attributes of bpf() are declared", "union bpf_attr"),
        ("A union at an address, in hexadecimal", "union rcu_special -x init_task"),
    )


class Pointer(_StructureCommand):
    operands = (one(STRUCTURE), one(PER_CPU_ADDRESS), one(COUNT))
    name = "*"
    summary = "pointer-to short-cut"
    synopsis = "(struct or union command arguments)"
    description = """\
Stands for `struct` or `union`, whichever the name is. Operands and options are theirs."""
    related = ("struct", "union", "p", "rd")
    examples = (("A member of the structure at an address", "* task_struct.pid init_task"),)


class _Operands:
    """The operands behind the type: an address or a symbol with its CPUs, and a count."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx = ctx
        self._types = ctx.kernel.part(Expressions).types
        self._user = "u" in args
        self._file = "f" in args
        given = args.value("c")
        self.count: int | None = None if given is None else leading_integer(given)
        self.address: int | None = None
        self.cpus: tuple[int, ...] | None = None

    def read(self, words: list[str]) -> Iterator[Row]:
        """Take the words in; yields what there is to say of them."""
        spec: str | None = None
        for word in words:
            if self.address is not None and self.count is not None:
                raise CrashError("too many arguments!")
            if self.address is None and ":" in word:
                word, _, spec = word.partition(":")
            if word[-1:] in (",", ":") and is_number(word[:-1]):
                word = word[:-1]
            if is_number(word):
                self._number(word, spec)
                continue
            symbol = self._ctx.kernel.symbols.by_name(word)
            if symbol is None:
                yield from refuse_symbol(self._ctx.kernel, word)
                return
            if spec is not None and not self._ctx.kernel.symbols.is_percpu(symbol):
                yield Notice(f"{symbol.name} is not percpu; cpuspec ignored.", "WARNING")
                spec = None
            ctype = self._types.of_variable(symbol.name) if spec is not None else None
            if ctype is not None and ctype.is_pointer:
                text = f'percpu symbol "{symbol.name}" is of type pointer'
                yield Notice(text, "WARNING")
            self.address = symbol.address
        if spec is not None:
            self.cpus = self._cpu_list(spec)

    def _number(self, word: str, spec: str | None) -> None:
        if self.address is not None:
            self.count = number(word)
        elif spec is not None:
            if self._file:
                raise CrashError("-f option cannot be used with percpu")
            self.address = hexadecimal(word)
        elif self._file:
            self.address = number(word)
        else:
            self.address = hexadecimal(word)
            if not self._user and not self._ctx.kernel.memory.is_kernel(self.address):
                raise CrashError(f"invalid kernel virtual address: {word}")

    def _cpu_list(self, spec: str) -> tuple[int, ...]:
        kernel = self._ctx.kernel
        if not spec:
            task = kernel.tasks.by_address.get(self._ctx.task)
            return (task.cpu,) if task is not None else ()
        return tuple(cpu_list(spec, kernel.cpus.count))


class _Shower:
    """Makes the rows of one request, of structures in one kind of memory."""

    def __init__(self, ctx: Context, request: _Request, radix: int, space: Space) -> None:
        self._ctx = ctx
        self._request = request
        self._space = space
        options = Session(ctx).options(radix)
        self._structs = ctx.kernel.part(Expressions).structs(options, space)
        self._follow = Dereferencer(self._structs)
        self._cpu: int | None = None

    def rows(self) -> Iterator[Row]:
        request = self._request
        if request.address is None:
            yield from self._declaration()
            return
        if request.cpus is None:
            yield from self._at(request.address)
            return
        cpus = self._ctx.kernel.cpus
        for cpu in request.cpus:
            address = cpus.address(request.address, cpu)
            online = cpu in cpus.online or self._ctx.settings.offline == "show"
            yield OnCpu(cpu, address, online)
            self._cpu = cpu
            if online:
                yield from self._at(address)

    def _declaration(self) -> Iterator[Row]:
        request = self._request
        offsets, members = request.offsets, request.members
        if len(members) > 1:
            if offsets:
                text = "-o option not valid with multiple member format"
            else:
                text = "multiple member format not supported in this syntax"
            yield Notice(text)
            members, offsets = (), True
        member = members[0] if members else ""
        yield self._declared(member, offsets, 0)

    def _declared(self, member: str, offsets: bool, address: int) -> TypeRow:
        if member:
            self._require(member)
        return type_row(self._request.datatype, member, offsets=offsets, address=address)

    def _require(self, member: str) -> Found:
        """The member of that path. Raises CrashError where there is none."""
        datatype = self._request.datatype
        found = datatype.find(member)
        if found is None:
            raise CrashError(f"invalid data structure reference: {datatype.name}.{member}")
        return found

    def _at(self, address: int) -> Iterator[Row]:
        """Every structure from an address on, or up to it for a negative count."""
        request = self._request
        mask = self._ctx.kernel.word_mask
        size = request.datatype.size
        count = abs(request.count)
        open_end = False
        if request.count < 0:
            address -= size * (count - 1)
        for turn in range(count):
            if turn and not open_end:
                yield Gap()
            at = address & mask
            if request.raw and not request.offsets:
                passed, size = self._raw_span()
                yield from self._raw((at + passed) & mask, size)
                # The next one begins behind this member.
                address += passed
            elif request.offsets:
                member = request.members[0] if request.members else ""
                # In the dump's file crash numbers members from 0.
                in_file = self._space.word == "FILEADDR"
                yield self._declared(member, True, turn * size if in_file else at)
            else:
                # crash ends the text of a whole union without a newline of its own.
                open_end = request.datatype.kind == "union" and not request.members
                for row in struct_rows(request.datatype.name, at, self._parts(at), self._cpu):
                    open_end &= not isinstance(row, Notice) or row.quiet
                    yield row
            address += size

    def _raw_span(self) -> tuple[int, int]:
        """Where in the structure the bytes to show begin, and how many there are."""
        request = self._request
        if len(request.members) > 1:
            raise CrashError("only one structure member allowed with -r")
        if not request.members:
            return 0, request.datatype.size
        found = self._require(request.members[0])
        return found.bit // 8, found.ctype.size

    def _raw(self, address: int, size: int) -> Iterator[Row]:
        """The bytes as words."""
        kernel = self._ctx.kernel
        if not size:
            raise CrashError("invalid count request: 0")
        unit = size if size in (1, 2, 4) else kernel.word_size
        name = kernel.symbols.text if self._request.symbolic and unit >= 4 else None
        count = -(-size // unit)
        yield from memory_rows(kernel, self._space, address, count, unit, name=name)

    def _parts(self, address: int) -> Iterator[Shown | Trouble]:
        """What is to be shown of the structure at an address. Raises CrashError."""
        request = self._request
        reader = self._follow if request.follow else self._structs
        if not request.members:
            yield reader.whole(request.datatype, address)
        for member in request.members:
            self._require(member)
            yield reader.member(request.datatype, member, address)
