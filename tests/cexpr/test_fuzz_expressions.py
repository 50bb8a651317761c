"""Random expressions: gdb's words or a value, never anything else, and never for ever.

A few seconds of them here; `--expressions 100000` runs as many as that.
"""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycrash.cexpr.gdb.printing import Value, type_text
from pycrash.cexpr.printing.values import ValueOptions
from pycrash.errors import CrashError
from tests.cexpr.fake_expressions import make_session

ATOMS = st.sampled_from(
    [
        *("0", "1", "2", "-1", "077", "0xffffffff", "18446744073709551615", "1.5", "1e300", "5u"),
        *("'a'", '"abc"', "counter", "first", "numbers", "text", "run", "GREEN", "$", "$x", "$$2"),
        *("first.next", "first.comm", "first.bits", "nosuch", "task", "int", "(", ")", "[", "'"),
    ]
)
TYPES = st.sampled_from(
    [
        *("int", "char", "pid_t", "struct task", "enum color", "unsigned long", "void", "_Bool"),
        *("double", "struct nosuch", "int [2]", "struct task *", "void *", "int (*)(void)"),
    ]
)
BINARY = st.sampled_from(
    [
        *("+", "-", "*", "/", "%", "<<", ">>", "<", ">", "<=", ">=", "==", "!=", "&", "|", "^"),
        *("&&", "||", ",", "@", "=", "+=", "::", ".", "->"),
    ]
)
UNARY = st.sampled_from(["*", "&", "-", "!", "~", "+", "++", "--", "sizeof "])
MEMBERS = st.sampled_from(["pid", "next", "comm", "bits", "color", "x"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}{}".format, inner, BINARY, inner),
        st.builds("{}{}".format, UNARY, inner),
        st.builds("({}){}".format, TYPES, inner),
        st.builds("({})".format, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}.{}".format, inner, MEMBERS),
        st.builds("{}->{}".format, inner, MEMBERS),
        st.builds("{}?{}:{}".format, inner, inner, inner),
        st.builds("{{{},{}}}".format, inner, inner),
        st.builds("{{{}}}{}".format, TYPES, inner),
        st.builds("{}({})".format, inner, inner),
        st.builds("sizeof({})".format, TYPES),
    )


EXPRESSIONS = st.one_of(
    st.recursive(ATOMS, _larger, max_leaves=12),
    st.text(alphabet="01aXx.+-*/%&|^~!<>=?:()[]{}@$,'\"\\ _;#intcounter", max_size=40),
)


def test_no_expression_breaks_the_evaluator(request: pytest.FixtureRequest) -> None:
    session = make_session()
    options = ValueOptions()

    @settings(
        max_examples=request.config.getoption("--expressions"),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(EXPRESSIONS, st.sampled_from(["", "x", "d", "c", "a", "f", "s", "t", "z", "y"]))
    def check(text: str, letter: str) -> None:
        began = time.monotonic()
        with suppress(CrashError):
            value = Value(session, text)
            value.record()
            value.text(ValueOptions(format=letter) if letter else options)
        with suppress(CrashError):
            type_text(session, text)
        assert time.monotonic() - began < 5
        del session.state.history[100:]

    check()
