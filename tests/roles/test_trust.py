# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that enrols a controller: two servers, an LXD and an Incus, in one inventory."""

from __future__ import annotations

import pathlib
import re
import sys
from typing import Iterator

import pytest
import yaml
from lab.daemon import Daemon
from roles.conftest import Run


@pytest.fixture(scope="module")
def servers(lab: pathlib.Path) -> Iterator[dict[str, Daemon]]:
    """In one network namespace, so that one controller reaches both."""
    first = Daemon("lxd", lab)
    second = Daemon("incus", lab, beside=first)
    try:
        for daemon, port in ((first, 18447), (second, 18448)):
            daemon.start()
            daemon.cli("config", "set", "core.https_address", f"127.0.0.1:{port}")
        yield {"lxd1": first, "incus1": second}
    finally:
        for daemon in (second, first):
            daemon.stop()


def _play(servers: dict[str, Daemon], folder: pathlib.Path, *options: str, **variables: object) -> Run:
    inventory = folder / "hosts.yml"
    common = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    hosts = {name: {"trust_socket": daemon.url} for name, daemon in servers.items()}
    inventory.write_text(
        yaml.safe_dump(
            {
                "all": {
                    "hosts": hosts,
                    "vars": {**common, "trust_folder": str(folder / "trust"), "trust_name": "lab", **variables},
                }
            }
        )
    )
    return _run(servers, "ansible-playbook", "-i", str(inventory), *options, "cloudhost.lxd.trust")


def _run(servers: dict[str, Daemon], program: str, *arguments: str) -> Run:
    """A program of Ansible, where the ports of the servers are, and no socket is the default."""
    found = str(pathlib.Path(sys.executable).with_name(program))
    environ = ("env", "ANSIBLE_NOCOLOR=1", "LXD_SOCKET=/not/there/unix.socket")
    done = servers["lxd1"].inside(*environ, found, *arguments)
    return Run(done.stdout + done.stderr, done.returncode)


def test_a_controller_is_enrolled_with_many_servers(servers: dict[str, Daemon], tmp_path: pathlib.Path) -> None:
    first = _play(servers, tmp_path)
    assert not first.failed, first.text
    key = tmp_path / "trust" / "client.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    assert _play(servers, tmp_path).tasks == ["Let only its user read the key, even if it existed before"]
    assert key.stat().st_mode & 0o777 == 0o600
    assert not re.search("PRIVATE KEY", first.text)
    pins = set()
    for name, daemon in servers.items():
        written = yaml.safe_load((tmp_path / "trust" / f"{name}.yml").read_text())
        assert written["lxd_url"] == f"https://{daemon.query('/1.0')['config']['core.https_address']}"
        assert [(entry["name"], entry["restricted"]) for entry in daemon.query("/1.0/certificates?recursion=1")] == [
            ("lab", False)
        ]
        pins.add(written["lxd_server_fingerprint"])
    assert len(pins) == 2

    for daemon in servers.values():
        daemon.query("/1.0/projects", "POST", {"name": "shop"})
    limited = _play(servers, tmp_path, trust_projects=["shop"])
    assert limited.changed == 2, limited.text
    assert _play(servers, tmp_path, trust_projects=["shop"]).changed == 0
    for daemon in servers.values():
        assert [entry["projects"] for entry in daemon.query("/1.0/certificates?recursion=1")] == [["shop"]]


#: What a user writes who has the files of the playbook trust: no task has an option of the connection.
PLAY = """
- hosts: lxd1
  gather_facts: false
  vars_files: ["{{ folder }}/{{ inventory_hostname }}.yml"]
  tasks:
    - {cloudhost.lxd.project: {name: direct}}
    - cloudhost.lxd.project: {name: process}
      vars: {ansible_lxd_direct: false}
    - ansible.builtin.import_role: {name: cloudhost.lxd.init}
      vars: {init_projects: [{name: role}]}
    - cloudhost.lxd.project: {name: delegated}
      delegate_to: incus1
    - cloudhost.lxd.project: {name: asynchronous}
      async: 60
      poll: 1
    - cloudhost.lxd.project: {name: local}
      environment: {LXD_URL: "unix:///not/there"}
      vars: {lxd_url: "{{ socket }}", lxd_client_key: not a key}
    - cloudhost.lxd.server_info:
      register: seen
    - assert: {that: [seen.server.auth == 'trusted', seen.server.auth_user_method | default('tls') == 'tls']}
"""


