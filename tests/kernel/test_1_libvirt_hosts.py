# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role libvirt_hosts with a real libvirtd, and machines that boot in seconds under emulation. The tests are one
life: each begins with what the one before it left.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROLE = pathlib.Path(__file__).resolve().parents[2] / "roles" / "libvirt_hosts"
SECRET = "correct-horse"
USER_DATA = f"#cloud-config\npassword: {SECRET}\n"


@pytest.fixture(scope="module")
def with_kvm(libvirtd, small):
    """A kernel that QEMU starts with KVM meanwhile. Where KVM does not work, it is ended after 20 seconds."""
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults"]
    command += ["-display", "none", "-no-reboot", "-kernel", str(small / "kernel"), "-append", "panic=-1"]
    process = subprocess.Popen([*libvirtd.within, "timeout", "20", *command], stderr=subprocess.DEVNULL)
    yield process
    process.terminate()
    process.wait()


def test_a_machine_as_predicted_and_once(role, with_kvm):
    role.machine["user_data"] = USER_DATA
    predicted, plan = role("--check", "--diff")
    assert (
        role.daemon.virsh("list", "--all", "--name") == "" and role.daemon.virsh("pool-list", "--all", "--name") == ""
    )
    made, done = role("--diff", "-vvv")
    assert predicted.changed == made.changed == 1
    assert plan["actions"] == done["actions"] and "create the machine one" in done["actions"]
    kind = done["machines"]["one"]["virt_type"]
    # check mode starts no machine, so it does not say whether KVM works
    assert plan["diff"]["after"].replace('"auto"', f'"{kind}"').replace("host-passthrough", "maximum") == (
        done["diff"]["after"].replace("host-passthrough", "maximum")
    )
    assert SECRET not in made.text + predicted.text
    assert done["machines"]["one"] == {
        "state": "running",
        "address": "10.88.0.11",
        "mac": done["machines"]["one"]["mac"],
        "virt_type": kind,
        "snapshots": [],
        "restart_needed": False,
    }
    again, nothing = role()
    assert (again.changed, nothing["actions"]) == (0, [])
    assert f"<domain type='{kind}'" in role.daemon.virsh("dumpxml", "one")
    assert role.shell("head -n 1 /dev/vda; cat /sys/block/vda/size").split() == ["image", str(64 << 11)]
    role.shell("mkdir /seed; mount -t iso9660 /dev/vdb /seed")
    assert role.shell("cat /seed/user-data") == USER_DATA
    assert role.shell("cat /seed/meta-data") == "instance-id: one\nlocal-hostname: one\n"


def test_kvm_is_taken_where_a_kernel_runs_with_it(role, with_kvm):
    """What the role found, beside what a kernel does on this machine when QEMU starts it with KVM."""
    found = role.daemon.virsh("dumpxml", "one")
    assert ("<domain type='kvm'" in found) == (with_kvm.wait(60) == 0)
    assert role.daemon.virsh("list", "--all", "--name").split() == ["one"], "the trial has left its machine"


def counted(role):
    """A counter in the memory of the machine, and what its boot is called."""
    count, boot = role.shell("cat /count /proc/sys/kernel/random/boot_id").split()
    return int(count), boot


def test_saved_and_restored(role):
    role.machine["user_data"] = USER_DATA
    before, boot = counted(role)
    role.machine["state"] = "saved"
    role.does("save one")
    assert role.daemon.virsh("domstate", "one") == "shut off"
    role.machine["state"] = "stopped"
    assert "one is saved: to stop it would discard its memory" in role.program()["msg"]
    role.machine["state"] = "running"
    role.does("restore one")
    after, same = counted(role)
    assert same == boot and after > before


def test_a_snapshot_of_disks_and_memory(role):
    role.machine.update(user_data=USER_DATA, snapshots=["ready"])
    role.shell("echo before > /dev/vda; sync; echo before > /memory")
    role.does("take the snapshot ready of one")
    assert role.daemon.virsh("snapshot-list", "one", "--name") == "ready"
    _count, boot = counted(role)
    role.shell("echo beyond > /dev/vda; sync; echo beyond > /memory")
    assert "one has no snapshot other; it has ready" in role.program("revert", snapshot="other")["msg"]
    assert role.program("revert", check=True, snapshot="ready")["actions"] == ["revert one to ready"]
    assert role.shell("head -n 1 /dev/vda; cat /memory").split() == ["beyond", "beyond"]
    reverted, done = role(entry="revert", libvirt_hosts_snapshot="ready")
    assert (reverted.changed, done["actions"]) == (1, ["revert one to ready"])
    role.shell("echo 3 > /proc/sys/vm/drop_caches")
    assert role.shell("head -n 1 /dev/vda; cat /memory").split() == ["before", "before"]
    assert counted(role)[1] == boot
    assert role.program()["actions"] == []


