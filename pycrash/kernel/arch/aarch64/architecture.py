"""64-bit ARM, as the rest of the kernel layer asks for it."""

from __future__ import annotations

from pycrash.kernel.arch.other.architecture import Other
from pycrash.kernel.core.symbolrules import SymbolRules, is_checksum


class AArch64(Other):
    """64-bit ARM."""

    name = "aarch64"
    system_calls = ("__arm64_sys_",)
    symbols = SymbolRules(
        rejects=lambda value, name, letter: (
            (letter in "Aa" and not value >> 63)
            or (value == 0 and letter in "anNU")
            or name in ("$d", "$x", "$c")
            or name.startswith(("$d.", "$x.", "$c."))
            or is_checksum(name, letter)
            or (letter == "N" and "$d" in name)
        ),
        marks_modules=True,
    )
