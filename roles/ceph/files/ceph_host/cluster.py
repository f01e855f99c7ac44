# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cluster as a whole has: entities with their rights, pools, file systems, and what was removed of it."""

from __future__ import annotations

from typing import Any, Mapping

from . import keys
from .host import Failed, Host
from .monitors import Monitors, Refused

#: Of `osd safe-to-destroy`: not now, or the managers do not know yet.
NOT_YET = (11, 16)


def entities(host: Host, admin: Monitors, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Entities with exactly these rights. Keys stay as they are."""
    there = {one["entity"]: one for one in admin.command("auth ls")["auth_dump"]}
    changed = {entity: caps for entity, caps in wanted.items() if there.get(entity, {}).get("caps") != caps}
    if not changed:
        return
    for entity, caps in changed.items():
        before = there.get(entity, {}).get("caps")
        host.diffs.append(
            {
                "before": "" if before is None else rights(before),
                "after": rights(caps),
                "before_header": entity,
                "after_header": entity,
            }
        )
    text = keys.keyring(
        {entity: (there.get(entity, {}).get("key") or keys.new(), caps) for entity, caps in changed.items()}
    )
    host.do(f"give rights to {', '.join(changed)}", lambda: admin.command("auth import", text.encode()))


def rights(caps: Mapping[str, str]) -> str:
    return "".join(f"{daemon}: {text}\n" for daemon, text in sorted(caps.items()))


def remove_monitors(host: Host, admin: Monitors, names: list[str]) -> None:
    """Have the others forget monitors, where enough of them stay that agree."""
    status = admin.quorum()
    gone = [name for name in names if name in status["known"]]
    staying = [name for name in status["known"] if name not in gone]
    agreeing = [name for name in status["quorum"] if name in staying]
    if gone and 2 * len(agreeing) <= len(staying):
        raise Failed(
            f"ceph_remove_mons: without {', '.join(gone)}, {len(staying)} monitors would stay, and of these only "
            f"{', '.join(agreeing) or 'none'} would run: more than half have to. Start or add others first"
        )
    for name in gone:
        host.do(f"remove the monitor {name}", lambda name=name: admin.command("mon rm", name=name))


def pools(host: Host, admin: Monitors, wanted: list[dict[str, Any]]) -> None:
    """Pools with their replicas and their application. A pool that is not written is left alone."""
    if not wanted:
        return
    there = {one["pool_name"]: one for one in admin.command("osd dump")["pools"]}
    for pool in wanted:
        name, application = pool["name"], pool["application"]
        found = there.get(name)
        if found is None:
            host.do(f"create the pool {name}", create_pool, admin, pool)
        sizes = {"size": pool["replicas"], "min_size": pool["min_replicas"]}
        for key, size in sizes.items():
            if found is not None and found[key] != size:
                host.do(f"set {key} of the pool {name} to {size}", set_pool, admin, name, key, size)
        if found is not None and application and application not in found["application_metadata"]:
            host.do(f"let {application} use the pool {name}", enable, admin, name, application)


def create_pool(admin: Monitors, pool: dict[str, Any]) -> None:
    name = pool["name"]
    number: dict[str, Any] = {"pg_num": int(pool["pg_num"])} if pool.get("pg_num") else {}
    admin.command("osd pool create", pool=name, size=pool["replicas"], **number)
    set_pool(admin, name, "size", pool["replicas"])
    set_pool(admin, name, "min_size", pool["min_replicas"])
    if pool["application"]:
        enable(admin, name, pool["application"])


def set_pool(admin: Monitors, name: str, key: str, size: int) -> None:
    sure: dict[str, Any] = {"yes_i_really_mean_it": True} if key == "size" and size == 1 else {}
    admin.command("osd pool set", pool=name, var=key, val=str(size), **sure)


def enable(admin: Monitors, name: str, application: str) -> None:
    admin.command("osd pool application enable", pool=name, app=application)


def file_systems(host: Host, admin: Monitors, names: list[str]) -> None:
    """File systems, each on two pools that bear its name."""
    there = [one["name"] for one in admin.command("fs ls") or []] if names else []
    for name in names:
        if name not in there:
            host.do(
                f"create the file system {name}",
                lambda name=name: admin.command(
                    "fs new", fs_name=name, metadata=f"{name}_metadata", data=f"{name}_data"
                ),
            )


def await_manager(host: Host, admin: Monitors) -> None:
    """Until a manager is active: without one, nobody knows what the OSDs have."""
    host.wait(
        lambda: admin.command("mgr dump")["available"],
        lambda: "no Ceph manager is active. Look at systemctl status 'ceph-mgr@*' on their hosts",
    )


def await_osds(host: Host, admin: Monitors, osds: Mapping[str, list[int]]) -> None:
    """Until all OSDs of these hosts are up."""
    of = {number: name for name, numbers in osds.items() for number in numbers}
    down: list[int] = []

    def up() -> bool:
        state = {one["osd"]: one["up"] for one in admin.command("osd dump")["osds"]}
        down[:] = [number for number in of if not state.get(number)]
        return not down

    host.wait(
        up,
        lambda: (
            f"these OSDs are not up: {', '.join(f'osd.{number} on {of[number]}' for number in down)}. Look at "
            f"systemctl status ceph-osd@{down[0]} on {of[down[0]]}, and whether hosts reach the ports 6800 to 7300 of "
            "each other"
        ),
    )


def await_served(host: Host, admin: Monitors, names: list[str]) -> None:
    """Until each of these file systems has a metadata server."""
    missing: list[str] = []

    def served() -> bool:
        maps = [one["mdsmap"] for one in admin.command("fs dump")["filesystems"]]
        states = {one["fs_name"]: {info["state"] for info in one["info"].values()} for one in maps}
        missing[:] = [name for name in names if "up:active" not in states.get(name, ())]
        return not missing

    if names:
        host.wait(
            served,
            lambda: (
                f"no metadata server serves {', '.join(missing)}. Look at systemctl status 'ceph-mds@*' on the hosts "
                "of ceph_mds_hosts; each file system needs one of its own"
            ),
        )


def remove_osds(host: Host, admin: Monitors, numbers: list[int]) -> None:
    """Take OSDs out, and remove them when all they had is elsewhere. A later run removes those that are not so far."""
    there = {one["osd"]: one for one in admin.command("osd dump")["osds"]} if numbers else {}
    for number in numbers:
        if number not in there:
            continue
        if there[number]["in"]:
            host.do(f"take osd.{number} out", lambda number=number: admin.command("osd out", ids=[str(number)]))
        elif reason := unsafe(admin, number):
            host.warnings.append(f"osd.{number} is not removed yet, because {reason}. Run this again later")
        elif there[number]["up"]:
            host.warnings.append(
                f"osd.{number} can be removed, but still runs: stop it on its host (systemctl disable --now ceph-osd@"
                f"{number}), take its disk out of ceph_osds, and run this again"
            )
        else:
            sure = {"yes_i_really_mean_it": True}
            host.do(
                f"remove osd.{number}",
                lambda number=number, sure=sure: admin.command("osd purge-actual", id=number, **sure),
            )


def unsafe(admin: Monitors, number: int) -> str:
    """Why an OSD may not be destroyed; empty if it may."""
    try:
        safe = admin.command("osd safe-to-destroy", manager=True, ids=[str(number)])
        return "" if number in safe["safe_to_destroy"] else "its data is not elsewhere yet"
    except Refused as exc:
        if exc.code in NOT_YET:
            return "its data is not elsewhere yet"
        raise


def health(admin: Monitors) -> dict[str, Any]:
    """What Ceph says of itself."""
    found = admin.command("health")
    return {
        "status": found["status"],
        "checks": {name: one["summary"]["message"] for name, one in found.get("checks", {}).items()},
    }
