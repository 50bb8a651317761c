"""A kernel made by hand that has directories, mounts and open files."""

from __future__ import annotations

from tests.kernel.fake_kernel import FakeKernel

MNT_IN_MOUNT = 32


class FakeFiles(FakeKernel):
    """Build with `dentry`, `mount`, `inode`, `file` and `task`; each returns an address.

    `tree` puts the mounts of a namespace into a red-black tree, as since 6.8, else into a list.
    """

    def __init__(self, tree: bool = False) -> None:
        super().__init__()
        self.tree = tree
        self._next = 0xFFFF888000001000
        links = self.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
        path = self.struct("path", 16, mnt=(0, "P"), dentry=(8, "P"))
        qstr = self.struct("qstr", 16, len=(4, "I"), name=(8, "P"))
        bl_node = self.struct("hlist_bl_node", 16, next=(0, "P"), pprev=(8, "P"))
        self.struct(
            "dentry",
            128,
            d_hash=(8, bl_node),
            d_parent=(24, "P"),
            d_name=(32, qstr),
            d_inode=(48, "P"),
            d_iname=(56, "32s"),
            d_sb=(104, "P"),
        )
        vfsmount = self.struct(
            "vfsmount", 32, mnt_root=(0, "P"), mnt_sb=(8, "P"), mnt_flags=(16, "i")
        )
        node = self.struct("rb_node", 24, rb_right=(8, "P"), rb_left=(16, "P"))
        root = self.struct("rb_root", 8, rb_node=(0, "P"))
        place = {"mnt_node": (80, node)} if tree else {"mnt_list": (80, links)}
        self.struct(
            "mount",
            128,
            mnt_parent=(16, "P"),
            mnt_mountpoint=(24, "P"),
            mnt=(MNT_IN_MOUNT, vfsmount),
            mnt_devname=(64, "P"),
            **place,
        )
        held = {"mounts": (8, root)} if tree else {"list": (8, links)}
        self.struct("mnt_namespace", 32, root=(0, "P"), **held)
        self.struct("nsproxy", 16, mnt_ns=(8, "P"))
        self.struct(
            "inode",
            64,
            i_mode=(0, "H"),
            i_nlink=(4, "I"),
            i_sb=(8, "P"),
            i_mapping=(16, "P"),
            i_ino=(24, "Q"),
            i_size=(32, "q"),
        )
        self.struct(
            "file",
            64,
            f_path=(0, path),
            f_flags=(16, "I"),
            f_mode=(20, "I"),
            f_pos=(24, "q"),
            private_data=(32, "P"),
            f_op=(40, "P"),
        )
        self.struct("fs_struct", 48, root=(8, path), pwd=(24, path))
        self.struct("files_struct", 16, fdt=(8, "P"))
        self.struct("fdtable", 32, max_fds=(0, "I"), fd=(8, "P"), open_fds=(16, "P"))
        self.struct("task_struct", 32, fs=(0, "P"), files=(8, "P"), nsproxy=(16, "P"))

    def take(self, size: int = 256) -> int:
        """The address of fresh memory, of zeros."""
        address, self._next = self._next, self._next + 0x1000
        self.room(address, size)
        return address

    def text(self, text: str) -> int:
        address = self.take()
        self.write(address, f"{len(text) + 1}s", text.encode())
        return address

    def dentry(self, name: str, parent: int = 0, inode: int = 0, hashed: bool = True) -> int:
        """A name below a directory; without one it is the root of a file system."""
        address = self.take()
        inside = len(name) < 32
        at = address + 56 if inside else self.text(name)
        if inside:
            self.write(address + 56, "32s", name.encode())
        self.write(address + 8, "QQQ", 0, int(hashed), parent or address)
        self.write(address + 36, "I", len(name))
        self.write(address + 40, "QQ", at, inode)
        return address

    def mount(
        self, root: int, parent: int = 0, mountpoint: int = 0, devname: str = "none", sb: int = 1
    ) -> int:
        """A struct mount of a file system on a dentry of another; without that it is on top."""
        address = self.take()
        self.write(address + 16, "QQ", parent or address, mountpoint or root)
        self.write(address + MNT_IN_MOUNT, "QQi", root, sb, 0)
        self.write(address + 64, "Q", self.text(devname))
        return address

    def inode(self, mode: int = 0o100644, size: int = 0, sb: int = 1) -> int:
        address = self.take()
        self.write(address, "HHIQQQq", mode, 0, 1, sb, address + 48, 7, size)
        return address

    def file(self, dentry: int, mount: int, position: int = 0) -> int:
        address = self.take()
        self.write(address, "QQIIqQ", mount + MNT_IN_MOUNT, dentry, 0, 3, position, 0)
        return address

    def namespace(self, *mounts: int) -> int:
        """A struct nsproxy whose namespace has these mounts, in this order."""
        address = self.take()
        if self.tree:
            # Each the right child of the one before.
            for place, mount in enumerate(mounts):
                after = mounts[place + 1] + 80 if mount != mounts[-1] else 0
                self.write(mount + 80, "QQQ", 0, after, 0)
            self.write(address, "QQ", mounts[0], mounts[0] + 80)
        else:
            heads = [address + 8, *(mount + 80 for mount in mounts)]
            self.write(address, "Q", mounts[0])
            for place, link in enumerate(heads):
                self.write(link, "QQ", heads[(place + 1) % len(heads)], heads[place - 1])
        proxy = self.take()
        self.write(proxy + 8, "Q", address)
        return proxy

    def task(
        self, files: dict[int, int] | None = None, fs: tuple[int, int] = (0, 0), proxy: int = 0
    ) -> int:
        """A task_struct with open files by descriptor, and a (dentry, mount) it is in."""
        address = self.take()
        if files is not None:
            room = (max(files, default=0) // 64 + 1) * 64
            array, used = self.take(room * 8), self.take(room // 8)
            table, holder = self.take(), self.take()
            for descriptor, file in files.items():
                self.write(array + 8 * descriptor, "Q", file)
                word = used + descriptor // 64 * 8
                before = int.from_bytes(self.kernel.read(word, 8), "little")
                self.write(word, "Q", before | 1 << descriptor % 64)
            self.write(table, "IIQQ", room, 0, array, used)
            self.write(holder + 8, "Q", table)
            self.write(address + 8, "Q", holder)
        if any(fs):
            place = self.take()
            self.write(place + 8, "QQQQ", *(fs[1] + MNT_IN_MOUNT, fs[0]) * 2)
            self.write(address, "Q", place)
        self.write(address + 16, "Q", proxy)
        return address
