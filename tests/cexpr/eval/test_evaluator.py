"""Expressions over a made-up kernel: values, types, refusals, history."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.printing import Value, print_command, ptype_command, whatis_command
from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.errors import CrashError, ReadError
from tests.cexpr.fake_expressions import make_session


@pytest.fixture
def session() -> Session:
    return make_session()


def shown(session: Session, text: str, **options: Any) -> str:
    return Value(session, text).text(ValueOptions(**options))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-7/2", "-3"),
        ("-7%3", "-1"),
        ("2147483647+1", "-2147483648"),
        ("0xffffffffu+1", "0"),
        ("1 == 1", "1"),
        ("1 << 31", "-2147483648"),
        ("-1 >> 1", "-1"),
        ("1.5*2", "3"),
        ("1/2.0", "0.5"),
        ("'a'+1", "98"),
        ("!5", "0"),
        ("~5", "-6"),
        ("0 && 1/0", "0"),
        ("1 || 1/0", "1"),
        ("1 ? 2 : 1/0", "2"),
        ("sizeof(struct task)", "32"),
        ("sizeof(numbers)", "16"),
        ("sizeof first.comm", "8"),
        ("(char)65", "65 'A'"),
        ("(unsigned char)300", "44 ','"),
        ("(int)5.7", "5"),
        ("{1,2}", "{1, 2}"),
        ('"ab" "c"', '"abc"'),
        ("GREEN", "GREEN"),
        ("(enum color)1", "GREEN"),
        ("GREEN+1", "2"),
        ("counter", "77"),
        ("first.next->comm", '"init\\000\\000\\000"'),
        ("first.next.next->pid", "1"),
        ("first.bits", "6"),
        ("numbers[2]", "-30"),
        ("numbers", "{10, 20, -30, 40}"),
        ("*numbers@2", "{10, 20}"),
        ("numbers[0]@2", "{10, 20}"),
        ("&numbers[3]-numbers", "3"),
        ("*(int *)&numbers[1]", "20"),
        ("{int}&numbers[1]", "20"),
        ("(int [2])numbers[0]", "{10, 20}"),
    ],
)
def test_value(session: Session, text: str, value: str) -> None:
    assert shown(session, text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosuch", 'No symbol "nosuch" in current context.'),
        ("1/0", "Division by zero"),
        ("first.x", "There is no member named x."),
        ("counter.x", "not a structure"),
        ("(struct nosuch *)0", "No struct type named nosuch."),
        ("&5", "Attempt to take address of value not located in memory."),
        ("3@4", "Only values in memory can be extended with '@'."),
        ("first == first", "Argument to comparison operation"),
        ("&counter & 1", "Argument to arithmetic operation not a number or boolean."),
        ("*(void *)&counter", "Attempt to take contents of a non-pointer value."),
        ("run()", "You can't do that without a process to debug."),
        ("counter = 1", "Cannot access memory at address"),
        ("$99", r"History has not yet reached \$99."),
        ("*(int *)5", "Cannot access memory at address 0x5"),
        ("numbers[0]@0x7fffffff", "more than max-value-size"),
        ("task", 'No symbol "task" in current context.'),
    ],
)
def test_refusal(session: Session, text: str, message: str) -> None:
    with pytest.raises(ExprError, match=message):
        shown(session, text)


def test_memory_that_is_not_in_the_dump_is_named(session: Session) -> None:
    with pytest.raises(ReadError):
        shown(session, "counter@100000")


def printed_line(session: Session, text: str) -> str:
    """What print shows, behind its warnings."""
    found = print_command(session, text)
    assert found is not None
    lines = [*found.warnings, f"${found.number} = {found.text}"]
    return "".join(f"{line}\n" for line in lines)


def test_history_and_convenience_variables(session: Session) -> None:
    printed = [
        printed_line(session, text)
        for text in ("5", "$+1", "$$", "$1", "$x = 3", "$x++ + $x", "$x", "$nothing")
    ]
    assert printed == [
        *("$1 = 5\n", "$2 = 6\n", "$3 = 5\n", "$4 = 5\n", "$5 = 3\n"),
        *("$6 = 7\n", "$7 = 4\n", "$8 = void\n"),
    ]


@pytest.mark.parametrize("text", ["$", "$$", "$0", "$1", "$$3", "sizeof($)", "$, 1", "$x = $"])
def test_before_the_first_value_there_is_no_last_one(session: Session, text: str) -> None:
    with pytest.raises(ExprError, match="History has not yet reached"):
        print_command(session, text)
    assert printed_line(session, "5") == "$1 = 5\n"
    assert printed_line(session, "$") == "$2 = 5\n"


def test_what_fails_gets_no_number(session: Session) -> None:
    for text in ("1/0", "7"):
        try:
            printed = printed_line(session, text)
        except CrashError:
            printed = ""
    assert printed == "$1 = 7\n"


def test_shift_beyond_the_width_warns(session: Session) -> None:
    printed = printed_line(session, "1 << 40")
    assert printed == "warning: left shift count >= width of type\n$1 = 0\n"


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("pid_t", "int"),
        ("(pid_t)1", "pid_t"),
        ("first.pid", "pid_t"),
        ("&first", "struct task *"),
        ("*first.next", "struct task"),
        ("1+1ul", "unsigned long"),
        ("'a'", "char"),
        ("&numbers", "int (*)[4]"),
        ("numbers+1", "int *"),
        ("&run", "void (*)(void)"),
        ("int (*)(char *)", "int (*)(char *)"),
    ],
)
def test_whatis(session: Session, text: str, type_: str) -> None:
    assert "".join(whatis_command(session, text)) == f"type = {type_}\n"


def test_types_are_found_without_reading(session: Session) -> None:
    assert "".join(whatis_command(session, "((struct task *)8)->next->comm")) == "type = char [8]\n"


def test_ptype_resolves_typedefs_inside(session: Session) -> None:
    assert "".join(ptype_command(session, "pid_t (*)(void)")) == "type = int (*)(void)\n"


def test_formats(session: Session) -> None:
    printed = [
        printed_line(session, text)
        for text in ("/x 255", "/c 300", "/t 5", "/d 'A'", "/f 5", "/z 5")
    ]
    assert [p.partition(" = ")[2].strip() for p in printed] == [
        *("0xff", "44 ','", "101", "65", "7.00649232e-45", "0x00000005"),
    ]


def test_other_memory_is_read_through_the_reader_given(session: Session) -> None:
    evaluator = Evaluator(session, memory=lambda address, size: bytes([address]) * size)
    value = evaluator.value(evaluator.parse("*(int *)5"))
    assert evaluator.arith.number(value) == 0x05050505


def test_the_scope_decides_among_names(session: Session) -> None:
    sources = SimpleNamespace(stretch=lambda address: ("other.c", 1, address, address))
    session.kernel.__dict__["sources"] = sources
    evaluator = Evaluator(session)
    session.settings.scope = 1
    assert evaluator.value(evaluator.parse("counter")).value_() == 10
    assert evaluator.value(evaluator.parse("first.pid")).value_() == 1
    session.settings.scope = 0
    assert evaluator.value(evaluator.parse("counter")).value_() == 77


def test_a_character_under_another_radix_is_a_number(session: Session) -> None:
    assert shown(session, "65", format="c") == "65 'A'"
    assert shown(session, "300", format="c", radix=16) == "0x2c"
