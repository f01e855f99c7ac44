# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual machines of a real libvirt become instances of Incus in the host with a kernel of its own, and boot there."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import random
import shlex
import subprocess
from typing import Any, Iterator

import pytest
import yaml
from lab import kernel, machine
from lab.libvirtd import Libvirtd
from roles.conftest import Run, ansible

#: Python of the distribution, for which libvirt-python is a package.
PYTHON = "/usr/bin/python3"
#: Where the disk that boots has data that no file system has: between the boot loader and the first partition.
PLACE, LENGTH = 900 << 10, 64 << 10
POOL = "/var/lib/incus/storage-pools/default"
BIOS = "<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>"
UEFI = "<os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type></os>"
TPM = "<tpm model='tpm-crb'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"


class Fleet:
    """A libvirt with three domains, whose disks are in one folder, and the Incus that gets them."""

    def __init__(self, libvirtd: Libvirtd, incus: kernel.Daemon, folder: pathlib.Path) -> None:
        self.libvirtd, self.incus, self.folder = libvirtd, incus, folder
        self.disks = folder / "disks"
        self.disks.mkdir()
        self.data = {name: random.randbytes(LENGTH) for name in ("web", "before", "snap")}
        base = machine.folder() / "disk.qcow2"
        for name in ("web", "snap"):
            self.image(f"{name}.qcow2", "-F", "qcow2", "-b", self.link(base))
            self.put(f"{name}.qcow2", self.data["before" if name == "snap" else name])
        self.partitioned("efi.raw")
        (self.disks / "data.raw").write_bytes(random.randbytes((2 << 20) + 512))
        self.define("web", 1, BIOS, "scsi", ["web.qcow2"])
        self.define("efi", 2, UEFI, "virtio", ["efi.raw", "data.raw"], TPM)
        self.define("snap", 3, BIOS, "scsi", ["snap.qcow2"])
        libvirtd.virsh("autostart", "web")
        libvirtd.virsh("snapshot-create-as", "snap", "inside")
        libvirtd.virsh("snapshot-create-as", "snap", "outside", "--disk-only")
        self.put("snap.outside", self.data["snap"])
        self.before = self.sums()

    def link(self, path: pathlib.Path) -> pathlib.Path:
        """A file of the cache among the disks: each file of a disk has to be in a folder that is allowed."""
        (self.disks / "base.qcow2").unlink(missing_ok=True)
        os.link(path, self.disks / "base.qcow2")
        return self.disks / "base.qcow2"

    def image(self, name: str, *options: object) -> None:
        command = ["qemu-img", "create", "-q", "-f", "qcow2", *map(str, options), str(self.disks / name)]
        subprocess.run(command, check=True)

    def put(self, name: str, data: bytes) -> None:
        """What a guest would write to its disk."""
        (self.folder / "data").write_bytes(data)
        command = f"write -s {self.folder / 'data'} {PLACE} {LENGTH}"
        subprocess.run(["qemu-io", "-c", command, str(self.disks / name)], check=True, stdout=subprocess.DEVNULL)

    def partitioned(self, name: str) -> None:
        """A disk with a GPT and data in its partition, of a size that a pool rounds up."""
        path = self.disks / name
        path.write_bytes(bytes(1 << 20) + random.randbytes(1 << 20) + bytes((1 << 20) + 512))
        command = ["sgdisk", "--new=1:2048:4095", "--typecode=1:ef00", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def define(self, name: str, number: int, system: str, bus: str, files: list[str], more: str = "") -> None:
        letter = "v" if bus == "virtio" else "s"
        disks = "".join(
            f"<disk type='file' device='disk'><driver name='qemu' type='{file.partition('.')[2]}'/>"
            f"<source file='{self.disks / file}'/><target dev='{letter}d{'ab'[place]}' bus='{bus}'/></disk>"
            for place, file in enumerate(files)
        )
        nic = f"<interface type='user'><mac address='52:54:00:07:00:0{number}'/><model type='virtio'/></interface>"
        xml = self.folder / "domain.xml"
        xml.write_text(
            f"<domain type='qemu'><name>{name}</name><uuid>{number:08}-0000-4000-8000-000000000007</uuid>"
            f"<memory unit='MiB'>192</memory><vcpu>1</vcpu>{system}<features><acpi/></features>"
            f"<devices>{disks}{nic}{more}</devices></domain>"
        )
        self.libvirtd.virsh("define", str(xml))

    def sums(self) -> dict[str, str]:
        """What the source is: each of its files, and the definition of each domain."""
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.disks.iterdir()}
        for name in ("web", "efi", "snap"):
            found[f"domain {name}"] = self.libvirtd.virsh("dumpxml", "--inactive", name)
        return {**found, "state": self.libvirtd.virsh("list", "--all")}

    def play(self, *options: str) -> Run:
        """The playbook, beside libvirtd."""
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": PYTHON,
            "lxd_url": self.incus.url,
            "libvirt_import_domains": ["web", {"domain": "efi", "state": "present"}, "snap"],
            "libvirt_import_become": False,
            "libvirt_import_allowed_paths": [str(self.disks)],
            "libvirt_import_networks": {"user": "incusbr0"},
            "libvirt_import_pool": "default",
            "libvirt_import_state": "started",
            "libvirt_import_work_directory": str(self.folder / "work"),
        }
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"kvm1": variables}}}))
        command = ("-i", str(self.folder / "hosts.yml"), "cloudhost.lxd.libvirt_import", *options)
        return ansible(*command, folder=self.folder, within=(*self.libvirtd.within, "env", "-C", str(self.folder)))

    def report(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "libvirt-import.json").read_text())["hosts"]["kvm1"]
        return found


