# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a kernel of its own: Debian in an emulated machine, with LXD and Incus, device mapper and empty disks.

It is made once, by the roles image_build and libvirt_hosts, and saved with its memory when all of it is up. What it
was made of decides its name in the user's cache. Each test goes on from there, on overlays over its disks, so no test
sees what another one did, and any number of runs can have it at a time.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import platform
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from typing import Any, Iterator

from . import cache, image
from .libvirtd import URI, Libvirtd

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "libvirt_hosts"
NAME, ADDRESS, NETWORK = "host", "10.87.0.10", "10.87.0.1/24"
#: What is in its image.
PACKAGES = (
    "linux-image-cloud-amd64",
    "openssh-server",
    "cloud-init",
    "python3",
    "lvm2",
    "thin-provisioning-tools",
    "btrfs-progs",
    "dnsmasq-base",
    "nftables",
    "squashfs-tools",
    "lxcfs",
    "incus-base",
    "incus-client",
    "lxd",
    "lxd-client",
)
#: The suite that has some of them where the release has not.
SUITES = {"bookworm": "bookworm-backports"}
#: What reads the state of a machine that was saved has to be of the version that saved it.
EMULATOR = ("qemu-system-x86", "libvirt-daemon-system")
#: The daemon of each product in the host.
SOCKETS = {"incus": "/var/lib/incus/unix.socket", "lxd": "/var/lib/lxd/unix.socket"}
#: Its empty disks, /dev/vdb and /dev/vdc.
DISKS = ["4GiB", "4GiB"]
#: What the kernel need not do under emulation. Its clock ticks as ever, so on a busy machine little else is left.
CMDLINE = "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet mitigations=off nowatchdog audit=0"
#: Seconds that emulation may take where nothing else is the matter.
PATIENCE = 3600
USER_DATA = """#cloud-config
disable_root: false
ssh_deletekeys: false
ssh_genkeytypes: []
ssh_authorized_keys: [{key}]
growpart: {{mode: "off"}}
resize_rootfs: false
locale: false
"""
#: What is started in the host before it is saved: both daemons, so that no test waits for them.
READY = "cloud-init status --wait >/dev/null; incus admin waitready --timeout 600 && lxd waitready --timeout 600"


