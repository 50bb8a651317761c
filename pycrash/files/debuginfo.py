"""Finds the debug vmlinux of a dump: beside it, where distributions put it, and by debuginfod."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, keep_chunks
from pycrash.files.compressed import Progress, first_bytes, unpacked
from pycrash.files.distribution import installation

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_PACKED = ("", ".xz", ".zst", ".gz", ".bz2")
_CHUNK = 1 << 20
#: What pyelftools may raise of a damaged file beside its own errors: OSError of places below 0
#: or beyond all files.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, OSError)
#: The kind of the note that holds a build ID, and bytes of notes that are looked at: what a
#: damaged file says of the size of one may be gigabytes.
_BUILD_ID = 3
_MOST_NOTES = 1 << 20


#: What the names of files in the cache begin with that stand for a vmlinux nobody has; another
#: number whenever another file is made of the same memory.
STAND_IN = "kallsyms1"
#: What `why_unfit` says of a file without DWARF.
NO_DEBUG_DATA = "no debugging data available"


@dataclass(frozen=True)
class Identity:
    """Which kernel a dump or a vmlinux is of; None where it does not say."""

    release: str | None
    build_id: str | None

    def __str__(self) -> str:
        build = f" (build ID {self.build_id})" if self.build_id else ""
        return f"kernel {self.release or 'of unknown release'}{build}"


class NoVmlinux(CrashError):
    """No vmlinux of a dump was found. `brief` says in one line what was, and what installs it."""

    def __init__(self, message: str, brief: str = "") -> None:
        super().__init__(message)
        self.brief = brief


@dataclass
class Search:
    """A search for a vmlinux and what it tried: one line a place. `dump` is the file beside which
    it may lie."""

    identity: Identity
    dump: Path | None
    progress: Progress | None = None
    limit: int = 0
    tried: list[str] = field(default_factory=list)
    #: Those of `tried` where a file is.
    _unfit: list[str] = field(default_factory=list)

    def run(self) -> Path:
        """The vmlinux, perhaps compressed. Raises NoVmlinux, telling what was tried."""
        found = self.on_this_machine() or self._debuginfod()
        if found is not None:
            return found
        none = f"no vmlinux of {self.identity} was found"
        places = "".join(f"\n    {line}" for line in self.tried)
        advice = self._advice()
        lines = "".join(f"\n{'' if line[-1] == ':' else '    '}{line}" for line in advice)
        raise NoVmlinux(
            f"namelist argument required: {none}; tried:{places}{lines}",
            "; ".join([f"{none} (tried {len(self.tried)} places)", *self._unfit, *_joined(advice)]),
        )

    def on_this_machine(self) -> Path | None:
        """The vmlinux, if it is found without asking a server."""
        for path in self._candidates():
            if not os.path.isfile(path):
                self.tried.append(f"{path}: no such file")
                continue
            try:
                reason = why_unfit(unpacked(path, self.progress, self.limit), self.identity)
            except (CrashError, OSError) as error:
                reason = str(error).removeprefix(f"{path}: ")
            else:
                if reason is None:
                    return path
            self._unfit.append(f"{path}: {reason}")
            self.tried.append(self._unfit[-1])
        return None

    def _advice(self) -> list[str]:
        """How the vmlinux can be had, where the release tells whose it is: lines that end with a
        colon, and the commands below each."""
        found = installation(self.identity.release or "")
        if found is None:
            return []
        lines = [f"on {found.distribution} this installs it:", *found.commands]
        if found.server and self.identity.build_id and "DEBUGINFOD_URLS" not in os.environ:
            lines += ["or, to have it fetched:", f"export DEBUGINFOD_URLS={found.server}"]
        return lines

    def _candidates(self) -> Iterator[Path]:
        release, build_id = self.identity.release, self.identity.build_id
        yield from self._beside_the_dump()
        if build_id:
            yield Path("/usr/lib/debug/.build-id", build_id[:2], build_id[2:] + ".debug")
        if release:
            for place in (
                "/usr/lib/debug/boot/vmlinux-{}",
                "/usr/lib/debug/boot/vmlinux-{}.debug",
                "/usr/lib/debug/lib/modules/{}/vmlinux",
                "/usr/lib/debug/usr/lib/modules/{}/vmlinux",
                "/usr/lib/debug/usr/lib/modules/{}/vmlinux.debug",
                "/boot/vmlinux-{}",
                "/lib/modules/{}/vmlinux",
                "/lib/modules/{}/build/vmlinux",
            ):
                yield Path(place.format(release))

    def _beside_the_dump(self) -> Iterator[Path]:
        """Files named vmlinux, vmlinux-RELEASE or DUMP.vmlinux and the like, compressed or not;
        of a dump that is a link, first beside the link."""
        if self.dump is None:
            return
        folders = dict.fromkeys((self.dump.parent.resolve(), self.dump.resolve().parent))
        names = ["vmlinux", f"{self.dump.stem}.vmlinux", "vmlinux.debug"]
        if self.identity.release:
            names += [f"vmlinux-{self.identity.release}", f"vmlinux-{self.identity.release}.debug"]
        found = [
            folder / (name + suffix)
            for folder in folders
            for name in names
            for suffix in _PACKED
            if (folder / (name + suffix)).is_file()
        ]
        yield from found or [folder / "vmlinux" for folder in folders]

    def _debuginfod(self) -> Path | None:
        """The vmlinux from the servers that DEBUGINFOD_URLS names, kept in the cache."""
        urls, build_id = os.environ.get("DEBUGINFOD_URLS", "").split(), self.identity.build_id
        if not urls or build_id is None:
            why = "the dump has no build ID" if urls else "DEBUGINFOD_URLS is not set"
            self.tried.append(f"debuginfod: {why}")
            return None
        name = f"debuginfod-{build_id}"
        kept = find_file(name)
        if kept is not None and why_unfit(kept, self.identity) is None:
            return kept
        for url in urls:
            address = f"{url.rstrip('/')}/buildid/{build_id}/debuginfo"
            try:
                fetched = keep_chunks(name, self._download(address))
                reason = why_unfit(fetched, self.identity)
            except (CrashError, ValueError) as error:
                reason = str(error)
            if reason is None:
                return fetched
            self.tried.append(f"{address}: {reason}")
        return None

    def _download(self, address: str) -> Iterator[bytes]:
        from urllib.request import urlopen

        timeout = float(os.environ.get("DEBUGINFOD_TIMEOUT") or 90)
        try:
            with urlopen(address, timeout=timeout) as answer:
                total = int(answer.headers.get("Content-Length") or 0)
                done = 0
                while chunk := answer.read(_CHUNK):
                    yield chunk
                    done += len(chunk)
                    if self.progress is not None:
                        self.progress(f"fetching {address}", done, total)
        except OSError as error:
            raise CrashError(str(error)) from error
        if done < total:
            raise CrashError(f"cut short after {done} of {total} bytes")


def is_stand_in(vmlinux: Path) -> bool:
    """Whether a file was made of a dump's memory because no vmlinux was found."""
    return vmlinux.name.startswith(f"{STAND_IN}-")


