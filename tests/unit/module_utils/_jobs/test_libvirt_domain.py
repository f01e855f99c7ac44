# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains as libvirt 9.0 describes them (tests/data/libvirt, written by it), and what they become."""

from __future__ import annotations

import pathlib
import time

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.libvirt_domain import DEEPEST, parse
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.libvirt_plan import Facts, becoming, instance_name

DATA = pathlib.Path(__file__).resolve().parents[3] / "data" / "libvirt"
FACTS = Facts(
    "incus 6.0.4",
    frozenset({"security_csm", "tpm_device_type"}),
    frozenset({"incusbr0", "default"}),
    frozenset({"x86_64"}),
)
NOTHING = {"name": None, "networks": None, "disks": None}


def domain(name, **replaced):
    text = (DATA / f"{name}.xml").read_text()
    for old, new in replaced.items():
        text = text.replace(old, new)
    return parse(text)


def target(name, facts=FACTS, autostart=False, **params):
    return becoming(domain(name), {**NOTHING, **params}, facts, autostart)


def test_a_domain_with_bios():
    made = target("bios", autostart=True)
    assert made.errors == []
    assert (made.name, made.description) == ("web-1-example", "Web")
    assert made.config == {
        "security.csm": "true",
        "security.secureboot": "false",
        "limits.cpu": "2",
        "limits.memory": "384MiB",
        "volatile.uuid": "8b8c4d15-8a71-4e2b-b67f-2dec52451672",
        "boot.autostart": "true",
    }
    nic = {"type": "nic", "name": "eth0", "nictype": "bridged", "parent": "br0", "hwaddr": "52:54:00:00:00:01"}
    assert made.devices == {"eth0": nic}
    assert (made.root.target, made.root.source, made.root.format, made.others) == (
        "vda",
        "/srv/vm/web.qcow2",
        "qcow2",
        [],
    )
    assert [note["what"] for note in made.notes] == [
        "autostart",
        "devices/cdrom hda",
        "devices/disk vda",
        "cpu/model qemu64",
    ]


def test_a_domain_with_uefi_two_disks_and_much_without_counterpart():
    made = target("efi", networks={"user": None, "52:54:00:00:00:03": {"network": "incusbr0", "vlan": 7}})
    assert made.errors == []
    assert made.config == {
        "security.secureboot": "true",
        "limits.cpu": "1",
        "limits.memory": "1024MiB",
        "volatile.uuid": "1c8c4d15-8a71-4e2b-b67f-2dec52451672",
    }
    nics = {name: (nic.get("network"), nic["hwaddr"]) for name, nic in made.devices.items() if name != "tpm"}
    assert nics == {"eth0": ("default", "52:54:00:00:00:02"), "eth1": ("incusbr0", "52:54:00:00:00:03")}
    assert made.devices["eth1"]["vlan"] == "7"
    assert made.devices["tpm"] == {"type": "tpm", "path": "/dev/tpm0"}
    assert (made.root.target, made.root.pool, made.root.source) == ("vda", "images", "db.qcow2"), (
        "the boot order decides"
    )
    assert [(disk.target, disk.sort, disk.source) for disk in made.others] == [("sda", "block", "/dev/vg0/data")]
    noted = [note["what"] for note in made.notes]
    for what in (
        *("os/nvram", "devices/interface 52:54:00:00:00:04", "devices/tpm", "memoryBacking", "cputune"),
        *("clock localtime", "devices/filesystem mount", "devices/hostdev usb", "devices/watchdog"),
        "vlan 42 of 52:54:00:00:00:02",
    ):
        assert what in noted, what


