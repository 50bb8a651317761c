"""Operands read as crash reads them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pycrash.api import (
    comm_name,
    cpu_list,
    decimal,
    find_task,
    hexadecimal,
    is_decimal,
    is_hexadecimal,
    is_number,
    is_quoted,
    number,
    pattern,
    policies,
)
from pycrash.api.operands.ere import compile_ere
from pycrash.errors import CrashError
from pycrash.kernel.tasks.table import TaskTable


@pytest.mark.parametrize(
    ("text", "dec", "hexa"),
    [
        ("12", True, True),
        ("0x12", False, True),
        ("12 ", True, True),
        ("1 2", True, False),
        ("ab", False, True),
        ("0xab ", False, True),
        ("x", False, False),
        ("", False, False),
        ("12g", False, False),
        ("init", False, False),
        ("dead", False, True),
    ],
)
def test_what_is_a_number(text: str, dec: bool, hexa: bool) -> None:
    assert is_decimal(text) == dec
    assert is_hexadecimal(text) == hexa
    assert is_number(text) == (dec or hexa)


def test_numbers() -> None:
    assert number("10") == 10
    assert number("10", hex_first=True) == 16
    assert number("0x10") == 16
    assert number("ff") == 255
    assert hexadecimal("0XfF") == 255
    assert decimal("99999999999999999999999") == 2**64 - 1


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (decimal, "1x", '1x: "x" is not a digit 0 - 9'),
        (decimal, "-1", '-1: "-" is not a digit 0 - 9'),
        (hexadecimal, "zz", 'invalid input: "zz"'),
        (
            hexadecimal,
            "0x12345678901234567",
            'input string too large: "12345678901234567" (17 vs 16)',
        ),
        (number, "zz", "not a valid number: zz"),
        (policies, "1,nosuch", "nosuch: invalid scheduling policy"),
        (policies, "1,", ": invalid scheduling policy"),
        (policies, "7", "7: invalid scheduling policy"),
        (pattern, "'('", "invalid regular expression: ("),
    ],
)
def test_messages(read: Any, text: str, message: str) -> None:
    with pytest.raises(CrashError) as caught:
        read(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0", [0]),
        ("1,3", [1, 3]),
        ("0-2", [0, 1, 2]),
        ("all", [0, 1, 2, 3]),
        ("a", [0, 1, 2, 3]),
        ("3,0-1,3", [0, 1, 3]),
        ("2-1", []),
        ("1-", [1]),
        (",,2,", [2]),
    ],
)
def test_cpu_lists(text: str, cpus: list[int]) -> None:
    assert cpu_list(text, 4) == cpus


@pytest.mark.parametrize("text", ["4", "0-4", "99999999999"])
def test_cpus_that_are_not_there(text: str) -> None:
    with pytest.raises(CrashError, match=f"^invalid cpu specification: {text}$"):
        cpu_list(text, 4)


def table(pids: list[int], addresses: list[int]) -> TaskTable:
    tasks = {address: SimpleNamespace(address=address) for address in addresses}
    by_pid = {pid: [SimpleNamespace(pid=pid)] for pid in pids}
    return cast(
        TaskTable, SimpleNamespace(by_pid=lambda pid: by_pid.get(pid, []), by_address=tasks)
    )


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("10", "pid", 10),
        ("16", "pid", 16),  # 16 and 0x16 are both pids: the decimal one
        ("0x16", "pid", 22),
        ("b", "pid", 11),
        ("ffff000000001000", "task", 0xFFFF000000001000),
        ("0xFFFF000000001000", "task", 0xFFFF000000001000),
        ("8192", "task", 8192),
    ],
)
def test_tasks_named_by_number(text: str, kind: str, value: int) -> None:
    found = find_task(table([10, 11, 16, 22], [0xFFFF000000001000, 8192]), text)
    assert found is not None
    assert (found.kind, found.value) == (kind, value)


@pytest.mark.parametrize("text", ["99", "init", "18446744073709551615", "12345678901234567890abc"])
def test_numbers_that_name_no_task(text: str) -> None:
    assert find_task(table([10], []), text) is None


def test_a_pid_and_an_address_at_once_name_neither() -> None:
    assert find_task(table([10], [16]), "10") is None
    assert find_task(table([10, 16], [10]), "10") is None


def test_policies() -> None:
    assert policies("FIFO,2") == {1, 2}
    assert policies("normal,0x5") == {0, 5}
    assert policies("deadlines") == {6}


def test_names_and_quotes() -> None:
    assert comm_name("\\bt") == "bt"
    assert comm_name("a name of many letters") == "a name of many "
    assert is_quoted("'a'")
    assert not is_quoted('"a"')


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("^k", ["kthreadd"], ["init-k"]),
        ("d$", ["kthreadd"], ["d\n"]),
        ("thr-(one|two)", ["thr-one"], ["thr-three"]),
        ("[[:upper:]]", ["A"], ["a"]),
        ("[^[:digit:]x]", ["a"], ["1x"]),
        ("[]x]", ["]"], ["["]),
        (r"[a\]", ["\\"], ["b"]),
        ("x{2}", ["xx"], ["x"]),
        ("a+?b", ["b", "aab"], ["c"]),
        ("a*+b", ["aab"], ["a"]),
        ("a)", ["a)"], ["a"]),
        (r"a\.b", ["a.b"], ["axb"]),
        (r"\<in", ["x in"], ["xin"]),
        (r"\d", ["d"], ["1"]),
        (".", ["\n"], [""]),
        ("", [""], []),
    ],
)
def test_expressions(expression: str, yes: list[str], no: list[str]) -> None:
    search = compile_ere(expression).search
    assert [text for text in yes if not search(text)] == []
    assert [text for text in no if search(text)] == []


@pytest.mark.parametrize("expression", ["(", "[", "[[:nosuch:]]", "*x", "a\\", "x{2,1}"])
def test_expressions_that_are_refused(expression: str) -> None:
    with pytest.raises(CrashError):
        pattern(f"'{expression}'")
