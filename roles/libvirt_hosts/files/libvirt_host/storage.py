# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage pool, and the volumes of machines: images and kernels, which machines share, disks and seeds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import tempfile
from typing import Any, Mapping
from xml.etree import ElementTree

import libvirt

from . import documents
from .connection import Libvirt
from .wanted import Image, Refused, size

#: The pools whose volumes are files, as disks that start from an image need them.
FILES = ("dir", "fs", "netfs")
#: What the names of volumes begin with that machines share. In others it follows the name of the machine, which has
#: none.
MARK = "@"
#: Bytes that are sent at a time.
PART = 1 << 20


class Pool:
    """A pool. It is None in `api` where check mode would have made it."""

    def __init__(self, server: Libvirt, name: str, path: str = "") -> None:
        self.server, self.name, self.path = server, name, path
        self.to_come: set[str] = set()  # files that the real run makes or fetches before, by their paths
        self.deleted: set[str] = set()
        self.planned: dict[str, str] = {}  # the paths of volumes that check mode would have made, by their names
        self.api = server.find(server.api.storagePoolLookupByName, name)

    def plan(self, text: str, name: str, function: Any, *arguments: Any) -> str:
        """The path of a volume that a function makes. In check mode, that which it would have."""
        if name in self.planned:
            return self.planned[name]
        made = self.server.do(text, function, *arguments)
        if made is not None:
            return str(made.path())
        target = self.path if self.api is None else ElementTree.fromstring(self.api.XMLDesc(0)).findtext("target/path")
        return self.planned.setdefault(name, os.path.join(str(target), name))

    def have(self) -> None:
        """Make it, where a path says where; start it, where it is stopped."""
        if self.api is None:
            if not self.path:
                raise Refused(
                    f"there is no storage pool {self.name}: make it, with community.libvirt.virt_pool for example, or "
                    "give libvirt_hosts_pool a path"
                )
            self.server.do(f"create the pool {self.name} in {self.path}", self._create)
        elif not self.api.isActive():
            self.server.do(f"start the pool {self.name}", self.api.create, libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD)
        else:
            self.api.refresh()
        if self.api is not None:
            kind = ElementTree.fromstring(self.api.XMLDesc(0)).get("type")
            if kind not in FILES:
                raise Refused(f"the pool {self.name} is of type {kind}, and this role needs one of {', '.join(FILES)}")

    def _create(self) -> None:
        self.api = self.server.api.storagePoolDefineXML(documents.pool(self.name, self.path))
        self.api.build(0)
        self.api.create(0)
        self.api.setAutostart(1)

    def remove(self) -> None:
        """Remove it, with what machines shared, unless somebody else has a volume in it."""
        if self.api is None or not self.path:
            return
        if self.api.isActive():
            left = [name for name in self.names() if not name.startswith(MARK) and name not in self.deleted]
            if left:
                self.server.warnings.append(f"the pool {self.name} stays, because it has {', '.join(sorted(left))}")
                return
            for name in self.names():
                if name not in self.deleted:
                    self.delete(name)
        self.server.do(f"remove the pool {self.name}", self._remove)

    def _remove(self) -> None:
        if self.api.isActive():
            self.api.destroy()
        with contextlib.suppress(libvirt.libvirtError):  # a directory that has something else in it stays
            self.api.delete(0)
        self.api.undefine()

    def names(self) -> list[str]:
        return [] if self.api is None or not self.api.isActive() else list(self.api.listVolumes())

    def find(self, name: str) -> Any:
        if self.api is None or not self.api.isActive():
            return None
        return self.server.find(self.api.storageVolLookupByName, name)

    def delete(self, name: str) -> None:
        volume = self.find(name)
        if volume is not None:
            self.deleted.add(name)
            self.server.do(f"delete the volume {name}", volume.delete, 0)

    def have_file(self, name: str, path: str) -> str:
        """The path of a volume with the content of a file. One that a run left unfinished is not taken."""
        length, volume = os.stat(path).st_size, self.find(name)
        if volume is not None:
            if volume.infoFlags(libvirt.VIR_STORAGE_VOL_GET_PHYSICAL)[2] == length:
                return str(volume.path())
            self.delete(name)
        return self.plan(f"upload {os.path.basename(path)} to the volume {name}", name, self._upload, name, path)

    def _upload(self, name: str, path: str) -> Any:
        # Without a capacity the file grows with what arrives, so its length says whether all did.
        volume = self.api.createXML(documents.volume(name, 0), 0)
        with self.server.stream() as stream, open(path, "rb") as file:
            volume.upload(stream, 0, 0, 0)
            stream.sendAll(lambda _stream, count, source: source.read(min(count, PART)), file)
        self.api.refresh()
        return volume

    def shared(self, path: str) -> str:
        """The path of a volume that machines share, with the content of a file of the machine that runs this."""
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(path))
        try:
            found = os.stat(path)
        except OSError as error:
            if self.server.check and path in self.to_come:
                return self.plan(f"upload {plain}", f"{MARK}{plain}", str)
            raise Refused(f"{path}: {error.strerror}: it has to be on the host that runs the role") from None
        key = hashlib.sha256(f"{path} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:12]
        return self.have_file(f"{MARK}{key}-{plain}", path)

    def disk(self, name: str, capacity: int, image: Image | None = None) -> str:
        """The path of a disk. One that is there keeps what it starts from, and grows where it is too small."""
        volume = self.find(name)
        if volume is None:
            base = (self.shared(image.path), image.format) if image else None
            make = documents.volume(name, capacity, "qcow2", base)
            return self.plan(f"create the disk {name}", name, lambda: self.api.createXML(make, 0))
        return str(volume.path())

    def seed(self, name: str, files: Mapping[str, str]) -> str:
        """The path of a disc that cloud-init reads. Its name changes with its content."""
        key = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
        volume = f"{name}{MARK}seed-{key}.iso"
        with tempfile.TemporaryDirectory() as place:
            tree, disc = os.path.join(place, "tree"), os.path.join(place, volume)
            os.mkdir(tree)
            for file, content in files.items():
                with open(os.path.join(tree, file), "w", encoding="utf-8") as opened:
                    opened.write(content)
            found = self.find(volume)
            if self.server.check:
                if found is not None:
                    return str(found.path())
                return self.plan(f"upload {volume} to the volume {volume}", volume, str)
            _pack(disc, tree)
            return self.have_file(volume, disc)

    def of(self, name: str) -> list[str]:
        """The volumes of a machine."""
        return sorted(found for found in self.names() if found.startswith(name + MARK))


def _pack(disc: str, tree: str) -> None:
    try:
        subprocess.run(
            ["genisoimage", "-quiet", "-output", disc, "-volid", "cidata", "-joliet", "-rock", tree],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise Refused("a seed of cloud-init needs genisoimage: set libvirt_hosts_install: true") from None
    except subprocess.CalledProcessError as error:
        raise Refused(f"genisoimage failed: {error.stderr.decode(errors='replace').strip()}") from None


def capacity(wanted: Any, image: Image | None) -> int:
    """The size of a disk: what is asked for, or that of its image."""
    least = image.virtual if image else 0
    asked = size(wanted) if wanted else least
    if asked < least:
        raise Refused(f"a disk of {wanted} is smaller than its image {image.path if image else ''}, of {least} bytes")
    return asked
