"""Mounted file systems (struct mount with its struct vfsmount; before 3.3 struct vfsmount alone)
and the namespaces they are in (struct mnt_namespace)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.layout import Layout, has_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.walks.lists import Chain, entries
from pycrash.kernel.walks.trees import RedBlackTree, TreeDamage

_MEMBERS = ("mnt_parent", "mnt_mountpoint", "mnt_devname")
_INNER = ("mnt_sb", "mnt_root", "mnt_flags")
#: In mnt_flags: no mount, but a reader's place in the list of them (5.8 to 6.7).
_CURSOR = 0x10000000


class Mount(NamedTuple):
    """One mount. `address` is that of its struct mount, `vfsmount` what files and paths point at;
    `parent` is a struct mount too, its own where nothing is above it.

    `mountpoint` is the dentry in the parent that it covers, `root` the dentry seen there.
    `devname` is the address of the source's name, which Mounts.device reads.
    """

    address: int
    vfsmount: int
    parent: int
    mountpoint: int
    devname: int
    superblock: int
    root: int
    flags: int

    @property
    def is_cursor(self) -> bool:
        """Whether it only marks a place in the list."""
        return not self.superblock and self.flags == _CURSOR


class Mounts:
    """Mounts by address, each read once, and those of a task's namespace."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Mount] = {}

    def get(self, vfsmount: int) -> Mount:
        """The mount of a struct vfsmount. Raises ReadError."""
        return self.at(self.container(vfsmount))

    def at(self, address: int) -> Mount:
        """The mount at an address of a struct mount. Raises ReadError."""
        found = self._known.get(address)
        if found is None:
            layout, what = self._layout
            data = self._kernel.read(address, layout.whole, what)
            row = layout.unpack(data, layout.start)
            found = self._known[address] = Mount(address, address + self._inside, *row)
        return found

    def device(self, mount: Mount) -> str:
        """What is mounted, as it was named: "/dev/vda", "proc". Raises ReadError."""
        return read_text(self._kernel, mount.devname, "mount mnt_devname")

    def vfsmount(self, address: int) -> int:
        """The struct vfsmount of the struct mount at an address."""
        return address + self._inside

    def container(self, vfsmount: int) -> int:
        """The struct mount of the struct vfsmount at an address."""
        return vfsmount - self._inside

    def inner(self) -> Iterator[Mount]:
        """The mounts of the kernel's own that are in no namespace: of pipes and of sockets."""
        for name in ("pipe_mnt", "sock_mnt"):
            variable = self._kernel.symbol_address(name)
            if variable is not None:
                vfsmount = self._kernel.read_word(variable, name)
                if vfsmount:
                    yield self.get(vfsmount)

    def of_task(self, task: int) -> Iterator[Mount]:
        """The mounts in the namespace of the task_struct at an address, in the kernel's order.

        Raises ReadError, and CrashError where the task has no namespace.
        """
        return map(self.at, self._addresses(self._namespace(task)))

    @cached_property
    def _layout(self) -> tuple[Layout, str]:
        """The members of a Mount in its order, and what crash calls a read of them."""
        prog = self._kernel.prog
        if has_member(prog, "struct mount", "mnt"):
            members = (*_MEMBERS, *(f"mnt.{name}" for name in _INNER))
            return Layout(prog, "struct mount", members), "mount buffer"
        return Layout(prog, "struct vfsmount", (*_MEMBERS, *_INNER)), "vfsmount buffer"

    @cached_property
    def _type(self) -> str:
        return "struct mount" if self._layout[1] == "mount buffer" else "struct vfsmount"

    @cached_property
    def _inside(self) -> int:
        """Bytes before the struct vfsmount in a struct mount."""
        if self._type == "struct vfsmount":
            return 0
        return member_offset(self._kernel.prog, "struct mount", "mnt")

    def _namespace(self, task: int) -> int:
        """The struct mnt_namespace of a task."""
        kernel = self._kernel
        at = task + member_offset(kernel.prog, "struct task_struct", "nsproxy")
        proxy = kernel.read_word(at, "task nsproxy")
        try:
            return kernel.read_word(proxy + member_offset(kernel.prog, "struct nsproxy", "mnt_ns"))
        except ReadError:
            raise CrashError("cannot determine mount list location!") from None

    def _addresses(self, namespace: int) -> Iterator[int]:
        """The struct mounts of a namespace."""
        prog = self._kernel.prog
        if has_member(prog, "struct mount", "mnt_node"):
            return self._in_tree(namespace)
        return self._in_list(namespace)

    def _in_tree(self, namespace: int) -> Iterator[int]:
        """Since 6.8: a red-black tree by the age of the mounts."""
        prog = self._kernel.prog
        node_at = member_offset(prog, "struct mount", "mnt_node")
        tree = RedBlackTree(self._kernel)
        top = tree.root(namespace + member_offset(prog, "struct mnt_namespace", "mounts"))
        for step in tree.walk(top, ordered=True, paths=False):
            if isinstance(step, TreeDamage):
                raise CrashError(step.text)
            yield step.address - node_at

    def _in_list(self, namespace: int) -> Iterator[int]:
        """Before 6.8: a list that begins at the namespace's root."""
        kernel = self._kernel
        head = namespace + member_offset(kernel.prog, "struct mnt_namespace", "list")
        root_at = namespace + member_offset(kernel.prog, "struct mnt_namespace", "root")
        try:
            root = kernel.read_word(root_at)
        except ReadError:
            raise CrashError("cannot determine mount list location!") from None
        link = member_offset(kernel.prog, self._type, "mnt_list")
        for place in entries(kernel, Chain(root + link, end=head), "list entry"):
            yield place - link
