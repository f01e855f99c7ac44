# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tenant `blue` sends to the API to leave its project, or to meet the tenant `green`.

Blue has a stopped container `own` and the OVN network `blue`; green has a stopped container and a volume `secret`, the
network `green`, the zone `green.test` and the image of blue. The network `outside` is the uplink of both.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from .tenant import Answer, Tenant


class Attack(NamedTuple):
    method: str
    path: str
    body: Any = None
    headers: dict[str, str] | None = None

    def by(self, tenant: Tenant, known: Mapping[str, str]) -> Answer:
        """
        :param known: what is not known before, such as the fingerprint of the certificate `own`, by its name here
        """
        path, headers = self.path, dict(self.headers or {})
        for name, value in known.items():
            path = path.replace(f"{{{name}}}", value)
            headers = {header: text.replace(f"{{{name}}}", value) for header, text in headers.items()}
        return tenant.send(self.method, path, self.body, headers)


def _own(**change: Any) -> Attack:
    """A change of blue's container. Only what is checked is sent, so nothing else can be the reason for a refusal."""
    return Attack("PATCH", "/1.0/instances/own?project=blue", change)


def _config(key: str, value: str) -> Attack:
    return _own(config={key: value})


def _device(**device: str) -> Attack:
    return _own(devices={"attack": device})


def new(**more: Any) -> Attack:
    """A container of blue, which the restrictions of the project allow as it is."""
    return Attack("POST", "/1.0/instances?project=blue", {"name": "attack", "source": {"type": "none"}, **more})


def _there(method: str, place: str, body: Any = None) -> Attack:
    """Something of green."""
    return Attack(method, f"/1.0/{place}{'&' if '?' in place else '?'}project=green", body)


def _network(place: str, body: Any, method: str = "POST") -> Attack:
    return Attack(method, f"/1.0/networks/{place}?project=blue", body)


def _patch(place: str, **config: str) -> Attack:
    return Attack(
        "PATCH", f"/1.0/{place}", {"config": {key.replace("__", "."): value for key, value in config.items()}}
    )


