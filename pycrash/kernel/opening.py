"""Opens a dump and its debug vmlinux as a drgn program."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

# Its plugins cost 70 ms at the first set_core_dump and serve other shells.
os.environ.setdefault("DRGN_DISABLE_PLUGINS", "*")

import drgn

from pycrash.errors import CrashError, MissingFeature
from pycrash.files.compressed import Progress, unpacked
from pycrash.files.content import content_of
from pycrash.files.debuginfo import NO_DEBUG_DATA, Identity, NoVmlinux, Search, why_unfit
from pycrash.files.kinds import require_readable, sort_files
from pycrash.files.repaged import repaged
from pycrash.files.running import is_running, require_running
from pycrash.kernel.core.answers import answers_of
from pycrash.kernel.core.debugdata import of_debug_data
from pycrash.kernel.core.reader import Options
from pycrash.kernel.core.trial import ends_by, why_unreadable
from pycrash.kernel.core.vmcoreinfo import Vmcoreinfo
from pycrash.kernel.kernel import Kernel
from pycrash.objects.elf import ElfFile

#: What drgn says of a dump without a note of VMCOREINFO, a kdump file and one of QEMU's, and of
#: a note that is damaged.
_NO_NOTE = (
    "linux.vmcoreinfo.raw is not set",
    "unrecognized QEMU memory dump",
    "VMCOREINFO does not contain valid",
)
_UNREADABLE = "the kernel's data cannot be read"
_MINIMAL = "--minimal opens it for what can"


def open_files(
    paths: Sequence[Path],
    progress: Progress | None = None,
    options: Options | None = None,
    or_running: bool = False,
) -> Kernel:
    """Open a dump and its vmlinux, given in either order, or a dump whose vmlinux is to be found.

    With `or_running` it is the running kernel where no dump is given. Raises CrashError with one
    line where a file is missing, unfit or does not match.
    """
    files = sort_files(paths, or_running)
    return open_kernel(files.vmlinux, files.dump, progress, options, files.parts)


def open_kernel(
    vmlinux: Path | None,
    dump: Path,
    progress: Progress | None = None,
    options: Options | None = None,
    parts: Sequence[Path] = (),
) -> Kernel:
    """Open a dump with its debug vmlinux, which is looked for if None; either may be compressed.

    Of a split dump or raw memory `parts` are all the parts, `dump` one of them.

    Types are indexed only when first needed, but for a vmlinux that no session used before. The
    kernel's `notes` tell what is wrong with files that can still be used. Raises CrashError with
    one line where a file does not fit.
    """
    if vmlinux is not None:
        require_readable(vmlinux)
    kernel = open_dump(dump, progress, options, parts, vmlinux)
    identity = _identity(kernel)
    limit = kernel.options.unpack_limit
    missing = None
    if vmlinux is None:
        beside = None if kernel.is_live else dump
        try:
            vmlinux = Search(identity, beside, progress, limit).run()
        except NoVmlinux as error:
            from pycrash.kernel.core.ownsymbols import stand_in

            made = None if kernel.is_live else stand_in(kernel)
            if made is None:
                raise
            vmlinux, missing = made, error
    kernel.vmlinux = unpacked(vmlinux, progress, limit)
    kernel.given = (vmlinux, dump)
    if missing is None:
        _add_vmlinux(kernel, identity)
        _require_readable_memory(kernel)
        _try_types(kernel)
    else:
        _take_own(kernel, identity, missing)
        _require_readable_memory(kernel)
    return kernel


def open_dump(
    dump: Path,
    progress: Progress | None = None,
    options: Options | None = None,
    parts: Sequence[Path] = (),
    vmlinux: Path | None = None,
) -> Kernel:
    """Open a dump alone: enough for its VMCOREINFO and its log. Raises CrashError.

    Where the dump has no note of VMCOREINFO, the one in its memory that is of `vmlinux` is taken,
    and where it does not say of which kind of machine it is, that of `vmlinux`.
    """
    if is_running(dump):
        return _open_running(dump, options)
    limit = options.unpack_limit if options else 0
    content = content_of(dump, parts, vmlinux, progress, limit)
    path = content.path
    ended = None if content.sound_notes else ends_by(partial(drgn.Program().set_core_dump, path))
    if ended is not None:
        raise CrashError(f"{dump}: its VMCOREINFO is damaged: opening it ends in {ended.name}")
    prog = _open_dump(path, dump)
    if prog is None:
        from pycrash.kernel.core.lostnote import lost_note  # needs numpy, which takes its time

        suits = partial(_is_of, vmlinux, progress, limit)
        note = lost_note(path, dump, suits, progress)
        path = repaged(path, progress, note)
        prog = _open_dump(path, dump, note)
        assert prog is not None
    kernel = Kernel(prog, None, path, options)
    kernel.dump_parts = content.parts
    kernel.maker = content.maker
    _try_first_read(kernel, dump)
    kernel.notes += content.troubles(dump)
    return kernel


def _open_running(kcore: Path, options: Options | None) -> Kernel:
    """The running kernel, whose file is never looked into nor kept. Raises CrashError."""
    require_running()
    prog = _open_dump(kcore, kcore)
    if prog is None:
        raise CrashError(f"{kcore}: it has no VMCOREINFO")
    kernel = Kernel(prog, None, None, options)
    kernel.given = (None, kcore)
    return kernel


def _open_dump(content: Path, dump: Path, note: str | None = None) -> drgn.Program | None:
    """The program of a dump, with the text of VMCOREINFO that it has no note of; None where it
    has no whole one and none is given. Raises CrashError."""
    try:
        prog = drgn.Program(vmcoreinfo=note)
        prog.set_core_dump(content)
    except OSError as error:
        raise CrashError(f"{_named(dump, content)}: {error.strerror or error}") from error
    except Exception as error:  # what libkdumpfile has to say has no class of its own
        if note is None and any(words in str(error) for words in _NO_NOTE):
            return None
        raise CrashError(f"{_named(dump, content)}: {error}") from error
    return prog if prog.flags & drgn.ProgramFlags.IS_LINUX_KERNEL else None


def _is_of(vmlinux: Path | None, progress: Progress | None, limit: int, info: Vmcoreinfo) -> bool:
    """Whether a note is that of a vmlinux; of any where none is known."""
    if vmlinux is None:
        return True
    identity = Identity(info.get("OSRELEASE"), info.build_id)
    return why_unfit(unpacked(vmlinux, progress, limit), identity) is None


def _try_first_read(kernel: Kernel, dump: Path) -> None:
    """Where libkdumpfile cannot read the kernel's memory we do, or nobody. Raises CrashError."""
    file = kernel.dump_file
    if file is None or file.kdump is None:
        return  # drgn reads an ELF file itself, and follows tables for one address alone
    places = _known_places(kernel)
    why = why_unreadable(kernel.prog, places[0] if places else 0)
    lost = [at for at in places if _why_not(kernel, at)] if why is None else None
    if lost == []:
        return
    from pycrash.kernel.core import ownreads  # needs numpy, which takes its time

    if ownreads.can_read(kernel, lost):
        ownreads.take_over(kernel)
        why = why or "its page tables cannot be read"
        kernel.notes.append(f"{dump}: {why}; what they alone map may be lost")
    elif why is not None:
        if not kernel.options.minimal:
            raise CrashError(f"{dump}: {why}; {_UNREADABLE}; {_MINIMAL}")
        ownreads.take_over(kernel, translated=False)
        kernel.notes.append(f"{dump}: {why}")


