# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the role. Each gets what vars/main.yml says, and returns what the next ones need."""

from __future__ import annotations

import base64
import os
import uuid
from typing import Any, Callable, Dict

from . import cluster, daemons, disks, keys, wanted
from .host import ETC, Failed, Host, read, run
from .monitors import Monitors, monitors
from .osds import BOOTSTRAP, Osds

Given = Dict[str, Any]  # what a step gets, by name
ADMIN = "client.admin"


def look(host: Host, given: Given) -> dict[str, Any]:
    """What this host has. A monitor that does not run is started: without most of them, nothing can be asked."""
    name = given["name"]
    missing = missing_packages(given["packages"])
    result = {
        "me": given["me"],
        "missing": missing,
        "fsid": conf("fsid"),
        "monitor": daemons.has_monitor(name),
        "quorum": None,
    }
    if missing or not result["monitor"]:
        return result
    host.running(daemons.unit("mon", name))
    if not (host.check and host.actions):  # one that check mode did not start
        addresses = [part.strip().strip("[]") for part in (conf("mon_host") or given["address"]).split(",")]
        with own_monitor(host, {**given, "addresses": addresses}) as admin:
            result["quorum"] = admin.quorum()
    return result


def missing_packages(names: list[str]) -> list[str]:
    """Those packages of the distribution that are not installed."""
    text = run("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", "--", *names, codes=(0, 1))
    there = {line.split()[0] for line in text.splitlines() if line.endswith(" installed")}
    return [name for name in names if name not in there]


def conf(option: str) -> str | None:
    """What /etc/ceph/ceph.conf says of an option."""
    lines = [line.partition("=") for line in (read(f"{ETC}/ceph.conf") or "").splitlines()]
    return next((text.strip() for name, _equals, text in lines if name.strip().replace(" ", "_") == option), None)


def own_monitor(host: Host, given: Given) -> Any:
    """The monitors, as those see them who have the key of the monitor of this host."""
    return monitors(host, given["addresses"], "mon.", daemons.monitor_key(given["name"]))


def control(host: Host, given: Given) -> dict[str, Any]:
    """On one host: the first monitor, and the entities."""
    name, entities = given["name"], wanted.entities(given)
    if not daemons.has_monitor(name):
        fsid = given["fsid"] or conf("fsid") or str(uuid.uuid4())
        first = {"mon.": {"mon": "allow *"}, **entities}
        daemons.configure(host, {"global": {"fsid": fsid, **given["config"]["global"]}, **others(given["config"])})
        text = keys.keyring({entity: (keys.new(), caps) for entity, caps in first.items()})
        daemons.first_monitor(host, name, given["address"], fsid, text)
        host.running(daemons.unit("mon", name))
        if host.check:
            return {"fsid": "", "quorum": None}
    with own_monitor(host, given) as admin:
        cluster.remove_monitors(host, admin, given["remove_mons"])
        cluster.entities(host, admin, entities)
        found = admin.quorum()
    return {"fsid": found["fsid"], "quorum": found}


def others(config: dict[str, Any]) -> dict[str, Any]:
    return {section: options for section, options in config.items() if section != "global"}


def read_keys(host: Host, given: Given) -> dict[str, Any]:
    """On the same host: the keys of entities, and the map of the monitors, for the other hosts.

    Ansible hides all that this task says, so the next one says why it failed.
    """
    try:
        with own_monitor(host, given) as admin:
            there = {one["entity"]: one["key"] for one in admin.command("auth ls")["auth_dump"]}
            monmap = base64.b64encode(admin.raw("mon getmap")).decode("ascii")
    except Failed as exc:
        return {"reason": str(exc)}
    known = {entity: there[entity] for entity in wanted.entities(given) if entity in there}
    return {"of_entities": {"mon.": daemons.monitor_key(given["name"]), **known}, "monmap": monmap}