def test_what_the_server_lacks_is_an_error_before_anything_is_sent():
    old = Facts("lxd 5.0.2", frozenset(), frozenset(), frozenset({"aarch64"}))
    words = "\n".join(target("bios", old).errors)
    assert "needs the extension 'security_csm'; lxd 5.0.2 does not have it" in words
    assert "its architecture is 'x86_64', and lxd 5.0.2 has aarch64" in words
    words = "\n".join(target("efi", old).errors)
    assert "it has a TPM, which needs the extension 'tpm_device_type'" in words
    assert "Write {'network:default': NETWORK}" in words and "Write {'user': NETWORK}" in words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (">hvm<", ">exe<", "only virtual machines (hvm)"),
        ("<boot dev='hd'/>", "<kernel>/boot/vmlinuz</kernel>", "boots a kernel of the host"),
        ("type='qcow2'", "type='vmdk'", "has the format 'vmdk'"),
        ("type='file' device='disk'", "type='network' device='disk'", "is of the type 'network'"),
        ("<source file='/srv/vm/web.qcow2'/>", "", "has no source"),
        ("<target dev='vda'", "<shareable/><target dev='vda'", "is shared with other domains"),
        ("device='disk'", "device='lun'", "is of the device 'lun', which is not copied"),
        ("device='disk'", "device='cdrom'", "it has no disk to boot from"),
        ("<target dev='vda'", "<encryption format='luks'/><target dev='vda'", "is encrypted by libvirt"),
        ("<target dev='vda'", "<transient/><target dev='vda'", "forgets what the guest writes"),
        (
            "<source file='/srv/vm/web.qcow2'/>",
            "<source file='/srv/vm/web.qcow2'><slices><slice type='storage' offset='1' size='2'/></slices></source>",
            "is a part of its file",
        ),
    ],
)
def test_what_cannot_be_imported_says_why(old, new, words):
    assert old in (DATA / "bios.xml").read_text()
    made = becoming(domain("bios", **{old: new}), NOTHING, FACTS, False)
    assert words in "\n".join(made.errors)


KEPT = "it is on virtio now"


@pytest.mark.parametrize(
    ("extensions", "config", "notes"),
    [
        ({"security_csm"}, {"security.csm": "true", "security.secureboot": "false"}, True),
        ({"instance_boot_mode"}, {"boot.mode": "bios"}, True),
        ({"security_csm", "disk_io_bus_virtio_blk"}, {"security.csm": "true", "security.secureboot": "false"}, False),
    ],
    ids=["incus 6.0", "lxd 6.9", "with virtio-blk"],
)
def test_what_the_server_has_decides_the_keys(extensions, config, notes):
    made = target("bios", FACTS._replace(extensions=frozenset(extensions)))
    assert made.errors == [] and config.items() <= made.config.items()
    assert any(note["note"].startswith(KEPT) for note in made.notes) is notes


def test_a_server_without_bios_needs_the_users_own_keys():
    old = FACTS._replace(label="lxd 5.0.2", extensions=frozenset())
    made = target("bios", old, config={"raw.qemu.conf": '[drive][0]\nfile = "x"'})
    assert made.errors == [] and "security.csm" not in made.config


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("<model type='virtio'/>", "<model type='e1000'/>", "devices/interface 52:54:00:00:00:01"),
        ("<model type='virtio'/>", "<model type='virtio'/><link state='down'/>", "interface/link number 0"),
        ("<target dev='vda'", "<serial>one</serial><target dev='vda'", "disk/serial vda"),
        ("<target dev='vda'", "<blockio logical_block_size='4096'/><target dev='vda'", "devices/disk vda"),
        ("<boot dev='hd'/>", "<boot dev='network'/>", "boot from the network"),
    ],
)
def test_what_changes_for_the_guest_is_noted(old, new, what):
    facts = FACTS._replace(extensions=FACTS.extensions | {"disk_io_bus_virtio_blk"})
    assert what not in [note["what"] for note in becoming(domain("bios"), NOTHING, facts, False).notes]
    made = becoming(domain("bios", **{old: new}), NOTHING, facts, False)
    assert made.errors == [] and what in [note["what"] for note in made.notes]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"disks": {"vda": "data"}}, "'vda' is the root disk"),
        ({"disks": {"vda": 1}}, "1 is no name of a volume"),
        ({"disks": {"vda": "a/b"}}, "'a/b' is no name of a volume"),
        ({"networks": {"bridge:br0": ["a"]}}, "networks.bridge:br0: it is a network, a dictionary"),
    ],
)
def test_options_that_mean_nothing_are_refused(params, words):
    assert words in "\n".join(target("bios", **params).errors)


