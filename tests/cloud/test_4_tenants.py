# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two tenants of the private cloud: each works with nothing but its certificate, and they never meet, neither on the
network nor by the API, whatever one of them sends.
"""

from __future__ import annotations

import json
import shutil
from typing import Any, Iterator

import pytest
from lab.cloud import ROOT, Cloud
from lab.scenario import changed
from lab.tenant import Tenant

EXAMPLE = ROOT / "inventories" / "tenant"
#: What nobody but green may read, wherever green can write it.
SECRET = "treasure-of-green"
EMPTY = {"source": {"type": "none"}}

#: What blue asks for. In no answer is anything of green.
READS = (
    "/1.0/projects?recursion=1",
    "/1.0/projects/green",
    "/1.0/projects/green/state",
    "/1.0/certificates?recursion=1",
    "/1.0/instances?recursion=2&project=green",
    "/1.0/instances?recursion=2&all-projects=true",
    "/1.0/instances/secret?project=green",
    "/1.0/instances/secret/state?project=green",
    "/1.0/instances/secret/logs?project=green",
    "/1.0/instances/secret/files?path=/etc/passwd&project=green",
    "/1.0/images?recursion=1&project=green",
    "/1.0/images?recursion=1&all-projects=true",
    "/1.0/images/aliases?recursion=1&project=green",
    "/1.0/profiles?recursion=1&project=green",
    "/1.0/networks?recursion=1&project=green",
    "/1.0/networks/green?project=green",
    "/1.0/networks/green/leases?project=green",
    "/1.0/networks/green/state?project=green",
    "/1.0/network-acls?recursion=1&project=green",
    "/1.0/operations?recursion=1&project=green",
    "/1.0/storage-pools/local/volumes?recursion=1&project=green",
    "/1.0/storage-pools/local/volumes?recursion=1&all-projects=true",
    "/1.0/storage-pools/local/volumes/custom/secret?project=green",
    "/1.0/warnings?recursion=1&project=green",
    "/1.0/metrics?project=green",
    "/1.0/metrics",
    "/internal/containers",
    "/internal/sql?database=global",
)

#: What daemons show of others nevertheless (docs/daemons.md).
LEAKS = {"lxd": ("/1.0/certificates?recursion=1", "events"), "incus": ("/1.0/certificates?recursion=1",)}


def instance(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **EMPTY, **more}


def with_config(**config: str) -> dict[str, Any]:
    return instance("attack", config={key.replace("__", "."): value for key, value in config.items()})


def with_device(**device: str) -> dict[str, Any]:
    return instance("attack", devices={"attack": device})


NEW = ("POST", "/1.0/instances?project=blue")
#: What blue attempts. All of it is refused.
ATTACKS: dict[str, tuple[Any, ...]] = {
    "relax its project": ("PATCH", "/1.0/projects/blue", {"config": {"restricted": "false"}}),
    "raise its quota": ("PATCH", "/1.0/projects/blue", {"config": {"limits.instances": "1000"}}),
    "delete its project": ("DELETE", "/1.0/projects/blue"),
    "make a project": ("POST", "/1.0/projects", {"name": "attack"}),
    "change the other project": ("PATCH", "/1.0/projects/green", {"config": {"limits.instances": "0"}}),
    "rename the other project": ("POST", "/1.0/projects/green", {"name": "attack"}),
    "configure the server": ("PATCH", "/1.0", {"config": {"core.trust_password": "attack"}}),
    "trust another client": ("POST", "/1.0/certificates", {"type": "client", "name": "attack", "token": True}),
    "remove a member": ("DELETE", "/1.0/cluster/members/node3?force=1"),
    "evacuate a member": ("POST", "/1.0/cluster/members/node3/state", {"action": "evacuate"}),
    "let a host join": ("POST", "/1.0/cluster/members", {"server_name": "attack"}),
    "make a pool": ("POST", "/1.0/storage-pools", {"name": "attack", "driver": "dir", "config": {"source": "/etc"}}),
    "change a pool": ("PATCH", "/1.0/storage-pools/local", {"config": {"rsync.bwlimit": "1"}}),
    "make a bridge": ("POST", "/1.0/networks?project=default", {"name": "attack", "type": "bridge"}),
    "make a bridge in its project": ("POST", "/1.0/networks?project=blue", {"name": "attack", "type": "bridge"}),
    "take one more address of the uplink": (
        "POST",
        "/1.0/networks?project=blue",
        {"name": "attack", "type": "ovn", "config": {"network": "uplink"}},
    ),
    "change the uplink": (
        "PATCH",
        "/1.0/networks/uplink?project=default",
        {"config": {"ipv4.gateway": "192.0.2.9/24"}},
    ),
    "have the addresses of instances on the uplink": (
        "PATCH",
        "/1.0/networks/blue?project=blue",
        {"config": {"ipv4.nat": "false"}},
    ),
    "listen on the address of another": (
        "POST",
        "/1.0/networks/blue/forwards?project=blue",
        {"listen_address": "192.0.2.1", "config": {}},
    ),
    "change the network of the other": ("PATCH", "/1.0/networks/green?project=green", {"description": "attack"}),
    "delete the network of the other": ("DELETE", "/1.0/networks/green?project=green"),
    "delete an instance of the other": ("DELETE", "/1.0/instances/secret?project=green"),
    "start an instance of the other": ("PUT", "/1.0/instances/secret/state?project=green", {"action": "start"}),
    "run a command there": ("POST", "/1.0/instances/secret/exec?project=green", {"command": ["id"]}),
    "open its console": ("POST", "/1.0/instances/secret/console?project=green", {"type": "console"}),
    "write a file there": ("POST", "/1.0/instances/secret/files?path=/attack&project=green", b"attack"),
    "snapshot it": ("POST", "/1.0/instances/secret/snapshots?project=green", {"name": "attack"}),
    "export it": ("POST", "/1.0/instances/secret/backups?project=green", {"name": "attack"}),
    "make an instance there": ("POST", "/1.0/instances?project=green", instance("attack")),
    "copy an instance of the other": (
        *NEW,
        {"name": "attack", "source": {"type": "copy", "source": "secret", "project": "green"}},
    ),
    "move its instance there": ("POST", "/1.0/instances/own?project=blue", {"name": "own", "project": "green"}),
    "publish an instance of the other": (
        "POST",
        "/1.0/images?project=blue",
        {"source": {"type": "instance", "name": "secret", "project": "green"}},
    ),
    "delete an image of the other": ("DELETE", "/1.0/images/aliases/debian%2F12?project=green"),
    "change a profile of the other": ("PATCH", "/1.0/profiles/default?project=green", {"description": "attack"}),
    "copy a volume of the other": (
        "POST",
        "/1.0/storage-pools/local/volumes/custom?project=blue",
        {
            "name": "attack",
            "type": "custom",
            "source": {"type": "copy", "name": "secret", "pool": "local", "project": "green"},
        },
    ),
    "delete a volume of the other": ("DELETE", "/1.0/storage-pools/local/volumes/custom/secret?project=green"),
    "be privileged": (*NEW, with_config(security__privileged="true")),
    "choose its UIDs": (*NEW, with_config(security__idmap__isolated="true", security__idmap__base="100000")),
    "map the UIDs of the host": (*NEW, with_config(raw__idmap="both 0 0")),
    "nest": (*NEW, with_config(security__nesting="true")),
    "write raw.lxc": (*NEW, with_config(raw__lxc="lxc.mount.entry = / mnt none bind 0 0")),
    "write raw.apparmor": (*NEW, with_config(raw__apparmor="mount,")),
    "write raw.seccomp": (*NEW, with_config(raw__seccomp="2\ndenylist\n")),
    "load kernel modules": (*NEW, with_config(linux__kernel_modules="overlay")),
    "intercept mounts": (*NEW, with_config(security__syscalls__intercept__mount="true")),
    "set the limits of the kernel": (*NEW, with_config(limits__kernel__nofile="1000000")),
    "mount the root of the host": (*NEW, with_device(type="disk", source="/", path="/mnt")),
    "have the memory of the host": (*NEW, with_device(type="unix-char", source="/dev/mem", path="/dev/mem")),
    "have a disk of the host": (*NEW, with_device(type="unix-block", source="/dev/sda", path="/dev/sda")),
    "have devices that come later": (*NEW, with_device(type="unix-hotplug", vendorid="0000")),
    "have a GPU": (*NEW, with_device(type="gpu")),
    "have a USB device": (*NEW, with_device(type="usb")),
    "listen on the host": (*NEW, with_device(type="proxy", listen="tcp:0.0.0.0:80", connect="tcp:127.0.0.1:80")),
    "have a NIC of the host": (*NEW, with_device(type="nic", nictype="physical", parent="eth0")),
    "be on the network of the host": (*NEW, with_device(type="nic", nictype="macvlan", parent="eth0")),
    "be on the uplink": (*NEW, with_device(type="nic", network="uplink")),
    "be on the network of the other": (*NEW, with_device(type="nic", network="green")),
    "have no limit of memory": ("PATCH", "/1.0/profiles/default?project=blue", {"config": {"limits.memory": ""}}),
    "have more memory than its quota": (*NEW, with_config(limits__memory="64GiB")),
    "change its instance so": ("PATCH", "/1.0/instances/own?project=blue", {"config": {"security.privileged": "true"}}),
    "change its profile so": ("PATCH", "/1.0/profiles/default?project=blue", {"config": {"raw.lxc": "attack"}}),
    "fill the disk of the host": ("POST", "/1.0/instances/own/backups?project=blue", {"name": "attack"}),
    "ask the database": ("POST", "/internal/sql", {"database": "global", "query": "SELECT * FROM config"}),
}


@pytest.fixture(scope="module")
def blue(cloud: Cloud) -> Iterator[Tenant]:
    """With an instance of its own, beside what green has."""
    for project, name in (("blue", "own"), ("green", "secret")):
        cloud.run(
            "node1",
            "instance",
            name=name,
            project=project,
            **EMPTY,
            state="stopped",
            description=SECRET if project == "green" else "",
        )
    volume = {"pool": "local", "name": "secret", "project": "green"}
    cloud.run("node1", "storage_volume", **volume, description=SECRET, config={"size": "16MiB"})
    cloud.run("node1", "profile", name="secret", project="green", description=SECRET)
    yield Tenant(cloud.clients["blue"], "10.0.0.1", cloud.outer.keeper.pid)
    cloud.run("node1", "instance", name="attack", project="blue", state="absent", force=True)
    cloud.run("node1", "profile", name="secret", project="green", state="absent")
    cloud.run("node1", "storage_volume", **volume, state="absent")
    for project, name in (("blue", "own"), ("green", "secret")):
        cloud.run("node1", "instance", name=name, project=project, state="absent")


def everything(cloud: Cloud) -> dict[str, Any]:
    """What the cloud has, of all tenants, without what changes by itself."""
    places = ["", "/projects", "/certificates", "/storage-pools", "/cluster/members"]
    for project in ("default", "blue", "green"):
        places += [
            f"/{section}?project={project}"
            for section in ("instances", "images", "profiles", "networks", "network-acls")
        ]
        places.append(f"/storage-pools/local/volumes?project={project}")
    found = {place: cloud.query("node1", f"/1.0{place}{'&' if '?' in place else '?'}recursion=1") for place in places}
    found[""] = found[""]["config"]
    for member in found["/cluster/members"]:
        member.pop("message")
    for entries in found.values():
        for entry in entries if isinstance(entries, list) else ():
            for key in ("last_used_at", "used_by", "status", "state"):
                entry.pop(key, None)
            if entry.get("locations"):
                entry["locations"].sort()
    return found


@pytest.mark.both
def test_what_a_tenant_attempts_is_refused(cloud: Cloud, blue: Tenant) -> None:
    before = everything(cloud)
    taken = []
    for attack, (method, path, *rest) in ATTACKS.items():
        answer = blue.send(method, path, *rest)
        if not answer.refused:
            taken.append(f"{attack}: {answer.text[:300]}")
    assert taken == []
    assert everything(cloud) == before
    assert not blue.send("GET", "/1.0/instances/own?project=blue").refused


@pytest.mark.both
def test_a_tenant_reads_nothing_of_another(cloud: Cloud, blue: Tenant) -> None:
    shown = {path: blue.send("GET", path).text for path in READS}
    shown["events"] = ""
    for query in ("project=green", "all-projects=true"):
        heard = blue.heard(f"/1.0/events?{query}", lambda: rename(cloud, "green", "secret"))
        shown["events"] += heard.decode(errors="replace")
    leaks = [path for path, text in shown.items() if SECRET in text or '"green"' in text or "=green" in text]
    assert [path for path in leaks if path not in LEAKS[cloud.kind]] == []
    assert b"own" in blue.heard("/1.0/events?project=blue", lambda: rename(cloud, "blue", "own"))
    own = blue.send("GET", "/1.0/instances/own?project=blue")
    assert not own.refused and json.loads(own.text)["metadata"]["name"] == "own"


def rename(cloud: Cloud, project: str, name: str) -> None:
    """There and back, which clients hear of."""
    for one, other in ((name, f"{name}-2"), (f"{name}-2", name)):
        cloud.run("node1", "instance", name=one, new_name=other, project=project, state="stopped")


@pytest.mark.both
def test_a_tenants_own_ansible(cloud: Cloud) -> None:
    """With the example inventory of a tenant, the file of the operator, and a certificate and its key."""
    place = cloud.lab / "tenant"
    shutil.copytree(EXAMPLE, place, dirs_exist_ok=True)
    shutil.copy(cloud.lab / "tenants" / "blue.yml", place / "host_vars" / "cloud.yml")
    shutil.copy(cloud.clients["blue"].cert, place / "client.crt")
    shutil.copy(cloud.clients["blue"].key, place / "client.key")
    assert changed(cloud.as_tenant(place / "hosts.yml", "cloudhost.lxd.apply")) == 1
    assert changed(cloud.as_tenant(place / "hosts.yml", "cloudhost.lxd.apply")) == 0
