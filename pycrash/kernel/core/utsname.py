"""The names of the system, as `uname` would say them (struct new_utsname)."""

from __future__ import annotations

from dataclasses import dataclass

from pycrash.kernel.core.places import Places
from pycrash.kernel.core.reader import Reader

#: Bytes of each name, since 2.0.
NAME_SIZE = 65


@dataclass(frozen=True, slots=True)
class UtsName:
    """struct new_utsname of the initial namespace."""

    sysname: str
    nodename: str
    release: str
    version: str
    machine: str
    domainname: str


def read_utsname(kernel: Reader) -> UtsName:
    """The names of the system (init_uts_ns.name). Raises MissingFeature, ReadError."""
    places = Places(kernel)
    address = places.symbol("init_uts_ns") + places.offset("uts_namespace.name")
    data = kernel.read(address, 6 * NAME_SIZE, "init_uts_ns")
    names = [data[i * NAME_SIZE : (i + 1) * NAME_SIZE] for i in range(6)]
    return UtsName(*(n.partition(b"\0")[0].decode("utf-8", "surrogateescape") for n in names))