def _why_not(kernel: Kernel, address: int) -> Exception | None:
    """What is said where an address cannot be read, None where it can be."""
    try:
        kernel.prog.read(address, 8)
    except (drgn.FaultError, ValueError, OSError) as error:
        return error
    return None


def _known_places(kernel: Kernel) -> list[int]:
    """Where the kernel's data is by what the dump says, its own name (init_uts_ns) first."""
    try:
        note = kernel.vmcoreinfo
        return [note.symbol("init_uts_ns"), *note.addresses]
    except MissingFeature:
        return []


def _identity(kernel: Kernel) -> Identity:
    try:
        return Identity(kernel.vmcoreinfo.get("OSRELEASE"), kernel.vmcoreinfo.build_id)
    except MissingFeature:
        return Identity(None, None)


def _add_vmlinux(kernel: Kernel, identity: Identity) -> None:
    """Give drgn the vmlinux. It compares the build IDs itself; why it said no is told here."""
    file, (name, dump) = kernel.vmlinux, kernel.given
    assert file is not None
    module = kernel.prog.main_module("kernel", create=True)
    if identity.build_id:
        module.build_id = bytes.fromhex(identity.build_id)
    try:
        module.try_file(file)
    except (OSError, ValueError) as error:
        raise CrashError(f"{_named(name, file)}: {error}") from error
    usable = module.debug_file_status is drgn.ModuleFileStatus.HAVE
    if usable and identity.build_id:
        return
    reason = why_unfit(file, identity)
    if reason == NO_DEBUG_DATA and ElfFile(file).section(".BTF") is not None:
        module.loaded_file_status = drgn.ModuleFileStatus.WANT
        module.try_file(file)
        if module.loaded_file_status is drgn.ModuleFileStatus.HAVE:
            return
    if reason is None and not usable:
        reason = "not usable as a vmlinux"
    if reason is None:
        return
    if reason.startswith(("build ID", "release")):
        raise CrashError(f"{name} and {dump} do not match! {reason}")
    raise CrashError(f"{_named(name, file)}: {reason}")


