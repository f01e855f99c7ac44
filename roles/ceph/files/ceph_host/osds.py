# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OSDs of a host: those on its disks are found again, new ones are made, and no disk with data is touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from typing import Any

from . import disks, keys
from .disks import Disk
from .host import CEPH, DATA, NOTES, UNITS, Failed, Host, folder, give, ids, read, replace, run
from .monitors import Monitors

BOOTSTRAP = "client.bootstrap-osd"


class Osds:
    """The OSDs of this host.

    :param fsid: the cluster; empty in a check run that would make it
    :param admin: the monitors, with the rights of client.bootstrap-osd; None if there are none yet
    :param wipe: paths of disks whose data is given up
    """

    def __init__(self, host: Host, fsid: str, admin: Monitors | None, wipe: list[str]) -> None:
        self.host, self.fsid, self.admin = host, fsid, admin
        self.wipe = [os.path.normpath(path) for path in wipe]
        self._known: dict[int, str] | None = None

    def known(self) -> dict[int, str]:
        """The OSDs of the cluster, with their UUIDs."""
        if self._known is None:
            osds = self.admin.command("osd dump")["osds"] if self.admin else []
            self._known = {one["osd"]: one["uuid"] for one in osds}
        return self._known

    def converge(self, wanted: list[Disk]) -> list[int]:
        """Every disk has its OSD, and it runs.

        :returns: their numbers; those that a check run would make have none
        """
        # All disks are looked at before the first is written to.
        labels = {one.path: self.refused_or_label(one) for one in wanted}
        found: list[int] = []
        for one in wanted:
            number = self.one(one, labels[one.path])
            found += [] if number is None else [number]
        if found:
            self.host.running(*(f"ceph-osd@{number}.service" for number in found))
        return found

    def refused_or_label(self, one: Disk) -> dict[str, str]:
        """The label of an OSD of this cluster; empty if the disk may be used for a new one.

        :raises Failed: the disk holds something else
        """
        if not disks.checked(one) or not shutil.which("ceph-bluestore-tool"):
            return {}
        label = disks.label(one.path)
        if self.is_ours(label):
            return label
        what = self.foreign(label) or disks.found(one.path)
        if not what or (label and self.is_pending(one, label)):
            return {}
        if one.path not in self.wipe:
            raise Failed(
                f"{one.path} holds {what}, so no OSD is made of it. If this data can be given up, run once with -e "
                f"'{json.dumps({'ceph_wipe': [one.path]})}'; otherwise take the disk out of ceph_osds"
            )
        if disks.in_use(one.path):
            raise Failed(f"{one.path} holds {what}: it is in use, and is not erased. Take it out of use first")
        return {}

    def is_ours(self, label: dict[str, str]) -> bool:
        """Whether it is of an OSD that the cluster knows and that was made to the end."""
        number = label.get("whoami", "")
        return (
            label.get("ceph_fsid") == self.fsid
            and label.get("ready") == "ready"
            and number.isdigit()
            and self.known().get(int(number)) == label.get("osd_uuid")
        )

    def foreign(self, label: dict[str, str]) -> str:
        if not label:
            return ""
        name = f"osd.{label.get('whoami', '?')}"
        if label.get("ceph_fsid") == self.fsid:
            return f"{name}, which this Ceph does not have any more, or which was not made to the end"
        return f"{name} of another Ceph cluster ({label.get('ceph_fsid', 'unknown')})"

    def one(self, disk: Disk, label: dict[str, str]) -> int | None:
        if label:
            self.adopt(disk, label)
            return int(label["whoami"])
        number: int | None = self.host.do(f"make an OSD on {disk.path}", self.make, disk)
        return number

    # -- an OSD that exists -------------------------------------------------------------------------------------------

    def adopt(self, disk: Disk, label: dict[str, str]) -> None:
        """The folder of an OSD that is on a disk: it is lost when the host is installed again."""
        number = int(label["whoami"])
        place = folder_of(number)
        if read(f"{place}/keyring") is None or not os.path.exists(f"{place}/ready"):
            self.host.do(f"take osd.{number} on {disk.path} as it is", self.prime, disk, number)
        self.own_disk(disk, number)
        self.forget(disk)

    def prime(self, disk: Disk, number: int) -> None:
        place = folder_of(number)
        folder(place)
        run("ceph-bluestore-tool", "prime-osd-dir", "--dev", disk.path, "--path", place)
        link(disks.stable(disk.path), f"{place}/block")
        give(place)

    def own_disk(self, disk: Disk, number: int) -> None:
        """The disk belongs to the daemons whenever the OSD starts: devices belong to root again after each boot.

        The path stands in a file of root. The link in the folder of the OSD is the daemon's, who could let it point
        anywhere.
        """
        text = (
            "# Written by the role cloudhost.lxd.ceph.\n[Service]\n"
            f"ExecStartPre=/bin/chown ceph:ceph {disks.stable(disk.path)}\n"
        )
        place = f"{UNITS}/ceph-osd@{number}.service.d"
        if read(f"{place}/cloudhost-lxd.conf") != text:
            self.host.do(f"have osd.{number} own {disk.path}", unit, place, text)

    # -- a new one ----------------------------------------------------------------------------------------------------

    def make(self, disk: Disk) -> int:
        """A new OSD. Its UUID and key are kept until it is made, so that a run that broke off is continued."""
        pending = self.pending(disk)
        if not os.path.exists(disk.path):
            disks.make(disk)
        disks.erase(disk.path)
        assert self.admin
        secrets = json.dumps({"cephx_secret": pending["key"]}).encode()
        number = int(self.admin.command("osd new", secrets, uuid=pending["uuid"])["osdid"])
        place = folder_of(number)
        if os.path.isdir(place):
            shutil.rmtree(place)
        folder(place)
        link(disks.stable(disk.path), f"{place}/block")
        replace(f"{place}/keyring", keys.keyring({f"osd.{number}": (pending["key"], {})}), 0o600, "ceph")
        give(place)
        os.chown(os.path.realpath(disk.path), *ids(CEPH))
        run(
            *("ceph-osd", "--id", str(number), "--mkfs", "--osd-uuid", pending["uuid"], "--osd-objectstore"),
            *("bluestore", "--setuser", "ceph", "--setgroup", "ceph", "--keyfile", "-"),
            given=pending["key"],
        )
        self.own_disk(disk, number)
        self.forget(disk)
        return number

    @staticmethod
    def note(disk: Disk) -> str:
        return f"{NOTES}/new-{hashlib.sha256(disk.path.encode()).hexdigest()[:16]}.json"

    def pending(self, disk: Disk) -> dict[str, str]:
        """The UUID and the key of the OSD that is to be on a disk."""
        known: dict[str, Any] = json.loads(read(self.note(disk)) or "{}")
        if not known:
            known = {"uuid": str(uuid.uuid4()), "key": keys.new()}
            os.makedirs(NOTES, mode=0o700, exist_ok=True)
            replace(self.note(disk), json.dumps(known), 0o600, "root")
        return known

    def is_pending(self, disk: Disk, label: dict[str, str]) -> bool:
        """Whether it is of an OSD that a run before this one began."""
        return bool(json.loads(read(self.note(disk)) or "{}").get("uuid") == label.get("osd_uuid"))

    def forget(self, disk: Disk) -> None:
        if not self.host.check and os.path.lexists(self.note(disk)):
            os.unlink(self.note(disk))


def folder_of(number: int) -> str:
    return f"{DATA}/osd/ceph-{number}"


def link(target: str, place: str) -> None:
    if os.path.lexists(place):
        os.unlink(place)
    os.symlink(target, place)


def unit(place: str, text: str) -> None:
    """An addition to a unit."""
    os.makedirs(place, exist_ok=True)
    replace(f"{place}/cloudhost-lxd.conf", text, 0o644, "root")
    run("systemctl", "daemon-reload")
