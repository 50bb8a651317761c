"""A small made-up kernel for expressions: a few types and variables over hand-made memory."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, NoReturn

import drgn
from drgn import Architecture, Platform, PlatformFlags, Program, TypeEnumerator, TypeMember

from pycrash.api import Settings
from pycrash.cexpr.eval.session import Session
from pycrash.errors import ReadError
from pycrash.kernel.kernel import Kernel

BASE = 0xFFFF888000000000
#: Where each variable lies, behind BASE.
COUNTER, TASK, NUMBERS, TEXT, MESSAGE = 0x10, 0x100, 0x200, 0x300, 0x400


def make_program() -> Program:
    """A program with int, char, struct task, enum color, some variables and a function."""
    prog = Program(
        Platform(Architecture.X86_64, PlatformFlags.IS_64_BIT | PlatformFlags.IS_LITTLE_ENDIAN)
    )
    int_, char = prog.int_type("int", 4, True), prog.int_type("char", 1, True)
    uint, ulong = prog.int_type("unsigned int", 4, False), prog.int_type("unsigned long", 8, False)
    pid_t = prog.typedef_type("pid_t", int_)
    color = prog.enum_type("color", uint, (TypeEnumerator("RED", 0), TypeEnumerator("GREEN", 1)))
    task = prog.struct_type(
        "task",
        32,
        (
            TypeMember(pid_t, "pid", 0),
            TypeMember(uint, "flags", 32),
            TypeMember(lambda: prog.pointer_type(task), "next", 64),
            TypeMember(prog.array_type(char, 8), "comm", 128),
            TypeMember(color, "color", 192),
            TypeMember(lambda: drgn.Object(prog, uint, 0, bit_field_size=3), "bits", 224),
        ),
    )
    types = {
        ("int", "int"): int_,
        ("int", "char"): char,
        ("typedef", "pid_t"): pid_t,
        ("struct", "task"): task,
        ("enum", "color"): color,
        ("int", "unsigned long"): ulong,
    }

    def find_type(prog: Program, kinds: Any, name: str, filename: str | None) -> Any:
        return next((t for (_, n), t in types.items() if n == name and t.kind in kinds), None)

    variables = {
        "counter": drgn.Object(prog, ulong, address=BASE + COUNTER),
        "first": drgn.Object(prog, task, address=BASE + TASK),
        "numbers": drgn.Object(prog, prog.array_type(int_, 4), address=BASE + NUMBERS),
        "text": drgn.Object(prog, prog.pointer_type(char), address=BASE + TEXT),
        "run": drgn.Object(
            prog, prog.function_type(prog.void_type(), (), False), address=BASE + 0x800
        ),
        "RED": drgn.Object(prog, color, 0),
        "GREEN": drgn.Object(prog, color, 1),
    }

    def find_object(prog: Program, name: str, flags: Any, filename: str | None) -> Any:
        if filename is not None:
            # A second variable of the name, in a file of its own.
            other = drgn.Object(prog, int_, address=BASE + NUMBERS)
            return other if (name, filename) == ("counter", "other.c") else None
        return variables.get(name)

    prog.register_type_finder("fake", find_type, enable_index=0)
    prog.register_object_finder("fake", find_object, enable_index=0)
    memory = bytearray(0x1000)
    struct.pack_into("<Q", memory, COUNTER, 77)
    struct.pack_into("<iIQ8sII", memory, TASK, 1, 5, BASE + TASK, b"init", 1, 6)
    struct.pack_into("<4i", memory, NUMBERS, 10, 20, -30, 40)
    struct.pack_into("<Q", memory, TEXT, BASE + MESSAGE)
    memory[MESSAGE : MESSAGE + 6] = b"hello\0"

    def read(address: int, count: int, offset: int, physical: bool) -> bytes:
        return bytes(memory[offset : offset + count])

    prog.add_memory_segment(BASE, len(memory), read, False)
    return prog


class ExpressionKernel(Kernel):
    """What the evaluator and the printers ask of a kernel."""

    def __init__(self) -> None:
        super().__init__(make_program(), None, None)
        nothing = SimpleNamespace(search=lambda address: None, find=lambda address: None)
        self.__dict__.update(
            memory=SimpleNamespace(
                is_kernel=lambda address: address >= BASE, read_slowly=self._missing
            ),
            cpus=SimpleNamespace(is_per_cpu=lambda address: False),
            symbols=SimpleNamespace(
                exists=lambda name: name in ("counter", "first"),
                by_name=lambda name: None,
                module_symbols=nothing,
            ),
        )

    def _missing(self, address: int, size: int, what: str) -> NoReturn:
        raise ReadError(address, what)

    def symbol_address(self, name: str) -> int | None:
        return None


def make_session(**settings: Any) -> Session:
    """A session over a kernel of its own, under the settings given."""
    return Session(
        SimpleNamespace(kernel=ExpressionKernel(), settings=Settings(**settings), task=0)
    )
