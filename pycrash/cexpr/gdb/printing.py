"""print, output, call, ptype and whatis: an expression's value or type as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.arith import Memory, reading
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
from pycrash.cexpr.printing.nested import NestedValue, Plain
from pycrash.cexpr.printing.typetext import format_type, format_type_name
from pycrash.cexpr.printing.values import ValueOptions, format_output
from pycrash.cexpr.syntax.ast import Node, TypeExpr
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.kernel.core.space import Space


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

    def check(self, letter: str) -> None:
        """Raise ExprError where a format's letter does not fit the value."""
        if self.is_void or self.value.absent_:
            return
        if letter and letter not in LETTERS:
            raise ExprError(f'Undefined output format "{letter}".')
        if kind_of(self.value) == TypeKind.FUNCTION and letter in ("a", "c"):
            raise ExprError("Value can't be converted to integer.")

    def text(self, options: ValueOptions) -> str:
        """The value as print shows it, in a format that fits it."""
        if self.is_void:
            return "void"
        if self.value.absent_:
            return "<optimized out>"
        if kind_of(self.value) == TypeKind.FUNCTION and options.format not in ("", "s"):
            return format_output(self.kernel, self._byte, options)
        return format_output(self.kernel, self.value, options)


class Printed:
    """A value on its way to the screen: its text and the same as nested plain data, each made
    when asked for. Nothing of it fails any more once `check` has passed.

    `number` is its place in the history, 0 without one.
    """

    def __init__(self, found: Value, options: ValueOptions, number: int = 0) -> None:
        self._found = found
        self._options = options
        self.number = number
        self.warnings = found.warnings

    def check(self) -> None:
        """Raise ExprError where the format does not fit the value."""
        self._found.check(self._options.format)

    @property
    def type(self) -> str:
        return format_type_name(self._found.value.type_)

    @property
    def address(self) -> int | None:
        """Where the value lies, None where it is not in memory."""
        return self._found.value.address_

    @property
    def text(self) -> str:
        return self._found.text(self._options)

    def plain(self) -> Plain:
        return NestedValue.of(self._found.kernel, self._found.value).plain()


def print_value(session: Session, text: str, radix: int = 0, space: Space | None = None) -> Printed:
    """Evaluate `[/FMT] expression` and put it into the history.

    A `radix` of 10 or 16 takes the place of the set one; memory is read from `space` in place
    of the kernel's.

    Raises ExprError, ReadError.
    """
    given, rest = split_format(text)
    options = _with_format(session, given, session.options(radix))
    if given is not None:
        check_print_format(given)
    found = Value(session, rest, None if space is None else _memory(space))
    return Printed(found, options, found.record())


def _memory(space: Space) -> Memory:
    """A space as expressions read it."""
    return lambda address, size: space.read(address, size, reading(size))


def print_command(session: Session, arguments: str, void: bool = True) -> Printed | None:
    """What `print [-option]... [/FMT] [expression]` prints, unchecked.

    Without `void` None for a value of type void, as `call` passes over it. Raises ExprError,
    ReadError.
    """
    options, rest = split_options(arguments, session.options())
    given, rest = split_format(rest)
    found = _with_format(session, given, options)
    if given is not None:
        check_print_format(given)
    value = Value(session, rest)
    if value.is_void and not void:
        return None
    return Printed(value, found, value.record())


def output_command(session: Session, arguments: str) -> Printed:
    """What `output[/FMT] expression` prints, without a number. Raises ExprError, ReadError."""
    given, rest = split_format(arguments)
    found = _with_format(session, given, session.options())
    if given is not None:
        check_print_format(given, "output")
    if not rest:
        raise ExprError("Argument required (expression to compute).")
    return Printed(Value(session, rest), found)


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
