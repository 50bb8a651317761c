"""bpf: loaded BPF programs and maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pycrash.api import (
    COUNT,
    Address,
    Args,
    Bits,
    Bytes,
    Command,
    Context,
    CrashError,
    Date,
    Flag,
    Gap,
    Hidden,
    Notice,
    ReadError,
    Row,
    Text,
    View,
)
from pycrash.api.instructionrows import InstructionNames, instruction_line
from pycrash.api.instructionrows import InstructionRow as MachineRow
from pycrash.api.structrows import StructRow, struct_lines, struct_rows
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.expressions import Expressions
from pycrash.kernel.bpf.bytecode import Bytecode
from pycrash.kernel.bpf.objects import INSTRUCTION, BpfObjects, Program
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.text.disasm.listing import Disassembler
from pycrash.render.bytecode import instruction_text, opcode_text
from pycrash.render.columns import centered
from pycrash.render.ctext import date_text

#: crash's widest column of program types, and what it takes off that of maps.
_WIDEST, _TAKEN_OFF = 13, 1


@dataclass(frozen=True)
class ProgramRow(Row, kind="bpf.program"):
    """A program: its bpf_prog at `address`, its bpf_prog_aux at `aux`, the ids of its maps.

    `translated` and `jited` are the bytes of its instructions, and of the machine's made of
    them, which are at `function`. None is what the kernel does not tell.
    """

    id: int
    address: Address
    aux: Address
    type: str
    tag: bytes
    maps: tuple[int, ...]
    translated: Bytes
    jited: Bytes
    function: Address
    memory: Bytes | None
    loaded: Date | None
    gpl_compatible: bool | None
    name: str | None
    uid: int | None
    width: Hidden[int]


@dataclass(frozen=True)
class MapRow(Row, kind="bpf.map"):
    """A map: its bpf_map at `address`; `user` is the user_struct whom its memory is charged to,
    0 where it is to nobody."""

    id: int
    address: Address
    type: str
    flags: Bits
    key_size: Bytes
    value_size: Bytes
    max_entries: int
    memory: Bytes | None
    name: str | None
    user: Address
    uid: int | None
    width: Hidden[int]


@dataclass(frozen=True)
class InstructionRow(Row, kind="bpf.instruction"):
    """An instruction of a program, at a `place` among those of eight bytes: its bytes and parts.

    `map` is the id of the map whose address `constant` is; `function` is what is called.
    """

    program: int
    place: int
    data: bytes
    code: Bits
    destination: int
    source: int
    offset: int
    constant: int
    map: int | None
    function: str | None


class Bpf(Command):
    name = "bpf"
    summary = "loaded BPF programs and maps"
    synopsis = "[[-p ID | -P] [-tTj]] [[-m ID] | -M] [-s] [-xd]"
    description = """\
