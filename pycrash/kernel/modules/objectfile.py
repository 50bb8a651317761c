"""What an object file of a module holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: The sections of per-CPU variables; they are no part of the module's own memory.
PERCPU = (".data.percpu", ".data..percpu")


@dataclass(frozen=True, slots=True)
class FileSymbol:
    """One symbol of an object file: `value` counts from the start of its section."""

    name: str
    value: int
    letter: str
    section: str


@dataclass(frozen=True)
class ObjectFile:
    """An object file: its symbols by value and name, and the sizes of its sections by name."""

    symbols: tuple[FileSymbol, ...]
    sections: dict[str, int]
    build_id: bytes | None = None


@dataclass(frozen=True)
class LoadedFile:
    """A loaded object file: the path it is shown by, and the file itself, unpacked.

    `places` are the addresses of its sections as the kernel noted them, empty where it did
    not; `section_marks` tells whether to mark them among the symbols (mod -g).
    """

    path: str
    unpacked: Path
    content: ObjectFile
    places: dict[str, int]
    section_marks: bool = False

    @property
    def percpu_size(self) -> int:
        """Bytes of the per-CPU variables."""
        return next((self.content.sections[n] for n in PERCPU if n in self.content.sections), 0)
