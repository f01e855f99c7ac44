# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the role libvirt_hosts, as far as it needs no libvirt: what it refuses, and its documents."""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "roles" / "libvirt_hosts" / "files"))

from libvirt_host import documents, rootfs, steps, wanted  # noqa: E402 - the program of a role

MACHINE = {
    "name": "one",
    "state": "running",
    "cpus": 1,
    "memory": "1GiB",
    "disk": "10GiB",
    "disks": [],
    "firmware": "bios",
    "cpu_features": [],
    "snapshots": [],
    "wait_port": 22,
}


def given(*machines, **more):
    network = {"name": "lab", "address": "10.88.0.1/24"}
    return {"step": "present", "pool": {"name": "lab"}, "network": network, "machines": list(machines), **more}


@pytest.mark.parametrize(
    "machine, words",
    [
        ({"name": "../one"}, "a name has letters"),
        ({"name": "one@0"}, "a name has letters"),
        ({"mac": "52:54:00:1"}, "'52:54:00:1' is no MAC address"),
        ({"memory": "1Gi"}, "memory: '1Gi' is no size"),
        ({"memory": "12"}, "memory: 12 is less than 1MiB"),
        ({"disks": ["1GiB", "x"]}, "disks: 'x' is no size"),
        ({"initrd": "/initrd"}, "initrd and cmdline need a kernel"),
        ({"cmdline": "quiet"}, "initrd and cmdline need a kernel"),
        ({"disk": None}, "it needs a rootfs, an image, a disk or a kernel"),
        ({"rootfs": "/r", "image": "/i"}, "leave out image and kernel"),
        ({"firmware": "uefi", "snapshots": ["ready"]}, "takes no snapshot of a machine with UEFI firmware"),
        ({"address": "10.89.0.2"}, "10.89.0.2 is not in the network 10.88.0.1/24"),
        ({"address": "10.88.0.300"}, "address: "),
    ],
)
def test_what_is_refused(machine, words):
    with pytest.raises(wanted.Refused) as refused:
        wanted.check(given({**MACHINE, **machine}))
    assert words in str(refused.value) and "libvirt_hosts_machines" in str(refused.value)


@pytest.mark.parametrize(
    "machine",
    [
        {},
        {"rootfs": "/r", "cmdline": "root=/dev/vda", "disk": None},
        {"kernel": "/k", "initrd": "/i", "cmdline": "quiet", "disk": None},
        {"mac": "52:54:00:AA:bb:01", "address": "10.88.0.2"},
        {"state": "absent", "disk": None},
    ],
)
def test_what_is_taken(machine):
    wanted.check(given({**MACHINE, **machine}))


def test_all_that_is_wrong_is_told_at_once():
    result = steps.perform(
        given(
            {**MACHINE, "address": "10.88.0.2"},
            {**MACHINE, "address": "10.88.0.2", "memory": "x"},
            pool={"name": "a/b"},
            network={"name": "lab", "address": "lab"},
        )
    )
    assert result["failed"]
    for words in ("libvirt_hosts_pool.name", "libvirt_hosts_network.address", "memory: 'x'", "name one is there more"):
        assert words in result["msg"]
    assert "address 10.88.0.2 is there more than once" in result["msg"]


@pytest.mark.parametrize("step", ["absent", "revert"])
def test_what_is_not_created_needs_only_its_name(step):
    wanted.check(given({"name": "one", "state": "running"}, step=step))
    with pytest.raises(wanted.Refused, match="a name has letters"):
        wanted.check(given({"name": "/", "state": "running"}, step=step))


@pytest.mark.parametrize("text, size", [("20GiB", 20 << 30), ("1 MB", 10**6), (4096, 4096), ("0", 0)])
def test_sizes(text, size):
    assert wanted.size(text) == size


def qcow2(path, backing=0, version=3, features=0, virtual=1 << 30):
    number = int.to_bytes
    head = wanted.QCOW2 + number(version, 4, "big") + number(backing, 8, "big") + bytes(8) + number(virtual, 8, "big")
    path.write_bytes((head + bytes(72 - len(head)) + number(features, 8, "big")).ljust(512, b"\0"))
    return str(path)


