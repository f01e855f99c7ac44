# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Domains of a real libvirt, disks by the real qemu-img, and what real daemons take of them. No daemon of the tests
runs virtual machines, so an instance is created in the tier `kernel` only.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.connect import connect
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, LXDError
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import libvirt_disks as disks
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.libvirt_domain import parse
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.libvirt_mark import KEY
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.libvirt_transfer import Work
from integration.conftest import Server

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "libvirt"
#: Python of the distribution, for which libvirt-python is a package.
PYTHON = "/usr/bin/python3"
#: As in tests/lab: QEMU as root, or libvirt asks all of QEMU again at each definition.
QEMU = 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nremember_owner = 0\ncgroup_controllers = [ ]\n'


def qemu_img(*arguments: object) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def images(tmp_path: pathlib.Path) -> pathlib.Path:
    """A raw disk with data, and a qcow2 that is backed by it and has data of its own."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "base.raw").write_bytes(random.randbytes(1 << 20) + bytes(3 << 20))
    qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", folder / "base.raw", folder / "web.qcow2")
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 7 2M 64k", str(folder / "web.qcow2")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


def content(path: pathlib.Path, form: str, folder: pathlib.Path) -> bytes:
    """What the guest sees."""
    qemu_img("convert", "-f", form, "-O", "raw", path, folder / "seen")
    return (folder / "seen").read_bytes()


def look(images: pathlib.Path, name: str, form: str, *more: str) -> disks.Source:
    return disks.looked_at("vda", str(images / name), form, [str(images), *more])


def test_a_disk_is_read_with_what_it_is_backed_by(images: pathlib.Path) -> None:
    source = look(images, "web.qcow2", "qcow2")
    assert [(pathlib.Path(file.path).name, file.format) for file in source.chain] == [
        ("web.qcow2", "qcow2"),
        ("base.raw", "raw"),
    ]
    assert source.size == 4 << 20
    made, stamp = images / "made.qcow2", source.stamp()
    assert disks.converted(source, str(made), True) is True
    assert disks.converted(source, str(made), True) is False
    assert content(made, "qcow2", images) == content(images / "web.qcow2", "qcow2", images)
    os.utime(images / "base.raw", (1, 1))
    assert look(images, "web.qcow2", "qcow2").stamp() != stamp, "a change of the backing file is another disk"


def test_no_file_is_read_that_nothing_allows(images: pathlib.Path, tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"root:x:" + bytes(1017))
    (images / "link.raw").symlink_to(secret)
    for path in (str(secret), str(images / "link.raw"), str(images / ".." / "secret"), "secret", f"nbd://{secret}", ""):
        with pytest.raises(InvalidInput, match=r"nothing allows the module to read that|no plain absolute path"):
            disks.check_path("vda", path, [str(images)])
    forged = images / "forged"  # what a guest can write into its raw disk
    qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, forged, "1M")
    source = look(images, "forged", "raw")
    assert len(source.chain) == 1, "the header of a raw disk was believed"
    disks.converted(source, str(images / "made.qcow2"), False)
    assert content(images / "made.qcow2", "qcow2", images)[:4] == b"QFI\xfb"
    with pytest.raises(InvalidInput, match="nothing allows the module to read that"):
        look(images, "forged", "qcow2")
    look(images, "forged", "qcow2", str(tmp_path))
    for name in (f'json:{{"driver":"file","filename":"{secret}"}}', f"nbd://127.0.0.1:1/{secret}"):
        qemu_img("rebase", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", name, forged)
        with pytest.raises(InvalidInput, match="no plain absolute path"):
            look(images, "forged", "qcow2", str(tmp_path))
    qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={secret}2,data_file_raw=on", images / "apart", "1M")
    with pytest.raises(InvalidInput, match="names another file for the data"):
        look(images, "apart", "qcow2", str(tmp_path))


def test_a_backing_file_without_a_format_is_not_guessed(images: pathlib.Path) -> None:
    path = images / "web.qcow2"
    raw = bytearray(path.read_bytes())
    place = raw.index(b"raw", 0, 4096)  # the header extension with the format
    raw[place : place + 3] = b"vdi"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput, match="the format 'vdi' for its backing file"):
        look(images, "web.qcow2", "qcow2")


def test_a_disk_that_changes_meanwhile_is_refused(images: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, real = look(images, "base.raw", "raw"), disks._run

    def writing(*arguments: str, **more: Any) -> Any:
        if arguments[0] == "compare":
            (images / "base.raw").write_bytes(bytes(4 << 20))
        return real(*arguments, **more)

    monkeypatch.setattr(disks, "_run", writing)
    with pytest.raises(LXDError, match="has changed while it was copied"):
        disks.converted(source, str(images / "made.qcow2"), False)
    assert not (images / "made.qcow2").exists()


def test_a_header_that_changes_meanwhile_is_not_followed(images: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "secret").write_bytes(b"root:x:".ljust(1 << 20, b"s"))
    disk = images / "plain.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "1M")
    source = look(images, "plain.qcow2", "qcow2")
    qemu_img("rebase", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", tmp_path / "secret", disk)
    assert content(disk, "qcow2", images)[:7] == b"root:x:", "it is not backed by it, so this proves nothing"
    disks.converted(source, str(images / "made.qcow2"), False)
    assert content(images / "made.qcow2", "qcow2", images) == bytes(1 << 20)


@pytest.fixture
def device(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A block device, as a logical volume is one, with data."""
    (tmp_path / "backing").write_bytes(random.randbytes(1 << 20))
    command = ["losetup", "--find", "--show", str(tmp_path / "backing")]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    yield pathlib.Path(name)
    subprocess.run(["losetup", "--detach", name], check=True)


