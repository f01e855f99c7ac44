# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of tests/cloud, and the private cloud that one run of its playbook makes of them."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any, Callable, Iterable

import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.gaps import NAMES
from integration.tls import identity

from . import image
from .scenario import MOLECULE, ROOT, Scenario

HERE = pathlib.Path(__file__).parent
INVENTORY = ROOT / "inventories" / "private-cloud"
PLAYBOOK = "cloudhost.lxd.private_cloud"


class Cloud(Scenario):
    """Three hosts, made of what molecule makes hosts of, and of `inventories/private-cloud` as it is shipped.

    What differs in the lab is in cloud.yml. Tests may change `hosts`, the variables of single hosts, and run `cloud`
    again.
    """

    def __init__(self, kind: str, lab: pathlib.Path) -> None:
        super().__init__(kind, lab)
        self.hosts = self.declared(INVENTORY / "hosts.yml", "cloud")
        self.clients = {name: identity(lab, name) for name in ("blue", "green")}
        self.vars = self._vars()  # tests may change them too

    def _vars(self) -> dict[str, Any]:
        """What is of this lab, and the tenants of the inventory with their certificates."""
        tenants = yaml.safe_load((INVENTORY / "group_vars" / "all.yml").read_text())["tenants_list"]
        given = {name: [{"name": name, "certificate": client.pem}] for name, client in self.clients.items()}
        return {
            "tenants_list": [{**tenant, "clients": given[tenant["name"]]} for tenant in tenants],
            "tenants_accepted_gaps": list(NAMES),
            "tenants_directory": str(self.lab / "tenants"),
            "ovn_ca_dir": str(self.lab / "ovn-ca"),
        }

    def packages(self) -> dict[str, str]:
        return image.environ(self.kind, yaml.safe_load((HERE / "cloud.yml").read_text())["lab_more"])

    def variables(self) -> Iterable[tuple[str, pathlib.Path]]:
        own = self.lab / "own.yml"
        own.write_text(yaml.safe_dump(self.vars))
        of_molecule = MOLECULE / "inventory" / "group_vars" / "all" / "lab.yml"
        return [("1-molecule.yml", of_molecule), ("2-cloud.yml", HERE / "cloud.yml"), ("3-own.yml", own)]

    def inventories(self) -> Iterable[pathlib.Path]:
        return [INVENTORY, self.inventory]

    def make(self) -> None:
        """The hosts, and the cloud on them."""
        self._must(self.play(str(HERE / "cloud_hosts.yml")))
        self.made = self._must(self.cloud())

    def cloud(self, *options: str, **extra: Any) -> subprocess.CompletedProcess[str]:
        """The playbook once more."""
        return self.play(PLAYBOOK, *options, **extra)

    def broken_off(self, at: str, fault: Callable[[], object], *options: str, **extra: Any) -> tuple[int, str]:
        """Run the playbook, and do something as soon as it begins a task of this name. Returns its exit status and its
        output.
        """
        process = self.background(PLAYBOOK, *options, **extra)
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("TASK [") and at in line:
                fault()
                break
        said.append(process.stdout.read())
        return process.wait(), "".join(said)

    def as_tenant(self, inventory: pathlib.Path, playbook: str, *options: str) -> subprocess.CompletedProcess[str]:
        """A playbook of a tenant, who has nothing but its own inventory."""
        command = [self._tool("ansible-playbook"), f"--inventory={inventory}", *options, playbook]
        environ = {**self.environ(), "LXD_SOCKET": "/not/there", "INCUS_SOCKET": "/not/there"}
        return subprocess.run(self._enter(command), check=False, **{**self._io(), "env": environ})

    def execute(self, host: str, instance: str, *command: str, project: str = "default") -> str:
        """A command in an instance, by the client of a host."""
        return self.inside(host, self.outer.client, "exec", "--project", project, instance, "--", *command)

    def chassis(self) -> dict[str, set[str]]:
        """The names of chassis in the southbound database, and those that routers of the northbound one can be on."""
        found = {}
        for client, table, column in (("ovn-sbctl", "Chassis", "name"), ("ovn-nbctl", "HA_Chassis", "chassis_name")):
            options = ("--no-leader-only", "--format=json", f"--columns={column}")
            found[table] = {row[0] for row in json.loads(self.inside("node1", client, *options, "list", table))["data"]}
        return found

    def without_offload(self, host: str, instance: str, project: str = "default") -> None:
        """Have an instance that runs on this host write the checksums of its packets itself: a datapath in user space
        does not, and TCP would lose them all.
        """
        state = self.query(host, f"/1.0/instances/{instance}/state?project={project}")
        self.inside(host, "nsenter", f"--target={state['pid']}", "--net", "ethtool", "-K", "eth0", "tx", "off")
