"""Lines of Python by drgn that read what a command shows: what `--show-drgn` prints."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context
    from pycrash.api.twins.base import Twin

_SUBJECTS = ("tasks", "foreach", "memory", "values", "machine")


def names() -> list[str]:
    """The commands that have such lines, sorted."""
    return sorted(name for subject in _SUBJECTS for name in _twins(subject))


def lines(name: str, ctx: Context, args: Args) -> list[str]:
    """The lines for a command and its arguments; what they leave out is a comment before them.

    Raises CrashError where there are none.
    """
    for subject in _SUBJECTS:
        twin = _twins(subject).get(name)
        if twin is not None:
            return twin.commented(ctx, args).split("\n")
    from pycrash.api.twins.base import NOTHING

    raise NOTHING


def _twins(subject: str) -> dict[str, Twin]:
    found: dict[str, Twin] = import_module(f"{__name__}.{subject}").TWINS
    return found
