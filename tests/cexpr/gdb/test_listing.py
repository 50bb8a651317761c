"""list: lines of a source file, there or missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.listing import list_command
from pycrash.cexpr.syntax.errors import ExprError
from tests.cexpr.fake_expressions import make_session


def session_with(path: str) -> Session:
    session = make_session()
    session.kernel.__dict__["sources"] = SimpleNamespace(
        stretch=lambda address: ("dir/run.c", 8, address, address + 4),
        at=lambda address: f"{path}: 8",
    )
    return session


def test_lines_around_a_function_and_on(tmp_path: Path) -> None:
    file = tmp_path / "run.c"
    file.write_text("".join(f"line {n}\n" for n in range(1, 31)))
    session = session_with(str(file))
    assert "".join(list_command(session, "run")).splitlines() == [
        f"{n}\tline {n}" for n in range(3, 13)
    ]
    assert "".join(list_command(session, "")).startswith("13\tline 13\n")
    assert "".join(list_command(session, "2,3")) == "2\tline 2\n3\tline 3\n"


def test_a_missing_file_is_told_once() -> None:
    session = session_with("/nosuch/run.c")
    first = "".join(list_command(session, "run"))
    assert first == "warning: 3\tdir/run.c: No such file or directory\n"
    assert "".join(list_command(session, "run")) == "3\tin dir/run.c\n"


def test_nothing_to_list() -> None:
    session = session_with("/nosuch/run.c")
    for text in ("", "counter", "nosuch", "a,b"):
        with pytest.raises(ExprError):
            list(list_command(session, text))
