"""An open dump for Python code: scripts, notebooks, tests."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from pycrash.api import Context, Row, Settings
from pycrash.api.rowlist import Rows, facts
from pycrash.kernel.core.reader import Options
from pycrash.kernel.opening import open_files
from pycrash.shell.session import Session
from pycrash.shell.start import make_registry

if TYPE_CHECKING:
    import drgn

    from pycrash.kernel.kernel import Kernel


class Dump:
    """One open dump. Lines are those of the shell, without pipes and redirections.

    `prog` is the drgn program, `kernel` what commands read the dump by, `context` what they are
    given: the current task and the settings. All that fails raises CrashError.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._session = Session(kernel, Settings(silent=True), make_registry())

    @property
    def prog(self) -> drgn.Program:
        return self.kernel.prog

    @property
    def context(self) -> Context:
        return self._session.context

    def rows(self, line: str) -> Rows:
        """The rows of a line: `rows("ps -u")[0].pid`. They are facts, as `--json` has them."""
        found = Rows(lambda: self._session.answer(line))
        len(found)
        return found

    def stream(self, line: str) -> Iterator[Row]:
        """The rows of a line one by one as they are found, notices among them: for millions."""
        return facts(self._session.answer(line))

    def text(self, line: str) -> str:
        """What crash prints: `text("bt")`. Messages are a part of it, and nothing raises."""
        return self._session.text_of(line)

    def __repr__(self) -> str:
        dump = self.kernel.given[1]
        return f"<pycrash.Dump of {dump}>"


def open_dump(
    *files: str | PathLike[str],
    no_modules: bool = False,
    zero_excluded: bool = False,
    module_tree: str | None = None,
) -> Dump:
    """Open a dump: the files are a vmcore, and its vmlinux unless that is to be looked for.

    With `no_modules` the loaded modules are left alone; with `zero_excluded` pages that are not
    in the dump read as zeros; `module_tree` is where object files of modules are. Raises
    CrashError.
    """
    how = Options(no_modules=no_modules, module_tree=module_tree)
    kernel = open_files([Path(file) for file in files], None, how)
    kernel.memory.zero_excluded = zero_excluded
    return Dump(kernel)
