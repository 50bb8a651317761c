"""What half typed expressions could go on as."""

from __future__ import annotations

import pytest

from pycrash.cexpr.completion import complete_expression, slip_in
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.printing import print_command
from pycrash.cexpr.structures.completion import Completer
from pycrash.matching import Typed, near
from tests.cexpr.fake_expressions import make_session

MEMBERS = ["pid", "flags", "next", "comm", "color", "bits"]


@pytest.fixture
def session() -> Session:
    made = make_session()
    symbols = made.kernel.symbols
    symbols.fitting = lambda typed: typed.best(["counter", "first", "numbers", "run"])  # type: ignore[method-assign]
    symbols.near = lambda word: near(word, ["counter", "first", "numbers", "run"])  # type: ignore[method-assign]
    symbols.exists = lambda name: name in ("counter", "first", "numbers", "run")  # type: ignore[method-assign]
    symbols.sort_of = lambda name: "function" if name == "run" else "variable"  # type: ignore[method-assign]
    strings = b"\0task\0color\0pid_t\0GREEN\0counter_of_nothing\0"
    made.kernel.part(Completer).__dict__["_debug_strings"] = strings
    return made


def texts(session: Session, text: str, types: bool = False) -> list[str]:
    return [found.text for found in complete_expression(session.line, Typed(text), types)]


@pytest.mark.parametrize(
    "text",
    [
        "first.",
        "first.n",
        "first->",
        "first.next->",
        "first.next->next.",
        "1 + first.",
        "&first.next->",
        "(&first)->",
        "((struct task *)0x10)->",
        "((struct task *)numbers)[3].",
        "(*first.next).",
        "sizeof(first.",
        "first . ",
        "{struct task} 0x10 + first.",
    ],
)
def test_members(session: Session, text: str) -> None:
    assert texts(session, text) == MEMBERS


@pytest.mark.parametrize(
    "text",
    ["first.pid.", "counter.", "nothing.", "run().", "first.nothing->", ").", '"first.', "1.", "."],
)
def test_no_members(session: Session, text: str) -> None:
    assert texts(session, text) == []


def test_members_have_their_types_and_places(session: Session) -> None:
    found = list(complete_expression(session.line, Typed("first.next->b"), False))
    assert found[-1] == ("bits", len("first.next->"), "unsigned int bits : 3")
    assert found[2].remark == "struct task *next"


def test_no_memory_is_read(session: Session) -> None:
    wild = "((struct task *)0xdead)->next->next->"
    assert texts(session, wild) == MEMBERS


def test_names(session: Session) -> None:
    found = list(complete_expression(session.line, Typed("1 + &co"), False))
    assert found == [("counter", len("1 + &"), "unsigned long counter")]
    assert texts(session, "ru") == ["run"]
    assert texts(session, "GR") == ["GREEN"]
    # Behind an operand comes an operator.
    assert texts(session, "first co") == []
    assert texts(session, "0x1") == []
    # A cast.
    assert texts(session, "(int)co") == ["counter"]


def test_types(session: Session) -> None:
    assert texts(session, "(struct ta") == ["task"]
    assert texts(session, "struct ta") == ["task"]
    assert texts(session, "union ta") == []
    assert texts(session, "enum co") == ["color"]
    assert "pid_t" in texts(session, "sizeof(pi")
    assert "pid_t" in texts(session, "pi", types=True)
    assert "pid_t" not in texts(session, "pi")
    assert "struct" in texts(session, "(")


def test_what_earlier_lines_left(session: Session) -> None:
    print_command(session, "first", void=True)
    print_command(session, "$mine = counter", void=True)
    found = {text: remark for text, _, remark in complete_expression(session.line, Typed("$"))}
    assert found["$1"] == "struct task"
    assert found["$mine"].endswith("unsigned long")
    assert "$" in found
    assert texts(session, "$1.") == MEMBERS


@pytest.mark.parametrize(
    ("text", "word", "meant"),
    [
        ("first.nxet->pid", "nxet", ["next"]),
        ("first.next->flgas + 1", "flgas", ["flags"]),
        ("((struct task *)0x10)->com", "com", ["comm"]),
        ("1 + conter", "conter", ["counter"]),
        ("(struct tsak *)0x10", "tsak", ["task"]),
        ("sizeof(pid_tt)", "pid_tt", ["pid_t"]),
        ("first.nothing", "nothing", []),
    ],
)
def test_slips(session: Session, text: str, word: str, meant: list[str]) -> None:
    assert slip_in(session.line, text) == (word, meant)


@pytest.mark.parametrize("text", ["first.next->pid", "GREEN + counter", "(struct task *)run", '"x'])
def test_no_slip(session: Session, text: str) -> None:
    assert slip_in(session.line, text) is None
