# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images of virtual machines for tests: a disk with a boot loader, a kernel of Debian and a root file system that
keeps what is written to it.

It boots from BIOS, because emulators abort where a nested guest runs 64-bit UEFI firmware. The system starts the agent
that the daemon brings on its share, so one image is for both products. Nothing here needs a loop device.
"""

from __future__ import annotations

import gzip
import io
import pathlib
import platform
import shutil
import struct
import subprocess
import tarfile
import tempfile

from . import cache, guest, tiny

#: It has the driver of the agent's share (9p), which linux-image-cloud-amd64 has not.
KERNEL = "linux-image-amd64"
#: Of the initial RAM disk, which mounts the root file system.
EARLY = ("virtio_pci", "virtio_scsi", "sd_mod", "crc32c_generic", "ext4")
#: Of the root file system.
LATER = (
    "virtio_net",
    "virtio_console",
    "virtio_balloon",
    "vmw_vsock_virtio_transport",
    "9p",
    "9pnet_virtio",
    "isofs",
    "sr_mod",
    "evdev",
    "button",
)
LOADER = ("grub-common", "grub-pc-bin")
#: The part of the disk before its only partition, in sectors: the boot loader.
START = 2048
SECTOR = 512
LABEL = "vmroot"
#: What costs the emulated guest of an emulated host most is each access to a device.
CMDLINE = (
    "console=ttyS0 quiet mitigations=off nokaslr nowatchdog net.ifnames=0 audit=0 random.trust_cpu=on panic=1 "
    "pci=noearly pcie_ports=compat cryptomgr.notests rcupdate.rcu_expedited=1 no_timer_check"
)
BOOT = f"linux (hd0,msdos1)/boot/vmlinuz {CMDLINE}\ninitrd (hd0,msdos1)/boot/initrd\nboot\n"

EARLY_INIT = f"""#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod "$module"; done
while ! disk=$(findfs LABEL={LABEL}); do sleep 0.1; done
mount -t ext4 "$disk" /mnt
mount -o move /dev /mnt/dev
umount /sys /proc
exec switch_root /mnt /sbin/vm-init
"""
#: PID 1. The counter is in memory only: it says whether the machine was started anew, and when it did not run.
INIT = """#!/opt/busybox/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/busybox
export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
for module in /lib/vm/*.ko; do insmod "$module"; done
ip link set lo up
(
  count=0
  while :; do
    count=$((count + 1))
    read -r up idle </proc/uptime
    echo "$count $EPOCHREALTIME $up"
    sleep 0.5
  done >/run/counter
) &
/sbin/vm-agent &
for nic in /sys/class/net/e*; do
  [ -e "$nic" ] && udhcpc -b -i "${nic##*/}" -s /etc/udhcpc.sh -t 20 -T 1 >/dev/null 2>&1 &
done
mkdir -p /var/log /var/run
acpid -c /etc/acpi
trap 'sync; poweroff -f' USR1 USR2
trap 'sync; reboot -f' TERM
(while :; do setsid sh </dev/ttyS0 >/dev/ttyS0 2>&1; sleep 1; done) &
while :; do
  sleep 1000000 &
  wait $!
done
"""
#: What incus-agent-setup and lxd-agent-setup do. The share has to be unmounted: with it, no machine is saved or moved.
AGENT = """#!/opt/busybox/sh
mkdir -p /run/share /run/agent /dev/virtio-ports
for name in /sys/class/virtio-ports/*/name; do # udev makes these links elsewhere
  port=${name%/name}
  ln -s "../${port##*/}" "/dev/virtio-ports/$(cat "$name")"
done
until mount -t 9p config /run/share -o access=0,trans=virtio,msize=1048576; do sleep 1; done
cp -a /run/share/. /run/agent/
umount /run/share
cd /run/agent || exit 1
while :; do
  for agent in incus-agent lxd-agent; do
    [ -x "$agent" ] && "./$agent" >/run/agent.log 2>&1
  done
  sleep 1
