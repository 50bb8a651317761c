"""Compares pycrash with crash 9.0.2 on a kernel that runs: on /proc/kcore of a guest.

    python3 -m tests.matrix.live               the lines of live.txt on 6.12
    python3 -m tests.matrix.live --dump 6.1 --show 20

The guest gets a disk with Python, what pycrash needs of it, crash and the vmlinux. Both programs
run in it beside the workload of the dumps. It takes some ten minutes of
emulation. The answers stay in .matrix/live/. Needs what sample_dumps/make/make-dump names.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from shlex import quote

from tests.matrix.compare import Run, fill, read_lines, run_lines

ROOT = Path(__file__).resolve().parent.parent.parent
LINES = Path(__file__).parent / "live.txt"
#: In the guest: where packages lie, and where it works and leaves its answers.
PACKAGES, GUEST = "/packages", Path("/live")
#: Seconds that a line may take in the guest, and that the guest may live.
LIMIT, LIFE = 600.0, 2400.0
MODULES = """
virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk
""".split()  # noqa: SIM905
#: What the first process does. The root is the disk; all but the answers goes with the guest.
INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t devtmpfs dev /dev
for m in {" ".join(MODULES)}; do [ ! -f /$m.ko ] || insmod /$m.ko; done
for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/vda ] || sleep 1; done
mount -t ext4 /dev/vda /mnt; hostname crashlab
mount -t proc proc /mnt/proc; mount -t sysfs sys /mnt/sys; mount -t devtmpfs dev /mnt/dev
mount -t tmpfs tmpfs /mnt/tmp; chroot /mnt /bin/busybox --install -s
ip link set lo up; chroot /mnt /bin/workload &
for i in $(seq 60); do [ -f /mnt/tmp/ready ] || sleep 1; done; sleep 2
PYTHONPATH={PACKAGES}:{ROOT} PATH=/bin:/usr/bin LD_LIBRARY_PATH=/lib \\
chroot /mnt {os.path.realpath(sys.executable)} -m tests.matrix.live --inside
umount /mnt || mount -o remount,ro /mnt; poweroff -f
"""


# --- in the guest


def answer() -> None:
    """Have both programs answer the lines at once, as crash takes minutes to begin.

    The second session of pycrash finds what the first has kept of the vmlinux.
    """
    (vmlinux,) = Path("/usr/lib/debug/boot").glob("vmlinux-*")
    known = {f"pid_{name}": pid for pid, name in processes()}
    lines = [line for raw in read_lines(LINES) if (line := fill(raw, known))]
    crash = [str(ROOT / ".matrix/crash/crash"), "-s", str(vmlinux)]
    other = threading.Thread(target=_answer, args=("crash", crash, lines))
    other.start()
    for name in ("pycrash", "pycrash-again"):
        _answer(name, [sys.executable, "-m", "pycrash", "-s"], lines)
    other.join()


def _answer(name: str, tool: list[str], lines: list[str]) -> None:
    began = time.monotonic()
    run = told_and_run(name, tool, lines)
    answering = sum(filter(None, run.seconds))
    rest = time.monotonic() - began - answering
    said = f"{rest:.1f} s to begin and end, {answering:.1f} s for {len(lines)} lines"
    print(f"{name}: {said}", flush=True)
    run.save(GUEST / f"{name}.json")
    os.sync()


