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
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    done = servers["lxd1"].inside(
        "env", "ANSIBLE_NOCOLOR=1", program, "-i", str(inventory), *options, "cloudhost.lxd.trust"
    )
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


def test_a_server_that_does_not_listen(servers: dict[str, Daemon], tmp_path: pathlib.Path) -> None:
    servers["incus1"].cli("config", "unset", "core.https_address")
    refused = _play(servers, tmp_path)
    servers["incus1"].cli("config", "set", "core.https_address", "127.0.0.1:18448")
    assert refused.failed and "set core.https_address with cloudhost.lxd.server" in refused.text
    assert re.search(r"lxd1 .*failed=0", refused.text), "the other is enrolled all the same"
