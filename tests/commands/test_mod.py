"""mod: the list, taints, and what is loaded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.mod import Mod
from pycrash.api import Context, Notice, Settings, UsageError, View
from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Options
from pycrash.kernel.modules.table import Module, Range

BASE = 0xFFFFFFFFC0000000


def module(name: str, place: int, taints: int = 0, signed: int | None = None) -> Module:
    base = BASE + place * 0x10000
    return Module(
        address=base + 0x1000,
        name=name,
        base=base,
        size=12288,
        ranges=(Range("TEXT", base, 0x3000),),
        text_size=0,
        init_text_size=0,
        taints=taints,
        percpu=0,
        percpu_size=0,
        exports=(0, 0),
        gpl_exports=(0, 0),
        symtab=0,
        num_symtab=0,
        strtab=0,
        gpgsig_ok=signed,
    )


class Table:
    """Stands in for ModuleTable; notes what is loaded and refuses a file named "bad"."""

    def __init__(self, *modules: Module) -> None:
        self.all = modules
        self.accessible = True
        self.damage = ""
        self.split = True
        self.loaded: dict[int, Any] = {}
        self.by_name = {m.name: m for m in modules}
        self.by_base = {m.base: m for m in modules}

    def build_id(self, module: Module) -> bytes | None:
        return None

    def kallsyms(self, module: Module) -> Any:
        return SimpleNamespace(missing="gone" if module.name == "beta" else "")

    def load(self, module: Module, path: str, section_marks: bool) -> None:
        if Path(path).name == "bad.ko":
            raise CrashError(f"{path}: no good")
        self.loaded[module.address] = SimpleNamespace(path=path, marks=section_marks)

    def unload(self, module: Module | None = None) -> None:
        if module is None:
            self.loaded.clear()
        else:
            self.loaded.pop(module.address, None)


class Bench:
    """A session's worth of `mod` lines on two modules."""

    def __init__(self, *modules: Module) -> None:
        self.table = Table(*(modules or (module("alpha", 0), module("beta", 1))))
        self.files: dict[str, str] = {}
        self.tree: str | None = None
        taints = SimpleNamespace(has_table=True, of_module=lambda m: f"<{m.taints:x}>")
        kernel = SimpleNamespace(
            modules=self.table,
            module_files=SimpleNamespace(find=self._find),
            options=Options(),
            word_size=8,
            system=SimpleNamespace(taints=taints),
        )
        self.kernel = kernel
        self.ctx = Context(cast(Any, kernel), Settings(), cast(Any, None), cast(Any, None))

    def _find(
        self,
        name: str,
        given: str | None = None,
        tree: str | None = None,
        build_id: bytes | None = None,
    ) -> str | None:
        self.tree = tree
        return self.files.get(given or name)

    def line(self, text: str) -> list[str]:
        """The lines, notices led by their level."""
        command = Mod()
        args = command.parse(text.split())
        notices: list[str] = []
        shown = []
        for row in command.run(self.ctx, args):
            if isinstance(row, Notice):
                notices.append(f"{row.level}: {row.text}")
            else:
                shown.append(row)
        return notices + list(command.text(View(self.ctx.settings), args, shown))


@pytest.fixture
def elf(tmp_path: Path) -> str:
    path = tmp_path / "x.ko"
    path.write_bytes(b"\x7fELF" + bytes(60))
    return str(path)


HEAD = "     MODULE       NAME      TEXT_BASE       SIZE  OBJECT FILE"
ALPHA = "ffffffffc0001000  alpha  ffffffffc0000000  12288  "
BETA = "ffffffffc0011000  beta   ffffffffc0010000  12288  "


def test_the_list() -> None:
    bench = Bench()
    lines = [HEAD, f"{ALPHA}(not loaded)  [CONFIG_KALLSYMS]", f"{BETA}(not loaded)"]
    assert bench.line("") == lines
    assert bench.line("word") == lines
    assert bench.line("-r") == bench.line("-rg") == lines
    bench.table.split = False
    assert bench.line("")[0] == "     MODULE       NAME         BASE         SIZE  OBJECT FILE"


def test_no_modules() -> None:
    bench = Bench()
    bench.table.all = ()
    assert bench.line("") == ["no modules installed"]
    bench.table.accessible = False
    with pytest.raises(CrashError, match="cannot access vmalloc'd module memory"):
        bench.line("")


def test_a_damaged_list_is_said() -> None:
    bench = Bench()
    bench.table.damage = "it loops"
    assert bench.line("")[0] == "WARNING: it loops"


def test_loading_one(elf: str) -> None:
    bench = Bench()
    assert bench.line(f"-s alpha {elf}") == [HEAD, f"{ALPHA}{elf} "]
    assert bench.line("")[1:] == [f"{ALPHA}{elf} ", f"{BETA}(not loaded)"]
    assert bench.line("-d alpha") == []
    assert bench.table.loaded == {}
    bench.files["beta"] = elf
    assert bench.line(f"-gs {BASE + 0x10000:x}") == [HEAD, f"{BETA}{elf} "]
    assert bench.table.loaded[bench.table.by_name["beta"].address].marks
    assert bench.line("-D") == []
    assert bench.table.loaded == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-s alpha", "cannot find or load object file for alpha module"),
        ("-s alpha nosuch.ko", "alpha: cannot find or load object file: nosuch.ko"),
    ],
)
def test_files_that_are_not_there(line: str, message: str) -> None:
    with pytest.raises(CrashError, match=message):
        Bench().line(line)


@pytest.mark.parametrize(
    "line",
    [
        "-s nosuch",
        "-d nosuch",
        "-s ffffffffc0000001",
        "-s alpha a b",
        "-salpha",
        "-S -t",
        "-Rt",
        "-to",
        "-s alpha -d beta",
        "-s",
        "-x",
        "-S . more",
        "-S /nosuch",
        "-rr",
    ],
)
def test_lines_that_are_wrong(line: str) -> None:
    with pytest.raises(UsageError):
        Bench().line(line)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("words")
    with pytest.raises(UsageError):
        Bench().line(f"-s alpha {text}")


def test_loading_all(elf: str, tmp_path: Path) -> None:
    bench = Bench()
    bench.files["beta"] = elf
    missing = "INFO: cannot find or load object file for alpha module"
    assert bench.line(f"-S {tmp_path}") == [missing, HEAD, f"{BETA}{elf} "]
    assert bench.tree == str(tmp_path)
    bench.files.clear()
    assert bench.line("-S") == [missing, HEAD, f"{BETA}{elf} "]
    assert bench.tree is None


def test_a_file_that_is_refused_does_not_end_the_rest(elf: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ko"
    bad.write_bytes(b"\x7fELF" + bytes(60))
    bench = Bench()
    bench.files = {"alpha": str(bad), "beta": elf}
    lines = bench.line("-S")
    assert lines[0] == f"INFO: {bad}: no good"
    assert lines[2:] == [f"{ALPHA}(not loaded)  [CONFIG_KALLSYMS]", f"{BETA}{elf} "]


def test_o_ends_the_line() -> None:
    assert Bench().line("-o") == []
    assert Bench().line("-o -t") == []
    assert Bench().line("-o -z") == []


def test_taints() -> None:
    assert Bench().line("-t") == ["no tainted modules"]
    bench = Bench(module("a", 0, taints=0x1000), module("longer", 1, signed=0), module("c", 2))
    assert bench.line("-t") == ["NAME    TAINTS", "a       <1000>", "longer  <0>(U)"]
    bench.kernel.system.taints.has_table = False
    assert bench.line("-t")[1] == "a       1000"
