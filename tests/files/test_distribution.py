"""The release of a kernel tells whose it is, and which command installs its debug files."""

from __future__ import annotations

import pytest

from pycrash.files.distribution import installation


@pytest.mark.parametrize(
    ("release", "distribution", "last"),
    [
        ("6.1.0-49-amd64", "Debian", "apt install linux-image-6.1.0-49-amd64-dbg"),
        *(
            (release, "Debian", f"apt install linux-image-{release}-dbg")
            for release in (
                *("6.12.43+deb13-amd64", "6.12.43+deb13-cloud-arm64", "6.1.0-49-rt-amd64"),
                *("6.5.0-0.deb12.4-amd64", "5.10.0-30-686-pae", "6.12.6-arm64-16k"),
            )
        ),
        (
            "6.8.0-45-generic",
            "Ubuntu",
            "apt update && apt install linux-image-unsigned-6.8.0-45-generic-dbgsym",
        ),
        (
            "6.8.0-1015-azure",
            "Ubuntu",
            "apt update && apt install linux-image-unsigned-6.8.0-1015-azure-dbgsym",
        ),
        (
            "5.15.0-1034-raspi",
            "Ubuntu",
            "apt update && apt install linux-image-5.15.0-1034-raspi-dbgsym",
        ),
        (
            "6.8.5-301.fc40.x86_64",
            "Fedora",
            "dnf debuginfo-install kernel-6.8.5-301.fc40.x86_64",
        ),
        (
            "6.8.5-301.fc40.x86_64+debug",
            "Fedora",
            "dnf debuginfo-install kernel-debug-6.8.5-301.fc40.x86_64",
        ),
        *(
            (release, "RHEL, CentOS, Rocky or AlmaLinux", f"{tool} {package}")
            for release, tool, package in (
                (
                    "5.14.0-427.13.1.el9_4.x86_64",
                    "dnf debuginfo-install",
                    "kernel-5.14.0-427.13.1.el9_4.x86_64",
                ),
                (
                    "5.14.0-427.el9.aarch64+64k",
                    "dnf debuginfo-install",
                    "kernel-64k-5.14.0-427.el9.aarch64",
                ),
                (
                    "4.18.0-553.rt7.342.el8_10.x86_64",
                    "dnf debuginfo-install",
                    "kernel-rt-4.18.0-553.rt7.342.el8_10.x86_64",
                ),
                (
                    "3.10.0-1160.el7.x86_64",
                    "debuginfo-install",
                    "kernel-3.10.0-1160.el7.x86_64",
                ),
            )
        ),
        (
            "5.15.0-200.131.27.el9uek.x86_64",
            "Oracle Linux",
            "dnf install https://oss.oracle.com/ol9/debuginfo/"
            "kernel-uek-debuginfo-5.15.0-200.131.27.el9uek.x86_64.rpm",
        ),
        (
            "6.1.75-99.163.amzn2023.x86_64",
            "Amazon Linux",
            "dnf debuginfo-install kernel-6.1.75-99.163.amzn2023.x86_64",
        ),
        (
            "5.14.21-150500.55.12-default",
            "SUSE",
            "zypper --plus-content debug install kernel-default-debuginfo  # 5.14.21-150500.55.12",
        ),
        (
            "5.14.21-150500.33.42-azure",
            "SUSE",
            "zypper --plus-content debug install kernel-azure-debuginfo  # 5.14.21-150500.33.42",
        ),
        (
            "6.9.1-1-default",
            "SUSE",
            "zypper --plus-content debug install kernel-default-debuginfo  # 6.9.1-1",
        ),
    ],
)
def test_the_command(release: str, distribution: str, last: str) -> None:
    found = installation(release)
    assert found is not None
    assert (found.distribution, found.commands[-1]) == (distribution, last)


@pytest.mark.parametrize(
    "release", ["6.12.117-sample", "6.9.0", "6.9.0-rc1+", "", "6.1.0-49-amd64; reboot", "x" * 300]
)
def test_a_kernel_of_ones_own(release: str) -> None:
    assert installation(release) is None


def test_ubuntu_needs_another_archive() -> None:
    found = installation("6.8.0-45-generic")
    assert found is not None
    assert "ddebs.ubuntu.com" in found.commands[1]
