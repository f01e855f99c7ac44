# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible run as a user runs it, and the account that it logs in with."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

import yaml
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

PASSWORD = "an open secret"  # of the user tester in the guest
ACCOUNT = (
    "useradd --create-home --shell /bin/bash tester && usermod --append --groups users tester && mkdir -p "
    "/etc/sudoers.d"
    f" && echo 'tester ALL=(ALL) ALL' > /etc/sudoers.d/tester && echo 'tester:{PASSWORD}' | chpasswd"
)


class Control:
    """A controller: a directory with an inventory, and the programs of Ansible."""

    def __init__(self, folder: pathlib.Path, daemon: Any) -> None:
        self.folder, self.daemon = folder, daemon
        self.variables: dict[str, Any] = {"ansible_connection": "cloudhost.lxd.api", "ansible_lxd_url": daemon.url}
        self.environ = {
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        }

    def hosts(self, hosts: dict[str, Any]) -> None:
        interpreter = {"ansible_python_interpreter": "/usr/bin/python3"}
        groups = {"api": {"hosts": hosts, "vars": {**interpreter, **self.variables}}}
        local = {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
        (self.folder / "hosts.yml").write_text(
            yaml.safe_dump({"all": {"hosts": local, "children": groups}}, allow_unicode=True)
        )

    def instances(self, name: str = "instances.yml", **options: Any) -> pathlib.Path:
        """A file for the inventory plugin."""
        path = self.folder / name
        path.write_text(yaml.safe_dump({"plugin": "cloudhost.lxd.instances", **options}))
        return path

    def __call__(
        self, program: str, *arguments: str, inside: bool = False, inventory: str = "hosts.yml", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of Ansible, with `inside` in the network namespace of the daemon, where its TCP port is."""
        enter = ["nsenter", "--net", f"--target={self.daemon.keeper.pid}"] if inside else []
        command = enter + self._command(program, *arguments, inventory=inventory)
        full = {**os.environ, **self.environ, **environ}
        return subprocess.run(
            command,
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def begin(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a program of Ansible as a terminal does: in a process group of its own, which Ctrl-C ends."""
        full = {**os.environ, **self.environ}
        command = [
            "env",
            "--default-signal=INT",
            *self._command(program, *arguments),
        ]  # it is ignored in what a shell runs in the background
        return subprocess.Popen(
            command,
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    def _command(self, program: str, *arguments: str, inventory: str = "hosts.yml") -> list[str]:
        return [str(pathlib.Path(sys.executable).with_name(program)), "-i", str(self.folder / inventory), *arguments]

    def parsed(self, **options: Any) -> dict[str, dict[str, Any]]:
        """The hosts and their variables, from the plugin alone. Raises its errors."""
        data = InventoryData()
        plugin = inventory_loader.get("cloudhost.lxd.instances")
        plugin.parse(data, DataLoader(), str(self.instances(**options)), cache=False)
        return {name: host.vars for name, host in data.hosts.items()}

    def listed(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """The output of ansible-inventory."""
        done = self("ansible-inventory", "--list", *arguments, inventory=self.instances(**options).name)
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout[done.stdout.index("{") :], object_hook=_plain)


def _plain(value: dict[str, Any]) -> Any:
    """Values from servers without the mark of Ansible that they are no templates."""
    return value["__ansible_unsafe"] if list(value) == ["__ansible_unsafe"] else value