def test_a_block_device_is_compared_each_time(device: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Nothing promises that its times show when its data has changed."""
    with pytest.raises(InvalidInput, match="add its directory to allowed_paths: /dev"):
        disks.looked_at("vda", str(device), "raw", [str(tmp_path)])
    source, made = disks.looked_at("vda", str(device), "raw", ["/dev"]), tmp_path / "made.qcow2"
    before = device.read_bytes()
    assert disks.converted(source, str(made), True) is True
    assert disks.converted(source, str(made), True) is False
    with device.open("r+b") as file:
        file.write(b"changed")
        os.fsync(file.fileno())
    assert disks.converted(source, str(made), True) is True
    assert content(made, "qcow2", tmp_path) == b"changed" + before[7:]


@pytest.fixture
def work(api: Server, tmp_path: pathlib.Path) -> Iterator[Work]:
    options = {"url": [api.proxy.url], "timeout": 120, "validate_certs": True}
    client = connect(
        dict.fromkeys(
            (
                "client_cert",
                "client_key",
                "server_cert",
                "server_fingerprint",
                "trust_token",
                "project",
                "target",
                "remotes",
            )
        )
        | options,
        False,
    )
    params = {
        "project": None,
        "target": None,
        "pool": "default",
        "work_directory": str(tmp_path / "work"),
        "compress": True,
        "verify": True,
    }
    made = Work(client, params, parse((DATA / "bios.xml").read_text()))
    made.open()
    yield made
    made.close()
    client.transport.close()


def test_a_root_disk_becomes_an_image_of_a_virtual_machine(api: Server, work: Work, images: pathlib.Path) -> None:
    source = look(images, "web.qcow2", "qcow2")
    work.copy("vda", source, "")
    image = api.query(f"/1.0/images/{work.fingerprint}")
    assert (image["type"], image["architecture"]) == ("virtual-machine", "x86_64")
    first, sent = work.fingerprint, len(api.proxy.writes)
    work.copy("vda", source, "")
    assert (work.fingerprint, len(api.proxy.writes)) == (first, sent), "it was sent again"
    others = [one["fingerprint"] for one in api.query("/1.0/images?recursion=1") if one["fingerprint"] != first]
    work.settle([])
    assert sorted(one["fingerprint"] for one in api.query("/1.0/images?recursion=1")) == sorted(others)
    assert not list(pathlib.Path(work.folder).iterdir())


def test_two_runs_never_write_the_same_files(work: Work) -> None:
    other = Work(work.client, work.params, work.domain)
    with pytest.raises(LXDError, match="another run imports with"):
        other.open()
    other.close()


def test_a_further_disk_becomes_a_volume_with_its_data(
    api: Server, work: Work, images: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    source = look(images, "web.qcow2", "qcow2")
    work.copy("vdb", source, "web-vdb")
    volume = api.query("/1.0/storage-pools/default/volumes/custom/web-vdb")
    assert volume["content_type"] == "block"
    uuid, state, digest = volume["config"]["user.cloudhost.libvirt"].split()
    assert (uuid, state) == (work.domain.uuid, "importing")
    api.run(
        "storage_volume_backup",
        pool="default",
        volume="web-vdb",
        state="exported",
        file=str(tmp_path / "out"),
        compression_algorithm="none",
    )
    subprocess.run(["tar", "-C", str(tmp_path), "-xf", str(tmp_path / "out"), "backup/volume.img"], check=True)
    made = (tmp_path / "backup" / "volume.img").read_bytes()
    seen = content(images / "web.qcow2", "qcow2", images)
    assert hashlib.sha256(made[: len(seen)]).digest() == hashlib.sha256(seen).digest()
    assert digest == hashlib.sha256(seen).hexdigest()
    sent = len(api.proxy.writes)
    work.copy("vdb", source, "web-vdb")
    assert len(api.proxy.writes) == sent
    api.run("storage_volume", pool="default", name="other", content_type="block", config={"size": "1MiB"})
    with pytest.raises(LXDError, match="was not made of the domain"):
        work.copy("vdb", source, "other")


def mark(api: Server, name: str) -> list[str]:
    return str(api.query(f"/1.0/storage-pools/default/volumes/custom/{name}")["config"][KEY]).split()


def test_a_volume_of_an_earlier_run_is_kept_only_while_its_disk_is_the_same(
    api: Server, work: Work, images: pathlib.Path
) -> None:
    """The domain can have run between the run that broke off and the next one."""
    work.copy("vdb", look(images, "base.raw", "raw"), "web-vdb")
    first = mark(api, "web-vdb")
    (images / "base.raw").write_bytes(random.randbytes(4 << 20))
    work.copy("vdb", look(images, "base.raw", "raw"), "web-vdb")
    second = mark(api, "web-vdb")
    assert first[:2] == second[:2] == [work.domain.uuid, "importing"]
    assert second[2] == hashlib.sha256((images / "base.raw").read_bytes()).hexdigest() != first[2]
    work.settle([{"type": "disk", "pool": "default", "source": "web-vdb"}])
    assert mark(api, "web-vdb") == [work.domain.uuid, "imported"]
    with pytest.raises(LXDError, match="is of an earlier import"):
        work.copy("vdb", look(images, "base.raw", "raw"), "web-vdb")


def test_a_volume_is_compared_although_the_pool_rounds_its_size(api: Server, work: Work, images: pathlib.Path) -> None:
    (images / "odd.raw").write_bytes(random.randbytes((1 << 20) + 512))
    work.copy("vdb", look(images, "odd.raw", "raw"), "odd")
    assert int(api.query("/1.0/storage-pools/default/volumes/custom/odd")["config"]["size"]) >= (1 << 20) + 512


def test_a_volume_that_is_not_as_it_was_sent_gets_no_name(
    api: Server, work: Work, images: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = disks.unpacked
    with monkeypatch.context() as patch:
        patch.setattr(disks, "unpacked", lambda *arguments: real(*arguments) and "0" * 64)
        with pytest.raises(LXDError, match="is not as the disk that was sent"):
            work.copy("vdb", look(images, "base.raw", "raw"), "web-vdb")
    assert api.query("/1.0/storage-pools/default/volumes/custom") == [
        "/1.0/storage-pools/default/volumes/custom/web-vdb.cloudhost-part"
    ]
    work.copy("vdb", look(images, "base.raw", "raw"), "web-vdb")
    assert api.query("/1.0/storage-pools/default/volumes/custom") == [
        "/1.0/storage-pools/default/volumes/custom/web-vdb"
    ]


@pytest.fixture
def domain(images: pathlib.Path) -> Iterator[str]:
    """The URI of a libvirt of its own, which has a domain with the disk of `images`. QEMU has a socket below its root,
    whose path has to be short.
    """
    with tempfile.TemporaryDirectory() as root:
        (pathlib.Path(root) / "etc").mkdir()
        (pathlib.Path(root) / "etc" / "qemu.conf").write_text(QEMU)
        xml = (DATA / "bios.xml").read_text().replace("/srv/vm", str(images))
        uri = f"qemu:///embed?root={root}"
        define = "import libvirt, sys; libvirt.virEventRegisterDefaultImpl(); c = libvirt.open(sys.argv[1])"
        define += "; c.defineXML(sys.stdin.read())"
        done = subprocess.run([PYTHON, "-c", define, uri], input=xml, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        yield uri


@pytest.mark.parametrize("options", [["--check"], []], ids=["check", "run"])
def test_the_playbook_shows_all_of_a_domain(
    api: Server, images: pathlib.Path, domain: str, tmp_path: pathlib.Path, options: list[str]
) -> None:
    """The plan is whole although these servers run no virtual machines, which is an error before anything is done."""
    before = hashlib.sha256((images / "web.qcow2").read_bytes()).digest()
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": PYTHON,
        "lxd_url": api.daemon.url,
        "libvirt_import_domains": ["Web_1.example", {"domain": "gone"}],
        "libvirt_import_uri": domain,
        "libvirt_import_become": False,
        "libvirt_import_allowed_paths": [str(images)],
        "libvirt_import_networks": {"bridge:br0": "lxdbr0"},
        "libvirt_import_work_directory": str(tmp_path / "work"),
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"kvm1": variables}}}))
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", str(tmp_path / "hosts.yml"), "cloudhost.lxd.libvirt_import", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    imported, gone = json.loads((tmp_path / "libvirt-import.json").read_text())["hosts"]["kvm1"]
    assert "there is no 'gone'" in gone["error"]
    words = [one for one in imported["error"].splitlines() if one.startswith("-")] or [imported["error"]]
    assert any("runs no virtual machines" in one for one in words)
    assert [one for one in words if "runs no virtual machines" not in one and "security_csm" not in one] == []
    check_plan(imported["plan"], api.kind)
    assert "cpu/model qemu64: the CPU of the host is used" in (tmp_path / "libvirt-import.md").read_text()
    assert not (tmp_path / "work").exists()
    assert hashlib.sha256((images / "web.qcow2").read_bytes()).digest() == before


def check_plan(plan: dict[str, Any], implementation: str) -> None:
    assert plan["domain"]["name"] == "Web_1.example"
    nic = {"type": "nic", "name": "eth0", "network": "lxdbr0", "hwaddr": "52:54:00:00:00:01"}
    own = {} if implementation == "lxd" else {"io.bus": "virtio-blk"}
    assert plan["instance"]["devices"] == {"eth0": nic, "root": {"size": str(4 << 20), **own}}
    assert [file["format"] for file in plan["disks"][0]["files"]] == ["qcow2", "raw"]