def test_changes_wait_for_a_restart(role):
    role.machine.update(
        user_data="#cloud-config\n{}\n", snapshots=["ready"], memory="256MiB", disk="128MiB", disks=["32MiB"]
    )
    done = role.program()
    assert "change the machine one" in done["actions"] and done["machines"]["one"]["restart_needed"]
    assert done["warnings"] == ["one: changes take effect after a stop and a start"]
    assert f"one.memory: {192 << 20}" in done["diff"]["before"] and f"one.memory: {256 << 20}" in done["diff"]["after"]
    assert role.shell("cat /sys/block/vda/size") == f"{128 << 11}\n"  # a disk grows at once
    role.machine["state"] = "stopped"
    assert role.program()["actions"][0] == "stop one"
    role.machine["state"] = "running"
    assert not role.does("start one")["machines"]["one"]["restart_needed"]
    assert role.daemon.virsh("vol-list", "lab").count("one@seed-") == 2, "a seed of before is left"  # name and path
    role.machine["disk"] = "64MiB"
    assert "the disk vda has 134217728 bytes, and cannot shrink to 67108864" in role.program()["msg"]


def test_uefi_and_a_type_that_is_given(role):
    two = {**role.machine, "name": "two", "address": "10.88.0.12", "firmware": "uefi"}
    del two["image"], two["disk"]
    role.machines = [two]
    role.variables["libvirt_hosts_virt_type"] = "qemu"
    two["snapshots"] = ["ready"]
    assert "takes no snapshot of a machine with UEFI firmware" in role.program()["msg"]
    two["snapshots"] = []
    done = role.does("keep the address 10.88.0.12 for two", "create the machine two", "start two")
    assert done["machines"]["two"]["virt_type"] == "qemu"
    assert role.shell("test -d /sys/firmware/efi && echo uefi", "10.88.0.12") == "uefi\n"


def test_what_is_refused_changes_nothing(role, tmp_path):
    bad = tmp_path / "bad.qcow2"
    role.daemon.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "/etc/hostname", str(bad), "1M")
    role.machines = [{"name": "three", "image": str(bad)}]
    assert "refers to another file" in role.program()["msg"]
    role.machines = [{"name": "../three", "disk": "1x", "mac": "5"}, {"name": "four", "address": "10.89.0.1"}]
    said = role.program()["msg"]
    for text in ("a name has letters", "'1x' is no size", "'5' is no MAC address", "is not in the network"):
        assert text in said, text
    assert "libvirt_hosts_uri" in role.program(uri="qemu+unix:///system?socket=/nowhere", machines=[])["msg"]
    assert sorted(role.daemon.virsh("list", "--all", "--name").split()) == ["one", "two"]


def test_nothing_is_left(role):
    role.machines.append({"name": "two"})
    plan = role.program("absent", check=True)
    removed, done = role(libvirt_hosts_state="absent")
    assert removed.changed == 1 and plan["actions"] == done["actions"]
    for listed in (("list", "--all", "--name"), ("pool-list", "--all", "--name"), ("net-list", "--all", "--name")):
        assert role.daemon.virsh(*listed) in ("", "default")
    assert not pathlib.Path(role.variables["libvirt_hosts_pool"]["path"]).exists()
    assert role.program("absent")["actions"] == []


def test_the_examples_of_the_readme_are_taken():
    """The variables are those of the role, and its program finds nothing wrong in them."""
    sys.path.insert(0, str(ROLE / "files"))
    from libvirt_host import wanted  # noqa: PLC0415 - the program of a role

    spec = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    usual = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["libvirt_hosts__usual"]
    shown = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (ROLE / "README.md").read_text(), re.S)]
    given = [task["vars"] for plays in shown for play in plays for task in play["tasks"] if "vars" in task]
    ours = [entry for entry in given if "libvirt_hosts_machines" in entry]
    assert len(ours) == 2 and {name for entry in ours for name in entry} <= set(spec)
    for entry in ours:
        machines = [{**usual, **machine} for machine in entry["libvirt_hosts_machines"]]
        assert {key for machine in machines for key in machine} <= set(spec["libvirt_hosts_machines"]["options"])
        assert {machine["firmware"] for machine in machines} == {"bios"}
        step = "revert" if "libvirt_hosts_snapshot" in entry else "present"
        network, pool = spec["libvirt_hosts_network"]["default"], spec["libvirt_hosts_pool"]["default"]
        wanted.check({"step": step, "pool": pool, "network": network, "machines": machines})