@pytest.fixture(scope="module")
def fleet(libvirtd: Libvirtd, host: kernel.Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    host.renew()
    incus = kernel.Daemon(host, "incus", image=False)
    incus.run("storage_pool", name="default", driver="dir")
    incus.run("network", name="incusbr0", config={"ipv4.address": "10.77.0.1/24", "ipv6.address": "none"})
    incus.run("profile", name="default", devices={"disk": {"type": "disk", "path": "/", "pool": "default"}})
    made = Fleet(libvirtd, incus, tmp_path_factory.mktemp("import"))
    yield made
    for name in ("web", "efi", "snap"):
        libvirtd.virsh("undefine", name, "--nvram", "--snapshots-metadata", check=False)


def test_a_fleet_is_imported_and_boots(fleet: Fleet) -> None:
    """By one playbook, as its check mode shows, once."""
    done = fleet.play("--check")
    assert not done.failed, done.text
    foreseen = fleet.report()
    assert fleet.incus.query("/1.0/instances") == [] and not (fleet.folder / "work").exists()
    done = fleet.play()
    assert not done.failed, done.text
    report = fleet.report()
    assert [one["actions"] for one in report] == [one["actions"] for one in foreseen]
    assert [one["plan"] for one in report] == [one["plan"] for one in foreseen]
    _check_plan({one["domain"]: one["plan"] for one in report})
    _check_volumes(fleet)
    for name in ("web", "snap"):
        _check_guest(fleet, name)
    done = fleet.play()
    assert done.changed == 0 and not done.failed, done.text
    assert fleet.sums() == fleet.before, "the source was touched"
    assert not list((fleet.folder / "work").iterdir()) and fleet.incus.query("/1.0/images") == []


def _check_plan(plans: dict[str, dict[str, Any]]) -> None:
    web, efi, snap = (plans[name]["instance"] for name in ("web", "efi", "snap"))
    assert web["config"]["security.csm"] == "true" and web["config"]["boot.autostart"] == "true"
    assert "security.csm" not in efi["config"] and efi["devices"]["tpm"]["type"] == "tpm"
    assert efi["devices"]["vdb"] == {"type": "disk", "pool": "default", "source": "efi-vdb", "io.bus": "virtio-blk"}
    assert [file["path"].rpartition("/")[2] for file in plans["snap"]["disks"][0]["files"]] == [
        *("snap.outside", "snap.qcow2", "base.qcow2")
    ]
    assert [note["what"] for note in plans["snap"]["notes"] if "stays in libvirt" in note["note"]] == [
        *("snapshot inside", "snapshot outside")
    ]
    assert snap["devices"]["eth0"]["hwaddr"] == "52:54:00:07:00:03"


def _check_volumes(fleet: Fleet) -> None:
    """What the pool has, by its files: the module has compared it, too, but by itself."""
    for path, name in (("virtual-machines/efi", "efi.raw"), ("custom/default_efi-vdb", "data.raw")):
        data = (fleet.disks / name).read_bytes()
        begin, end = (1 << 20, 2 << 20) if name == "efi.raw" else (0, len(data))
        command = f"tail -c +{begin + 1} {POOL}/{path}/root.img | head -c {end - begin} | sha256sum"
        assert fleet.incus.host.ssh(command).split()[0] == hashlib.sha256(data[begin:end]).hexdigest(), name


def _check_guest(fleet: Fleet, name: str) -> None:
    """The machine runs, by its agent, on the data that it had, with the UUID and the MAC address that it had."""
    fleet.incus.run("instance", name=name, state="started", wait_for=["agent"])
    number = {"web": 1, "snap": 3}[name]
    command = f"dd if=/dev/sda bs=1024 skip={PLACE >> 10} count={LENGTH >> 10} 2>/dev/null | sha256sum"
    command += "; cat /sys/class/dmi/id/product_uuid /sys/class/net/e*/address"
    said = _inside(fleet, name, command).split()
    assert said[0] == hashlib.sha256(fleet.data[name]).hexdigest()
    assert said[-2:] == [f"{number:08}-0000-4000-8000-000000000007", f"52:54:00:07:00:0{number}"]


def _inside(fleet: Fleet, name: str, command: str) -> str:
    """What Incus's own client gets of a command that only reads: an agent that is emulated twice can hang up."""
    for _attempt in range(20):
        said = fleet.incus.host.ssh(f"incus exec {name} -- sh -c {shlex.quote(command)}", check=False)
        if said:
            return said
    raise AssertionError(f"the agent of {name} never answered")
