"""x: memory from an address on, in any format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.arith import Arithmetic, Memory, reading
from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.kinds import kind_of
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.formats import LETTERS, Format, split_format
from pycrash.cexpr.gdb.instructions import examine_instructions
from pycrash.cexpr.printing import strings
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.cexpr.printing.values import ValueOptions, format_value
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_BYTES = {"b": 1, "h": 2, "w": 4, "g": 8}
_A_LINE = {"b": 8, "h": 8, "w": 4, "g": 2}
_TYPES = {"b": "int8_t", "h": "int16_t", "w": "int32_t", "g": "int64_t"}
#: The most that one line may ask for.
MAX_COUNT = 1 << 20


def examine_command(session: Session, arguments: str) -> Iterator[str]:
    """What `x[/FMT] [address]` prints, in pieces; with a format, addresses of user space are
    those of the current task. Raises ExprError, ReadError.
    """
    given, text = split_format(arguments)
    evaluator = Evaluator(session)
    if given is not None and session.task:
        evaluator = Evaluator(session, memory=_any_memory(session, evaluator.arith))
    options, state = session.options(), session.state
    again = given is None and not text
    given = given or Format(state.last_count if again else 1)
    format_ = _completed(given, state.last_format, state.last_size)
    address = _address(evaluator, text) if text else state.next_address
    state.last_format, state.last_count = format_.letter, format_.count
    if format_.size:
        state.last_size = format_.size
    if abs(format_.count) > MAX_COUNT:
        raise ExprError(f"x shows at most {MAX_COUNT} units at a time.")
    if format_.letter == "i":
        user = bool(session.task)
        for text, at, following in examine_instructions(session, address, format_.count, user):
            _remember(evaluator, evaluator.prog.int_type("int8_t", 1, True), at, following)
            del state.variables["__"]
            yield text
        return
    if format_.letter == "s":
        yield from _strings(evaluator, address, format_.count, options)
        return
    yield from _units(evaluator, address, format_, options)


def _any_memory(session: Session, arith: Arithmetic) -> Memory:
    """Reads the kernel's memory, and that of the task where an address is not the kernel's."""
    memory = session.kernel.memory

    def read(address: int, size: int) -> bytes:
        if memory.is_kernel(address):
            return arith.memory(address, size)
        return memory.read_user(session.task, address, size, reading(size))

    return read


def _completed(given: Format, letter: str, size: str) -> Format:
    """A format with what was not given taken from the last one, as gdb does it."""
    found = given.letter or letter
    own = given.size
    if not own:
        if found == "a":
            own = "g"
        elif found == "f":
            own = size if size in "wg" else "g"
        elif found == "c":
            own = "b"
        elif found not in "si":
            own = size
    return Format(given.count, found, own)


def _address(evaluator: Evaluator, text: str) -> int:
    value = evaluator.value(evaluator.parse(text))
    if kind_of(value) == TypeKind.FUNCTION or (
        kind_of(value) == TypeKind.ARRAY and value.address_ is not None
    ):
        return int(value.address_ or 0)
    if kind_of(value) in (TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS):
        raise ExprError("Value can't be converted to integer.")
    return evaluator.arith.number(value) & evaluator.kernel.word_mask


def _head(kernel: Kernel, address: int) -> str:
    name = kernel.part(AddressNames).describe(address)
    return f"{address:#x} {name}:" if name else f"{address:#x}:"


def _units(
    evaluator: Evaluator, address: int, format_: Format, options: ValueOptions
) -> Iterator[str]:
    kernel, arith = evaluator.kernel, evaluator.arith
    size, letter = _BYTES[format_.size], format_.letter
    count = format_.count
    if count < 0:
        # A negative count shows what lies before the address.
        address = (address + count * size) & kernel.word_mask
        count = -count
    if letter not in LETTERS:
        yield f"{_head(kernel, address)}\t"
        raise ExprError(f'Undefined output format "{letter}".')
    type_ = _unit_type(arith, letter, size)
    shown = replace(options, format="" if letter == "f" else letter)
    if letter == "x":
        shown = replace(options, format="z")
    last = address
    for index in range(count):
        if index % _A_LINE[format_.size] == 0:
            yield "\n" * bool(index) + _head(kernel, address)
        yield "\t"
        last = address
        value = drgn.Object.from_bytes_(kernel.prog, type_, arith.memory(address, size))
        yield _padded(format_value(kernel, value, shown), letter, size)
        address = (address + size) & kernel.word_mask
    if count:
        yield "\n"
        unit = _unit_type(arith, letter, size, _TYPES[format_.size])
        _remember(evaluator, unit, last, address)


def _padded(text: str, letter: str, size: int) -> str:
    return text.rjust(8 * size, "0") if letter == "t" else text


def _unit_type(arith: Arithmetic, letter: str, size: int, name: str = "") -> drgn.Type:
    """The type of one unit: an integer, or a float where it is shown as one."""
    if letter == "f" and size in (4, 8):
        return arith.named("float" if size == 4 else "double")
    if name:
        return arith.prog.int_type(name, size, True)
    names = {1: "char", 2: "short", 4: "int", 8: "long"}
    return arith.prog.int_type(names[size], size, True)


def _remember(evaluator: Evaluator, type_: drgn.Type, last: int, following: int) -> None:
    """Set $_ to the last unit shown and $__ to what is there; x goes on behind it."""
    state, prog = evaluator.state, evaluator.prog
    state.next_address = following
    state.variables["_"] = drgn.Object(prog, prog.pointer_type(type_), last)
    state.variables["__"] = drgn.Object(prog, type_, address=last)


def _strings(
    evaluator: Evaluator, address: int, count: int, options: ValueOptions
) -> Iterator[str]:
    kernel = evaluator.kernel
    limit = options.print_max or 200
    for _ in range(count):
        yield f"{_head(kernel, address)}\t"
        try:
            data = _string(evaluator.arith, address, limit)
        except CrashError:
            yield f"<error: Cannot access memory at address {address:#x}>\n"
            return
        whole = data.endswith(b"\0")
        body = data[:-1] if whole else data
        yield strings.quote(
            body, width=1, limit=limit, repeats=options.repeats, ellipsis=not whole, big=False
        )
        yield "\n"
        type_ = evaluator.prog.array_type(evaluator.arith.named("char"), len(data))
        following = (address + len(data)) & kernel.word_mask
        _remember(evaluator, type_, address, following)
        address = following


def _string(arith: Arithmetic, address: int, limit: int) -> bytes:
    """Bytes up to and with a NUL, at most `limit`. Raises ReadError where there are none."""
    data = b""
    while len(data) < limit:
        here = address + len(data)
        size = min(limit - len(data), 64, 4096 - here % 4096)
        more = arith.memory(here, size)
        end = more.find(b"\0")
        if end >= 0:
            return data + more[: end + 1]
        data += more
    return data
