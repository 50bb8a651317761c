"""What a kernel found that it runs on, where it keeps the name."""

from __future__ import annotations

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import find_member
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text

_NONE = "bare hardware"


def hypervisor(kernel: Reader) -> str | None:
    """The name of the hypervisor, None where there is none or the kernel does not tell."""
    name = _name_in(kernel, "pv_info", "struct pv_info", pointer=False)
    # Before 4.15 there is a structure for each hypervisor.
    name = name or _name_in(kernel, "x86_hyper", "struct hypervisor_x86", pointer=True)
    return None if name == _NONE else name


def _name_in(kernel: Reader, symbol: str, type_name: str, pointer: bool) -> str | None:
    """The string that `name` of a structure points to; None where anything of it is missing."""
    at, place = kernel.symbol_address(symbol), find_member(kernel.prog, type_name, "name")
    if at is None or place is None:
        return None
    try:
        base = kernel.read_word(at, symbol) if pointer else at
        return read_text(kernel, kernel.read_word(base + place.offset, symbol), symbol) or None
    except ReadError:
        return None
