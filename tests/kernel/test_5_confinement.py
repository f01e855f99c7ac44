# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kernel with AppArmor and all control groups enforces of two containers, and what the audit says of them.

One is unprivileged, with user IDs of its own and limits; the other one is privileged.
"""

from __future__ import annotations

import json
import pathlib
import sys

import pytest
from integration.modules import ModuleFailed, warnings_of
from lab import kernel
from lab.daemon import KINDS
from roles.conftest import ansible

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = str(ROOT / "playbooks" / "security_audit.yml")
#: Files of the control group of a container, one after another.
GROUP = """cd /sys/fs/cgroup$(sed 's/^0:://; s,/init.scope$,,' /proc/{pid}/cgroup)
for file in {files}; do cat $file; echo --; done"""
LIMITS = {
    "limits.memory": "48MiB",
    "limits.processes": 40,
    "limits.cpu": 1,
    "limits.cpu.allowance": "50ms/100ms",
    "limits.disk.priority": 8,
    "limits.hugepages.2MB": "4MiB",
}
ISOLATED = {"security.idmap.isolated": True}
NIC = {"type": "nic", "network": "tier5", "name": "eth0"}
#: Bits per second that the host lets through to the container, and from it.
RATES = {"limits.ingress": "1Mbit", "limits.egress": "2Mbit"}


class Containers:
    """`own` and `priv` on a daemon, and `next`, which was never started."""

    def __init__(self, daemon: kernel.Daemon) -> None:
        self.daemon, self.product = daemon, daemon.product
        root = {"type": "disk", "path": "/", "pool": "tier5"}
        empty = {"source": {"type": "none"}, "state": "stopped"}
        definition = {
            "storage_pools": [{"name": "tier5", "driver": "dir"}],
            "networks": [{"name": "tier5", "config": {"ipv4.address": "10.95.0.1/24", "ipv6.address": "none"}}],
            "profiles": [{"name": "default", "devices": {"root": root, "eth0": NIC}}],
            "instances": [
                {"name": "own", "image": "busybox", "config": ISOLATED},
                {"name": "priv", "image": "busybox", "config": {"security.privileged": True}},
                {"name": "next", "config": ISOLATED, **empty},
            ],
        }
        daemon.run("stack", name="tier5", definition=definition)

    def change(self, name: str, **options):
        """The result of a task that changes a running container, and needs no restart for it."""
        done = self.daemon.converges("instance", name=name, **options)
        assert warnings_of(done) == []
        return done

    def tries(self, name: str, command: str) -> str:
        """What becomes of a command in a container: `0`, or its error."""
        return self.daemon.inside(name, f"({command}) 2>&1 && echo 0 || true").strip().splitlines()[-1]

    def read(self, path: str):
        return self.daemon.run("api_request", path=path)["metadata"]

    def pid(self, name: str) -> int:
        return int(self.read(f"/1.0/instances/{name}/state")["pid"])

    def group(self, name: str, *files: str) -> list[str]:
        """What files of its control group say."""
        text = self.daemon.host.ssh(GROUP.format(pid=self.pid(name), files=" ".join(files)))
        return [part.strip() for part in text.split("--\n")[:-1]]

    def ranges(self, name: str) -> list[tuple[int, int, int]]:
        """The user IDs that the kernel gives a running container: inside, on the host, how many."""
        rows = self.daemon.inside(name, "cat /proc/self/uid_map").splitlines()
        return [(int(inside), int(first), int(count)) for inside, first, count in map(str.split, rows)]


@pytest.fixture(scope="module", params=KINDS)
def containers(request, host):
    host.renew()
    return Containers(kernel.Daemon(host, request.param))


OVERLAY = "mount -t overlay -o lowerdir=/bin:/etc none"


def test_profiles_are_enforced(containers):
    """Each container has a profile of its own, which counts for its processes; so has the DHCP server of the bridge."""
    product = containers.product
    place = f"</var/lib/{product}>"
    loaded = containers.daemon.host.ssh("cat /sys/kernel/security/apparmor/profiles").splitlines()
    for name in (f"{product}-own", f"{product}-priv", f"{product}_dnsmasq-tier5"):
        assert f"{name}_{place} (enforce)" in loaded
    for name in ("own", "priv"):
        label = containers.daemon.host.ssh(f"cat /proc/{containers.pid(name)}/attr/current")
        assert label.startswith(f"{product}-{name}_{place}//&:") and label.strip().endswith("(enforce)")


def test_what_a_profile_forbids(containers):
    """File systems in the privileged container. In the unprivileged one Incus leaves mounts to the kernel."""
    containers.daemon.inside("own", "mkdir -p /srv/here /srv/there")
    containers.daemon.inside("priv", "mkdir -p /srv/here /srv/there")
    assert "Permission denied" in containers.tries("priv", f"{OVERLAY} /srv/here")
    assert "Permission denied" in containers.tries("priv", "mount -o bind /proc /srv/here")
    assert containers.tries("priv", "mount -t tmpfs none /srv/here && umount /srv/here") == "0"
    refused = containers.tries("own", f"{OVERLAY} /srv/here && umount /srv/here")
    assert refused == "0" if containers.product == "incus" else "Permission denied" in refused
    for name in ("own", "priv"):  # everybody could read it without the profile
        assert "Permission denied" in containers.tries(name, "ls /sys/kernel/config/")


def test_rules_of_ones_own_take_effect_at_once(containers):
    """In a running container, and as long as they are there. Nesting allows all file systems."""
    rules = "mount fstype=overlay -> /srv/here/,\ndeny /etc/passwd r,"
    containers.change("priv", config={"raw.apparmor": rules})
    assert containers.tries("priv", f"{OVERLAY} /srv/here && umount /srv/here") == "0"
    assert "Permission denied" in containers.tries("priv", f"{OVERLAY} /srv/there")
    assert "Permission denied" in containers.tries("priv", "cat /etc/passwd")
    with pytest.raises(ModuleFailed, match="syntax error"):
        containers.daemon.run("instance", name="priv", config={"raw.apparmor": "mount fstype=overlay -> ???"})
    assert "Permission denied" in containers.tries("priv", "cat /etc/passwd"), "the rules that were there before"
    containers.change("priv", config={"raw.apparmor": None, "security.nesting": True})
    assert containers.tries("priv", f"{OVERLAY} /srv/there && umount /srv/there && cat /etc/passwd") == "0"
    containers.change("priv", config={"security.nesting": None})
    assert "Permission denied" in containers.tries("priv", f"{OVERLAY} /srv/there")


def test_limits(containers):
    """They reach the kernel while a container runs, and what is beyond them is refused, killed or slowed down."""
    root = {"type": "disk", "path": "/", "pool": "tier5", "limits.write": "1MiB", "limits.read": "200iops"}
    containers.change("own", config=LIMITS, devices={"root": root, "eth0": {**NIC, **RATES}})
    incus = containers.product == "incus"
    expected = {
        "memory.max": str(48 << 20),
        "memory.swap.max": "0",
        "pids.max": "40",
        "cpu.max": "50000 100000",
        "io.weight": "default 800",
        "hugetlb.2MB.max": str(4 << 20) if incus else "max",  # LXD 5.0.2 warns, and the audit reports it
    }
    *found, disks = containers.group("own", *expected, "io.max")
    assert dict(zip(expected, found)) == expected and "wbps=1048576 riops=200" in disks
    shown = containers.read("/1.0/instances/own")["config"]["volatile.eth0.host_name"]
    shaping = containers.daemon.host.ssh(f"tc class show dev {shown}; tc filter show dev {shown} parent ffff:")
    assert "rate 1Mbit ceil 1Mbit" in shaping and "police" in shaping and "rate 2Mbit" in shaping
    assert containers.tries("own", "dd if=/dev/zero of=/dev/null bs=16M count=1") == "0"
    assert containers.tries("own", "dd if=/dev/zero of=/dev/null bs=96M count=1; test $? -eq 137") == "0"
    bomb = "i=0; while [ $i -lt 80 ]; do sleep 600 <&- >&- 2>&- & i=$((i+1)); done"
    assert "fork" in containers.tries("own", f"sh -c '{bomb}'; r=$?; killall sleep; exit $r")
    events, used = containers.group("own", "memory.events", "cpu.stat")
    assert "oom_kill 1" in events and "nr_throttled 0" not in used.splitlines()


def test_user_ids(containers):
    """Two isolated containers have none in common. Another size and an ID of the host count from the next start on."""
    daemon = containers.daemon
    config = {name: containers.read(f"/1.0/instances/{name}")["config"] for name in ("own", "next")}
    kept = {name: json.loads(found["volatile.idmap.next"]) for name, found in config.items()}
    ((_zero, first, count),) = containers.ranges("own")
    assert (first, count) == (int(config["own"]["volatile.idmap.base"]), 65536)
    (other,) = (entry["Hostid"] for entry in kept["next"] if entry["Isuid"])
    assert other >= first + count or other + 65536 <= first
    daemon.host.ssh("echo root:1000:1 | tee -a /etc/subuid >> /etc/subgid")  # whose ID root may give to others
    wanted = {"security.idmap.size": 70000, "raw.idmap": "both 1000 1000"}
    done = daemon.run("instance", name="own", config=wanted, restart="if_required")
    assert done["changed"] and containers.pid("own")
    found = containers.ranges("own")
    assert sum(size for _inside, _first, size in found) == 70000 and (1000, 1000, 1) in found
    ids = sorted((start, start + size) for _inside, start, size in found if start != 1000)
    assert all(end <= other or start >= other + 65536 for start, end in ids), (ids, other)
    daemon.run("instance", name="own", config=dict.fromkeys(wanted), restart="if_required")
    ((_zero, first, count),) = containers.ranges("own")
    assert count == 65536 and (first + count <= other or first >= other + 65536)


def audited(containers, folder):
    """The findings and facts of the playbook, by the name of what they are about."""
    given = {"lxd_url": containers.daemon.url, "security_audit_fail_from": "never"}
    given["ansible_python_interpreter"] = sys.executable
    book = ansible("-i", "localhost,", "-c", "local", "-e", json.dumps(given), PLAYBOOK, folder=folder)
    assert not book.failed, book.text
    report = json.loads((folder / "security-audit.json").read_text())["servers"]["localhost"]
    findings = {(one["name"], one["rule"], one["item"]) for one in report["findings"]}
    return findings, {(one["kind"], one["name"]): one["enforced"] for one in report["enforced"]}


def test_audit(containers, tmp_path):
    """It reads of AppArmor what the kernel says, and of limits what it enforces."""
    off = {"raw.lxc": "lxc.apparmor.profile=unconfined", "raw.apparmor": "mount,"}
    containers.daemon.run("instance", name="priv", config=off, restart="if_required")
    assert containers.tries("priv", f"{OVERLAY} /srv/there && umount /srv/there") == "0"
    label = containers.daemon.host.ssh(f"cat /proc/{containers.pid('priv')}/attr/current")
    findings, facts = audited(containers, tmp_path)
    assert label.strip() == "unconfined" and facts["instance", "priv"]["apparmor"] == "off"
    assert facts["instance", "own"]["apparmor"] == "server"
    (member,) = (one for (kind, _name), one in facts.items() if kind == "member")
    assert member["apparmor"] and member["cgroup_cpu"] and member["cgroup_memory"] and member["cgroup_pids"]
    rules = {rule for _name, rule, _item in findings}
    assert not rules & {"member-apparmor-missing", "member-limits-not-enforced", "instance-idmap-overlap"}
    assert {("priv", "instance-raw-config", "raw.lxc"), ("priv", "instance-raw-apparmor", "raw.apparmor")} <= findings
    ignored = ("own", "instance-limit-not-enforced", "limits.hugepages.2MB")
    assert (ignored in findings) == (containers.product == "lxd")
    assert [one for one in findings if one[0] == "own"] == ([ignored] if containers.product == "lxd" else [])