done
"""
FILES = {
    "sbin/vm-init": INIT,
    "sbin/vm-agent": AGENT,
    "etc/udhcpc.sh": tiny.UDHCPC,
    "etc/acpi/PWRF/00000080": "#!/opt/busybox/sh\nsync\nexec poweroff -f\n",
}
METADATA = """architecture: {architecture}
creation_date: 1700000000
properties: {{architecture: {architecture}, os: BusyBox, release: {release}, description: BusyBox for tests}}
"""
#: Images with the same disk.
RELEASES = ("tests", "other")
#: What a CD does when a machine boots from it: write the text after it to the first serial port, and halt.
#: push cs; pop ds; call next; next: pop si; add si, text-next; loop: lodsb; test al, al; jz end; mov ah, al;
#: mov dx, 3fd; wait: in al, dx; test al, 20; jz wait; mov dx, 3f8; mov al, ah; out dx, al; jmp loop; end: hlt; jmp end
BOOT_OF_CD = bytes.fromhex("0e1f e80000 5e 83c61e ac 84c0 7412 88c4 bafd03 ec a820 74fb baf803 88e0 ee ebe9 f4 ebfd")
GREETING = "Hello of the ISO image"


def folder() -> pathlib.Path:
    """The folder of `tests.tar.gz`, `other.tar.gz` and `disk.qcow2` of a machine with busybox."""
    texts = [pathlib.Path(str(module.__file__)).read_text() for module in (guest, tiny)]
    own = pathlib.Path(__file__).read_text()
    key = cache.key(own, texts, platform.machine(), cache.versions(KERNEL, *LOADER))
    return cache.have(f"machine-{key}", _make)


def iso(path: pathlib.Path) -> pathlib.Path:
    """An ISO image from which a machine boots, to write `GREETING` to its console."""
    with tempfile.TemporaryDirectory() as place:
        boot = pathlib.Path(place) / "boot.bin"
        boot.write_bytes((BOOT_OF_CD + f"\r\n{GREETING}\r\n\0".encode()).ljust(2048, b"\0"))
        command = ["genisoimage", "-quiet", "-o", str(path), "-b", boot.name, "-no-emul-boot", "-boot-load-size", "4"]
        subprocess.run([*command, place], check=True, stderr=subprocess.DEVNULL)
    return path


def files(place: pathlib.Path, release: str = RELEASES[0]) -> dict[str, str]:
    """Arguments of the module image, for one of `RELEASES`."""
    return {"file": str(place / f"{release}.tar.gz"), "rootfs": str(place / "disk.qcow2")}


def _busybox(root: pathlib.Path) -> None:
    """A root file system that is nothing but busybox."""
    for name in tiny.FOLDERS:
        if name != "bin":
            (root / name).mkdir(parents=True, mode=0o755)
    for name, target in {**tiny.LINKS, "bin": "opt/busybox"}.items():
        (root / name).symlink_to(target)
    for name, content in tiny.FILES.items():
        if name.startswith("etc/"):
            (root / name).write_text(content)


def _make(place: pathlib.Path) -> None:
    work = place / "work"
    root = work / "root"
    (root / "opt" / "busybox").mkdir(parents=True)
    _busybox(root)
    tree = guest.package(work, KERNEL)
    _equip(root, tree, tiny.busybox(work))
    _initial(root, tree)
    _disk(work, root, place / "disk.qcow2")
    for release in RELEASES:
        metadata = METADATA.format(architecture=platform.machine(), release=release).encode()
        with tarfile.open(place / f"{release}.tar.gz", "w:gz") as archive:
            entry = tarfile.TarInfo("metadata.yaml")
            entry.size = len(metadata)
            archive.addfile(entry, io.BytesIO(metadata))
    shutil.rmtree(work)


def _equip(root: pathlib.Path, tree: pathlib.Path, program: bytes) -> None:
    """Give a root file system what it needs as a virtual machine: modules, busybox and the program that is PID 1."""
    guest.busybox(root / "opt" / "busybox", program)
    for name in ("boot", "lib/vm", "etc/acpi/PWRF", "sys/fs/cgroup", "dev", "proc", "run", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, root / "boot" / "vmlinuz")
    early = guest.needed(tree, EARLY)
    later = [module for module in guest.needed(tree, LATER) if module not in early]
    for number, module in enumerate(later):
        shutil.copy(module, root / "lib" / "vm" / f"{number:02d}-{module.name}")
    for name, content in FILES.items():
        (root / name).write_text(content)
        (root / name).chmod(0o755)


def _initial(root: pathlib.Path, tree: pathlib.Path) -> None:
    """The initial RAM disk. The boot loader is slow at reading, so it is compressed, and not much."""
    early = root.parent / "early"
    for name in ("bin", "dev", "mnt", "modules", "proc", "sys"):
        (early / name).mkdir(parents=True)
    guest.busybox(early / "bin", (root / "opt" / "busybox" / "busybox").read_bytes())
    for number, module in enumerate(guest.needed(tree, EARLY)):
        shutil.copy(module, early / "modules" / f"{number:02d}-{module.name}")
    (early / "init").write_text(EARLY_INIT)
    (early / "init").chmod(0o755)
    with gzip.open(root / "boot" / "initrd", "wb", compresslevel=1) as packed:
        packed.write(guest.packed(early))


def _disk(work: pathlib.Path, root: pathlib.Path, disk: pathlib.Path) -> None:
    """A disk with one partition, and the boot loader before it."""
    used = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    size = ((used * 5 // 4) >> 20) + 32
    system, raw = work / "ext4", work / "disk.raw"
    # without a journal and checksums: this is less to emulate
    features = ["-b", "4096", "-O", "^has_journal,^metadata_csum", "-E", "lazy_itable_init=1", "-m", "0", "-L", LABEL]
    subprocess.run(
        ["mkfs.ext4", "-q", "-F", *features, "-d", str(root), str(system), f"{size}M"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    loader = _loader(work)
    assert len(loader) < START * SECTOR, "the boot loader does not fit before the partition"
    with raw.open("wb") as file:
        file.write(loader)
        file.seek(START * SECTOR)
    with raw.open("r+b") as file:
        file.seek(446)
        file.write(struct.pack("<B3xB3xII", 0x80, 0x83, START, (size << 20) // SECTOR) + bytes(48) + b"\x55\xaa")
    place = [f"if={system}", f"of={raw}", "bs=1M", f"seek={START * SECTOR >> 20}"]
    subprocess.run(["dd", *place, "conv=sparse,notrunc", "status=none"], check=True)
    with raw.open("r+b") as file:
        file.truncate(START * SECTOR + (size << 20))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(disk)], check=True)


def _loader(work: pathlib.Path) -> bytes:
    """GRUB, with its configuration in it. Its first sector loads the rest from those that follow."""
    place = work / "loader"
    place.mkdir()
    guest.download(place, *LOADER)
    parts, config = place / "usr" / "lib" / "grub" / "i386-pc", work / "grub.cfg"
    config.write_text(BOOT)
    core = work / "core.img"
    command = [str(place / "usr" / "bin" / "grub-mkimage"), "-O", "i386-pc", "-d", str(parts), "-o", str(core)]
    modules = ["biosdisk", "part_msdos", "ext2", "linux", "boot"]
    subprocess.run([*command, "-p", "(hd0,msdos1)/boot", "-c", str(config), *modules], check=True)
    return (parts / "boot.img").read_bytes() + core.read_bytes()
