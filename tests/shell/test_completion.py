from __future__ import annotations

import re
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
    kernel.symbols.fitting = lambda typed: typed.best(names) if len(typed) > 1 else []
    kernel.symbols.sort_of = lambda name: "function"
    kernel.symbols.percpu = lambda name: name if name == "panic_cpu" else None
    kernel.cpus = SimpleNamespace(count=3)
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


def test_programs(completion: Completion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "folder" / "frobnicate"
    program.touch(mode=0o755)
    (tmp_path / "folder" / "frost").touch(mode=0o644)
    monkeypatch.setenv("PATH", f"{tmp_path / 'folder'}:{tmp_path / 'nowhere'}")
    for line in (
        "tally 1 | fro",
        "tally 1 |fro",
        "!fro",
        "! fro",
        "tally | cat x | fro",
        "! x; fro",
    ):
        assert texts(completion, line) == ["frobnicate"], line
    assert texts(completion, "tally 1 | frobnicate fi") == ["file.txt"]
    assert texts(completion, "tally 1 > fro") == []
    # No pipe: it is inside of an expression.
    assert texts(completion, "p (1 | panic_c") == ["panic_cpu"]


LINES = """
p panic_c|px panic_c|p -x panic_c|print panic_c|p/x panic_c|p 1 + panic_c|p (1 > panic_c
x/4gx &panic_c|x /4gx &panic_c|gdb p panic_c|gdb x/4gx &panic_c|g p panic_c|info line panic_c
whatis panic_c|dis panic_c|gdb set var $x = panic_c|foreach bt -R panic_c|repeat p panic_c
"""


@pytest.mark.parametrize("line", re.split(r"[|\n]", LINES.strip()))
def test_names_in_expressions(completion: Completion, line: str) -> None:
    (found,) = completion.candidates(line)
    assert found.text == "panic_cpu"
    assert line[: found.start] + "panic_c" == line


def test_cpus_of_a_per_cpu_variable(completion: Completion) -> None:
    for line in ("p panic_cpu:", "struct rq panic_cpu:", "* rq panic_cpu:0,"):
        assert texts(completion, line) == ["all", "0", "1", "2"], line
    assert texts(completion, "p panic_cpu:a") == ["all"]
    (found,) = completion.candidates("bt -c 0,1-2")
    assert (found.text, found.start) == ("2", len("bt -c 0,1-"))
    assert texts(completion, "ptov 4000:1") == ["1"]
    assert texts(completion, "p panic_on_oops:") == []


def test_settings_and_their_values(completion: Completion) -> None:
    assert texts(completion, "set scro") == ["scroll"]
    assert texts(completion, "set scroll ") == ["on", "off", "less", "more", "CRASHPAGER"]
    assert texts(completion, "set radix ") == ["10", "16"]
    assert texts(completion, "set output ") == ["text", "json"]
    assert texts(completion, "set error ") == ["default", "redirect", "file.txt", "folder/"]
    assert texts(completion, "set scope panic_c") == ["panic_cpu"]
    assert texts(completion, "set ss") == ["17"]
    assert texts(completion, "set -a 1") == ["1", "17"]


def test_foreach(completion: Completion) -> None:
    found = texts(completion, "foreach ")
    places = [found.index(word) for word in ("RU", "active", "bt", "vtop", "17", "sshd")]
    assert places == sorted(places)
    assert "log" not in found
    flags = {found.text: found.remark for found in completion.candidates("foreach UN bt -")}
    assert flags["-l"] == "File and line of each text address"
    assert "-j" not in flags
    before = {found.text: found.remark for found in completion.candidates("foreach -")}
    assert before["-G"] == "for ps"
    assert texts(completion, "foreach ps -y FI") == ["FIFO"]
    assert texts(completion, "foreach bt 1") == []


def test_words_of_gdb(completion: Completion) -> None:
    for line in ("ptyp", "gdb ptyp", "g ptyp"):
        assert texts(completion, line) == ["ptype"], line
    assert texts(completion, "info li") == ["line"]
    assert texts(completion, "gdb set pri") == ["print"]
    assert "pretty" in texts(completion, "gdb set print ")


def test_words_of_other_commands(completion: Completion) -> None:
    assert texts(completion, "help inp") == ["input"]
    assert texts(completion, "repeat tally -") == ["-e", "-n", "-x"]
    assert texts(completion, "repeat -5 tally -") == ["-e", "-n", "-x"]
    assert texts(completion, "repeat -5 tal") == ["tally"]
    assert texts(completion, "bt -c ") == ["all", "0", "1", "2"]
    assert texts(completion, "tree -t ma") == ["maple"]
    assert texts(completion, "sys conf") == ["config"]
    (found,) = completion.candidates("rd -1")
    assert (found.text, found.remark) == ("-16", "Show values of 16 bits")
    assert texts(completion, "sys -p") == ["-panic"]


@pytest.mark.parametrize(
    "line", ["", " ", "(", '"', "p (", 'p "x', "*", "<", "|", "p $", "x/", "-"]
)
def test_any_line_has_an_answer(completion: Completion, line: str) -> None:
    completion._session.kernel.arch = SimpleNamespace(  # type: ignore[assignment]
        registers=SimpleNamespace(kinds={}, aliases={})
    )
    completion.candidates(line)