def test_what_it_writes_is_all_that_is_needed(servers: dict[str, Daemon], tmp_path: pathlib.Path) -> None:
    """For modules, roles, playbooks and plugins, on a controller whose environment says something else."""
    assert not _play(servers, tmp_path).failed
    folder = tmp_path / "trust"
    variables = {name: yaml.safe_load((folder / f"{name}.yml").read_text()) for name in servers}
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "folder": str(folder)}
    common["socket"] = servers["lxd1"].url
    inventory = tmp_path / "made.yml"
    inventory.write_text(
        yaml.safe_dump({"all": {"hosts": {"lxd1": {}, "incus1": variables["incus1"]}, "vars": common}})
    )
    (tmp_path / "book.yml").write_text(PLAY)
    done = _run(servers, "ansible-playbook", "-i", str(inventory), str(tmp_path / "book.yml"))
    assert "failed=0" in done.text and not done.failed, done.text
    assert "PRIVATE KEY" not in done.text

    (tmp_path / "stack.yml").write_text("projects: [{name: stack}]")
    apply = [f"-estack_src={tmp_path}/stack.yml", f"-e@{folder}/lxd1.yml", "-l", "lxd1", "cloudhost.lxd.apply"]
    done = _run(servers, "ansible-playbook", "-i", str(inventory), *apply)
    assert not done.failed, done.text
    ad_hoc = ["lxd1", "-i", str(inventory), f"-e@{folder}/lxd1.yml", "-m", "cloudhost.lxd.project", "-a", "name=ad-hoc"]
    assert not (done := _run(servers, "ansible", *ad_hoc)).failed, done.text

    first, second = (
        {project["name"] for project in daemon.query("/1.0/projects?recursion=1")} for daemon in servers.values()
    )
    assert first >= {"direct", "process", "role", "asynchronous", "local", "stack", "ad-hoc"}
    assert "delegated" in second - first


def test_the_inventory_reads_what_it_writes(servers: dict[str, Daemon], tmp_path: pathlib.Path) -> None:
    """And a task that is delegated to the controller finds the server of its instance."""
    assert not _play(servers, tmp_path).failed
    for name, daemon in servers.items():
        daemon.query("/1.0/storage-pools", "POST", {"name": "default", "driver": "dir"})
        root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
        daemon.query("/1.0/instances", "POST", {"name": f"on-{name}", "source": {"type": "none"}, "devices": root})
    inventory = tmp_path / "made.instances.yml"
    files = [{"file": "trust/lxd1.yml"}, {"file": "trust/incus1.yml", "name": "other"}]
    inventory.write_text(yaml.safe_dump({"plugin": "cloudhost.lxd.instances", "servers": files}))
    task = ["-m", "cloudhost.lxd.instance_info", "-a", "name={{ lxd_name }}", "-eansible_connection=local"]
    python = f"-eansible_python_interpreter={sys.executable}"
    done = _run(servers, "ansible", "all", "-i", str(inventory), python, *task)
    assert not done.failed, done.text
    assert sorted(re.findall(r"^(on-\w+) \| SUCCESS", done.text, re.M)) == ["on-incus1", "on-lxd1"], done.text
    listed = _run(servers, "ansible-inventory", "-i", str(inventory), "--list").text
    hosts = yaml.safe_load(listed)["_meta"]["hostvars"]
    assert set(hosts) == {"on-lxd1", "on-incus1"}
    assert "lxd1" in str(hosts["on-lxd1"]["lxd_server"]) and hosts["on-incus1"]["lxd_server"] == "other"


def test_a_server_that_does_not_listen(servers: dict[str, Daemon], tmp_path: pathlib.Path) -> None:
    servers["incus1"].cli("config", "unset", "core.https_address")
    refused = _play(servers, tmp_path)
    servers["incus1"].cli("config", "set", "core.https_address", "127.0.0.1:18448")
    assert refused.failed and "set core.https_address with cloudhost.lxd.server" in refused.text
    assert re.search(r"lxd1 .*failed=0", refused.text), "the other is enrolled all the same"
