"""The errors every layer may raise; the shell alone turns them into messages."""

from __future__ import annotations


class CrashError(Exception):
    """A command cannot go on. `str()` is the message without the command's name.

    `before` is a message that is said before it, empty where there is none.
    """

    before = ""

    @property
    def quiet(self) -> bool:
        """Whether the command ends without the message."""
        return False


class ReadError(CrashError):
    """Memory that could not be read.

    `address` is what was asked for, `space` names its kind as crash does
    ("kernel virtual address", "user virtual address", "physical address"),
    `what` says what was being read, and `reason` is "seek error" (not in the
    dump), "page excluded" (left out by makedumpfile), "read error" or
    "invalid" (no translation).
    """

    def __init__(
        self,
        address: int,
        what: str,
        reason: str = "seek error",
        space: str = "kernel virtual address",
    ) -> None:
        self.address = address
        self.what = what
        self.reason = reason
        self.space = space
        super().__init__(address, what, reason, space)

    @property
    def quiet(self) -> bool:
        """Whether crash stops without a word: so it does at pages makedumpfile left out."""
        return self.reason == "page excluded"

    def __str__(self) -> str:
        gap = "" if self.reason == "invalid" else ":"
        return f'{self.reason}{gap} {self.space}: {self.address:x}  type: "{self.what}"'


class MissingFeature(CrashError):
    """The dead kernel lacks what a command shows: a symbol, a type or a member."""


def system_words(error: OSError) -> str:
    """What the system said, with the file and without the number: "FILE: Permission denied"."""
    text = error.strerror or str(error)
    return text if error.filename is None else f"{error.filename}: {text}"
