from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from pycrash.api import FILE, MODULE, TASK, Context, Flag, Offer, many
from pycrash.shell.completion import MOST, Completion, NotYet
from tests.shell.fake import Count, fake_kernel, fake_session


class Choosy(Count):
    """Says itself what could stand there."""

    name = "choosy"

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer]:
        return [Offer(f"{words[-1]}!", "remark")]


class OnTasks(Count):
    name = "ontasks"
    synopsis = "[-e] [-f objfile] [pid | taskp] module"
    flags: ClassVar[Sequence[Flag]] = (Flag("e", "e"), Flag("f", "f", FILE.named("objfile")))
    operands = (many(TASK, MODULE, FILE),)


@pytest.fixture
def completion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Completion:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").touch()
    (tmp_path / ".hidden").touch()
    kernel: Any = fake_kernel()
    kernel.tasks.all = [
        SimpleNamespace(pid=1, comm="init"),
        SimpleNamespace(pid=17, comm="sshd"),
    ]
    kernel.modules.all = [SimpleNamespace(name="ext4")]
    names = ["panic_cpu", "panic_on_oops", *(f"sym{n}" for n in range(2 * MOST))]
    kernel.symbols.fitting = lambda typed: typed.best(names)
    kernel.symbols.sort_of = lambda name: "function"
    session = fake_session()
    session.kernel = session.context.kernel = kernel
    session.registry.add(Choosy())
    session.registry.add(OnTasks())
    return Completion(session)


def texts(completion: Completion, line: str) -> list[str]:
    return [found.text for found in completion.candidates(line)]


def test_first_words(completion: Completion) -> None:
    assert texts(completion, "tal") == ["tally"]
    assert texts(completion, "dme") == ["dmesg"]
    assert "pwd" in texts(completion, "pw")
    assert texts(completion, "panic_") == ["panic_cpu", "panic_on_oops"]


def test_flags_are_explained(completion: Completion) -> None:
    found = completion.candidates("tally -")
    first = found[0]
    assert (first.text, first.remark, first.start) == ("-e", "error at the end", len("tally "))


def test_operands_by_what_the_synopsis_names(completion: Completion) -> None:
    assert texts(completion, "ontasks 1") == ["1", "17"]
    assert texts(completion, "ontasks ss") == ["17"]
    assert texts(completion, "ontasks ex") == ["ext4"]
    assert texts(completion, "ontasks fi") == ["file.txt"]


def test_files(completion: Completion) -> None:
    for line in ("tally 1 > ", "tally 1 >> ", "! cat ", "tally 1 | cat ", "< ", "cat ", "ls f"):
        if line.endswith(("> ", "< ", "cat ")):
            line += "f"
        assert texts(completion, line) == ["file.txt", "folder/"], line
    assert ".hidden" in texts(completion, "cat .h")


def test_a_command_may_answer_itself(completion: Completion) -> None:
    assert texts(completion, "choosy a b") == ["b!"]


def test_never_too_many(completion: Completion) -> None:
    assert len(texts(completion, "sym")) <= MOST


def test_the_kernel_is_left_alone_until_it_may_be_asked(completion: Completion) -> None:
    busy = Completion(completion._session, lambda: False)
    for line in ("panic_", "ontasks 1", "choosy a"):
        with pytest.raises(NotYet):
            busy.candidates(line)
    assert texts(busy, "tal") == ["tally"]
    assert texts(busy, "! cat fi") == ["file.txt"]


def test_letters_in_their_order_where_nothing_begins_so(completion: Completion) -> None:
    assert texts(completion, "ontasks SSHD") == ["17"]
    assert texts(completion, "ontasks ex4") == ["ext4"]
    assert texts(completion, "pnc_cp") == ["panic_cpu"]
    assert texts(completion, "ontasks 99") == []
