# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Ceph on one host of the lab, that all hosts reach: one monitor, one manager and one OSD that keeps its data in
memory.
"""

from __future__ import annotations

import pathlib
import subprocess
import uuid

from .cluster import Node

_CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:{ip}:3300,v1:{ip}:6789]
mon initial members = a
public network = {ip}/24
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
osd objectstore = memstore
memstore device bytes = 1073741824
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd
run dir = {folder}/run
log file = {folder}/log
admin socket = {folder}/run/$name.asok
[client]
keyring = {etc}/ceph.client.admin.keyring
"""
#: Where Ceph's tools look for its config and keys, here and on the hosts.
ETC = pathlib.Path("/etc/ceph")


class Ceph:
    def __init__(self, node: Node, folder: pathlib.Path) -> None:
        self.node, self.folder, self.etc = node, folder, folder / "etc"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for name in ("etc", "mon", "mgr", "osd", "run"):
            (self.folder / name).mkdir(parents=True)
        fsid = str(uuid.uuid4())
        (self.etc / "ceph.conf").write_text(
            _CONFIG.format(fsid=fsid, ip=self.node.ip, folder=self.folder, etc=self.etc)
        )
        self.show(self.node)
        admin, monitor, monmap = ETC / "ceph.client.admin.keyring", self.folder / "mon.keyring", self.folder / "monmap"
        every = [
            "--cap",
            "mon",
            "allow *",
            "--cap",
            "osd",
            "allow *",
            "--cap",
            "mds",
            "allow *",
            "--cap",
            "mgr",
            "allow *",
        ]
        self._run(
            "ceph-authtool", "--create-keyring", str(monitor), "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"
        )
        self._run("ceph-authtool", "--create-keyring", str(admin), "--gen-key", "-n", "client.admin", *every)
        self._run("ceph-authtool", str(monitor), "--import-keyring", str(admin))
        self._run(
            "monmaptool",
            "--create",
            "--addv",
            "a",
            f"[v2:{self.node.ip}:3300,v1:{self.node.ip}:6789]",
            "--fsid",
            fsid,
            str(monmap),
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(monmap), "--keyring", str(monitor))
        self._begin("ceph-mon", "a")
        caps = ["mon", "allow profile mgr", "osd", "allow *", "mds", "allow *"]
        self._run("ceph", "auth", "get-or-create", "mgr.x", *caps, "-o", str(self.folder / "mgr" / "keyring"))
        self._begin("ceph-mgr", "x")
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd)
        caps = ["mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *"]
        self._run("ceph", "auth", "get-or-create", "osd.0", *caps, "-o", str(self.folder / "osd" / "keyring"))
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._begin("ceph-osd", "0")
        self.node._await(lambda: " 1 up" in self._run("ceph", "osd", "stat"), "the OSD to be up", 60)

    def show(self, node: Node) -> None:
        """Have a host's daemon and tools find this Ceph where they look for one."""
        node.within("mount", "--bind", str(self.etc), str(ETC))

    def pools(self) -> list[str]:
        return self._run("ceph", "osd", "pool", "ls").split()

    def file_system(self, name: str) -> None:
        """A file system without a metadata server, as much as a daemon asks for before it mounts one."""
        for part in ("metadata", "data"):
            self._run("ceph", "osd", "pool", "create", f"{name}_{part}", "8")
        self._run("ceph", "fs", "new", name, f"{name}_metadata", f"{name}_data")

    def _begin(self, program: str, name: str) -> None:
        self.processes.append(
            subprocess.Popen(
                self._enter(program, "-f", "-i", name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )

    def _run(self, *command: str) -> str:
        done = subprocess.run(self._enter(*command), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def _enter(self, *command: str) -> list[str]:
        return ["nsenter", "--net", "--mount", f"--target={self.node.keeper.pid}", *command]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