class Host:
    """The host of one run, while its libvirtd is there."""

    def __init__(self, daemon: Libvirtd, made: pathlib.Path) -> None:
        self.daemon, self.made = daemon, made
        self.tunnel: subprocess.Popen[bytes] | None = None

    def ssh(self, *command: str, check: bool = True) -> str:
        """A command in the host."""
        return self.daemon.run(*_ssh(self.made), *command, check=check, timeout=PATIENCE).stdout

    def url(self, product: str) -> str:
        """A socket on this machine that leads to the daemon of a product there."""
        return f"unix://{self.daemon.lab / product}.socket"

    def renew(self) -> None:
        """As it was when it was saved. The disks that it wrote to since are gone."""
        self.end()
        saved, xml = self.made / "memory", self.daemon.lab / "host.xml"
        xml.write_text(self._document(self.daemon.virsh("save-image-dumpxml", str(saved))))
        self.daemon.virsh("restore", str(saved), "--xml", str(xml))
        self._connect()

    def _document(self, text: str) -> str:
        """What was saved, with the files where they are now, and new overlays over the disks."""
        root = ElementTree.fromstring(text)
        for disk in root.iterfind("./devices/disk"):
            source, backing = disk.find("./source"), disk.find("./backingStore")
            assert source is not None
            if backing is not None:  # libvirt finds it in the files
                disk.remove(backing)
            kept = self.made / "pool" / pathlib.Path(source.get("file", "")).name
            source.set("file", str(kept if disk.find("./readonly") is not None else self._overlay(kept)))
        for tag in ("kernel", "initrd"):
            element = root.find(f"./os/{tag}")
            assert element is not None and element.text
            element.text = str(self.made / "pool" / pathlib.Path(element.text).name)
        return ElementTree.tostring(root, encoding="unicode")

    def _overlay(self, disk: pathlib.Path) -> pathlib.Path:
        overlay = self.daemon.lab / disk.name
        overlay.unlink(missing_ok=True)
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(disk), str(overlay)]
        subprocess.run(command, check=True)
        return overlay

    def _connect(self) -> None:
        forwards = []
        for product, socket in SOCKETS.items():
            (self.daemon.lab / f"{product}.socket").unlink(missing_ok=True)
            forwards += ["-L", f"{self.daemon.lab / product}.socket:{socket}"]
        command = [*self.daemon.within, *_ssh(self.made)[:-1], "-N", "-o", "ExitOnForwardFailure=yes", *forwards]
        self.tunnel = subprocess.Popen([*command, f"root@{ADDRESS}"], stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not all((self.daemon.lab / f"{product}.socket").exists() for product in SOCKETS):
            assert self.tunnel.poll() is None and time.monotonic() < end, "no ssh to the host"
            time.sleep(0.05)

    def end(self) -> None:
        if self.tunnel is not None:
            self.tunnel.terminate()
            self.tunnel.wait()
            self.tunnel = None
        if NAME in self.daemon.virsh("list", "--name").split():
            self.daemon.virsh("destroy", NAME)


def _ssh(made: pathlib.Path) -> list[str]:
    options = {
        "IdentityFile": made / "id",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "no",
        "LogLevel": "ERROR",
        "ConnectTimeout": 60,
    }
    return ["ssh", "-F", "none", *(f"-o{name}={value}" for name, value in options.items()), f"root@{ADDRESS}"]


@contextlib.contextmanager
def host(lab: pathlib.Path) -> Iterator[Host]:
    """The host, as it was saved; made before where the cache has none yet."""
    made = folder()
    daemon = Libvirtd(lab)
    try:
        daemon.start()
        daemon.virsh("net-create", str(made / "network.xml"))
        found = Host(daemon, made)
        try:
            found.renew()
            yield found
        finally:
            found.end()
    finally:
        daemon.stop()


def folder() -> pathlib.Path:
    """The folder of the saved host: `memory`, `network.xml`, the key `id`, and `pool` with its disks."""
    suite = SUITES.get(platform.freedesktop_os_release().get("VERSION_CODENAME", ""), "")
    source = image.debian(*PACKAGES, suite=suite)
    sources = sorted(path for path in (*ROLE.rglob("*"), pathlib.Path(__file__)) if path.is_file())
    texts = [path.read_text() for path in sources if path.suffix != ".pyc"]
    key = cache.key(texts, source.name, _installed())
    return cache.have(f"kernel-{key}", lambda place: _make(place, source))


def _installed() -> str:
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *EMULATOR]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _make(place: pathlib.Path, source: pathlib.Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(place / "id")], check=True)
    daemon = Libvirtd(place / "libvirt")
    daemon.lab.mkdir()
    try:
        daemon.start()
        _role(daemon, place, source)
        daemon.run(*_ssh(place), READY, timeout=PATIENCE)
        daemon.run(*_ssh(place), "sync; echo 3 > /proc/sys/vm/drop_caches")
        (place / "network.xml").write_text(daemon.virsh("net-dumpxml", "kernel"))
        daemon.virsh("save", NAME, str(place / "memory"), timeout=PATIENCE)
    finally:
        daemon.stop()
    (disk,) = (place / "pool").glob(f"{NAME}@0.qcow2")
    (base,) = (place / "pool").glob("@*-disk.qcow2")  # the folder gets another name, so the disk names it without
    subprocess.run(["qemu-img", "rebase", "-u", "-F", "qcow2", "-b", base.name, str(disk)], check=True)
    for name in ("libvirt", "made"):
        shutil.rmtree(place / name)


def _role(daemon: Libvirtd, place: pathlib.Path, source: pathlib.Path) -> None:
    machine = {
        "name": NAME,
        "rootfs": str(source / "rootfs.squashfs"),
        "cmdline": CMDLINE,
        "disks": DISKS,
        "cpus": 2,
        "memory": "3GiB",
        "cpu_features": ["svm"],
        "address": ADDRESS,
        "user_data": USER_DATA.format(key=(place / "id.pub").read_text().strip()),
    }
    given: dict[str, Any] = {
        "ansible_python_interpreter": "/usr/bin/python3",
        "libvirt_hosts_install": False,
        "libvirt_hosts_uri": URI,
        "libvirt_hosts_machines": [machine],
        "libvirt_hosts_pool": {"name": "kernel", "path": str(place / "pool")},
        "libvirt_hosts_network": {"name": "kernel", "address": NETWORK},
        "libvirt_hosts_virt_type": "qemu",
        "libvirt_hosts_disk_cache": "unsafe",
        "libvirt_hosts_directory": str(place / "made"),
        "libvirt_hosts_timeout": PATIENCE,
    }
    play = [{"hosts": "localhost", "roles": ["cloudhost.lxd.libvirt_hosts"]}]
    book = place / "libvirt" / "play.yml"
    book.write_text(json.dumps(play))  # which is YAML, too
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    command = [*daemon.within, program, "-i", "localhost,", "-c", "local", "-e", json.dumps(given), str(book)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the host of the tier kernel could not be made: {done.stdout[-4000:]}")
