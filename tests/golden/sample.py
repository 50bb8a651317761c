"""The sample dump as both programs are to find it: in one folder, under the same names."""

from __future__ import annotations

from pathlib import Path

from pycrash.files.compressed import unpacked

SAMPLE = Path(__file__).resolve().parent.parent.parent / "sample_dumps"


def arrange(folder: Path, vmlinux: Path | None = None) -> None:
    """Put `vmlinux`, `vmcore` and `crashme.ko` into a folder, as links."""
    files = {
        "vmlinux": vmlinux or unpacked(SAMPLE / "vmlinux.xz"),
        "vmcore": SAMPLE / "vmcore",
        "crashme.ko": SAMPLE / "crashme.ko",
    }
    for name, file in files.items():
        (folder / name).symlink_to(file.resolve())
