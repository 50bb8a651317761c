"""How dumps of other makers are refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.foreign import as_core


def refusal(paths: Sequence[Path]) -> str:
    """What is said of files that are refused: one line, which begins with the first one's name."""
    with pytest.raises(CrashError) as refused:
        as_core(paths)
    message = str(refused.value)
    assert message.startswith(f"{paths[0]}: ")
    assert "\n" not in message
    return message