def test_images(tmp_path):
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(1000))
    assert (wanted.Image(str(raw)).format, wanted.Image(str(raw)).virtual) == ("raw", 1000)
    found = wanted.Image(qcow2(tmp_path / "qcow2"))
    assert (found.format, found.virtual) == ("qcow2", 1 << 30)
    assert wanted.Image(qcow2(tmp_path / "old", version=2, features=wanted.EXTERNAL_DATA)).format == "qcow2"
    for made in (qcow2(tmp_path / "backed", backing=512), qcow2(tmp_path / "external", features=wanted.EXTERNAL_DATA)):
        with pytest.raises(wanted.Refused, match="refers to another file"):
            wanted.Image(made)
    with pytest.raises(wanted.Refused, match="images have to be on the host"):
        wanted.Image(str(tmp_path / "none"))
    assert wanted.Image(str(tmp_path / "none"), to_come=True).virtual == 0


def test_a_mac_of_the_name():
    assert wanted.mac("one") == wanted.mac("one") != wanted.mac("two")
    assert wanted.MAC.fullmatch(wanted.mac("one")) and wanted.mac("one").startswith("52:54:00:")


DESCRIBED = {
    "type": "qemu",
    "memory": 1 << 30,
    "cpus": 2,
    "firmware": "uefi",
    "kernel": "/k",
    "initrd": "/i",
    "cmdline": "a=<b> & c",
    "cpu": "maximum",
    "cpu_features": ["svm", "vmx"],
    "disks": {"/pool/one@0.qcow2": "vda", "/pool/one@seed-0.iso": documents.SEED},
    "nics": {"52:54:00:00:00:01": "lab"},
}


@pytest.mark.parametrize(
    "change", [{}, {"firmware": "bios"}, {"kernel": "", "initrd": "", "cmdline": ""}, {"disks": {}, "cpu_features": []}]
)
def test_a_machine_is_described_as_it_was_written(change):
    document = documents.machine({**DESCRIBED, **change, "name": "one", "uuid": "u", "cache": "unsafe"})
    assert documents.described(document) == {**DESCRIBED, **change}


def test_the_seed_is_read_only_and_no_cd():
    root = ElementTree.fromstring(documents.machine({**DESCRIBED, "name": "one", "cache": "unsafe"}))
    disk, seed = root.findall("./devices/disk")
    assert disk.find("readonly") is None and disk.find("driver").attrib["cache"] == "unsafe"
    assert seed.find("readonly") is not None and seed.find("driver").attrib == {"name": "qemu", "type": "raw"}
    assert seed.get("device") == "disk"


def test_what_libvirt_found_for_uefi_is_uefi():
    text = "<domain type='kvm'><os><type>hvm</type><loader type='pflash'>/f</loader></os><memory>1</memory></domain>"
    assert documents.described(text)["firmware"] == "uefi"


def test_a_network_gives_its_upper_half_by_chance():
    root = ElementTree.fromstring(documents.network("lab", "10.88.0.1/24"))
    assert root.find("./ip").attrib == {"address": "10.88.0.1", "netmask": "255.255.255.0"}
    assert root.find("./ip/dhcp/range").attrib == {"start": "10.88.0.128", "end": "10.88.0.254"}


def test_reservations():
    text = f"<network><ip><dhcp>{documents.reservation('one', 'm', '10.88.0.2')}</dhcp></ip></network>"
    assert documents.reservations(text) == {"one": ("m", "10.88.0.2")}


def test_a_root_file_system_without_a_kernel(tmp_path):
    with pytest.raises(wanted.Refused, match="build it with cloudhost.lxd.image_build"):
        rootfs.place(str(tmp_path), str(tmp_path / "none"), 1)
    packed = tmp_path / "rootfs.squashfs"
    packed.write_bytes(b"x")
    place = rootfs.place(str(tmp_path), str(packed), 1)
    assert place != rootfs.place(str(tmp_path), str(packed), 2) and place.parent == tmp_path
    with pytest.raises(wanted.Refused, match="unsquashfs"):
        rootfs.build(place, str(packed), 1)
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name or path == place] == []
