"""gdb's other commands: x, printf, echo, set and show, command words, declarations."""

from __future__ import annotations

import pytest

from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.declared import declared
from pycrash.cexpr.gdb.examine import examine_command
from pycrash.cexpr.gdb.formats import split_format, split_options
from pycrash.cexpr.gdb.printf import echo_command, printf_command
from pycrash.cexpr.gdb.settings import set_command, show_command
from pycrash.cexpr.gdb.words import find_command, refuse, split_command
from pycrash.cexpr.printing.values import ValueOptions
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.errors import CrashError
from tests.cexpr.fake_expressions import BASE, MESSAGE, NUMBERS, make_session


@pytest.fixture
def session() -> Session:
    return make_session()


def test_x_in_words(session: Session) -> None:
    at = BASE + NUMBERS
    printed = "".join(examine_command(session, "/6dw numbers"))
    assert printed == f"{at:#x}:\t10\t20\t-30\t40\n{at + 16:#x}:\t0\t0\n"


def test_x_goes_on_with_the_last_format(session: Session) -> None:
    list(examine_command(session, "/2xb numbers"))
    printed = "".join(examine_command(session, ""))
    assert printed == f"{BASE + NUMBERS + 2:#x}:\t0x00\t0x00\n"


def test_x_strings(session: Session) -> None:
    printed = "".join(examine_command(session, "/2s text"))
    assert printed.splitlines()[0] == f'{BASE + MESSAGE:#x}:\t"hello"'
    assert printed.splitlines()[1] == f'{BASE + MESSAGE + 6:#x}:\t""'


def test_x_sets_the_last_address(session: Session) -> None:
    list(examine_command(session, "/2xw numbers"))
    printed = "".join(printf_command(session, '"%lx %d", $_, $__'))
    assert printed == f"{BASE + NUMBERS + 4:x} 20"


def test_x_is_bounded(session: Session) -> None:
    with pytest.raises(ExprError):
        list(examine_command(session, "/99999999999x numbers"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (r'"%d|%5d|%-5d|%05d\n", 1, 2, 3, 4', "1|    2|3    |00004\n"),
        ('"%s %s", text, first.comm', "hello init"),
        ('"%x %#lx %u %c", 255, counter, -1, 65', "ff 0x4d 4294967295 A"),
        ('"%hhd %lld", 255, -1', "-1 -1"),
        ('"%f %g", 1.5, 2', "1.500000 2"),
        ('"100%%"', "100%"),
        ('"%p %p", 0, 16', "(nil) 0x10"),
        ('"%d", (1,2)', "2"),
    ],
)
def test_printf(session: Session, arguments: str, text: str) -> None:
    assert "".join(printf_command(session, arguments)) == text


@pytest.mark.parametrize(
    "arguments", ["", "5", '"%d"', '"%d", 1, 2', '"%q", 1', '"%', '"%d" 5', '"%999999d", 1']
)
def test_printf_refuses(session: Session, arguments: str) -> None:
    with pytest.raises(ExprError):
        "".join(printf_command(session, arguments))


def test_echo() -> None:
    assert "".join(echo_command(r"a\tb\n\101\\")) == "a\tb\nA\\"


def test_settings(session: Session) -> None:
    list(set_command(session, "print elements 4"))
    list(set_command(session, "print symbol off"))
    options = session.options()
    assert (options.print_max, options.symbol) == (4, False)
    shown = "".join(show_command(session, "print elements"))
    assert shown == "Limit on string chars or array elements to print is 4.\n"


def test_set_output_radix(session: Session) -> None:
    told = "".join(set_command(session, "output-radix 16"))
    assert told == "Output radix now set to decimal 16, hex 10, octal 20.\n"
    assert session.options().radix == 16


@pytest.mark.parametrize(
    "text", ["", "nosuch 5", "var counter = 5", "print max 5", "output-radix 7"]
)
def test_set_refuses(session: Session, text: str) -> None:
    with pytest.raises(ExprError):
        list(set_command(session, text))


@pytest.mark.parametrize(
    ("word", "command"),
    [("p", "print"), ("p/x", "print"), ("ptyp", "ptype"), ("x/4x", "x"), ("b", None), ("zz", None)],
)
def test_command_words(word: str, command: str | None) -> None:
    assert find_command(word) == command


def test_split_command() -> None:
    assert split_command("p/x 5") == ("p", "/x 5")
    assert split_command("info line  schedule") == ("info", "line  schedule")


def test_refused_words() -> None:
    with pytest.raises(CrashError, match="prohibited gdb command: run"):
        refuse("run")
    with pytest.raises(CrashError, match="restricted gdb command: define"):
        refuse("define")


def test_formats_and_options() -> None:
    given, rest = split_format("/4xg  5")
    assert given is not None
    assert ((given.count, given.letter, given.size), rest) == ((4, "x", "g"), "5")
    options, rest = split_options("-pretty off -elem 3 -- x", ValueOptions())
    assert (options.pretty, options.print_max, rest) == (False, 3, "x")
    assert split_options("-5", ValueOptions())[1] == "-5"
    with pytest.raises(ExprError):
        split_options("-nosuch -- 5", ValueOptions())


@pytest.mark.parametrize(
    ("type_", "line"),
    [
        ("struct rq", "struct rq runqueues;"),
        ("struct rq *", "struct rq *runqueues;"),
        ("unsigned long [2]", "unsigned long runqueues[2];"),
        ("void (int)", "void runqueues(int);"),
        ("int (*)(void)", "int (*runqueues)(void);"),
    ],
)
def test_declared(type_: str, line: str) -> None:
    assert declared(type_, "runqueues") == line
