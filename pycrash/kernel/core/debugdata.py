"""What the libraries below say of damaged debugging data, in one line that names file and section.

drgn names both (BadDataError); libdw and libelf name neither, and a name that is no text is found
out only when Python decodes it.
"""

from __future__ import annotations

import drgn

from pycrash.kernel.core.reader import Reader


def file_bias(prog: drgn.Program) -> int:
    """How many bytes the kernel lies behind where its vmlinux, stripped or not, has it."""
    module = prog.main_module()
    return module.debug_file_bias or module.loaded_file_bias or 0


def is_of_debug_data(error: BaseException) -> bool:
    """Whether an exception that nobody expected tells of the data and not of a fault in here."""
    # What libdw has to say has no class of its own.
    plain = type(error) is Exception
    return plain or type(error).__name__ == "BadDataError" or isinstance(error, UnicodeDecodeError)


def of_debug_data(kernel: Reader, error: BaseException) -> str:
    """The line for such an exception."""
    text, file = str(error), kernel.vmlinux
    if isinstance(error, UnicodeDecodeError):
        text = f".debug_str: a name is no text: {bytes(error.object[:32])!r}"
    # drgn's name of the file is that of a link's target, or of a copy in the cache.
    text = text[text.find(": .debug_") + 1 :].strip()
    if text.startswith("libdw error"):
        text = f".debug_info or .debug_abbrev: {text}"
    named = kernel.given[0] or file
    return f"{named}: {text}" if named is not None else text
