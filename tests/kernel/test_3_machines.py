# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One virtual machine through its life, by our modules: its agent, devices and limits that change while it runs, its
disk, snapshots, an export; and an empty one that boots from an ISO volume.
"""

from __future__ import annotations

import pytest
from integration.modules import ModuleFailed, warnings_of
from lab import kernel, kernel_machines, machine, tiny
from reach.control import Control

MEMORY = 124
GROWN = 80 << 20


@pytest.fixture(scope="module")
def incus(host):
    host.renew(kernel_machines.single(host))
    daemon = kernel.Daemon(host, "incus", image=False)
    daemon.converges("instance", name="web", state="started")
    return daemon


def eventually(incus, command, wanted):
    """What a command in the machine says, once that is so: the guest sees what is plugged in a moment later."""
    said = incus.inside(
        "web", f"for i in $(seq 60); do {command} | grep -q '{wanted}' && break; sleep 1; done; {command}"
    )
    assert wanted in said, said


def test_what_it_is(incus):
    """It was made with `wait_for: agent`; now nothing is to be done, and its agent answers."""
    for check in (True, False):
        again = incus.run("instance", check=check, name="web", **kernel_machines.WEB)
        assert (again["changed"], again["actions"]) == (False, [])
    (found,) = incus.run("instance_info", name="web")["instances"]
    assert (found["type"], found["status"]) == ("virtual-machine", "Running")
    assert found["state"]["processes"] > 0 and found["addresses"][0].startswith("10.77.1.")


def test_commands_and_files_through_the_agent(incus):
    done = incus.run("instance_exec", instance="web", command=["sh", "-c", "cat; uname -m"], stdin="in\n")
    assert done["stdout"] == "in\nx86_64"
    with pytest.raises(ModuleFailed) as failed:
        incus.run("instance_exec", instance="web", command=["sh", "-c", "exit 3"])
    assert failed.value.result["rc"] == 3
    options = {"instance": "web", "path": "/root/file", "content": "of the module\n", "mode": "0640"}
    incus.converges("instance_file", **options)
    assert incus.inside("web", "cat /root/file; stat -c %a /root/file") == "of the module\n640"


def test_ansible_in_it(incus, tmp_path):
    """The inventory plugin has it as a host, and the connection plugin runs commands and sends files. It has no Python,
    so these are the two modules that need none.
    """
    control = Control(tmp_path, incus)
    inventory = control.instances(servers=[{"url": incus.url}]).name
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\ncat /etc/os-release\n")
    for module, arguments, wanted in (("raw", "uname -m", "x86_64"), ("script", str(script), "BusyBox")):
        run = control("ansible", "web", "-m", module, "-a", arguments, inventory=inventory)
        assert run.returncode == 0 and wanted in run.stdout, run.stdout


def test_limits_while_it_runs(incus):
    incus.converges("instance", name="web", config={"limits.cpu": "2"})
    eventually(incus, "cat /sys/devices/system/cpu/present", "0-1")
    incus.converges("instance", name="web", config={"limits.memory": f"{MEMORY}MiB"})
    with pytest.raises(ModuleFailed, match="limits.memory|memory"):  # it was not started with so much
        incus.run("instance", name="web", config={"limits.memory": "1GiB"})


def test_devices_while_it_runs(incus):
    block = {"type": "disk", "pool": "local", "source": "data"}
    incus.converges("storage_volume", pool="local", name="data", content_type="block", config={"size": "16MiB"})
    incus.converges("instance", name="web", devices={"data": block})
    eventually(incus, "cat /sys/block/sd*/size", str((16 << 20) // 512))
    incus.converges("instance", name="web", devices={"eth1": {"type": "nic", "network": "br1"}})
    eventually(incus, "ls /sys/class/net", "eth1")
    incus.converges("instance", name="web", devices={"data": None, "eth1": None})


def test_a_disk_that_grows(incus):
    """The server keeps the size for the next start, and says so only in a volatile key: the module warns."""
    grown = {"root": {"size": GROWN}}
    done = incus.run("instance", name="web", devices=grown)
    assert done["changed"]
    for told in (done, incus.run("instance", name="web", devices=grown)):
        assert any("devices.root.size takes effect at its next start" in words for words in warnings_of(told)), told


def test_a_snapshot(incus):
    incus.inside("web", "echo before >/root/state; sync")
    incus.converges("instance_snapshot", instance="web", name="before")
    with pytest.raises(ModuleFailed, match="migration.stateful"):
        incus.run("instance_snapshot", instance="web", name="memory", stateful=True)
    incus.converges("instance", name="web", state="stopped", force=True)
    incus.run("instance_snapshot", instance="web", name="before", state="restored")


def test_export_and_import(incus, tmp_path):
    file = tmp_path / "web.tar"
    options = {"instance": "web", "file": str(file), "instance_only": True, "compression_algorithm": "none"}
    done = incus.run("instance_backup", state="exported", **options)
    assert done["changed"] and file.stat().st_size > 10 << 20
    incus.converges("instance", name="copy", source={"type": "backup", "file": str(file)}, state="stopped")
    assert incus.query("/1.0/instances/copy")["type"] == "virtual-machine"


def test_rebuilt(incus):
    """Another image, whose disk is what the machine has then."""
    incus.run("image", name="other", **machine.files(machine.folder(), "other"))
    incus.run("instance", name="copy", image="other", state="rebuilt")
    assert incus.query("/1.0/instances/copy")["config"]["image.release"] == "other"
    assert not incus.run("instance", name="copy", image="other", state="rebuilt")["changed"]


def test_an_empty_machine_boots_from_an_iso_volume(incus, tmp_path):
    iso = machine.iso(tmp_path / "hello.iso")
    incus.converges("storage_volume", pool="local", name="cd", source={"type": "iso", "file": str(iso)})
    devices = {
        "root": {**kernel_machines.DISK, "size": "16MiB"},
        "cd": {"type": "disk", "pool": "local", "source": "cd", "boot.priority": "10"},
    }
    options = {"type": "virtual-machine", "source": {"type": "none"}, "profiles": [], "devices": devices}
    incus.converges("instance", name="empty", config=kernel_machines.CONFIG, **options, state="started")
    host = "for i in $(seq 100); do incus console empty --show-log | grep -q 'of the ISO' && break; sleep 1; done"
    assert machine.GREETING in incus.host.ssh(f"{host}; incus console empty --show-log")


def test_a_container_is_saved_with_its_memory_by_criu_or_the_error_says_why_not(incus):
    incus.run("image", name=tiny.ALIAS, **tiny.files())
    devices = {"root": {"type": "disk", "path": "/", "pool": "local"}}
    config = {"migration.stateful": "true"}
    options = {"image": tiny.ALIAS, "profiles": [], "devices": devices, "config": config, "state": "started"}
    incus.run("instance", name="box", **options)
    try:
        incus.run("instance_snapshot", instance="box", name="then", stateful=True)
    except ModuleFailed as failed:
        assert "Failed to create instance_snapshot then" in str(failed), failed
        print(f"\n{failed}")
    else:
        assert incus.query("/1.0/instances/box/snapshots/then")["stateful"]
