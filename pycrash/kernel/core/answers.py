"""What was learned of a kernel's types, kept between sessions.

drgn needs a few tenths of a second to index a kernel's types before the first one answers.
Where the members of a structure lie is a fact of the vmlinux, so it is noted for that very file,
and the next session on it asks the types only what none asked before. The build ID would not do:
a damaged file has that of the good one.
"""

from __future__ import annotations

import atexit
import json
from pathlib import Path
from typing import Any

import drgn

from pycrash.files.cache import file_key, note, noted

# Raised whenever the meaning of what is kept changes.
_VERSION = 3
_CACHE_KEY = "pycrash.answers"


class KeptAnswers:
    """Answers about one kernel's types, by question; None is an answer too.

    Without the key of a vmlinux they last as long as the session.
    """

    def __init__(self, key: str | None) -> None:
        self._name = f"types{_VERSION}-{key}" if key else None
        self._answers: dict[str, Any] = self._load()
        self._of_modules = False
        self._new = False

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
        """Note what is new, with what other sessions noted meanwhile."""
        if self._name is not None and self._new:
            note(self._name, json.dumps({**self._load(), **self._answers}).encode())
            self._new = False

    def _load(self) -> dict[str, Any]:
        body = noted(self._name) if self._name is not None else None
        try:
            found = {} if body is None else json.loads(body)
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}


def answers_of(prog: drgn.Program) -> KeptAnswers:
    """What is kept of a program's kernel, opened when first asked for."""
    kept = prog.cache.get(_CACHE_KEY)
    if kept is None:
        kept = prog.cache[_CACHE_KEY] = KeptAnswers(vmlinux_key(prog))
        atexit.register(kept.save)
    assert isinstance(kept, KeptAnswers)
    return kept


def vmlinux_key(prog: drgn.Program) -> str | None:
    """The key of the very file a program's types come from, None where there is none."""
    try:
        module = prog.main_module()
        path = module.debug_file_path or module.loaded_file_path
        return file_key(Path(path)) if path else None
    except (LookupError, OSError):
        return None
