"""Path names, from a dentry up through its parents and the mounts above it."""

from __future__ import annotations

from pycrash.kernel.core.reader import Reader
from pycrash.kernel.vfs.dentries import Dentries
from pycrash.kernel.vfs.mounts import Mounts
from pycrash.kernel.walks.lists import DuplicateEntry


class Paths:
    """`path` gives the name of a struct path: a dentry and the vfsmount it is seen through.

    It is the name in the mount namespace that the mount belongs to, whatever the root directory
    of a task. Names are remembered by dentry and mount.
    """

    def __init__(self, kernel: Reader) -> None:
        self._dentries = kernel.part(Dentries)
        self._mounts = kernel.part(Mounts)
        self._known: dict[tuple[int, int], str] = {}

    def path(self, dentry: int, vfsmount: int = 0) -> str:
        """The path name; without a mount it is the one inside of the file system.

        A nameless dentry ends it: "" for a pipe, "TCP" for a socket, "[eventfd]" or
        "memfd:name" without a slash. Raises ReadError, DuplicateEntry where parents go round.
        """
        key = dentry, vfsmount
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._spell(dentry, vfsmount)
        return found

    def _spell(self, dentry: int, vfsmount: int) -> str:
        text = ""
        here, seen = dentry, set()
        while here:
            if (here, vfsmount) in seen:
                raise DuplicateEntry(here)
            seen.add((here, vfsmount))
            step = self._dentries.get(here)
            if not step.name:
                break
            between = "/" if text and step.name != "/" and text[0] != "/" else ""
            text = f"{step.name}{between}{text}"
            if not step.is_root:
                here = step.parent
                continue
            if not vfsmount:
                break
            # The root of one mount on the root of another gives a slash each.
            text = text[1:] if text.startswith("//") else text
            mount = self._mounts.get(vfsmount)
            if mount.parent == mount.address:
                break
            here, vfsmount = mount.mountpoint, self._mounts.vfsmount(mount.parent)
        return text[:-1] if len(text) > 1 and text[-1] == "/" else text
