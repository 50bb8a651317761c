"""Each machine has its room, and the chooser alone looks into them."""

from __future__ import annotations

from pathlib import Path

import drgn
import pytest

from pycrash.kernel.core.architecture import Architecture
from pycrash.kernel.kernel import Kernel
from tests.imports import ROOT, module_graph, place_in, sources

ARCH = "pycrash.kernel.arch"


def test_no_room_looks_into_another() -> None:
    wrong = {
        (module, target)
        for module, targets in module_graph().items()
        for target in targets
        if place_in(module, ARCH) not in ("", "chooser", place_in(target, ARCH))
        and place_in(target, ARCH)
    }
    assert not wrong


@pytest.mark.parametrize("path", sources(), ids=str)
def test_only_the_rooms_ask_which_machine_it_is(path: Path) -> None:
    if ROOT / "pycrash/kernel/arch" not in path.parents:
        assert "drgn.Architecture" not in path.read_text()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (drgn.Architecture.X86_64, "x86_64"),
        (drgn.Architecture.AARCH64, "aarch64"),
        (drgn.Architecture.S390X, "s390x"),
        (drgn.Architecture.PPC64, "ppc64le"),
        (drgn.Architecture.UNKNOWN, "unknown"),
    ],
)
def test_the_machine_of_a_dump(kind: drgn.Architecture, name: str) -> None:
    kernel = Kernel(drgn.Program(drgn.Platform(kind, drgn.PlatformFlags(3))))
    assert isinstance(kernel.arch, Architecture)
    assert kernel.arch.name == name