#: The project, the trust store and the cluster are not its own.
SERVER = {
    "relax its project": _patch("projects/blue", restricted="false"),
    "raise its quota": _patch("projects/blue", limits__instances="1000"),
    "delete its project": Attack("DELETE", "/1.0/projects/blue"),
    "rename its project": Attack("POST", "/1.0/projects/blue", {"name": "attack"}),
    "make a project": Attack("POST", "/1.0/projects", {"name": "attack"}),
    "change the project of the other": _patch("projects/green", limits__instances="0"),
    "configure the server": Attack("PATCH", "/1.0", {"config": {"core.https_allowed_origin": "*"}}),
    "trust another client": Attack("POST", "/1.0/certificates", {"type": "client", "name": "attack", "token": True}),
    "be limited to more projects": Attack("PATCH", "/1.0/certificates/{own}", {"projects": ["blue", "green"]}),
    "be limited to none": Attack("PATCH", "/1.0/certificates/{own}", {"restricted": False}),
    "be a server": Attack("PATCH", "/1.0/certificates/{own}", {"type": "server"}),
    "remove the client of the other": Attack("DELETE", "/1.0/certificates/{other}"),
    "remove a member": Attack("DELETE", "/1.0/cluster/members/node2?force=1"),
    "evacuate a member": Attack("POST", "/1.0/cluster/members/node2/state", {"action": "evacuate"}),
    "configure a member": _patch("cluster/members/node2", scheduler__instance="manual"),
    "let a host join": Attack("POST", "/1.0/cluster/members", {"server_name": "attack"}),
    "make a group": Attack("POST", "/1.0/cluster/groups", {"name": "attack", "members": ["node1"]}),
    "make a pool": Attack("POST", "/1.0/storage-pools", {"name": "attack", "driver": "dir"}),
    "change a pool": _patch("storage-pools/local", rsync__bwlimit="1"),
    "delete a warning": Attack("DELETE", "/1.0/warnings/00000000-0000-0000-0000-000000000000"),
    "pass for a member": Attack(
        "POST",
        "/1.0/instances?project=blue",
        new(config={"security.privileged": "true"}).body,
        {"User-Agent": "{product}-cluster-notifier"},
    ),
    "ask the database": Attack("POST", "/internal/sql", {"database": "global", "query": "SELECT * FROM config"}),
    "stop the daemon": Attack("PUT", "/internal/shutdown"),
}
#: What restricted.* of the project block.
PROJECT = {
    "be privileged": _config("security.privileged", "true"),
    "choose its UIDs": _config("security.idmap.base", "100000"),
    "map the UIDs of the host": _config("raw.idmap", "both 0 0"),
    "nest": _config("security.nesting", "true"),
    "write raw.lxc": _config("raw.lxc", "lxc.mount.entry = / mnt none bind 0 0"),
    "write raw.apparmor": _config("raw.apparmor", "mount,"),
    "write raw.seccomp": _config("raw.seccomp", "2\ndenylist\n"),
    "load kernel modules": _config("linux.kernel_modules", "overlay"),
    "intercept mounts": _config("security.syscalls.intercept.mount", "true"),
    "hold up a shutdown": _config("boot.host_shutdown_timeout", "86400"),
    "read images from inside": _config("security.devlxd.images", "true"),
    "mount the root of the host": _device(type="disk", source="/", path="/mnt"),
    "mount a file system in memory": _device(type="disk", source="tmpfs:", path="/mnt"),
    "mount a share of a Ceph": _device(type="disk", source="cephfs:shared/all", path="/mnt"),
    "mount a volume of the other": _device(type="disk", pool="local", source="secret", path="/mnt"),
    "mount it by its directory": _device(type="disk", pool="local", source="../custom/green_secret", path="/mnt"),
    "have the memory of the host": _device(type="unix-char", source="/dev/mem", path="/dev/mem"),
    "have a disk of the host": _device(type="unix-block", source="/dev/sda", path="/dev/sda"),
    "have devices that come later": _device(type="unix-hotplug", vendorid="0000"),
    "have a GPU": _device(type="gpu"),
    "have a USB device": _device(type="usb"),
    "have a PCI device": _device(type="pci", address="0000:00:00.0"),
    "have an InfiniBand device": _device(type="infiniband", nictype="physical", parent="ib0"),
    "listen on the host": _device(type="proxy", listen="tcp:0.0.0.0:80", connect="tcp:127.0.0.1:80"),
    "have a NIC of the host": _device(type="nic", nictype="physical", parent="eth0"),
    "be on the network of the host": _device(type="nic", nictype="macvlan", parent="eth0"),
    "be on a bridge of the host": _device(type="nic", nictype="bridged", parent="outside"),
    "route through the host": _device(type="nic", nictype="routed", parent="eth0"),
    "be on the uplink": _device(type="nic", network="outside", name="eth1"),
    "be on the network of the other": _device(type="nic", network="green", name="eth1"),
    "have an address of the other": _device(type="nic", network="blue", **{"ipv4.address": "10.71.0.9"}),
    "have no limit of memory": Attack("PATCH", "/1.0/profiles/default?project=blue", {"config": {"limits.memory": ""}}),
    "have more memory than its quota": _config("limits.memory", "64GiB"),
    "have more processors than its quota": _config("limits.cpu", "64"),
    "have more disk than its quota": _own(
        devices={"root": {"type": "disk", "path": "/", "pool": "local", "size": "1TiB"}}
    ),
    "change its profile so": Attack("PATCH", "/1.0/profiles/default?project=blue", {"config": {"raw.lxc": "attack"}}),
    "fill the disk of the host": Attack("POST", "/1.0/instances/own/backups?project=blue", {"name": "attack"}),
    "choose a member": Attack("POST", "/1.0/instances?project=blue&target=node2", new().body),
    "choose a group": Attack("POST", "/1.0/instances?project=blue&target=@default", new().body),
    "move to a member": Attack("POST", "/1.0/instances/own?project=blue&target=node2", {"migration": True}),
    "have a volume on a member": Attack(
        "POST",
        "/1.0/storage-pools/local/volumes/custom?project=blue&target=node2",
        {"name": "attack", "type": "custom", "config": {"size": "1TiB"}},
    ),
}
#: What is of green, and of the operator.
OTHERS = {
    "delete an instance of the other": _there("DELETE", "instances/secret"),
    "change it": _there("PATCH", "instances/secret", {"description": "attack"}),
    "rename it": _there("POST", "instances/secret", {"name": "attack"}),
    "start it": _there("PUT", "instances/secret/state", {"action": "start"}),
    "run a command there": _there("POST", "instances/secret/exec", {"command": ["id"], "wait-for-websocket": False}),
    "open its console": _there("POST", "instances/secret/console", {"type": "console"}),
    "read a file there": _there("GET", "instances/secret/files?path=/etc/passwd"),
    "write a file there": _there("POST", "instances/secret/files?path=/attack", b"attack"),
    "read its metadata": _there("GET", "instances/secret/metadata"),
    "snapshot it": _there("POST", "instances/secret/snapshots", {"name": "attack"}),
    "export it": _there("POST", "instances/secret/backups", {"name": "attack"}),
    "read its backups": _there("GET", "instances/secret/backups/attack/export"),
    "move it here": _there("POST", "instances/secret", {"name": "attack", "migration": True, "project": "blue"}),
    "copy it by its directory": new(source={"type": "copy", "source": "green_secret"}),
    "publish it": Attack(
        "POST", "/1.0/images?project=blue", {"source": {"type": "instance", "name": "secret", "project": "green"}}
    ),
    "make an instance there": Attack("POST", "/1.0/instances?project=green", new().body),
    "move its own instance there": Attack(
        "POST", "/1.0/instances/own?project=blue", {"name": "attack", "migration": True, "project": "green"}
    ),
    "delete an image of the other": _there("DELETE", "images/aliases/debian%2F12"),
    "read an image of the other": _there("GET", "images/{image}/export"),
    "have its image passed on": _there("POST", "images/{image}/secret"),
    "make an image there": _there("POST", "images", {"source": {"type": "instance", "name": "own"}}),
    "change a profile of the other": _there("PATCH", "profiles/default", {"description": "attack"}),
    "delete a volume of the other": _there("DELETE", "storage-pools/local/volumes/custom/secret"),
    "change the volume": _there("PATCH", "storage-pools/local/volumes/custom/secret", {"description": "attack"}),
    "export the volume": _there("POST", "storage-pools/local/volumes/custom/secret/backups", {"name": "attack"}),
    "move the volume here": _there(
        "POST", "storage-pools/local/volumes/custom/secret", {"name": "attack", "pool": "local", "project": "blue"}
    ),
    "change the network of the other": _there("PATCH", "networks/green", {"description": "attack"}),
    "delete the network of the other": _there("DELETE", "networks/green"),
    "make a forward there": _there("POST", "networks/green/forwards", {"listen_address": "203.0.113.17"}),
    "make a peer there": _there("POST", "networks/green/peers", {"name": "attack", "target_network": "blue"}),
    "make an ACL there": _there("POST", "network-acls", {"name": "attack"}),
    "change a zone of the other": _there("PATCH", "network-zones/green.test", {"description": "attack"}),
    "write a record there": _there("POST", "network-zones/green.test/records", {"name": "attack"}),
    "take the zone of the other": Attack("POST", "/1.0/network-zones?project=blue", {"name": "green.test"}),
    "read an operation of the other": Attack("GET", "/1.0/operations/{operation}"),
    "read it in its project": Attack("GET", "/1.0/operations/{operation}?project=green"),
    "cancel it": Attack("DELETE", "/1.0/operations/{operation}"),
    "change the uplink": _patch("networks/outside?project=default", ipv4__routes="0.0.0.0/0"),
    "make a bridge": Attack("POST", "/1.0/networks?project=default", {"name": "attack", "type": "bridge"}),
    "make a bridge in its project": Attack("POST", "/1.0/networks?project=blue", {"name": "attack", "type": "bridge"}),
    "have another network": Attack(
        "POST", "/1.0/networks?project=blue", {"name": "attack", "type": "ovn", "config": {"network": "outside"}}
    ),
    "use another uplink": _network("blue", {"config": {"network": "other"}}, "PATCH"),
    "be reached without NAT": _network("blue", {"config": {"ipv4.nat": "false"}}, "PATCH"),
    "use a bridge of the host": _network("blue", {"config": {"parent": "outside"}}, "PATCH"),
    "listen on the address of the other": _network("blue/forwards", {"listen_address": "203.0.113.17"}),
    "listen beyond the uplink": _network("blue/forwards", {"listen_address": "198.51.100.9"}),
    "forward to the network of the other": _network(
        "blue/forwards", {"listen_address": "203.0.113.9", "config": {"target_address": "10.71.0.9"}}
    ),
    "use a zone of the other": _network("blue", {"config": {"dns.zone.forward": "green.test"}}, "PATCH"),
    "use an ACL of the other": _network("blue", {"config": {"security.acls": "green"}}, "PATCH"),
    "balance beyond the uplink": _network("blue/load-balancers", {"listen_address": "198.51.100.9"}),
}
ALL = {**SERVER, **PROJECT, **OTHERS}
#: What daemons do nevertheless (docs/daemons.md): an operation is shown to whoever knows its number, and a zone of
#: another gets the name of the gateway, and of no instance.
_TAKEN = {"read an operation of the other", "read it in its project", "use a zone of the other"}


def taken(server: Mapping[str, Any]) -> set[str]:
    """
    :param server: `GET /1.0`. The LXD of Debian 13 calls itself 5.0.2 too, and has more extensions
    """
    old = server["environment"]["server"] == "lxd" and "network_allocations" not in server["api_extensions"]
    return _TAKEN | ({"make a group"} if old else set())