Lists the programs and maps of extended BPF that are loaded: their ids, the addresses of their
structures, their types, and which maps a program uses."""
    flags = (
        Flag("p", "Show more about the program of this id.", value=COUNT.named("ID")),
        Flag("P", "Show more about every program."),
        Flag("m", "Show more about the map of this id.", value=COUNT.named("ID")),
        Flag("M", "Show more about every map."),
        Flag("t", "With -p or -P, list the translated instructions of the program."),
        Flag("T", "The same with the bytes of each instruction."),
        Flag("j", "With -p or -P, disassemble what the program was compiled to."),
        Flag("s", "Dump the bpf_prog and bpf_prog_aux, or the bpf_map."),
        Flag("x", "With -s, show integers in hexadecimal."),
        Flag("d", "With -s, show integers in decimal."),
    )
    rows = (ProgramRow, MapRow, InstructionRow, MachineRow, StructRow, Text)
    related = ("sys", "net", "dis")
    examples = (
        ("All programs and maps", "bpf"),
        ("One program with its instructions", "bpf -p 1 -t"),
    )

    def read(self, ctx: Context, before: Args, letter: str, value: str | None) -> Iterator[Row]:
        if letter == "d" and "x" in before:
            raise CrashError("-d and -x are mutually exclusive")
        return iter(())

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield from self.read_all(ctx, args)
        wanted = {letter: _number(ctx, args, letter) for letter in "pm"}
        _check(args)
        found = ctx.kernel.part(BpfObjects)
        if not found.is_there:
            raise CrashError("command not supported or applicable on this architecture or kernel")
        places = {"p": found.program_places, "m": found.map_places}
        for letter, word in (("p", "program"), ("m", "map")):
            number = wanted[letter]
            if number is not None and number not in places[letter]:
                yield Notice(f"invalid {word} ID: {number}")
                return
        either = [letter in args or letter.upper() in args for letter in "pm"]
        programs, maps = either if any(either) else (True, True)
        show = _Show(ctx, args)
        if programs:
            for number in _chosen(args, "p", wanted["p"], found.program_places):
                yield from show.program(number)
        if programs and maps:
            yield Gap()
        if maps:
            for number in _chosen(args, "m", wanted["m"], found.map_places):
                yield from show.map(number)

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        headed: set[str] = set()
        for row in rows:
            if isinstance(row, ProgramRow):
                yield from _entry(_program_lines(row, view), "p", args, headed)
            elif isinstance(row, MapRow):
                yield from _entry(_map_lines(row, view), "m", args, headed)
            elif isinstance(row, MachineRow):
                yield f"{instruction_line(row, 10)} "
            elif isinstance(row, Text):
                yield row.text
            elif isinstance(row, InstructionRow):
                yield f"{row.place:4}: {instruction_text(row)}"
                if "T" in args:
                    yield f"       {opcode_text(row.data)}"
            elif isinstance(row, StructRow):
                yield from struct_lines(row, view)
            elif isinstance(row, Gap):
                yield ""


def _entry(lines: Iterable[str], letter: str, args: Args, headed: set[str]) -> Iterator[str]:
    """The lines of a program or map that the options ask for; `headed` has the letters of the
    lists that have begun. Where all are shown in full, each has its own heading."""
    heading, first, *more = lines
    if letter not in headed:
        yield heading
    elif letter.upper() in args:
        yield from ("", heading)
    headed.add(letter)
    yield first
    if letter in args or letter.upper() in args:
        yield from more


def _number(ctx: Context, args: Args, letter: str) -> int | None:
    value = args.value(letter)
    return None if value is None else COUNT.parse(ctx, value)


def _radix(args: Args) -> int:
    """The base of integers that is asked for, 0 without; of -d -x the latter holds."""
    return 16 if "x" in args else 10 if "d" in args else 0


def _check(args: Args) -> None:
    """Raises crash's refusals of options that do not go together."""
    of_programs = "p" in args or "P" in args
    anything = of_programs or "m" in args or "M" in args
    if not of_programs and "j" in args:
        raise CrashError("-j option only applicable with -p or -P")
    if not of_programs and ("t" in args or "T" in args):
        raise CrashError("-t option only applicable with -p or -P")
    if not anything and "s" in args:
        raise CrashError("-s option requires either -p, -P, -m or -M")
    if not anything and _radix(args):
        # Whichever of both it was.
        raise CrashError("-x option requires -s")
    if args.operands:
        raise CrashError(f"invalid argument: {args.operands[0]}")


def _chosen(args: Args, letter: str, wanted: int | None, places: dict[int, int]) -> Iterable[int]:
    return places if wanted is None or letter.upper() in args else [wanted]


