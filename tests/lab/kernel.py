# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with a kernel of its own: Debian in an emulated machine, with LXD and Incus, KVM, device mapper, ZFS, RBD and
empty disks.

It was saved with its memory when both daemons were up (`kernel_saved`). A test file goes on from there, on overlays
over its disks, so none sees what another one did, and any number of runs can have it at a time.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import pathlib
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from typing import Any, Callable, Iterator

from integration.modules import run_module

from . import cache, foretold, tiny
from .kernel_saved import EMPTY, NAME, PATIENCE, folder, ssh
from .libvirtd import Libvirtd

#: The daemon of each product in the host.
SOCKETS = {"incus": "/var/lib/incus/unix.socket", "lxd": "/var/lib/lxd/unix.socket"}
#: Their clients.
CLIENTS = {"lxd": "lxc", "incus": "incus"}


class Host:
    """The host of one run, while its libvirtd is there."""

    def __init__(self, daemon: Libvirtd, first: pathlib.Path) -> None:
        #: `first` is the folder of the state that all others come from.
        self.daemon, self.first = daemon, first
        self.tunnel: subprocess.Popen[bytes] | None = None

    def ssh(self, *command: str, check: bool = True) -> str:
        """A command in the host."""
        return self.daemon.run(*self._ssh, *command, check=check, timeout=PATIENCE).stdout

    @property
    def _control(self) -> pathlib.Path:
        return self.daemon.lab / "ssh.socket"

    @property
    def _ssh(self) -> list[str]:
        program, *options = ssh(self.first)
        return [program, f"-oControlPath={self._control}", *options]

    def url(self, product: str) -> str:
        """A socket on this machine that leads to the daemon of a product there."""
        return f"unix://{self.daemon.lab / product}.socket"

    def forward(self, name: str, path: str) -> str:
        """A socket on this machine, as `url`, that leads to another one of the host."""
        (self.daemon.lab / f"{name}.socket").unlink(missing_ok=True)
        program, *options = self._ssh
        to = ["-O", "forward", "-L", f"{self.daemon.lab / name}.socket:{path}"]
        self.daemon.run(program, *to, *options)
        return self.url(name)

    def renew(self, made: pathlib.Path | None = None) -> None:
        """As it was when it was saved, or as `prepared` has left it in a folder. What was written since is gone."""
        self._restore(made or self.first, self.daemon.lab)
        self._connect()

    def prepared(self, prepare: Callable[[Host], None], *parts: object) -> pathlib.Path:
        """The folder for `renew` of the host as `prepare` has left it, which is called where the cache has none yet.
        `parts` are all that the result depends on, besides the text of the function. The host is not running then.
        """
        key = cache.key(self.first.name, inspect.getsource(prepare), parts)
        return cache.have(f"kernel_{prepare.__name__}-{key}", lambda place: self._prepare(place, prepare))

    def _prepare(self, place: pathlib.Path, prepare: Callable[[Host], None]) -> None:
        (place / "pool").mkdir()
        for name in ("kernel", "initrd"):
            for path in (self.first / "pool").glob(f"@*-{name}"):
                (place / "pool" / path.name).hardlink_to(path)
        self._restore(self.first, place / "pool")
        self._connect()
        prepare(self)
        self.ssh(EMPTY)
        self._disconnect()
        self.daemon.virsh("save", NAME, str(place / "memory"), timeout=PATIENCE)

    def _restore(self, made: pathlib.Path, disks: pathlib.Path) -> None:
        self.end()
        saved, xml = made / "memory", self.daemon.lab / "host.xml"
        xml.write_text(_document(self.daemon.virsh("save-image-dumpxml", str(saved)), made / "pool", disks))
        self.daemon.virsh("restore", str(saved), "--xml", str(xml))

    def _connect(self) -> None:
        """One connection to the host, for the sockets and for commands; and the time of now, which was that of then."""
        forwards = []
        for product, socket in SOCKETS.items():
            (self.daemon.lab / f"{product}.socket").unlink(missing_ok=True)
            forwards += ["-L", f"{self.daemon.lab / product}.socket:{socket}"]
        options = ["-N", "-M", "-o", "ExitOnForwardFailure=yes", *forwards]
        self.tunnel = subprocess.Popen(
            [*self.daemon.within, *self._ssh[:-1], *options, self._ssh[-1]], stdin=subprocess.DEVNULL
        )
        end = time.monotonic() + PATIENCE
        while not self._control.exists():
            assert self.tunnel.poll() is None and time.monotonic() < end, "no ssh to the host"
            time.sleep(0.05)
        self.ssh(f"date --set=@{time.time():.3f}")

    def _disconnect(self) -> None:
        if self.tunnel is not None:
            self.tunnel.terminate()
            self.tunnel.wait()
            self.tunnel = None

    def end(self) -> None:
        self._disconnect()
        if NAME in self.daemon.virsh("list", "--name").split():
            self.daemon.virsh("destroy", NAME)


def _document(text: str, kept: pathlib.Path, disks: pathlib.Path) -> str:
    """What was saved, with the files where they are kept now, and new overlays over its disks."""
    root = ElementTree.fromstring(text)
    for disk in root.iterfind("./devices/disk"):
        source, backing = disk.find("./source"), disk.find("./backingStore")
        assert source is not None
        if backing is not None:  # libvirt finds it in the files
            disk.remove(backing)
        source.set("file", str(_overlay(kept / pathlib.Path(source.get("file", "")).name, disks)))
    for tag in ("kernel", "initrd"):
        element = root.find(f"./os/{tag}")
        assert element is not None and element.text
        element.text = str(kept / pathlib.Path(element.text).name)
    return ElementTree.tostring(root, encoding="unicode")


def _overlay(disk: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    overlay = folder / disk.name
    overlay.unlink(missing_ok=True)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(disk), str(overlay)]
    subprocess.run(command, check=True)
    return overlay


class Daemon:
    """A daemon of the host, by modules that run here, with an image of busybox."""

    def __init__(self, host: Host, product: str, image: bool = True) -> None:
        self.host, self.product, self.url = host, product, host.url(product)
        if image:
            self.run("image", name=tiny.ALIAS, **tiny.files())

    def run(self, module: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module(module, check=check, **{"url": self.url, "timeout": PATIENCE, **arguments})

    def converges(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        """The result of a task that has to change something, as check mode predicts, and that is done once."""
        predicted = self.run(module, check=True, **arguments)
        done, again = self.run(module, **arguments), self.run(module, **arguments)
        assert (predicted["changed"], done["changed"], again["changed"]) == (True, True, False), again["diff"]
        foretold.check(module, predicted, done)
        return done

    def query(self, path: str) -> Any:
        """What its own client says."""
        return json.loads(self.host.ssh(CLIENTS[self.product], "query", path))

    def inside(self, instance: str, command: str) -> str:
        """What a command of a shell in an instance says."""
        done = self.run("instance_exec", instance=instance, command=["sh", "-c", command])
        return str(done["stdout"])


@contextlib.contextmanager
def host(lab: pathlib.Path) -> Iterator[Host]:
    """The host, before it is restored (`renew`); made where the cache has none yet."""
    made = folder()
    daemon = Libvirtd(lab)
    try:
        daemon.start()
        daemon.virsh("net-create", str(made / "network.xml"))
        found = Host(daemon, made)
        try:
            yield found
        finally:
            found.end()
    finally:
        daemon.stop()


if __name__ == "__main__":
    print(folder())
