"""The VMCOREINFO note: what the kernel said of itself for those who read its dump.

Answers without debug information, which makes it the quick and the last resort for the
addresses, sizes and offsets it holds.
"""

from __future__ import annotations

import re

import drgn

from pycrash.errors import MissingFeature

_SYMBOL = re.compile(r"SYMBOL\((.+)\)")
_HEX = re.compile("[0-9a-f]{1,16}")


class Vmcoreinfo:
    """The note's lines, by key: `OSRELEASE`, `SYMBOL(x)`, `OFFSET(x.y)`, `SIZE(x)` and so on.

    `text` is the note as the kernel wrote it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        pairs = (line.partition("=") for line in text.splitlines())
        self._values = {key: value for key, mark, value in pairs if mark}

    def get(self, key: str) -> str | None:
        """The text behind a key's equals sign, or None."""
        return self._values.get(key)

    @property
    def release(self) -> str:
        """The kernel's release, as `uname -r` would say. Raises MissingFeature."""
        return self._need("OSRELEASE")

    @property
    def build_id(self) -> str | None:
        """The vmlinux's build ID in hexadecimal; None before 5.8, which did not note it."""
        return self.get("BUILD-ID")

    def symbol(self, name: str) -> int:
        """A symbol's address at run time. Raises MissingFeature."""
        return self._hex(f"SYMBOL({name})")

    @property
    def symbols(self) -> dict[str, int]:
        """Where everything is at run time whose symbol the note tells, by its name."""
        found = ((_SYMBOL.fullmatch(key), text) for key, text in self._values.items())
        return {key[1]: int(text, 16) for key, text in found if key and _HEX.fullmatch(text)}

    @property
    def addresses(self) -> list[int]:
        """The addresses of `symbols`, in the note's order."""
        return list(self.symbols.values())

    def size(self, name: str) -> int:
        """Bytes of a structure. Raises MissingFeature."""
        return self._decimal(f"SIZE({name})")

    def offset(self, member: str) -> int:
        """Bytes before `struct.member`. Raises MissingFeature."""
        return self._decimal(f"OFFSET({member})")

    def length(self, name: str) -> int:
        """Elements of an array. Raises MissingFeature."""
        return self._decimal(f"LENGTH({name})")

    def number(self, name: str) -> int:
        """A constant; some are noted in decimal, some with 0x. Raises MissingFeature."""
        return self._decimal(f"NUMBER({name})")

    def _need(self, key: str) -> str:
        try:
            return self._values[key]
        except KeyError:
            raise MissingFeature(f"VMCOREINFO: no {key}") from None

    def _hex(self, key: str) -> int:
        return self._parse(key, 16)

    def _decimal(self, key: str) -> int:
        return self._parse(key, 0)

    def _parse(self, key: str, base: int) -> int:
        text = self._need(key)
        try:
            return int(text, base)
        except ValueError:
            raise MissingFeature(f"VMCOREINFO: {key}={text} is no number") from None


def read_vmcoreinfo(prog: drgn.Program) -> Vmcoreinfo:
    """The note of an open dump. Raises MissingFeature where it has none.

    drgn would look its type, an array of char, up in the debug information, which costs
    half a second of indexing; so for this one look-up it is told not to.
    """
    types, objects = prog.enabled_type_finders(), prog.enabled_object_finders()
    prog.set_enabled_type_finders([])
    prog.set_enabled_object_finders(["linux"])
    try:
        raw = prog["VMCOREINFO"].string_()
    except (LookupError, drgn.FaultError):
        raise MissingFeature("VMCOREINFO: not in this dump") from None
    finally:
        prog.set_enabled_type_finders(types)
        prog.set_enabled_object_finders(objects)
    return Vmcoreinfo(raw.decode("utf-8", "replace"))