def told_and_run(name: str, tool: list[str], lines: list[str]) -> Run:
    """Run lines, each of which the console tells as it begins."""
    told = [f"!echo {quote(f'{name}: {line}')} > /dev/console" for line in lines]
    both = [text for pair in zip(told, lines, strict=True) for text in pair]
    run = run_lines(tool, both, GUEST, LIMIT)
    died = [number // 2 for number in run.died]
    return Run(lines, run.answers[1::2], run.seconds[1::2], died)


def processes() -> Iterator[tuple[str, str]]:
    """The pid and the name of every process."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            yield folder.name, (folder / "comm").read_text().strip()


# --- outside


def stage(tree: Path, vmlinux: Path) -> None:
    """Lay out the guest's disk, with links to files of this machine instead of copies."""
    shutil.rmtree(tree, ignore_errors=True)
    folders = ("proc", "sys", "dev", "tmp", "bin", "sbin", "usr/bin", "usr/sbin", "live")
    for name in folders:
        (tree / name).mkdir(parents=True)
    _copy(vmlinux.resolve(), tree / "usr/lib/debug/boot" / vmlinux.name)
    _copy(Path("/bin/busybox").resolve(), tree / "bin/busybox")
    # The shell of busybox has a date of its own, which knows no fractions of a second.
    _copy(Path("/bin/dash").resolve(), tree / "bin/sh")
    _copy(Path("/bin/date").resolve(), tree / "bin/date")
    source = ROOT / "sample_dumps/make/workload.c"
    command = ["gcc", "-O1", "-static", "-pthread", "-o", f"{tree}/bin/workload", str(source)]
    subprocess.run(command, check=True)
    _copy((ROOT / ".matrix/crash").resolve(), Path(f"{tree}{(ROOT / '.matrix/crash').resolve()}"))
    if (ROOT / ".matrix").is_symlink():
        Path(f"{tree}{ROOT}").mkdir(parents=True, exist_ok=True)
        Path(f"{tree}{ROOT}/.matrix").symlink_to((ROOT / ".matrix").resolve())
    _copy(ROOT / "tests", Path(f"{tree}{ROOT}/tests"))
    _copy(ROOT / "pycrash", Path(f"{tree}{PACKAGES}/pycrash"))
    _copy(ROOT / "commands", Path(f"{tree}{PACKAGES}/pycrash/commands"))
    python = Path(os.path.realpath(sys.executable))
    _copy(python, Path(f"{tree}{python}"))
    library = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})
    _copy(Path(library), Path(f"{tree}{library}"))
    for file in {file for name in needed("pycrash-shell") for file in files_of(name)}:
        _copy(file, Path(f"{tree}{PACKAGES}") / file.relative_to(sysconfig.get_path("purelib")))
    for file in libraries(tree, python):
        _copy(file.resolve(), Path(f"{tree}{file}"))


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        unwanted = shutil.ignore_patterns("site-packages", "test", "golden", ".git")
        shutil.copytree(source, target, copy_function=_link, ignore=unwanted, symlinks=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(source, target)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def needed(name: str) -> set[str]:
    """All packages that one needs here."""
    found, todo = set(), [name]
    while todo:
        name = todo.pop()
        try:
            wants = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # wanted by an older Python
        if name not in found:
            found.add(name)
            todo += [re.split(r"[^\w.-]", want)[0] for want in wants if "extra ==" not in want]
    return found - {"pycrash-shell"}


def files_of(name: str) -> Iterator[Path]:
    """The files of an installed package below its folder."""
    for file in metadata.files(name) or ():
        path = Path(str(file.locate()))
        if ".." not in file.parts and "__editable__" not in file.name and path.is_file():
            yield path


def libraries(tree: Path, python: Path) -> set[Path]:
    """The shared libraries of this machine that Python and its modules are linked with."""
    modules = map(str, [python, *tree.rglob("*.so")])
    said = subprocess.run(["ldd", *modules], capture_output=True, text=True, check=False).stdout
    words = {word for line in said.splitlines() if line.startswith("\t") for word in line.split()}
    return {Path(word) for word in words if word.startswith("/") and str(ROOT) not in word}


def make_initrd(folder: Path, kernel: Path) -> Path:
    """The first root of the guest: busybox and what it takes to see the disk."""
    root = folder / "initrd.root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("bin", "proc", "dev", "mnt", "sys"):
        (root / name).mkdir(parents=True)
    shutil.copy(os.path.realpath("/bin/busybox"), root / "bin/busybox")
    for name in MODULES:
        for file in kernel.glob(f"**/lib/modules/*/kernel/drivers/*/{name}.ko*"):
            if "debug" not in file.parts:
                shutil.copy(file, root)
                if file.suffix == ".xz":
                    subprocess.run(["xz", "-df", root / file.name], check=True)
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    pack = f"find . | cpio -o -H newc --quiet | gzip -1 > {folder}/initrd"
    subprocess.run(pack, shell=True, cwd=root, check=True)
    return folder / "initrd"


def run_guest(folder: Path, kernel: Path) -> None:
    """Boot the guest, which ends by itself; its words appear here."""
    disk = folder / "disk.img"
    disk.unlink(missing_ok=True)
    size = sum(file.lstat().st_size for file in (folder / "tree").rglob("*")) + (1 << 29)
    with open(disk, "wb") as file:
        file.truncate(size * 5 // 4)
    subprocess.run(["mkfs.ext4", "-q", "-d", folder / "tree", disk], check=True)
    (vmlinuz,) = kernel.glob("boot/vmlinuz-*")
    command = f"""
        nice qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 3G -no-reboot
        -nographic -nodefaults -serial stdio -drive file={disk},format=raw,if=virtio
        -kernel {vmlinuz} -initrd {make_initrd(folder, kernel)} -append
    """
    words = [*command.split(), "console=ttyS0 quiet panic=1"]
    subprocess.run(words, stdin=subprocess.DEVNULL, timeout=LIFE, check=True)


def fetch(folder: Path, name: str) -> Run:
    """What a program answered in the guest."""
    file = folder / f"{name}.json"
    file.unlink(missing_ok=True)
    command = ["debugfs", "-R", f"dump {GUEST}/{name}.json {file}", f"{folder}/disk.img"]
    subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
    return Run.load(file)


def main() -> None:
    if "--inside" in sys.argv:
        answer()
        return
    from tests.matrix.__main__ import DUMPS, WORK, make_vmlinux, oracle, print_table, scored

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dump", default="6.12", choices=DUMPS, help="whose kernel it is")
    parser.add_argument("--show", type=int, default=0, help="how many differences")
    options = parser.parse_args()
    folder, dump = WORK / "live", DUMPS[options.dump]
    oracle()
    stage(folder / "tree", make_vmlinux(dump))
    run_guest(folder, dump.tree)
    want, got = fetch(folder, "crash"), fetch(folder, "pycrash")
    answers = zip(want.lines, want.answers, got.answers, strict=True)
    print_table({options.dump: scored("live", answers, options.show)})


if __name__ == "__main__":
    main()
