"""Which distribution built a kernel, by its release, and what installs its vmlinux there."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Installation:
    """How to get a vmlinux: the commands, in order, and a debuginfod server that has it, or ""."""

    distribution: str
    commands: tuple[str, ...]
    server: str = ""


#: 5.14.0-427.el9.x86_64, 6.8.5-301.fc40.x86_64, with +debug, +rt or +64k behind.
_RPM = re.compile(
    r"[\w.~^+-]+\.(fc|el|amzn)(\d+)(?:_\d+)?(uek)?\.(?:x86_64|aarch64|ppc64le|s390x|riscv64)"
    r"(?:[.+](\w+))?"
)
#: 6.1.0-49-amd64, 6.12.43+deb13-cloud-arm64, 6.5.0-0.deb12.4-rt-amd64.
_DEBIAN = re.compile(
    r"\d[\w.+~]*-(?:[\w.]+-)?(?:cloud-|rt-)?"
    r"(?:amd64|arm64|686(?:-pae)?|armmp(?:-lpae)?|powerpc64le|s390x|riscv64|loong64)(?:-16k)?"
)
#: 6.8.0-45-generic, 5.15.0-1034-raspi.
_UBUNTU = re.compile(
    r"\d+\.\d+\.\d+-\d+-(?:generic|lowlatency|realtime|aws|azure|gcp|gke|gkeop|ibm|intel|kvm|nvidia|"
    r"oem|oracle|raspi|virtual|xilinx)(?:-[\w-]+)?"
)
#: 5.14.21-150500.55.12-default, 6.9.1-1-default.
_SUSE = re.compile(r"(\d+\.\d+\.\d+-[\d.]+)-(default|preempt|rt|azure|64kb|kvmsmall|pae|vanilla)")


def installation(release: str) -> Installation | None:
    """How the vmlinux of a kernel is installed; None where its release is no distribution's."""
    for find in (_rpm, _debian, _ubuntu, _suse):
        found = find(release)
        if found is not None:
            return found
    return None


def _rpm(release: str) -> Installation | None:
    match = _RPM.fullmatch(release)
    if match is None:
        return None
    family, number, uek, flavour = match.groups()
    version = release if flavour is None else release[: match.start(4) - 1]
    if uek:
        place = f"https://oss.oracle.com/ol{number}/debuginfo"
        command = f"dnf install {place}/kernel-uek-debuginfo-{version}.rpm"
        return Installation("Oracle Linux", (command,))
    if flavour is None and re.search(r"\.rt\d+\.", version):
        flavour = "rt"
    package = f"kernel-{flavour}-{version}" if flavour else f"kernel-{version}"
    old = (family, number) in (("el", "6"), ("el", "7"), ("amzn", "2"))
    command = f"{'debuginfo-install' if old else 'dnf debuginfo-install'} {package}"
    if family == "fc":
        return Installation("Fedora", (command,), "https://debuginfod.fedoraproject.org/")
    if family == "amzn":
        return Installation("Amazon Linux", (command,))
    return Installation("RHEL, CentOS, Rocky or AlmaLinux", (command,))


def _debian(release: str) -> Installation | None:
    if not _DEBIAN.fullmatch(release):
        return None
    return Installation("Debian", (f"apt install linux-image-{release}-dbg",))


def _ubuntu(release: str) -> Installation | None:
    if not _UBUNTU.fullmatch(release):
        return None
    signed = "" if release.endswith("-raspi") else "unsigned-"
    archive = "deb http://ddebs.ubuntu.com $(lsb_release -cs)-updates main"
    commands = (
        "apt install ubuntu-dbgsym-keyring",
        f'echo "{archive}" > /etc/apt/sources.list.d/ddebs.list',
        f"apt update && apt install linux-image-{signed}{release}-dbgsym",
    )
    return Installation("Ubuntu", commands, "https://debuginfod.ubuntu.com/")


def _suse(release: str) -> Installation | None:
    match = _SUSE.fullmatch(release)
    if match is None:
        return None
    version, flavour = match.groups()
    command = f"zypper --plus-content debug install kernel-{flavour}-debuginfo  # {version}"
    return Installation("SUSE", (command,), "https://debuginfod.opensuse.org/")
