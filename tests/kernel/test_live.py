"""A kernel that runs: what is forgotten between two lines, and what is not."""

from __future__ import annotations

import os
from pathlib import Path

import drgn
import pytest

from pycrash.cexpr.eval.state import ExprState
from pycrash.kernel import opening
from pycrash.kernel.core.problems import Problems
from pycrash.kernel.core.reader import Lasting, Reader
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.modules.table import ModuleTable
from tests.commands.crowd import Crowd


class Counts(Lasting):
    """A part that outlives the others."""

    def __init__(self, kernel: Reader) -> None:
        self.renewed = 0

    def renew(self) -> None:
        self.renewed += 1


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "is_live", True)
    monkeypatch.setattr(os, "getpid", lambda: 30)


def test_a_dump_is_no_running_kernel() -> None:
    assert not Reader(drgn.Program()).is_live
    crowd = Crowd()
    assert crowd.kernel.panic.is_active(crowd.thread)
    assert not crowd.kernel.panic.in_motion(crowd.thread)


def test_a_dump_is_read_once() -> None:
    crowd = Crowd()
    tasks, problems = crowd.kernel.tasks, crowd.kernel.part(Problems)
    crowd.kernel.renew()
    assert crowd.kernel.tasks is tasks
    assert crowd.kernel.part(Problems) is problems


@pytest.mark.usefixtures("live")
def test_the_tasks_of_a_running_kernel_are_gathered_anew() -> None:
    crowd = Crowd()
    assert len(crowd.kernel.tasks.all) == 7
    crowd.add(30, "newcomer", state=1, parent=crowd.init)
    assert len(crowd.kernel.tasks.all) == 7
    crowd.kernel.renew()
    assert crowd.kernel.tasks.by_pid(30)[0].comm == "newcomer"


@pytest.mark.usefixtures("live")
def test_what_lasts_looks_after_itself() -> None:
    crowd = Crowd()
    counts = crowd.kernel.part(Counts)
    crowd.kernel.renew()
    crowd.kernel.renew()
    assert crowd.kernel.part(Counts) is counts
    assert counts.renewed == 2


@pytest.mark.usefixtures("live")
def test_values_that_were_printed_keep_their_numbers() -> None:
    crowd = Crowd()
    value = drgn.Object(crowd.kernel.prog, "int", 5)
    assert crowd.kernel.part(ExprState).record(value) == 1
    crowd.kernel.renew()
    assert crowd.kernel.part(ExprState).record(value) == 2


@pytest.mark.usefixtures("live")
def test_modules_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    lists: list[tuple[object, ...]] = []

    class Module:
        def __init__(self, address: int) -> None:
            self.address = self.base = address
            self.name = f"m{address}"

    first, second = Module(1), Module(2)
    monkeypatch.setattr(ModuleTable, "_head", lambda table: 1)
    monkeypatch.setattr(ModuleTable, "_walk", lambda table, head: iter(lists[-1]))
    crowd = Crowd()
    told: list[object] = []
    table = ModuleTable(crowd.kernel)
    table.watch(lambda: told.append(table.all))
    table.renew()  # nobody has asked for them yet
    lists.append((first,))
    assert list(table.by_name) == ["m1"]
    table.loaded[1] = loaded = object()  # type: ignore[assignment]
    table.renew()
    assert not told
    lists.append((first, second))
    table.renew()
    assert told == [(first, second)]
    assert table.loaded == {1: loaded}
    lists.append((second,))
    table.renew()
    assert list(table.by_base) == [2]
    assert not table.loaded


@pytest.mark.usefixtures("live")
def test_this_program_is_the_first_task_and_runs() -> None:
    crowd = Crowd()
    name = Path("/proc/self/comm").read_text().strip()
    own = crowd.add(30, name, flags=0, parent=crowd.init)
    panic = crowd.kernel.panic
    assert (panic.task, panic.first_task) == (0, own)
    assert panic.is_active(own)
    assert panic.is_active(crowd.thread)
    assert not panic.is_active(crowd.daemon)
    assert panic.in_motion(own)
    assert not panic.in_motion(crowd.daemon)


@pytest.mark.usefixtures("live")
def test_the_process_id_of_a_container_is_another_task() -> None:
    crowd = Crowd()
    other = crowd.add(30, "somebody else", flags=0, parent=crowd.init)
    panic = crowd.kernel.panic
    assert panic.first_task == crowd.kernel.tasks.all[0].address
    assert not panic.is_active(other)


def test_of_the_running_kernel_nothing_is_copied_or_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is made of a dump, and kept in the cache, is made of no /proc/kcore."""
    kcore = tmp_path / "kcore"
    kcore.touch()

    def never(*given: object) -> None:
        raise AssertionError("the running kernel is taken for a file")

    for name in ("content_of", "unpacked", "repaged", "ends_by"):
        monkeypatch.setattr(opening, name, never)
    monkeypatch.setattr("pycrash.files.running.RUNNING", kcore)
    monkeypatch.setattr(opening, "_open_dump", lambda *given: drgn.Program())
    kernel = opening.open_dump(kcore)
    assert isinstance(kernel, Kernel)
    assert kernel.given == (None, kcore)
    assert kernel.dump is None
    assert kernel.dump_file is None
