"""The lines below the prompt fit the terminal, and no word of them is cut."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.key_binding.vi_state import InputMode

from pycrash.api.registry import Registry
from pycrash.shell import toolbar
from pycrash.shell.toolbar import Toolbar, mode_sign

DUMP = "/var/crash/127.0.0.1-2026-11-23-13:08:33/vmcore"


def below(line: str, width: int, sign: str = "", registry: Registry | None = None) -> list[str]:
    settings = SimpleNamespace(dumpfile=DUMP, task=1)
    session: Any = SimpleNamespace(
        settings=settings,
        registry=registry or Registry(),
        kernel=None,
        context=SimpleNamespace(task=1),
    )
    bar = Toolbar(session)
    bar.take_context()
    text = "".join(part[1] for part in bar.lines(line, sign, width))
    return text.split("\n")


@pytest.fixture(autouse=True)
def task(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(kernel: object, task: int) -> object:
        return SimpleNamespace(pid=125, cpu=1, comm="insmod")

    monkeypatch.setattr(toolbar, "task_context", row)


def test_the_dump_and_its_context() -> None:
    context = "PID 125  CPU 1  insmod"
    assert below("", 110)[0] == f"{DUMP}   {context}"
    # Where there is less room, less of the path is shown, and at last nothing but the context.
    folder, name = DUMP.split("/")[-2:]
    assert below("", 70)[0] == f"{folder}/{name}   {context}"
    assert below("", 60, "INSERT")[0] == f" INSERT  vmcore   {context}"
    assert below("", 30)[0] == context
    assert below("", 20)[0] == ""


def test_what_to_begin_with() -> None:
    assert below("", 110)[1].endswith('"help input" tells more')
    assert below("", 60)[1].endswith("Ctrl-R: search lines")


@pytest.mark.parametrize("width", [60, 80, 110])
def test_the_syntax_of_every_command_fits(width: int) -> None:
    registry = Registry()
    for command in registry:
        lines = below(f"{command.name} x", width, registry=registry)[1:]
        assert max(map(len, lines)) < width
        shown = " ".join(lines).replace(":", "").split()
        whole = f"{command.name} {command.synopsis.strip() or command.summary}".replace(
            ":", ""
        ).split()
        if shown != whole:
            # What does not fit is left out, and a sign tells it.
            assert width < 80
            assert shown[-1] == "..."
            assert shown[:-1] == whole[: len(shown) - 1]


def test_a_word_that_is_no_command_has_no_syntax() -> None:
    assert below("nosuch", 80)[1:] == [" "]


def test_a_dump_without_tasks_has_no_context(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(kernel: object, task: int) -> object:
        raise ValueError

    monkeypatch.setattr(toolbar, "task_context", fail)
    assert below("", 110)[0] == DUMP


def test_signs_of_modes() -> None:
    assert mode_sign(EditingMode.EMACS, InputMode.INSERT) == ""
    assert mode_sign(EditingMode.VI, InputMode.INSERT) == "INSERT"
    assert mode_sign(EditingMode.VI, InputMode.NAVIGATION) == "NORMAL"
    assert all(mode_sign(EditingMode.VI, mode) for mode in InputMode)
