# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The monitor, the manager and the metadata server of a host."""

from __future__ import annotations

import base64
import os
import shutil
import time
from typing import Mapping

from . import keys
from .host import DATA, ETC, Failed, Host, folder, give, read, replace, run, scratch, shown
from .monitors import Monitors, bracketed


def data(sort: str, name: str) -> str:
    """The folder of a daemon."""
    return f"{DATA}/{sort}/ceph-{name}"


def unit(sort: str, name: str) -> str:
    return f"ceph-{sort}@{name}.service"


def has_monitor(name: str) -> bool:
    return os.path.isdir(data("mon", name))


def monitor_key(name: str) -> str | None:
    """The key that all monitors share, of the one on this host."""
    return keys.key_of(read(f"{data('mon', name)}/keyring"), "mon.")


def first_monitor(host: Host, name: str, address: str, fsid: str, keyring: str) -> None:
    """A monitor that is a cluster of its own.

    :param keyring: all that its cluster knows from the beginning; `mon.` is among them
    """

    def make() -> None:
        with scratch() as place:
            addresses = f"[v2:{bracketed(address)}:3300,v1:{bracketed(address)}:6789]"
            run("monmaptool", "--create", "--addv", name, addresses, "--fsid", fsid, f"{place}/monmap")
            replace(f"{place}/keyring", keyring, 0o600, "ceph")
            _new_monitor(name, place)

    host.do(f"make the first monitor {name}", make)


def next_monitor(host: Host, name: str, key: str, monmap: str) -> None:
    """A monitor that joins the others when it starts.

    :param monmap: the map of the others, as base64
    """

    def make() -> None:
        with scratch() as place:
            with open(f"{place}/monmap", "wb") as stream:
                stream.write(base64.b64decode(monmap))
            replace(f"{place}/keyring", keys.keyring({"mon.": (key, {"mon": "allow *"})}), 0o600, "ceph")
            _new_monitor(name, place)

    host.do(f"make the monitor {name}", make)


def _new_monitor(name: str, place: str) -> None:
    """The folder of a monitor appears when it is complete, so one that broke off is made again."""
    give(place)
    new = f"{DATA}/mon/.ceph-{name}.new"
    shutil.rmtree(new, ignore_errors=True)
    folder(new)
    run(
        *("ceph-mon", "--mkfs", "--id", name, "--mon-data", new, "--setuser", "ceph", "--setgroup", "ceph"),
        *("--monmap", f"{place}/monmap", "--keyring", f"{place}/keyring"),
    )
    give(new)
    os.rename(new, data("mon", name))


def await_quorum(host: Host, admin: Monitors, names: list[str]) -> None:
    """Until these monitors agree with the others."""
    missing: list[str] = list(names)

    def there() -> bool:
        missing[:] = [name for name in names if name not in admin.quorum()["quorum"]]
        return not missing

    host.wait(
        there,
        lambda: (
            f"the Ceph monitors {', '.join(missing)} have not joined the others at {', '.join(admin.addresses)}. "
            f"Look at their host: systemctl status ceph-mon@{missing[0]}, and whether it reaches the ports 3300 and "
            "6789 of the others"
        ),
    )


def retire_monitor(host: Host, name: str) -> None:
    """A monitor that the others have removed. Its data stays beside, for who removed the wrong one."""
    host.ended(unit("mon", name))
    old = f"{DATA}/mon/removed-{name}-{int(time.time())}"
    host.do(f"move the data of the removed monitor {name} to {old}", os.rename, data("mon", name), old)


def daemon(host: Host, sort: str, name: str, key: str | None, limited: bool) -> None:
    """A manager or a metadata server, which has nothing but its key; none is wanted without a key.

    :param limited: whether the run does not know all hosts, so that nobody can say which daemons are not wanted
    """
    place = data(sort, name)
    if key is None:
        if not limited and shown(unit(sort, name))[0] == "active":
            host.warnings.append(
                f"{name} has a daemon {sort} that ceph_{sort}_hosts does not name. It goes on; to end it: systemctl "
                f"disable --now ceph-{sort}@{name}"
            )
        return
    demand(host, f"{sort}.{name}", key)
    if not os.path.isdir(place) and not host.check:
        folder(place)
    host.write(f"{place}/keyring", keys.keyring({f"{sort}.{name}": (key, {})}), 0o600, "ceph", secret=True)
    host.running(unit(sort, name))


def demand(host: Host, entity: str, key: str) -> None:
    """A check run may have no key, because the cluster that would make it is not there."""
    if not key and not host.check:
        raise Failed(f"this host got no key of {entity}")


def configure(host: Host, sections: Mapping[str, Mapping[str, object]]) -> None:
    """/etc/ceph/ceph.conf, which everybody may read: there is no secret in it."""
    lines = []
    for section, options in sections.items():
        lines += ["", f"[{section}]", *(f"{name} = {text}" for name, text in options.items())]
    if not host.check:
        os.makedirs(ETC, mode=0o755, exist_ok=True)
    host.write(f"{ETC}/ceph.conf", "# Written by the role cloudhost.lxd.ceph.\n" + "\n".join(lines[1:]) + "\n", 0o644)


def place_keyring(host: Host, entity: str, key: str) -> None:
    """The key of a client, for programs of root."""
    demand(host, entity, key)
    path = f"{ETC}/ceph.{entity}.keyring"
    if entity == "client.bootstrap-osd":
        path = f"{DATA}/bootstrap-osd/ceph.keyring"
    host.write(path, keys.keyring({entity: (key, {})}), 0o600, secret=True)


def check_fsid(known: str | None, fsid: str) -> None:
    if known and fsid and known != fsid:
        raise Failed(
            f"{ETC}/ceph.conf is of another Ceph cluster ({known}) than the one of this inventory ({fsid}). A host "
            "is in one cluster: take it out of the other one, and remove the file, first"
        )
