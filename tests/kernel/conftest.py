# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real libvirtd for all tests of a run, and the role libvirt_hosts as a user runs it beside it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any, Iterator

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import guest, kernel  # noqa: E402 - the tests folder is no package of the collection
from lab.folder import folder  # noqa: E402
from lab.libvirtd import Libvirtd  # noqa: E402
from roles.conftest import Run, ansible  # noqa: E402


@pytest.fixture(scope="session")
def lab() -> Iterator[pathlib.Path]:
    """The folder of all that runs: libvirtd, in a mount namespace of its own, sees what was mounted before it."""
    with folder("kernel") as place:
        yield place


@pytest.fixture(scope="session")
def libvirtd(lab: pathlib.Path) -> Iterator[Libvirtd]:
    daemon = Libvirtd(lab / "role")
    daemon.lab.mkdir()
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


FILES = pathlib.Path(__file__).resolve().parents[2] / "roles" / "libvirt_hosts" / "files"


class Role:
    """The role, with machines of the small guest. `machines` and `variables` may be changed."""

    def __init__(self, daemon: Libvirtd, made: pathlib.Path, place: pathlib.Path) -> None:
        self.daemon, self.place = daemon, place
        raw, image = daemon.lab / "image.raw", daemon.lab / "image.qcow2"
        if not image.exists():
            raw.write_bytes(b"image\n".ljust(1 << 20, b"\0"))
            daemon.run("qemu-img", "convert", "-O", "qcow2", str(raw), str(image))
        self.machine = {
            "name": "one",
            "kernel": str(made / "kernel"),
            "initrd": str(made / "initrd"),
            "cmdline": "console=ttyS0 net.ifnames=0 mitigations=off",
            "memory": "192MiB",
            "image": str(daemon.lab / "image.qcow2"),
            "disk": "64MiB",
            "address": "10.88.0.11",
        }
        self.machines: list[dict[str, Any]] = [self.machine]
        self.variables: dict[str, Any] = {
            "libvirt_hosts_install": False,
            "libvirt_hosts_pool": {"name": "lab", "path": str(daemon.lab / "pool")},
            "libvirt_hosts_network": {"name": "lab", "address": "10.88.0.1/24"},
            "libvirt_hosts_directory": str(daemon.lab / "made"),
            "libvirt_hosts_trial_seconds": 10,
        }

    def __call__(self, *options: str, entry: str = "main", **variables: Any) -> tuple[Run, dict[str, Any]]:
        """One run, and what its program returned."""
        book, said = self.place / "play.yml", self.place / "said.json"
        said.unlink(missing_ok=True)
        tasks = [
            {"ansible.builtin.include_role": {"name": "cloudhost.lxd.libvirt_hosts", "tasks_from": entry}},
            {
                "ansible.builtin.copy": {"content": "{{ libvirt_hosts__done | to_json }}", "dest": str(said)},
                "changed_when": False,
                "check_mode": False,
                "diff": False,
            },
        ]
        book.write_text(yaml.safe_dump([{"hosts": "localhost", "tasks": tasks}]))
        given = {
            "ansible_python_interpreter": "/usr/bin/python3",
            "libvirt_hosts_machines": self.machines,
            **self.variables,
            **variables,
        }
        run = ansible(
            "-i", "localhost,", "-c", "local", "-e", json.dumps(given), *options, str(book), within=self.daemon.within
        )
        return run, json.loads(said.read_text()) if said.exists() else {}

    def program(self, step: str = "present", check: bool = False, **more: Any) -> dict[str, Any]:
        """What the program of the role returns. It is started without Ansible, which takes a second each time."""
        usual = yaml.safe_load((FILES.parent / "vars" / "main.yml").read_text())["libvirt_hosts__usual"]
        defaults = yaml.safe_load((FILES.parent / "defaults" / "main.yml").read_text())
        given = {name[len("libvirt_hosts_") :]: value for name, value in {**defaults, **self.variables}.items()}
        given.update(
            step=step, check=check, downloads=[], cache="", machines=[{**usual, **one} for one in self.machines]
        )
        given.update(trial={"kernel": "", "seconds": given["trial_seconds"]}, **more)
        done = subprocess.run(
            [*self.daemon.within, "/usr/bin/python3", "-B", "-c", _PERFORM, str(FILES)],
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            timeout=600,
            check=True,
        )
        return dict(json.loads(done.stdout))

    def does(self, *actions: str, step: str = "present", **more: Any) -> dict[str, Any]:
        """The program predicts these actions, does them, and, unless it reverts, has nothing left to do."""
        predicted, done = self.program(step, check=True, **more), self.program(step, **more)
        assert predicted["actions"] == done["actions"] == list(actions)
        if step != "revert":
            assert self.program(step, **more)["actions"] == []
        return done

    def shell(self, text: str, address: str = "10.88.0.11") -> str:
        """What a machine answers to commands."""
        return self.daemon.run("sh", "-c", f"echo '{text}; exit' | python3 -c '{_CONNECT}' {address}").stdout


_PERFORM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from libvirt_host import steps
print(json.dumps(steps.perform(json.load(sys.stdin))))
"""
#: Sends its input to port 22 of a machine, and prints the answer.
_CONNECT = """
import socket, sys
server = socket.create_connection((sys.argv[1], 22), 20)
server.sendall(sys.stdin.read().encode())
while True:
    got = server.recv(4096)
    if not got:
        break
    sys.stdout.write(got.decode())
"""


@pytest.fixture(scope="session")
def small() -> pathlib.Path:
    """The folder of the small guest."""
    return guest.folder()


@pytest.fixture
def role(libvirtd: Libvirtd, small: pathlib.Path, tmp_path: pathlib.Path) -> Role:
    return Role(libvirtd, small, tmp_path)


@pytest.fixture(scope="session")
def host(lab: pathlib.Path) -> Iterator[kernel.Host]:
    """The host with a kernel of its own. A test file begins with `host.renew()`, which restores it."""
    place = lab / "host"
    place.mkdir()
    with kernel.host(place) as found:
        yield found