def _joined(advice: list[str]) -> Iterator[str]:
    """Advice with each command right behind the line that it stands below."""
    heading = ""
    for line in advice:
        if line[-1] == ":":
            heading = f"{line} "
        else:
            yield heading + line
            heading = ""


def why_unfit(vmlinux: Path, identity: Identity) -> str | None:
    """Why a file cannot serve as the vmlinux of that kernel; None if it can."""
    if first_bytes(vmlinux, 4) != b"\x7fELF":
        return "not an ELF file"
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with open(vmlinux, "rb") as file:
            elf = ELFFile(file)
            build_id = _build_id(elf)
            if identity.build_id and build_id and build_id != identity.build_id:
                return f"build ID {build_id}, the dump's is {identity.build_id}"
            debugged = any(elf.get_section_by_name(f".{z}debug_info") for z in ("", "z"))
    except (ELFError, *_DAMAGED) as error:
        return f"damaged or cut short: {error}"
    if identity.release and not (identity.build_id and build_id):
        release = _banner_release(vmlinux)
        if release is not None and release != identity.release:
            return f"release {release}, the dump's is {identity.release}"
    return None if debugged else NO_DEBUG_DATA


def _banner_release(vmlinux: Path) -> str | None:
    """The release in a vmlinux's own `Linux version` text; None where there is none."""
    import mmap
    import re

    with open(vmlinux, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        found = re.search(rb"Linux version (\d[^ \0]{2,64}) \(", text)
        return found[1].decode("ascii", "replace") if found else None


def _build_id(elf: ELFFile) -> str | None:
    """The NT_GNU_BUILD_ID note of a vmlinux, in hexadecimal."""
    order = "<" if elf.little_endian else ">"
    sections: Any = elf.iter_sections(type="SHT_NOTE")
    for section in sections:
        elf.stream.seek(section["sh_offset"])
        notes = elf.stream.read(min(section["sh_size"], _MOST_NOTES))
        at = 0
        while at + 12 <= len(notes):
            name_size, size, kind = struct.unpack_from(f"{order}III", notes, at)
            begin = at + 12 + (name_size + 3 & ~3)
            at = begin + (size + 3 & ~3)
            if kind == _BUILD_ID and notes[begin - 4 : begin] == b"GNU\0" and at <= len(notes):
                return notes[begin : begin + size].hex()
    return None
