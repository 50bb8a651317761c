"""What the firmware says of the machine (dmi_ident, enum dmi_field)."""

from __future__ import annotations

from collections.abc import Iterator

import drgn

from pycrash.errors import MissingFeature
from pycrash.kernel.core.reader import Reader

#: The enumerator behind all fields.
_END = "DMI_STRING_MAX"
#: No firmware string is longer.
MAX_STRING = 1500


def dmi_strings(kernel: Reader) -> Iterator[tuple[str, str | None]]:
    """(name of the field, its text) of every field; None where it is not set.

    The name is the enumerator's, or `dmi_ident[N]` where the kernel has no such enum.
    Raises MissingFeature, ReadError.
    """
    span = kernel.symbol_span("dmi_ident")
    if span is None:
        raise MissingFeature("dmi_ident does not exist in this kernel")
    address, length = span[0], span[1] // kernel.word_size
    for index, name in _fields(kernel, length):
        where = kernel.read_word(address + index * kernel.word_size, "dmi_ident")
        if not where:
            yield name, None
            continue
        try:
            text = kernel.prog.read_c_string(where, max_size=MAX_STRING)
        except drgn.FaultError:
            text = b""
        yield name, text.decode("utf-8", "surrogateescape")


def _fields(kernel: Reader, length: int) -> Iterator[tuple[int, str]]:
    try:
        fields = kernel.prog.type("enum dmi_field").enumerators or ()
    except LookupError:
        yield from ((index, f"dmi_ident[{index}]") for index in range(length))
        return
    for field in fields:
        if field.value >= length or field.name == _END:
            return
        yield field.value, field.name
