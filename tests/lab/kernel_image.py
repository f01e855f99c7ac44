# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root file system of the host with a kernel of its own: Debian of this machine's release, by the role image_build,
with what it takes to be up in half a minute under emulation, and with ZFS.

What is slow under emulation is done here: modules of ZFS, the initial RAM disk and the keys of SSH.
"""

from __future__ import annotations

import pathlib
import platform
import shutil
import subprocess

from . import cache, image

#: What is in its image. A cloud kernel has no device mapper, no KVM and no RBD.
PACKAGES = (
    "linux-image-amd64",
    "initramfs-tools",
    "zstd",
    "kmod",
    "udev",
    "procps",
    "openssh-server",
    "python3",
    "sudo",
    "nftables",
    "iputils-ping",
    "dnsmasq-base",
    "lvm2",
    "thin-provisioning-tools",
    "btrfs-progs",
    "zfsutils-linux",
    "ceph-mon",
    "ceph-mgr",
    "ceph-osd",
    "ceph-common",
    "squashfs-tools",
    "xz-utils",
    "rsync",
    "attr",
    "lxcfs",
    "apparmor",
    "criu",
    "ovmf",
    "genisoimage",
    "gdisk",
    "lxd",
    "lxd-client",
    "lxd-agent",
    "lxd-tools",
)
#: What the release has not, or older than Incus asks for.
NEWER = (
    "incus",
    "incus-client",
    "qemu-system-x86",
    "qemu-system-common",
    "qemu-system-data",
    "qemu-system-modules-opengl",
    "qemu-system-modules-spice",
    "qemu-utils",
    "seabios",
)
#: The suite that has these, where it is not the release itself.
SUITES = {"bookworm": "bookworm-backports"}
COMPONENTS = ("main", "contrib")  # ZFS
#: What the root file system needs before it is mounted. All others are loaded from it.
EARLY = ("virtio_pci", "virtio_blk", "ext4")
#: What no test waits for: services, and timers that would begin to work in the middle of a test.
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "ceph-crash.service",
    "ceph.target",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "ifupdown-pre.service",
    "incus-startup.service",
    "logrotate.timer",
    "lvm2-monitor.service",
    "lxd-containers.service",
    "nftables.service",
    "serial-getty@ttyS0.service",
    "systemd-binfmt.service",
    "systemd-journal-flush.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-udev-settle.service",
    "zfs-import-cache.service",
    "zfs-import-scan.service",
    "zfs-mount.service",
    "zfs-share.service",
    "zfs-volume-wait.service",
    "zfs-zed.service",
)
_INITRAMFS = "MODULES=list\nBUSYBOX=n\nCOMPRESS=zstd\n"


def source() -> pathlib.Path:
    """The folder of the image, as the role image_build made it."""
    suite = SUITES.get(platform.freedesktop_os_release().get("VERSION_CODENAME", ""), "")
    newer = [f"{name}/{suite}" if suite else name for name in NEWER]
    return image.debian(*PACKAGES, *newer, suite=suite, components=COMPONENTS)


def finish(folder: pathlib.Path, place: pathlib.Path, key: str) -> pathlib.Path:
    """A root file system in `place`, made of that of an image, which whoever has this SSH key logs in to as root."""
    tree, made = place / "tree", place / "rootfs.squashfs"
    _unpack(folder, tree)
    (modules,) = (tree / "usr" / "lib" / "modules").iterdir()
    shutil.copytree(_zfs(tree, modules.name), modules / "updates" / "dkms")
    _write(tree, "etc/modules-load.d/host.conf", "zfs\n")
    _write(tree, "etc/initramfs-tools/conf.d/host.conf", _INITRAMFS)
    _write(tree, "etc/initramfs-tools/modules", "\n".join(EARLY) + "\n")
    _inside(tree, "depmod", modules.name)
    _inside(tree, "update-initramfs", "-c", "-k", modules.name)
    for unit in MASKED:
        (tree / "etc" / "systemd" / "system" / unit).unlink(missing_ok=True)
        (tree / "etc" / "systemd" / "system" / unit).symlink_to("/dev/null")
    _write(tree, "etc/fstab", "/dev/vda / ext4 defaults,noatime 0 0\n")
    _write(tree, "etc/hostname", "host\n")
    _write(tree, "root/.ssh/authorized_keys", key)
    (tree / "root" / ".ssh").chmod(0o700)
    options = ["-noappend", "-quiet", "-no-progress", "-comp", "zstd", "-Xcompression-level", "1"]
    _run("mksquashfs", str(tree), str(made), *options)
    shutil.rmtree(tree)
    return made


def _zfs(tree: pathlib.Path, kernel: str) -> pathlib.Path:
    """The modules of ZFS for the kernel of a tree, of the version that its tools have."""
    query = ["dpkg-query", f"--admindir={tree / 'var/lib/dpkg'}", "-W", "-f", "${source:Upstream-Version}"]
    version = subprocess.run([*query, "zfsutils-linux"], capture_output=True, text=True, check=True).stdout
    return cache.have(f"zfs-{kernel}-{version}", lambda place: _build_zfs(place, kernel, version))


def _build_zfs(place: pathlib.Path, kernel: str, version: str) -> None:
    """In a tree of its own, so that neither this machine nor the host has a compiler of it."""
    packages = (f"linux-headers-{kernel}", "build-essential", "dkms", "zfs-dkms")
    folder = image.debian(*packages, components=COMPONENTS)
    tree = place / "tree"
    _unpack(folder, tree)
    _inside(tree, "dkms", "build", f"zfs/{version}", "-k", kernel)
    for module in (tree / "var" / "lib" / "dkms" / "zfs" / version / kernel).rglob("*.ko*"):
        shutil.copy(module, place)
    shutil.rmtree(tree)
    shutil.rmtree(folder)  # nobody else takes it


def _unpack(folder: pathlib.Path, tree: pathlib.Path) -> None:
    _run("unsquashfs", "-quiet", "-no-progress", "-dest", str(tree), str(folder / "rootfs.squashfs"))


def _write(tree: pathlib.Path, name: str, content: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def _inside(tree: pathlib.Path, *command: str) -> None:
    """A command in a tree, in namespaces that leave no mount and no process behind."""
    _run("unshare", "--fork", "--pid", "--mount", "--mount-proc", f"--root={tree}", *command)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-4000:]}")