def test_keys_of_a_nic_become_what_the_api_takes():
    made = target("bios", networks={"br0": {"network": "incusbr0", "security.mac_filtering": True, "vlan": 7}})
    assert made.devices["eth0"]["security.mac_filtering"] == "true" and made.devices["eth0"]["vlan"] == "7"


@pytest.mark.parametrize(
    ("loader", "efi"),
    [
        ("<loader>/usr/share/ovmf/OVMF.fd</loader>", True),
        ("<loader type='pflash'>/f</loader>", True),
        ("<loader type='rom'>/usr/share/seabios/bios.bin</loader>", False),
    ],
)
def test_the_firmware_is_found_by_its_path_where_nothing_else_says_it(loader, efi):
    assert domain("bios", **{"<boot dev='hd'/>": loader}).efi is efi


def test_a_disk_can_be_left_out_and_has_to_exist():
    assert target("efi", networks={"user": None}, disks={"sda": None}).others == []
    assert "the domain has no disk 'vdz'; it has vda, hda" in "\n".join(target("bios", disks={"vdz": None}).errors)


@pytest.mark.parametrize(
    ("given", "made"),
    [("Web_1.example", "web-1-example"), ("1st", "vm-1st"), ("--", "vm"), ("a" * 99, "a" * 63), ("Ünïcode", "n-code")],
)
def test_names_of_instances_are_host_names(given, made):
    assert instance_name(given) == made


HEAD = f"<domain><uuid>{'0' * 8}-0000-0000-0000-{'0' * 12}</uuid>"


def test_no_entity_is_expanded():
    began = time.monotonic()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    for head in (
        f'<!DOCTYPE domain [<!ENTITY l0 "ha">{laughs}]>',
        '<!DOCTYPE domain [<!ENTITY l11 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE domain SYSTEM "http://127.0.0.1:1/domain.dtd">',
    ):
        with pytest.raises(InvalidInput, match="document type"):
            parse(f"{head}<domain><name>&l11;</name></domain>")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<network/>", "<network>, which is no domain"),
        ("<domain><name>a</domain>", "cannot be read"),
        ("", "cannot be read"),
        ("<domain>" + "<a>" * DEEPEST + "</a>" * DEEPEST + "</domain>", "nested more than"),
        ("<domain/>" + " " * (5 << 20), "at most"),
        (HEAD + "<memory>lots</memory></domain>", "'lots' as <memory>"),
        (HEAD + "<memory unit='x'>1</memory></domain>", "the unit 'x'"),
        ("<domain/>", "'' as a UUID"),
        ("<domain><uuid>../../etc</uuid></domain>", "'../../etc' as a UUID"),
        (HEAD + "</domain>", "has no <memory>"),
        (HEAD + "<memory>²</memory></domain>", "'²' as <memory>"),
        (HEAD + f"<memory>{'9' * 5000}</memory></domain>", "as <memory>"),
        (
            HEAD + "<memory>1</memory><devices><disk><target dev='../x'/></disk></devices></domain>",
            "'../x' as the name",
        ),
        (
            HEAD + "<memory>1</memory><devices>" + 2 * "<disk><target dev='vda'/></disk>" + "</devices></domain>",
            "'vda' as the name of a disk, which is none of one",
        ),
        (HEAD + "<memory>1</memory><vcpu>-1</vcpu></domain>", "'-1' as <vcpu>"),
        (
            HEAD + "<memory>1</memory><devices><interface><mac address='a;b'/></interface></devices></domain>",
            "'a;b' as a MAC address",
        ),
    ],
)
def test_what_is_no_domain_is_refused(text, words):
    with pytest.raises(InvalidInput, match=words):
        parse(text)
