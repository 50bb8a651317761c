"""Files told apart, unpacked, found, mended and matched, on small made-up files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import threading
import tracemalloc
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import drgn
import pytest
import zstandard

from pycrash.errors import CrashError
from pycrash.files.cache import cache_folder
from pycrash.files.compressed import first_bytes, unpacked
from pycrash.files.debuginfo import Identity, Search, why_unfit
from pycrash.files.dumpfile import PAGE_DESC, DumpFile
from pycrash.files.kinds import KernelFiles, file_kind, sort_files
from pycrash.files.repair import mended
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.modules.files import is_elf
from pycrash.kernel.opening import _add_vmlinux, open_files

BLOCK = 4096
BUILD_ID = "0123456789abcdef0123456789abcdef01234567"

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)


def elf_file(path: Path, build_id: str = BUILD_ID, kind: int = 2, debug: bool = True) -> Path:
    """An ELF file with a build ID note and an empty .debug_info."""
    note = struct.pack("<III4s", 4, 20, 3, b"GNU\0") + bytes.fromhex(build_id)
    names = b"\0.notes\0.debug_info\0.shstrtab\0"
    sections = [(0, 0, b""), (1, 7, note), (8, 1, b""), (20, 3, names)]
    if not debug:
        del sections[2]
    body, table = b"", b""
    for name, section_type, data in sections:
        fields = (name, section_type, 0, 0, 64 + len(body), len(data), 0, 0, 4, 0)
        table += struct.pack("<IIQQQQIIQQ", *fields)
        body += data
    head = b"\x7fELF\2\1\1" + bytes(9)
    numbers = (kind, 62, 1, 0, 0, 64 + len(body), 0, 64, 56, 0, 64, len(sections))
    path.write_bytes(
        head + struct.pack("<HHIQQQIHHHHHH", *numbers, len(sections) - 1) + body + table
    )
    return path


def kdump_file(path: Path, pages: list[tuple[int, int]], size: int, split: int = 0) -> Path:
    """A kdump header, bitmaps and descriptors of (place, size) pages, in a file of `size` bytes."""
    names = (b"Linux", b"machine", b"6.1.0", b"#1", b"x86_64", b"(none)")
    head = b"KDUMP   " + struct.pack("<I", 6) + b"".join(name.ljust(65, b"\0") for name in names)
    head = head.ljust(424, b"\0") + struct.pack("<IIIII", 1, BLOCK, 1, 2, 64)
    sub_header = struct.pack("<Qii", 0, 31, split)
    bitmap = ((1 << len(pages)) - 1).to_bytes(BLOCK, "little")
    table = b"".join(PAGE_DESC.pack(place, length, 1, 0) for place, length in pages)
    content = head.ljust(BLOCK, b"\0") + sub_header.ljust(BLOCK, b"\0") + bitmap * 2 + table
    path.write_bytes(content.ljust(size, b"\0"))
    return path


def message(call: Callable[[], object]) -> str:
    with pytest.raises(CrashError) as caught:
        call()
    return str(caught.value)


# --- files told apart


def test_files_are_told_apart_in_either_order(tmp_path: Path) -> None:
    vmlinux = elf_file(tmp_path / "a")
    dump = kdump_file(tmp_path / "b", [], 20000)
    for order in ([vmlinux, dump], [dump, vmlinux]):
        files = sort_files(order)
        assert (files.vmlinux, files.dump) == (vmlinux, dump)
    assert sort_files([dump]).vmlinux is None
    assert file_kind(elf_file(tmp_path / "core", kind=4)) == "dump"
    packed = tmp_path / "c"
    packed.write_bytes(lzma.compress(vmlinux.read_bytes()))
    assert file_kind(packed) == "vmlinux"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a supported file format"),
        (b"text", "not a supported file format"),
        (b"LinuxGuestRecord", "not a supported file format: a Xen save file"),
        (
            b"\x7fELF\2\1\1".ljust(16, b"\0") + b"\4\0".ljust(48, b"\0") + b"\4\0\0\0Xen\0",
            "not a supported file format: a Xen core",
        ),
        (bytes(0x202) + b"HdrS", "a boot image"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert message(lambda: file_kind(path)).startswith(f"{path}: {said}")


def test_what_cannot_be_two_files_is_refused(tmp_path: Path) -> None:
    vmlinux, missing = elf_file(tmp_path / "a"), tmp_path / "missing"
    dump = kdump_file(tmp_path / "b", [], 20000)
    assert message(lambda: sort_files([vmlinux, vmlinux])) == "too many namelist arguments"
    assert message(lambda: sort_files([dump, dump])) == "too many dumpfile arguments"
    assert message(lambda: sort_files([vmlinux])) == "dumpfile argument required"
    assert message(lambda: sort_files([missing])) == f"{missing}: No such file or directory"
    assert "not a supported file format" in message(lambda: sort_files([tmp_path]))
    module = elf_file(tmp_path / "x.ko", kind=1)
    assert "relocatable object" in message(lambda: file_kind(module))


def test_parts_of_a_split_dump_are_one_dump(tmp_path: Path) -> None:
    parts = [kdump_file(tmp_path / name, [], 20000, split=1) for name in ("b", "a")]
    whole = kdump_file(tmp_path / "whole", [], 20000)
    assert sort_files(parts) == KernelFiles(parts[0], None, tuple(parts))
    assert sort_files([whole]).parts == ()
    for two in ([whole, whole], [whole, parts[0]], [parts[0], whole]):
        assert message(partial(sort_files, two)) == "too many dumpfile arguments"


# --- compressed files


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_is_unpacked_once(tmp_path: Path, suffix: str) -> None:
    content = bytes(range(256)) * 5000
    path = tmp_path / f"vmlinux.{suffix}"
    path.write_bytes(COMPRESS[suffix](content))
    assert first_bytes(path, 300) == content[:300]
    told: list[tuple[int, int]] = []
    target = unpacked(path, lambda _what, done, total: told.append((done, total)))
    assert target.read_bytes() == content
    assert target.parent == cache_folder()
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    made = target.stat().st_ino
    assert unpacked(path).stat().st_ino == made
    assert [p for p in cache_folder().iterdir() if p != target] == []


@pytest.mark.parametrize("suffix", COMPRESS)
def test_several_streams_are_one_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(COMPRESS[suffix](b"one ") + COMPRESS[suffix](b"two"))
    assert unpacked(path).read_bytes() == b"one two"


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_cut_short_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(COMPRESS[suffix](bytes(range(256)) * 5000)[:-9])
    assert message(lambda: unpacked(path)).startswith(f"{path}: cannot be unpacked")
    assert list(cache_folder().iterdir()) == []


def test_other_content_of_the_same_name_is_unpacked_anew(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"first", mtime=0))
    first = unpacked(path)
    path.write_bytes(gzip.compress(b"other", mtime=0))
    assert unpacked(path).read_bytes() == b"other"
    assert first.read_bytes() == b"first"


def test_a_plain_file_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(b"\x7fELF")
    assert unpacked(path) == path


def test_a_cut_file_in_the_cache_is_unpacked_again(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux.gz"
    path.write_bytes(gzip.compress(b"content " * 1000))
    kept = unpacked(path)
    os.truncate(kept, 100)
    assert unpacked(path).read_bytes() == b"content " * 1000


def test_the_file_that_is_bad_is_named(tmp_path: Path) -> None:
    packed = tmp_path / "vmlinux.gz"
    packed.write_bytes(gzip.compress(elf_file(tmp_path / "x", debug=False).read_bytes()))
    dump = kdump_file(tmp_path / "vmcore", [(0, 10)], 20150)
    kernel = Kernel(drgn.Program(), unpacked(packed), dump)
    kernel.given = (packed, dump)
    said = message(lambda: _add_vmlinux(kernel, Identity(None, BUILD_ID)))
    assert said == f"{packed} (in the cache: {kernel.vmlinux}): no debugging data available"


# --- the search for a vmlinux


def test_a_vmlinux_beside_the_dump_is_found(tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(elf_file(tmp_path / "x", build_id="ff" * 20).read_bytes())
    right = tmp_path / "vmlinux.gz"
    right.write_bytes(gzip.compress(elf_file(tmp_path / "x").read_bytes()))
    search = Search(Identity("6.1.0", BUILD_ID), tmp_path / "vmcore")
    assert search.run() == right
    assert search.tried == [
        f"{tmp_path}/vmlinux: build ID {'ff' * 20}, the dump's is {BUILD_ID}",
    ]


def test_a_search_in_vain_tells_what_it_tried(tmp_path: Path) -> None:
    identity = Identity("0.0.0-none", BUILD_ID)
    said = message(Search(identity, tmp_path / "vmcore").run).splitlines()
    assert said[0] == (
        f"namelist argument required: no vmlinux of kernel 0.0.0-none (build ID {BUILD_ID}) "
        "was found; tried:"
    )
    assert f"    {tmp_path}/vmlinux: no such file" in said
    assert f"    /usr/lib/debug/.build-id/01/{BUILD_ID[2:]}.debug: no such file" in said
    assert "    /usr/lib/debug/boot/vmlinux-0.0.0-none: no such file" in said
    assert said[-1] == "    debuginfod: DEBUGINFOD_URLS is not set"


def test_a_search_in_vain_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)
    fedora = Identity("0.0.1-301.fc40.x86_64", BUILD_ID)
    assert message(Search(fedora, tmp_path / "vmcore").run).splitlines()[-4:] == [
        "on Fedora this installs it:",
        "    dnf debuginfo-install kernel-0.0.1-301.fc40.x86_64",
        "or, to have it fetched:",
        "    export DEBUGINFOD_URLS=https://debuginfod.fedoraproject.org/",
    ]
    debian = Identity("0.0.1-49-amd64", None)
    assert message(Search(debian, tmp_path / "vmcore").run).splitlines()[-2:] == [
        "on Debian this installs it:",
        "    apt install linux-image-0.0.1-49-amd64-dbg",
    ]


def test_a_vmlinux_is_fetched_by_debuginfod_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = elf_file(tmp_path / "x").read_bytes()
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = self.path == f"/buildid/{BUILD_ID}/debuginfo"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("DEBUGINFOD_URLS", f"{address}/nothing {address}/")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    try:
        search = Search(Identity("0.0.0-none", BUILD_ID), tmp_path / "vmcore")
        assert search.run().read_bytes() == content
        assert "404" in search.tried[-1]
        kept = Search(Identity("0.0.0-none", BUILD_ID), tmp_path / "vmcore").run()
        assert len(asked) == 2
        os.truncate(kept, 100)
        again = Search(Identity("0.0.0-none", BUILD_ID), tmp_path / "vmcore").run()
        assert again.read_bytes() == content
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == 4


def test_why_a_file_is_unfit(tmp_path: Path) -> None:
    vmlinux = elf_file(tmp_path / "a")
    assert why_unfit(vmlinux, Identity("6.1.0", BUILD_ID)) is None
    other = why_unfit(vmlinux, Identity("6.1.0", "ee" * 20))
    assert other == f"build ID {BUILD_ID}, the dump's is {'ee' * 20}"
    bare = elf_file(tmp_path / "b", debug=False)
    assert why_unfit(bare, Identity(None, None)) == "no debugging data available"
    cut = tmp_path / "c"
    cut.write_bytes(vmlinux.read_bytes()[:100])
    assert str(why_unfit(cut, Identity(None, None))).startswith("damaged or cut short")


def test_sections_that_lie_beyond_all_files(tmp_path: Path) -> None:
    vmlinux = elf_file(tmp_path / "a")
    content = bytearray(vmlinux.read_bytes())
    struct.pack_into("<Q", content, 40, 1 << 63)  # e_shoff
    vmlinux.write_bytes(content)
    assert str(why_unfit(vmlinux, Identity(None, None))).startswith("damaged or cut short")


def test_a_note_that_claims_gigabytes_is_not_read(tmp_path: Path) -> None:
    vmlinux = elf_file(tmp_path / "a")
    content = bytearray(vmlinux.read_bytes())
    struct.pack_into("<I", content, content.index(b"GNU\0") - 8, 0xFFFFFFFF)
    vmlinux.write_bytes(content)
    tracemalloc.start()
    try:
        assert why_unfit(vmlinux, Identity("6.1.0", BUILD_ID)) is None
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_kernel_without_build_ids_is_told_by_its_release(tmp_path: Path) -> None:
    vmlinux = elf_file(tmp_path / "a")
    with open(vmlinux, "ab") as file:
        file.write(b"\0Linux version 4.19.0-1-amd64 (maker) (gcc)\0")
    assert why_unfit(vmlinux, Identity("4.19.0-1-amd64", None)) is None
    said = why_unfit(vmlinux, Identity("4.19.0-2-amd64", None))
    assert said == "release 4.19.0-1-amd64, the dump's is 4.19.0-2-amd64"


# --- dumps cut short or damaged


def test_a_kdump_says_what_it_lacks(tmp_path: Path) -> None:
    pages = [(20000, 100), (20100, 50)]
    assert DumpFile(kdump_file(tmp_path / "a", pages, 20150)).missing == 0
    assert DumpFile(kdump_file(tmp_path / "b", pages, 20120)).missing == 30


def test_an_elf_dump_says_what_it_lacks(tmp_path: Path) -> None:
    path = elf_file(tmp_path / "core", kind=4)
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, 32, len(content))  # e_phoff
    struct.pack_into("<HH", content, 54, 56, 1)  # e_phentsize, e_phnum
    segment = struct.pack("<IIQQQQQQ", 1, 0, 1000, 0, 0, 500, 500, 0)
    path.write_bytes((content + segment).ljust(1490, b"\0"))
    assert DumpFile(path).missing == 10


def test_a_whole_dump_is_not_copied(tmp_path: Path) -> None:
    dump = kdump_file(tmp_path / "a", [(20000, 100), (20100, 50)], 20150)
    assert mended(dump) == (dump, 0)


@pytest.mark.parametrize("bad", [(1 << 60, 10), (20100, 51), (20000, BLOCK + 1)])
def test_descriptors_that_lead_astray_are_mended(tmp_path: Path, bad: tuple[int, int]) -> None:
    dump = kdump_file(tmp_path / "a", [(20000, 100), bad, (20050, 50)], 20150)
    copy, lost = mended(dump)
    assert lost == 1
    want = bytearray(dump.read_bytes())
    at = 4 * BLOCK + PAGE_DESC.size
    want[at : at + PAGE_DESC.size] = PAGE_DESC.pack(0, 1, 1, 0)
    assert copy.read_bytes() == want
    assert mended(dump) == (copy, 1)


def test_descriptors_behind_the_end_are_lost(tmp_path: Path) -> None:
    size = 4 * BLOCK + PAGE_DESC.size + 5
    dump = kdump_file(tmp_path / "a", [(0, 10), (0, 10), (0, 10)], 0)
    dump.write_bytes(dump.read_bytes()[:size])
    copy, lost = mended(dump)
    assert lost == 2
    assert mended(copy) == (copy, 0)


def test_no_dump_of_a_kernel(tmp_path: Path) -> None:
    vmlinux = elf_file(tmp_path / "vmlinux")
    dump = kdump_file(tmp_path / "vmcore", [(0, 10)], 20150)
    said = message(lambda: open_files([vmlinux, dump]))
    assert said.startswith(f"{dump}: no dump of a Linux kernel: it holds no VMCOREINFO")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert message(lambda: file_kind(pipe)) == f"{pipe}: not a regular file"
    assert message(lambda: file_kind(Path("/dev/zero"))) == "/dev/zero: not a regular file"
    assert not is_elf(pipe)
    assert message(lambda: file_kind(Path("a\0b"))) == "a\0b: embedded null byte"
