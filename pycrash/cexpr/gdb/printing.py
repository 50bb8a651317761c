"""print, output, call, ptype and whatis: an expression's value or type as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.arith import Memory
from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.kinds import kind_of, real_type
from pycrash.cexpr.eval.lookup import is_untyped
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.formats import (
    LETTERS,
    Format,
    check_print_format,
    split_format,
    split_options,
)
from pycrash.cexpr.gdb.offsets import HEAD, with_offsets
from pycrash.cexpr.printing.ctype import AGGREGATES
from pycrash.cexpr.printing.nested import NestedValue
from pycrash.cexpr.printing.typetext import format_type, format_type_name
from pycrash.cexpr.printing.values import ValueOptions, format_output
from pycrash.cexpr.syntax.ast import Node, TypeExpr
from pycrash.cexpr.syntax.errors import ExprError


@dataclass(frozen=True)
class Printed:
    """A value that has its place in the history: `$number = text`, warnings before it.

    `value` is the same as nested plain data.
    """

    number: int
    type: str
    text: str
    value: NestedValue
    warnings: tuple[str, ...] = ()


class Value:
    """An evaluated expression on its way to text."""

    def __init__(self, session: Session, text: str, memory: Memory | None = None) -> None:
        self.kernel = session.kernel
        self.state = session.state
        evaluator = Evaluator(session, memory=memory)
        found = evaluator.value(evaluator.parse(text)) if text else self._last(evaluator)
        if is_untyped(found):
            raise ExprError(f"'{text}' has unknown type; cast it to its declared type")
        read = self._read(evaluator, found)
        # Of other memory than the kernel's only what was read can be printed.
        self.value = found if memory is None else read
        self.warnings = tuple(evaluator.warnings)

    def _read(self, evaluator: Evaluator, value: drgn.Object) -> drgn.Object:
        """Make sure that a value's memory is there; gdb takes a function for one byte."""
        if kind_of(value) == TypeKind.FUNCTION and value.address_ is not None:
            byte = evaluator.prog.int_type("char", 1, True)
            data = evaluator.arith.memory(value.address_, 1)
            self._byte = evaluator.arith.from_bytes(byte, data)
            return value
        return evaluator.arith.read(value)

    def _last(self, evaluator: Evaluator) -> drgn.Object:
        found = evaluator.state.recall(0)
        if found is None:
            return drgn.Object(self.kernel.prog, self.kernel.prog.void_type())
        return found

    @property
    def is_void(self) -> bool:
        return kind_of(self.value) == TypeKind.VOID

    def record(self) -> int:
        """Put it into the value history; returns its number."""
        return self.state.record(self.value)

    def text(self, options: ValueOptions) -> str:
        """The value as print shows it. Raises ExprError, ReadError."""
        letter = options.format
        if self.is_void:
            return "void"
        if self.value.absent_:
            return "<optimized out>"
        if letter and letter not in LETTERS:
            raise ExprError(f'Undefined output format "{letter}".')
        if kind_of(self.value) == TypeKind.FUNCTION and letter not in ("", "s"):
            if letter in ("a", "c"):
                raise ExprError("Value can't be converted to integer.")
            return format_output(self.kernel, self._byte, options)
        return format_output(self.kernel, self.value, options)


def print_value(
    session: Session, text: str, radix: int = 0, memory: Memory | None = None
) -> Printed:
    """Evaluate `[/FMT] expression`, put it into the history and print it.

    A `radix` of 10 or 16 takes the place of the set one; `memory` reads in place of the
    kernel's.

    Raises ExprError, ReadError.
    """
    given, rest = split_format(text)
    options = _with_format(session, given, session.options(radix))
    if given is not None:
        check_print_format(given)
    found = Value(session, rest, memory)
    number = found.record()
    type_name = format_type_name(found.value.type_)
    value = NestedValue.of(session.kernel, found.value)
    return Printed(number, type_name, found.text(options), value, found.warnings)


def print_command(session: Session, arguments: str, void: bool = True) -> Iterator[str]:
    """What `print [-option]... [/FMT] [expression]` prints, in pieces.

    Without `void` a value of type void is passed over, as `call` does. Raises ExprError,
    ReadError; what was printed before that stays.
    """
    options, rest = split_options(arguments, session.options())
    given, rest = split_format(rest)
    found = _with_format(session, given, options)
    if given is not None:
        check_print_format(given)
    value = Value(session, rest)
    yield from (f"{line}\n" for line in value.warnings)
    if value.is_void and not void:
        return
    yield f"${value.record()} = "
    yield value.text(found)
    yield "\n"


def output_command(session: Session, arguments: str) -> Iterator[str]:
    """What `output[/FMT] expression` prints: no number, no newline."""
    given, rest = split_format(arguments)
    found = _with_format(session, given, session.options())
    if given is not None:
        check_print_format(given, "output")
    if not rest:
        raise ExprError("Argument required (expression to compute).")
    value = Value(session, rest)
    yield from (f"{line}\n" for line in value.warnings)
    yield value.text(found)


def _with_format(session: Session, given: Format | None, options: ValueOptions) -> ValueOptions:
    """Options with the format letter asked for, which is remembered; the last one if none is."""
    if given is None:
        return options
    state = session.state
    if given.letter:
        state.last_format = given.letter
    return replace(options, format=state.last_format)


# --- types


def whatis_command(session: Session, arguments: str) -> Iterator[str]:
    """What `whatis` prints. Raises ExprError."""
    yield f"type = {type_text(session, _ptype_flags(arguments)[1])}\n"


def ptype_command(session: Session, arguments: str) -> Iterator[str]:
    """What `ptype` prints: a type with its body and without its typedefs."""
    flags, rest = _ptype_flags(arguments)
    evaluator, node = _parsed(session, rest)
    type_ = evaluator.type_of(node)
    if "o" in flags and real_type(type_).kind in AGGREGATES:
        # gdb puts the head above what is a structure by its own name only.
        head = "" if type_.kind == TypeKind.TYPEDEF else HEAD
        yield f"{head}type = {with_offsets(real_type(type_), hexadecimal='x' in flags)}\n"
        return
    yield f"type = {_untyped_name(type_) or format_type(type_)}\n"


def _ptype_flags(arguments: str) -> tuple[str, str]:
    """The letters behind the slash and the rest. Raises ExprError for an unknown one."""
    if not arguments.startswith("/"):
        return "", arguments
    flags, _, rest = arguments[1:].partition(" ")
    wrong = flags.strip("rmMtTodxh")
    if wrong:
        raise ExprError(f"unrecognized flag '{wrong[0]}'")
    return flags, rest.strip()


def _parsed(session: Session, text: str) -> tuple[Evaluator, Node]:
    evaluator = Evaluator(session, dry=True)
    return evaluator, evaluator.parse(text or "$")


def _untyped_name(type_: drgn.Type) -> str:
    """The text in place of the type of a symbol without debugging data, else nothing."""
    if type_.kind == TypeKind.TYPEDEF and type_.name.startswith("<"):
        return str(type_.name)
    return ""


def type_text(session: Session, text: str) -> str:
    """The type of an expression without its body; of a type's name, one typedef is resolved.

    Raises ExprError.
    """
    evaluator, node = _parsed(session, text)
    type_ = evaluator.type_of(node)
    if isinstance(node, TypeExpr) and type_.kind == TypeKind.TYPEDEF:
        type_ = type_.type
    return _untyped_name(type_) or format_type_name(type_)
