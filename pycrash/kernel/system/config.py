"""The configuration a kernel was built with, where it carries it (CONFIG_IKCONFIG)."""

from __future__ import annotations

import zlib
from functools import cached_property

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.reader import Reader

START, END = b"IKCFG_ST", b"IKCFG_ED"
#: The compressed text is some 30 to 60 KiB; where no end is found in this much, it is damaged.
MAX_SIZE = 1 << 20
#: The text itself: no configuration comes near it.
MAX_TEXT = 16 << 20
STEP = 32 << 10


class KernelConfig:
    """`text` is the .config file, `get` one setting's value."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    @property
    def exists(self) -> bool:
        """Whether the kernel carries its configuration."""
        return self._kernel.symbol_address("kernel_config_data") is not None

    def get(self, name: str) -> str | None:
        """The text behind `name=`; None where it is not set."""
        return self.settings.get(name)

    @cached_property
    def text(self) -> str:
        """The file as it was. Raises MissingFeature, CrashError."""
        packed = self._packed()
        # The ten bytes of a gzip header come first, and no field of it is ever used.
        reader = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            raw = reader.decompress(packed[10:], MAX_TEXT)
        except zlib.error as error:
            raise CrashError(f"zlib could not uncompress: {error}") from None
        if not reader.eof:
            raise CrashError("zlib could not uncompress: the data ends early")
        return raw.decode("utf-8", "surrogateescape")

    @cached_property
    def settings(self) -> dict[str, str]:
        """What is set, by name; empty where the kernel does not carry it, or it is damaged."""
        if not self.exists:
            return {}
        try:
            lines = self.text.splitlines()
        except CrashError:
            return {}
        pairs = (line.partition("=") for line in lines if not line.startswith("#"))
        return {name.strip(): value.strip() for name, mark, value in pairs if mark}

    def _packed(self) -> bytes:
        """The gzip stream, between its two marks."""
        address = self._kernel.symbol_address("kernel_config_data")
        if address is None:
            raise MissingFeature("kernel_config_data does not exist in this kernel")
        data = b""
        try:
            data = self._kernel.read(address, STEP, "kernel_config_data")
            if data.startswith(START):  # before 5.1 the mark was inside the variable
                data = data[len(START) :]
            elif self._kernel.read(address - 8, 8, "kernel_config_data MAGIC_START") != START:
                raise CrashError("could not find MAGIC_START!")
            taken = STEP
            while END not in data:
                if taken >= MAX_SIZE:
                    raise CrashError("could not find MAGIC_END!")
                data += self._kernel.read(address + taken, STEP, "kernel_config_data")
                taken += STEP
        except ReadError:
            raise CrashError("cannot read kernel_config_data") from None
        return data[: data.index(END)]
