"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--damaged",
        type=int,
        default=8,
        metavar="N",
        help="how many damaged copies of the sample dump are tried (tests/test_damaged.py)",
    )
    parser.addoption(
        "--expressions",
        type=int,
        default=1500,
        metavar="N",
        help="how many random expressions are tried (tests/cexpr/test_fuzz_expressions.py)",
    )