class _Show:
    """Makes the rows of programs and maps under one line's options."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self._ctx, self._args = ctx, args
        self._found = ctx.kernel.part(BpfObjects)
        types = (self._found.program_types, self._found.map_types)
        longest = [max((len(name) for name, _ in names), default=0) for names in types]
        self._program_width = min(longest[0], _WIDEST)
        self._map_width = longest[1] - _TAKEN_OFF

    def program(self, number: int) -> Iterator[Row]:
        """A program, and what of it was asked for."""
        kernel, found, args = self._ctx.kernel, self._found, self._args
        program = found.program(number)
        maps: list[int] = []
        try:
            maps = found.used_maps(program)
        except ReadError as error:
            yield Notice(str(error), cause=error)
        yield self._row(program, maps)
        if "j" in args:
            yield Gap()
            yield from self._code(program)
        if "t" in args or "T" in args:
            yield Gap()
            for given in kernel.part(Bytecode).decode(found.bytecode(program)):
                yield InstructionRow(number, *given)
        if "s" in args:
            yield Gap()
            yield from self._structure("bpf_prog", program.address)
            yield Gap()
            yield from self._structure("bpf_prog_aux", program.aux)

    def _code(self, program: Program) -> Iterator[Row]:
        """The machine's instructions of a program."""
        if not program.jited:
            yield Text("(program not jited)")
            return
        kernel, names = self._ctx.kernel, InstructionNames(self._ctx.kernel, plain=True)
        for found in kernel.part(Disassembler).kernel(program.function):
            if found.address >= program.function + program.jited:
                return
            yield names.row(found)

    def _row(self, program: Program, maps: list[int]) -> ProgramRow:
        kernel = self._ctx.kernel
        pages, since = program.pages, program.load_time
        boot = kernel.part(SystemFacts).boot_date
        return ProgramRow(
            *(program.id, program.address, program.aux, program.type, program.tag, tuple(maps)),
            translated=program.length * INSTRUCTION,
            jited=program.jited,
            function=program.function,
            memory=None if pages is None else pages * kernel.page_size,
            loaded=None if since is None else boot + since // 10**9,
            gpl_compatible=program.gpl_compatible,
            name=program.name,
            uid=program.uid,
            width=self._program_width,
        )

    def map(self, number: int) -> Iterator[Row]:
        """A map, and its structure where that was asked for."""
        yield MapRow(*self._found.map(number), self._map_width)
        if "s" in self._args:
            yield Gap()
            yield from self._structure("bpf_map", self._found.map_places[number])

    def _structure(self, name: str, address: int) -> Iterator[Row]:
        ctx = self._ctx
        expressions = ctx.kernel.part(Expressions)
        structs = expressions.structs(Session(ctx).options(_radix(self._args)))
        datatype = expressions.types.find(name)
        if datatype is not None:
            yield from struct_rows(name, address, [structs.whole(datatype, address)])


def _program_lines(row: ProgramRow, view: View) -> Iterator[str]:
    """The heading of a program, its line, and those with more of it."""
    width = view.pointer_width
    heads = [centered("ID", 4), centered("BPF_PROG", width), centered("BPF_PROG_AUX", width)]
    yield " ".join([*heads, centered("BPF_PROG_TYPE", row.width)]) + "       TAG        USED_MAPS"
    cells = [
        centered(f"{row.id}", 4),
        *(centered(f"{at:x}", width) for at in (row.address, row.aux)),
    ]
    maps = ",".join(map(str, row.maps))
    yield " ".join([*cells, centered(row.type, row.width), row.tag.hex(), centered(maps, 9)]) + " "
    memory = "(unknown)" if row.memory is None else row.memory
    yield f"     XLATED: {row.translated}  JITED: {row.jited}  MEMLOCK: {memory}"
    loaded = "(unknown)"
    if row.loaded is not None:
        loaded = date_text(row.loaded, "%a %b %d %H:%M:%S %Y")
    yield f"     LOAD_TIME: {loaded}"
    gpl = {None: "(unknown)", True: "yes", False: "no"}[row.gpl_compatible]
    uid = "(unknown)" if row.uid is None else row.uid
    yield f"     GPL_COMPATIBLE: {gpl}  NAME: {_name(row.name)}  UID: {uid}"


def _map_lines(row: MapRow, view: View) -> Iterator[str]:
    """The heading of a map, its line, and those with more of it."""
    width = view.pointer_width
    heads = [centered("ID", 4), centered("BPF_MAP", width), centered("BPF_MAP_TYPE", row.width)]
    yield " ".join([*heads, "MAP_FLAGS"])
    cells = [centered(f"{row.id}", 4), centered(f"{row.address:x}", width)]
    yield " ".join([*cells, centered(row.type, row.width)]) + f"  {row.flags:08x} "
    sizes = f"KEY_SIZE: {row.key_size}  VALUE_SIZE: {row.value_size}"
    begun = f"     {sizes}  MAX_ENTRIES: {row.max_entries}  MEMLOCK: "
    uid = "(unused)" if not row.user else "(unknown)" if row.uid is None else row.uid
    named = f"     NAME: {_name(row.name)}  UID: {uid}"
    # crash ends the line behind a size alone.
    yield from (
        (f"{begun}(unknown){named}",) if row.memory is None else (f"{begun}{row.memory}", named)
    )


def _name(name: str | None) -> str:
    return "(unknown)" if name is None else f'"{name}"' if name else "(unused)"