def daemons_of_host(host: Host, given: Given) -> dict[str, Any]:
    """On every host: its configuration, its keyrings, and its daemons."""
    name, found, fsid = given["name"], given["keys"], given["fsid"]
    if given["reason"]:
        raise Failed(given["reason"])
    osds = [disks.disk(entry) for entry in given["osds"]]
    daemons.check_fsid(conf("fsid"), fsid)
    shared = {"fsid": fsid or "(that of the cluster that is made)", **given["config"]["global"]}
    daemons.configure(host, {"global": shared, **others(given["config"])})
    for entity in given["keyrings"]:
        daemons.place_keyring(host, entity, found.get(entity, ""))
    converge_monitor(host, given)
    daemons.daemon(host, "mgr", name, found.get(f"mgr.{name}", "") if given["mgr"] else None, given["limited"])
    numbers = converge_osds(host, given, osds)
    daemons.daemon(host, "mds", name, found.get(f"mds.{name}", "") if given["mds"] else None, given["limited"])
    return {"osds": numbers}


def converge_monitor(host: Host, given: Given) -> None:
    name = given["name"]
    if given["mon"]:
        if not daemons.has_monitor(name):
            daemons.next_monitor(host, name, given["keys"].get("mon.", ""), given["monmap"])
        host.running(daemons.unit("mon", name))
        if not host.actions or not host.check:
            with own_monitor(host, given) as admin:
                daemons.await_quorum(host, admin, [name])
    elif daemons.has_monitor(name) and name in given["remove_mons"]:
        daemons.retire_monitor(host, name)
    elif daemons.has_monitor(name) and not given["limited"]:
        host.warnings.append(
            f"{name} has a monitor that ceph_mon_hosts does not name. It goes on; to remove it, add {name} to "
            "ceph_remove_mons"
        )


def converge_osds(host: Host, given: Given, osds: list[disks.Disk]) -> list[int]:
    if not osds:
        return []
    if not given["fsid"] or not given["keys"].get(BOOTSTRAP):  # a check run without a cluster
        return Osds(host, given["fsid"], None, given["wipe"]).converge(osds)
    with monitors(host, given["addresses"], BOOTSTRAP, given["keys"][BOOTSTRAP]) as admin:
        return Osds(host, given["fsid"], admin, given["wipe"]).converge(osds)


def whole(host: Host, given: Given) -> dict[str, Any]:
    """On one host, after all others: what needs their daemons. Managers ask for the rights of client.admin."""
    key = keys.key_of(read(f"{ETC}/ceph.client.admin.keyring"), ADMIN)
    with monitors(host, given["addresses"], ADMIN, key) as admin:
        if not host.check:
            daemons.await_quorum(host, admin, given["mons"])
            cluster.await_osds(host, admin, given["osds"])
        cluster.pools(host, admin, wanted.pools(given))
        names = [one["name"] for one in given["filesystems"]]
        cluster.file_systems(host, admin, names)
        if not host.check:
            cluster.await_served(host, admin, names)
            cluster.await_manager(host, admin)
        cluster.remove_osds(host, admin, given["remove_osds"])
        strangers(host, admin, given)
        return {"health": cluster.health(admin)}


def strangers(host: Host, admin: Monitors, given: Given) -> None:
    """Warn of monitors that the inventory does not have: with those that are gone for good, fewer may fail."""
    for name in admin.quorum()["known"] if given["declared"] else ():
        if name not in given["declared"]:
            host.warnings.append(
                f"this Ceph has a monitor {name} that ceph_mon_hosts does not name. If it is gone for good, add {name} "
                "to ceph_remove_mons"
            )


STEPS: dict[str, Callable[[Host, Given], dict[str, Any]]] = {
    "look": look,
    "control": control,
    "keys": read_keys,
    "host": daemons_of_host,
    "cluster": whole,
}


def perform(given: Given) -> dict[str, Any]:
    """The result of a step, as Ansible has results."""
    host = Host(given["check"], given["timeout"])
    result: dict[str, Any] = {}
    try:
        if os.geteuid():
            raise Failed("the role ceph needs root on the host: use become")
        result = STEPS[given["step"]](host, given)
    except Failed as exc:
        result = {"failed": True, "msg": str(exc)}
    return {
        "changed": bool(host.actions),
        "actions": host.actions,
        "diff": host.diffs,
        "warnings": host.warnings,
        **result,
    }
