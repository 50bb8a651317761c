"""struct, union and *: how a structure or union is declared, or what one holds at an address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from pycrash.api import (
    ADDRESS,
    COUNT,
    OFFSET_OF,
    STRUCT,
    STRUCTURE,
    UNION,
    Args,
    Command,
    Context,
    CrashError,
    Flag,
    Notice,
    ReadError,
    Row,
    UsageError,
    View,
    cpu_list,
    hexadecimal,
    is_number,
    number,
    offset_operand,
    one,
)
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.structures.declaration import declaration
from pycrash.cexpr.structures.derefs import Dereferencer
from pycrash.cexpr.structures.innermembers import MemberNotFound
from pycrash.cexpr.structures.namedtypes import NamedType
from pycrash.cexpr.structures.structs import Reader
from pycrash.render.hexdump import hex_lines

#: Words crash keeps of one line.
MAX_WORDS = 100

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
    Flag(
        "c", "How many structures to show; negative: those that end with the address.", value=COUNT
    ),
)


@dataclass(frozen=True)
class Line(Row):
    """A line of text as it stands."""

    text: str


@dataclass(frozen=True)
class Declared(Row):
    """The declaration of a type."""

    name: str
    size: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Shown(Row):
    """A structure, or one member of it, at an address."""

    name: str
    member: str
    address: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class OnCpu(Row):
    """Introduces the structure of one CPU; `online` is false where it is hidden."""

    cpu: int
    address: int
    online: bool


@dataclass(frozen=True)
class _Request:
    """What the line asks for. `members` is empty for the whole structure."""

    datatype: NamedType
    kind: str
    members: tuple[str, ...] = ()
    address: int | None = None
    count: int = 1
    cpus: tuple[int, ...] | None = None
    offsets: bool = False
    raw: bool = False
    symbolic: bool = False
    follow: bool = False


class _StructureCommand(Command):
    """Base of the three commands; `wanted` is "struct", "union" or empty for either."""

    flags = FLAGS
    wanted: ClassVar[str] = ""

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        radix, back = self._options(ctx, args)
        if not args.operands:
            raise UsageError()
        first, *rest = args.operands
        if first.count(",") + 1 > MAX_WORDS:
            raise CrashError("too many members in comma-separated list!")
        if first[-1:] in (",", "."):
            raise CrashError(f"invalid format: {first}")
        operands = _Operands(ctx, args)
        yield from operands.read(rest)
        if operands.failed:
            return
        count = operands.count
        if count is None:
            count = 1
        elif operands.address is None:
            raise CrashError("no kernel virtual address argument entered")
        if "p" in args and operands.address is None:
            raise CrashError("-p option requires address argument")
        request = self._request(ctx, first)
        request = replace(
            request,
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
        yield from _Shower(ctx, request, radix, *_reader(ctx, args)).rows()

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, Line):
                yield row.text
            elif isinstance(row, OnCpu):
                yield f"[{row.cpu}]: {f'{row.address:x}' if row.online else '[OFFLINE]'}"
            elif isinstance(row, (Shown, Declared)):
                yield from row.lines

    def _options(self, ctx: Context, args: Args) -> tuple[int, int]:
        """The radix asked for (0: the session's), and how far inside the address lies."""
        radix = back = 0
        for letter, value in args.given:
            if letter in "xhd":
                wanted = 10 if letter == "d" else 16
                if radix not in (0, wanted):
                    raise CrashError("-d and -x are mutually exclusive")
                radix = wanted
            elif letter == "l" and value is not None:
                back = offset_operand(ctx.kernel, value, "-l option")
        return radix, back

    def _request(self, ctx: Context, operand: str) -> _Request:
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
        return _Request(datatype, kind, members)


class Struct(_StructureCommand):
    operands = (one(STRUCT), one(ADDRESS), one(COUNT))
    name = "struct"
    summary = "structure contents"
    synopsis = (
        "struct_name[.member[,member]][-o][-l offset][-rfuxdp]\n"
        "         [address | symbol][:cpuspec] [count | -c count]"
    )
    wanted = "struct"
    description = """\
Without an address, shows how a structure is declared and how large it is. With an address or
a symbol, shows what the structure there holds. Members behind a dot limit this to them; a
member may lie inside of others (`se.load.weight`) or be one element of an array of structures
(`pid_links[1]`).

For a per-CPU variable a colon and CPUs behind its name show that of each CPU: `:a` or `:all`
for every one, `:0,2-4` for some, a lone colon for the CPU of the current task."""
    examples = (
        ("How a task is laid out", "struct task_struct -o"),
        ("The name and pid of a task", "struct task_struct.comm,pid ff175e6a82c68000"),
        ("The run queues of the first two CPUs", "struct rq.nr_running runqueues:0-1"),
        ("Three list heads in a row", "struct list_head ff175e6a82c68000 3"),
    )


class Union(_StructureCommand):
    operands = (one(UNION), one(ADDRESS), one(COUNT))
    name = "union"
    summary = "union contents"
    synopsis = (
        "union_name[.member[,member]] [-o][-l offset][-rfuxdp]\n"
        "         [address | symbol][:cpuspec] [count | -c count]"
    )
    wanted = "union"
    description = """\
Without an address, shows how a union is declared and how large it is. With an address or a
symbol, shows what the union there holds. Operands and options are those of `struct`."""
    examples = (
        ("How the attributes of bpf() are declared", "union bpf_attr"),
        ("A union at an address, in hexadecimal", "union rcu_special -x ff175e6a82c68324"),
    )


class Pointer(_StructureCommand):
    operands = (one(STRUCTURE), one(ADDRESS), one(COUNT))
    name = "*"
    summary = "pointer-to short-cut"
    synopsis = "(struct or union command arguments)"
    description = """\
Stands for `struct` or `union`, whichever the name is. Operands and options are theirs."""
    examples = (("A member of the structure at an address", "* task_struct.pid ff175e6a82c68000"),)


class _Operands:
    """The operands behind the type: an address or a symbol with its CPUs, and a count."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx = ctx
        self._user = "u" in args
        self._file = "f" in args
        given = args.value("c")
        self.count: int | None = None if given is None else _atoi(given)
        self.address: int | None = None
        self.cpus: tuple[int, ...] | None = None
        self.failed = False

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
                yield from self._unknown(word)
                self.failed = True
                return
            if spec is not None and not self._ctx.kernel.symbols.is_percpu(symbol):
                yield Notice(f"{symbol.name} is not percpu; cpuspec ignored.", "WARNING")
                spec = None
            if spec is not None and self._is_pointer(symbol.name):
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

    def _unknown(self, word: str) -> Iterator[Row]:
        yield Line(f"symbol not found: {word}")
        yield Line("possible alternatives:")
        found = False
        symbols = self._ctx.kernel.symbols
        for symbol in symbols.containing(word) if word else ():
            found = True
            module = f" [{symbol.module}]" if symbol.module else ""
            yield Line(f"  {symbol.address:x} ({symbol.letter}) {symbol.name}{module}")
        if not found:
            yield Line("  (none found)")

    def _is_pointer(self, name: str) -> bool:
        ctype = self._ctx.kernel.part(Expressions).types.of_variable(name)
        return ctype is not None and ctype.is_pointer

    def _cpu_list(self, spec: str) -> tuple[int, ...]:
        kernel = self._ctx.kernel
        if not spec:
            task = kernel.tasks.by_address.get(self._ctx.task)
            return (task.cpu,) if task is not None else ()
        return tuple(cpu_list(spec, kernel.cpus.count))


def _atoi(text: str) -> int:
    """C's atoi: the digits at the beginning, 0 where there are none."""
    digits = ""
    for char in text.strip():
        if not (char.isdigit() or (char in "+-" and not digits)):
            break
        digits += char
    return int(digits) if digits.strip("+-") else 0


def _reader(ctx: Context, args: Args) -> tuple[Reader | None, str]:
    """What reads the structures where it is not kernel memory, and crash's word for the memory."""
    if "f" in args:
        return ctx.kernel.memory.read_file, "FILEADDR"
    if "u" in args:
        user = partial(ctx.kernel.memory.read_user, ctx.task)
        return user, "UVADDR"
    return None, "KVADDR"


class _Shower:
    """Makes the rows of one request."""

    def __init__(
        self, ctx: Context, request: _Request, radix: int, read: Reader | None, space: str
    ) -> None:
        self._space = space
        self._ctx = ctx
        self._request = request
        options = Session(ctx).options(radix)
        self._radix = options.radix
        self._read = read or ctx.kernel.read
        self._structs = ctx.kernel.part(Expressions).structs(options, read)
        self._follow = Dereferencer(self._structs)

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
        if member:
            self._require(member)
        yield self._declared(member, offsets, 0)

    def _declared(self, member: str, offsets: bool, address: int) -> Declared:
        datatype = self._request.datatype
        lines = declaration(datatype, member, offsets=offsets, address=address, radix=self._radix)
        return Declared(datatype.name, datatype.size, tuple(lines))

    def _require(self, member: str) -> None:
        datatype = self._request.datatype
        if datatype.find(member) is None:
            raise CrashError(f"invalid data structure reference: {datatype.name}.{member}")

    def _at(self, address: int) -> Iterator[Row]:
        """Every structure from an address on, or up to it for a negative count."""
        request = self._request
        mask = self._ctx.kernel.word_mask
        size = request.datatype.size
        count = abs(request.count)
        if request.count < 0:
            address -= size * (count - 1)
        for turn in range(count):
            # crash ends the text of a whole union without a newline of its own.
            if turn and (request.kind == "struct" or request.members or request.raw):
                yield Line("")
            for member in request.members or ("",):
                if len(request.members) > 1 and request.raw:
                    raise CrashError("only one structure member allowed with -r")
                if member:
                    self._require(member)
                if request.raw and not request.offsets:
                    found = request.datatype.find(member) if member else None
                    if found is not None:
                        # The next one begins behind this member.
                        address += found.bit // 8
                        size = found.ctype.size
                    yield from self._raw(address & mask, size)
                else:
                    yield from self._one(member, address & mask)
            address += size

    def _raw(self, address: int, size: int) -> Iterator[Row]:
        """The bytes as words; what cannot be read ends the command behind what can."""
        kernel = self._ctx.kernel
        if not size:
            raise CrashError("invalid count request: 0")
        unit = size if size in (1, 2, 4) else kernel.word_size
        end = address + (size + unit - 1) // unit * unit
        what = f"{unit * 8}-bit {self._space}"
        name = kernel.symbols.text if self._request.symbolic and unit >= 4 else None
        while address < end:
            length = min(end - address, kernel.page_size - address % kernel.page_size)
            data = self._read(address, length, what)
            lines = tuple(hex_lines(data, address, unit, kernel.byte_order, name))
            yield Shown(self._request.datatype.name, "", address, lines)
            address += length

    def _one(self, member: str, address: int) -> Iterator[Row]:
        request = self._request
        datatype = request.datatype
        if request.offsets:
            yield self._declared(member, True, address)
            return
        try:
            if member:
                lines = self._member(member, address)
            elif request.follow:
                lines = list(self._follow.whole(datatype, address))
            else:
                lines = list(self._structs.whole(datatype, address))
        except MemberNotFound as error:
            yield Notice(str(error))
            return
        except ReadError as error:
            if not member:
                yield from self._unreadable(error)
            elif not error.quiet:
                yield Notice(str(error))
            return
        yield Shown(datatype.name, member, address, tuple(lines))

    def _unreadable(self, error: ReadError) -> Iterator[Row]:
        """Where the text was to begin, the message stands."""
        begun = f"{self._request.kind} {self._request.datatype.name} "
        if error.quiet:
            yield Line(begun)
            return
        yield Notice(str(error), line=begun)
        if self._request.kind == "struct":
            yield Line("")

    def _member(self, member: str, address: int) -> list[str]:
        if self._request.follow:
            lines = self._follow.member(self._request.datatype, member, address)
            if lines is not None:
                return lines
        return list(self._structs.member(self._request.datatype, member, address))