def _try_types(kernel: Kernel) -> None:
    """Take types from the kernel's BTF, or give them up, where the debugging data is damaged.

    drgn would index it anew for each that is asked for, and fail. What was indexed once is
    whole: `answers_of` is of the very file.
    """
    kept, question = answers_of(kernel.prog), "has its types"
    if question in kept:
        return
    try:
        known = kernel.has_type("struct task_struct")
    except MemoryError:
        raise
    except Exception as error:  # libdw's have no class of their own
        _without_dwarf(kernel, of_debug_data(kernel, error))
    else:
        if known:
            kept[question] = True
        else:
            module = kernel.prog.main_module()
            none = module.debug_file_status is not drgn.ModuleFileStatus.HAVE
            why = NO_DEBUG_DATA if none else "its debugging data has no struct task_struct"
            _without_dwarf(kernel, f"{kernel.given[0]}: {why}")


def _take_own(kernel: Kernel, identity: Identity, missing: NoVmlinux) -> None:
    """Take the symbols and the BTF of a dump without vmlinux. Raises NoVmlinux where either turns
    out to be damaged."""
    from pycrash.kernel.core.btftypes import use_btf

    try:
        _add_vmlinux(kernel, identity)
    except CrashError:
        raise missing from None
    if not use_btf(kernel):
        raise missing
    kernel.notes.append(
        f"{missing.brief}; symbols come from the dump's kallsyms, "
        "types from its BTF, which has few variables"
    )


def _without_dwarf(kernel: Kernel, why: str) -> None:
    from pycrash.kernel.core.btftypes import use_btf

    kernel.prog.set_enabled_type_finders([])
    kernel.prog.set_enabled_object_finders(["linux"])
    known = (
        "types come from BTF, which has few variables" if use_btf(kernel) else "no types are known"
    )
    kernel.notes.append(f"{why}; {known}")


def _named(given: Path | None, used: Path) -> str:
    """A file as it was given, and where its content lies if that is another one."""
    return str(given) if given == used else f"{given} (in the cache: {used})"


def _require_readable_memory(kernel: Kernel) -> None:
    """Something of the kernel's data must be there. Raises CrashError."""
    errors = [_why_not(kernel, at) for at in _known_places(kernel)]
    if not errors or not all(errors):
        return
    why = kernel.notes[0] if kernel.notes else f"{kernel.given[1]}: {errors[0]}"
    if not kernel.options.minimal:
        raise CrashError(f"{why}; {_UNREADABLE}; {_MINIMAL}")
    kernel.notes[:1] = [f"{why}; {_UNREADABLE}"]
