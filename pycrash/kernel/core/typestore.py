"""What was learned of a kernel's types, kept between sessions.

drgn needs a few tenths of a second to index a kernel's types before the first one answers.
Where the members of a structure lie is a fact of the vmlinux, so it is written down under its
build ID, and the next session on the same kernel asks the types only what none asked before.
"""

from __future__ import annotations

import atexit
import json
from pathlib import Path
from typing import Any

import drgn

from pycrash.errors import CrashError

# Raised whenever the meaning of what is kept changes.
_VERSION = 2
_CACHE_KEY = "pycrash.typestore"


class TypeStore:
    """Answers about one kernel's types, by question; None is an answer too.

    Without a build ID they last as long as the session.
    """

    def __init__(self, build_id: str | None) -> None:
        self._file = f"types-{build_id}.json" if build_id else None
        self._answers: dict[str, Any] = {}
        self._of_modules = False
        self._new = False
        if self._file is not None:
            self._answers = self._load()
            atexit.register(self.save)

    def take_modules(self) -> None:
        """Object files of modules are loaded: what the vmlinux lacks is asked for again.

        What is learned from then on is not kept, as it is no fact of the vmlinux alone.
        """
        self.save()
        self._of_modules = True

    def __contains__(self, question: str) -> bool:
        if self._of_modules:
            return self._answers.get(question) is not None
        return question in self._answers

    def __getitem__(self, question: str) -> Any:
        return self._answers[question]

    def __setitem__(self, question: str, answer: Any) -> None:
        self._answers[question] = answer
        self._new = not self._of_modules

    def save(self) -> None:
        """Write down what is new; a folder that cannot be written to is left alone."""
        if self._file is None or not self._new:
            return
        from pycrash.files.compressed import keep

        content = {"version": _VERSION, "answers": {**self._load(), **self._answers}}
        try:
            keep(self._file, [json.dumps(content).encode()])
        except CrashError:
            return
        self._new = False

    def _load(self) -> dict[str, Any]:
        from pycrash.files.compressed import cache_folder

        try:
            content = json.loads(Path(cache_folder(), self._file or "").read_bytes())
        except (OSError, ValueError, CrashError):
            return {}
        if not isinstance(content, dict) or content.get("version") != _VERSION:
            return {}
        answers = content.get("answers")
        return answers if isinstance(answers, dict) else {}


def store_of(prog: drgn.Program) -> TypeStore:
    """The store of a program's kernel, opened when first asked for."""
    store = prog.cache.get(_CACHE_KEY)
    if store is None:
        store = prog.cache[_CACHE_KEY] = TypeStore(build_id_of(prog))
    assert isinstance(store, TypeStore)
    return store


def build_id_of(prog: drgn.Program) -> str | None:
    """The build ID of a program's kernel in hexadecimal, None where it is not known."""
    try:
        build_id = prog.main_module().build_id
    except LookupError:
        return None
    return build_id.hex() if build_id else None
