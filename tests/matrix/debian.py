#!/usr/bin/env python3
"""Unpacks Debian packages of any suite into a folder, without installing them.

debian.py [--arch A] COMMAND, which is one of

crash DIR                  crash from sid with its libraries; DIR/crash runs it
makedumpfile DIR           makedumpfile from sid likewise
busybox DIR                a static busybox likewise
kexec DIR                  kexec likewise
kernel SUITE DIR [SERIES]  the newest cloud kernel of the suite that the archive still holds,
                           with its modules and debug files
headers SUITE DIR RELEASE  what building a module for that kernel takes

A is amd64, which is the default, or arm64, whose programs run under qemu-aarch64-static
(package qemu-user-static). The archive's address is taken from this machine's own apt sources.
"""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

Packages = dict[str, list[tuple[str, str]]]

LIBRARIES = [
    "libc6",
    "libgcc-s1",
    "liblzo2-2",
    "libsnappy1v5",
    "libstdc++6",
    "libzstd1",
    "zlib1g",
    "liblzma5",
]
PROGRAMS = {
    "crash": ["crash", "libgmp10", "libmpfr6", "libncursesw6", "libtinfo6", *LIBRARIES],
    "makedumpfile": ["makedumpfile", "libdw1t64", "libelf1t64", "libbz2-1.0", *LIBRARIES],
    "busybox": ["busybox-static"],
    "kexec": [
        "kexec-tools",
        "libxenmisc4.20",
        "libxencall1",
        "libxendevicemodel1",
        "libxenevtchn1",
        "libxenforeignmemory1",
        "libxengnttab1",
        "libxentoolcore1",
        "libxentoollog1",
        *LIBRARIES,
    ],
}


@dataclass(frozen=True)
class Arch:
    """A Debian architecture, where its libraries lie, and what runs its programs here."""

    name: str
    libraries: str
    loader: str
    emulator: str = ""


AMD64 = Arch("amd64", "usr/lib/x86_64-linux-gnu", "ld-linux-x86-64.so.2")
ARM64 = Arch("arm64", "usr/lib/aarch64-linux-gnu", "ld-linux-aarch64.so.1", "qemu-aarch64-static ")
ARCHES = {arch.name: arch for arch in (AMD64, ARM64)}


def archives() -> tuple[str, str]:
    """The addresses of the main and of the security archive."""
    apt = Path("/etc/apt")
    folder = apt / "sources.list.d"
    files = [*apt.glob("sources.list"), *folder.glob("*.sources"), *folder.glob("*.list")]
    lines = [
        line
        for file in files
        for line in file.read_text().splitlines()
        if not line.lstrip().startswith("#")
    ]
    found = re.findall(r"https?://\S*?/debian(?:-security)?(?=[\s/]|$)", "\n".join(lines))
    main = next(address for address in found if not address.endswith("-security"))
    security = next((a for a in found if a.endswith("-security")), main + "-security")
    return main, security


def index(suite: str, arch: Arch = AMD64) -> Packages:
    """Package name to (version, address) pairs, of a suite and its security suite."""
    main, security = archives()
    packages: Packages = {}
    for base, name in ((main, suite), (security, f"{suite}-security")):
        address = f"{base}/dists/{name}/main/binary-{arch.name}/Packages.xz"
        try:
            with urllib.request.urlopen(address) as answer:
                text = lzma.decompress(answer.read()).decode()
        except urllib.error.HTTPError:
            continue  # sid has no security suite
        for paragraph in text.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Filename): (.*)$", paragraph, re.M))
            if len(fields) == 3:
                entry = (fields["Version"], f"{base}/{fields['Filename']}")
                packages.setdefault(fields["Package"], []).append(entry)
    return packages


def is_newer(version: str, other: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", other]).returncode == 0


def newest(entries: list[tuple[str, str]]) -> tuple[str, str]:
    """Of (version, something) pairs the one with the highest version."""
    best = entries[0]
    for entry in entries[1:]:
        if is_newer(entry[0], best[0]):
            best = entry
    return best


def is_held(address: str) -> bool:
    """Whether the archive still has a file its index names."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request):
            return True
    except urllib.error.URLError:
        return False


def unpack(packages: Packages, names: list[str], folder: Path) -> None:
    """Fetch the newest of each package and unpack it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        version, address = newest(packages[name])
        with tempfile.NamedTemporaryFile(suffix=".deb") as file:
            with urllib.request.urlopen(address) as answer:
                shutil.copyfileobj(answer, file)
            file.flush()
            subprocess.run(["dpkg-deb", "-x", file.name, str(folder)], check=True)
        print(name, version, file=sys.stderr)


def program(name: str, folder: Path, arch: Arch = AMD64) -> Path:
    """A program with its libraries; returns the script that runs it."""
    unpack(index("sid", arch), PROGRAMS[name], folder)
    root = folder.resolve()
    libraries = root / arch.libraries
    file = next(root.glob(f"usr/*bin/{name}"))
    run = root / name
    run.write_text(
        f"#!/bin/sh\nexec {arch.emulator}{libraries}/{arch.loader} --library-path {libraries} "
        f'{file} "$@"\n'
    )
    run.chmod(0o755)
    return run


def kernel(
    suite: str, folder: Path, series: str = "", arch: Arch = AMD64, flavour: str = "cloud"
) -> str:
    """The newest kernel with its modules and debug files; returns its release."""
    packages = index(suite, arch)
    debug = re.compile(rf"linux-image-(\d+\.\d+\.\d.*-{flavour}-{arch.name})-dbg")
    found = []
    for package in packages:
        match = debug.fullmatch(package)
        if match and match[1].startswith(series):
            names = [package, *_kernel_packages(packages, match[1])]
            if all(n in packages and is_held(newest(packages[n])[1]) for n in names):
                found.append((packages[package][0][0], match[1]))
    if not found:
        sys.exit(f"{suite}: no such kernel is held")
    release = newest(found)[1]
    unpack(packages, [f"linux-image-{release}-dbg", *_kernel_packages(packages, release)], folder)
    return release


def _kernel_packages(packages: Packages, release: str) -> list[str]:
    """The packages with the kernel image and the modules, as the suite names them."""
    parts = [f"linux-{part}-{release}" for part in ("base", "modules", "binary")]
    if all(part in packages for part in parts):
        return parts
    unsigned = f"linux-image-{release}-unsigned"
    return [unsigned if unsigned in packages else f"linux-image-{release}"]


def headers(suite: str, folder: Path, release: str, arch: Arch = AMD64) -> Path:
    """What a module is built against; returns the folder for `make -C`."""
    packages = index(suite, arch)
    common = re.sub(rf"-(cloud|rt)-{arch.name}$", "", release)
    mark = "-rt" if f"-rt-{arch.name}" in release else ""
    kbuild = f"linux-kbuild-{common}"
    if kbuild not in packages:
        kbuild = "linux-kbuild-" + ".".join(release.split(".")[:2])
    unpack(
        packages,
        [f"linux-headers-{release}", f"linux-headers-{common}-common{mark}", kbuild],
        folder,
    )
    # The top makefile includes the other one from where that would be installed.
    root = folder.resolve()
    source = root / "usr/src" / f"linux-headers-{release}"
    makefile = source / "Makefile"
    makefile.write_text(re.sub(r"(?<!\S)/usr/", f"{root}/usr/", makefile.read_text()))
    return source


def main(words: list[str]) -> None:
    arch = AMD64
    if words[:1] == ["--arch"] and len(words) > 1 and words[1] in ARCHES:
        arch = ARCHES[words[1]]
        words = words[2:]
    match words:
        case [name, folder] if name in PROGRAMS:
            print(program(name, Path(folder), arch))
        case ["kernel", suite, folder]:
            print(kernel(suite, Path(folder), arch=arch))
        case ["kernel", suite, folder, series]:
            print(kernel(suite, Path(folder), series, arch))
        case ["headers", suite, folder, release]:
            print(headers(suite, Path(folder), release, arch))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
